"""Opens an exchange from what a user names: sources, trading rules, accounts."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

from triplane.data.candles import Candles
from triplane.data.clock import Clock
from triplane.data.generator import MINUTE, GeneratedMarket
from triplane.data.instruments import Instrument
from triplane.data.recorded import UNKNOWN, open_recorded
from triplane.data.replay import ArraySource, GeneratedSource
from triplane.errors import BadInput
from triplane.exchange.account import FuturesAccount
from triplane.exchange.exchange import Exchange
from triplane.exchange.market import Market
from triplane.exchange.mexc.dialect import MexcDialect
from triplane.exchange.spot.dialect import SpotDialect

DEMO_SYMBOLS: Final = ("BTCUSDT", "ETHUSDT")
DEMO_HISTORY: Final = 30 * 1440
"""Minutes of a demo market that have passed when it opens."""
RECORDED_HISTORY: Final = 1500
"""Candles of a recorded market that have passed when it opens, at most half of them."""
DEFAULT_ACCOUNT: Final = "box-key:box-secret:10000"
_SAMPLE: Final = 2000
Strings: TypeAlias = Sequence[str]


def open_markets(source: str, symbols: Sequence[str], now_ms: int, seed: int = 1) -> list[Market]:
    """Markets of a source.

    Parameters
    ----------
    source
        ``demo``: generated, its live part begins at ``now_ms``. Else a file or folder of recorded candles, which keeps
        its own times.
    symbols
        Which markets; empty for a default.
    seed
        Of a generated market.

    Raises
    ------
    BadInput
        No such source, or data that cannot be used.
    """
    if source == "demo":
        first = now_ms // MINUTE * MINUTE
        made = [GeneratedMarket(s, seed, first - DEMO_HISTORY * MINUTE) for s in symbols or DEMO_SYMBOLS]
        return [Market(m.instrument, GeneratedSource(m), first) for m in made]
    if not Path(source).exists():
        raise BadInput(f"source is {source}; it must be demo, or an existing file or folder")
    found = [open_recorded(source, symbol) for symbol in symbols or (None,)]
    firsts = [int(f.candles["open_time"][min(RECORDED_HISTORY, len(f.candles) // 2)]) for f in found]
    out = []
    for f in found:
        instrument = infer_instrument(f.symbol if f.symbol != UNKNOWN else "BTCUSDT", f.candles)
        out.append(Market(instrument, ArraySource(f.candles, f.interval_ms), max(firsts)))
    return out


def infer_instrument(symbol: str, candles: Candles) -> Instrument:
    """Tick and lot as fine as the recorded prices and volumes are."""
    tick, lot = (_grid(candles[name][:_SAMPLE]) for name in ("close", "volume"))
    return Instrument(symbol, tick, lot, lot, Decimal(5), 0.005)


def _grid(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Decimal:
    """Smallest decimal step, at least 1e-8, that all values are on."""
    for places in range(9):
        scaled = values * 10.0**places
        if np.allclose(scaled, np.rint(scaled), rtol=1e-12, atol=1e-6):
            return Decimal(1).scaleb(-places)
    return Decimal("0.00000001")


def parse_account(text: str) -> FuturesAccount:
    """Read ``KEY:SECRET:BALANCE``, with ``:withdraw`` for a key that may withdraw; raises BadInput."""
    parts = text.split(":")
    try:
        balance = Decimal(parts[2])
    except (IndexError, InvalidOperation):
        balance = Decimal("NaN")
    if len(parts) not in (3, 4) or not all(parts[:2]) or not balance.is_finite() or balance < 0:
        raise BadInput(f"account has {len(parts)} parts; it must be key, secret and balance, separated by colons")
    if len(parts) == 4 and parts[3] != "withdraw":
        raise BadInput(f"the fourth part of account is {parts[3]!r}; it may only be withdraw")
    return FuturesAccount(parts[0], parts[1], balance, can_withdraw=len(parts) == 4)


def open_exchange(
    source: str = "demo",
    symbols: Strings = (),
    accounts: Strings = (),
    *,
    clock: Clock,
    seed: int = 1,
    limits: bool = True,
) -> Exchange:
    """An exchange that is ready to run; see :func:`open_markets` and :func:`parse_account`.

    The default account is there besides the given ones, unless one of them has its key.
    """
    parsed = [parse_account(text) for text in accounts]
    if len({a.key for a in parsed}) != len(parsed):
        raise BadInput("account keys must differ")
    default = parse_account(DEFAULT_ACCOUNT)
    if default.key not in {a.key for a in parsed}:
        parsed.insert(0, default)
    markets = open_markets(source, symbols, clock.now_ms(), seed)
    x = Exchange(markets, parsed, clock, seed=seed, limits=limits)
    x.dialects["spot"] = SpotDialect(x)
    x.dialects["mexc"] = MexcDialect(x)
    return x
