"""Binance USDⓈ-M perpetuals and spot as live feeds: which markets, and what their rules are.

Rules are read from the venue's own filters, as the strings it sends, never from ccxt's floats: precision fields are not
the tick or the step.
"""

import difflib
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, cast

from triplane.data.candles import parse_timeframe
from triplane.data.clock import Clock, SystemClock
from triplane.data.instruments import Instrument, Market, decimal
from triplane.data.live import CcxtExchange, LiveFeed, Timing
from triplane.errors import BadInput, DataError

VENUES: Final[dict[Market, str]] = {"usdm": "Binance USDⓈ-M", "spot": "Binance spot"}


def make_exchange(market: Market) -> CcxtExchange:
    """A ccxt.pro exchange for public data of one market; needs no keys."""
    import ccxt.pro  # noqa: PLC0415 - half a second that only live sessions should pay

    if market == "usdm":
        return cast("CcxtExchange", ccxt.pro.binanceusdm())
    return cast("CcxtExchange", ccxt.pro.binance({"options": {"fetchMarkets": {"types": ["spot"]}}}))


def binance_feed(
    symbols: Sequence[str],
    timeframe: str = "1m",
    market: Market = "usdm",
    *,
    exchange: CcxtExchange | None = None,
    clock: Clock | None = None,
    rng: random.Random | None = None,
    start_after: Mapping[str, int] | None = None,
    timing: Timing | None = None,
) -> LiveFeed:
    """Live candles of Binance.

    Parameters
    ----------
    symbols
        As Binance writes them, ``BTCUSDT``.
    timeframe
        Of the candles.
    market
        ``usdm`` (perpetual futures) or ``spot``.
    exchange, clock, rng, timing
        For tests; the real ones by default.
    start_after
        For each symbol the open time of the last candle already known.

    Raises
    ------
    BadInput
        Unknown market or timeframe; when the feed opens, a symbol that is not traded there.
    """
    if market not in VENUES:
        raise BadInput(f"market must be usdm or spot, not {market!r}")

    def resolve(markets: Mapping[str, Any], symbol: str) -> tuple[str, Instrument]:
        found = find_market(markets, symbol, market)
        return str(found["symbol"]), instrument_of(found)

    return LiveFeed(
        exchange or make_exchange(market),
        symbols,
        parse_timeframe(timeframe),
        resolve,
        clock or SystemClock(),
        rng,
        start_after,
        timing,
    )


def find_market(markets: Mapping[str, Any], symbol: str, market: Market) -> Mapping[str, Any]:
    """ccxt's entry of a symbol that can be traded; raises BadInput with names that are close."""
    traded = {str(m["id"]): m for m in markets.values() if _is_traded(m, market)}
    if symbol in traded:
        found: Mapping[str, Any] = traded[symbol]
        return found
    close = difflib.get_close_matches(symbol.upper(), list(traded), n=3)
    hint = f"; did you mean {' or '.join(close)}" if close else ""
    raise BadInput(f"{symbol!r} is not traded at {VENUES[market]}{hint}")


def _is_traded(entry: Mapping[str, Any], market: Market) -> bool:
    if not entry.get("active", True):
        return False
    if market == "spot":
        return bool(entry.get("spot"))
    info = entry.get("info") or {}  # exchangeInfo also lists quarterlies and perpetuals on shares
    return bool(entry.get("swap")) and bool(entry.get("linear")) and info.get("contractType") == "PERPETUAL"


def instrument_of(entry: Mapping[str, Any]) -> Instrument:
    """Trading rules of a ccxt market of Binance.

    Raises
    ------
    DataError
        When the venue's filters lack the price or the quantity step.
    """
    info = entry["info"]
    symbol = str(entry["id"])
    filters = {str(f.get("filterType")): f for f in info.get("filters", [])}
    try:
        tick = decimal("tickSize", filters["PRICE_FILTER"]["tickSize"])
        lot = decimal("stepSize", filters["LOT_SIZE"]["stepSize"])
        least = decimal("minQty", filters["LOT_SIZE"].get("minQty", "0"))
    except KeyError as error:
        raise DataError(f"the venue sent no {error.args[0]} for {symbol}") from None
    notional = filters.get("MIN_NOTIONAL") or filters.get("NOTIONAL") or {}
    smallest = decimal("minNotional", notional.get("notional") or notional.get("minNotional") or "0")
    if entry.get("spot"):
        return Instrument(symbol, tick, lot, least, smallest, 0.0, "spot", can_short=False)
    # percent, of the lowest bracket; the real brackets need keys and are the venue adapter's business
    margin = decimal("maintMarginPercent", info.get("maintMarginPercent", "0.5")) / Decimal(100)
    return Instrument(symbol, tick, lot, least, smallest, float(margin))
