"""Where candles come from, by the name a user gives: ``demo``, a venue, or a path.

A source says which symbols there are, their trading rules and the length of their candles, and makes the feed that goes
on behind what a session knows already.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from triplane.data.binance import Place
from triplane.data.candles import Candles
from triplane.data.clock import Clock
from triplane.data.feed import Feed
from triplane.data.generator import MINUTE, demo_instrument
from triplane.data.instruments import Instrument, rules_for
from triplane.data.quality import QualityReport, assess
from triplane.data.replay import ReplayFeed, Speed, demo_feed
from triplane.engine.opening import MakeFeed
from triplane.errors import BadInput
from triplane.model.settings import MOST_SYMBOLS
from triplane.venues import catalogue

DEMO_HISTORY: Final = 4 * 1440
"""Minutes of a demo market that have passed when it starts: they are traded at once, so there is something to see."""
DEMO_ONCE: Final = 7 * 1440
"""Minutes of a demo market without a page."""
WARM_UP: Final = 1500
"""Bars of history that a live source loads before it trades."""


@dataclass(frozen=True)
class Source:
    """An opened source.

    Attributes
    ----------
    name
        For people, and part of a session's identity.
    instruments
        In the order of the symbols.
    base_ms
        Length of the candles.
    live
        Candles come as they happen.
    make_feed
        Makes the feed behind known open times.
    reports
        Grades of recorded data by symbol.
    """

    name: str
    instruments: tuple[Instrument, ...]
    base_ms: int
    live: bool
    make_feed: MakeFeed
    reports: Mapping[str, QualityReport]


async def open_source(
    name: str,
    symbols: Sequence[str],
    clock: Clock,
    speed: Speed,
    *,
    once: bool = False,
    warmup_ms: int = 0,
    place: Place | None = None,
) -> Source:
    """Open the source called ``name``.

    Parameters
    ----------
    name
        ``demo``, a venue, or the path of recorded candles.
    symbols
        Markets; empty for ``BTCUSDT``, or all that the recorded file or folder holds (``UNKNOWN`` when unnamed).
    clock, speed
        Pace a replay.
    once
        Without a page: a demo market ends after a week.
    warmup_ms
        How much history a live source brings for a new session.
    place
        Where a venue's data is served: its demo, or an exchange in a box.

    Raises
    ------
    BadInput
        No such source or symbol, or data that cannot be used.
    """
    if len(set(symbols)) != len(symbols):
        raise BadInput(f"symbols are {', '.join(symbols)}; each may be given once")
    if name == "demo":
        return _demo(tuple(symbols) or ("BTCUSDT",), clock, speed, once)
    if name in (venues := catalogue.with_data()):
        return await _venue(name, tuple(symbols), clock, warmup_ms, place)
    if not Path(name).exists():  # noqa: ASYNC240 - a local path, before anything runs
        raise BadInput(f"source is {name}; it must be demo, {', '.join(venues)}, or an existing file or folder")
    return _recorded(Path(name), symbols, clock, speed)


def _demo(symbols: tuple[str, ...], clock: Clock, speed: Speed, once: bool) -> Source:
    def make(known: Mapping[str, int]) -> Feed:
        total = DEMO_ONCE if once else None
        return demo_feed(symbols, clock, speed=speed, history=DEMO_HISTORY, start_after=known, total=total)

    rules = tuple(demo_instrument(symbol) for symbol in symbols)
    return Source("demo", rules, MINUTE, False, make, {})


def _recorded(path: Path, symbols: Sequence[str], clock: Clock, speed: Speed) -> Source:
    from triplane.data.recorded import open_recorded, symbols_in  # noqa: PLC0415 - 30 MB for this source alone

    named = symbols or symbols_in(path)
    if len(named) > MOST_SYMBOLS:
        raise BadInput(f"{path} holds {len(named)} markets; name up to {MOST_SYMBOLS} of them")
    markets: dict[str, Candles] = {}
    lengths: dict[int, str] = {}
    for symbol in named or (None,):
        found = open_recorded(path, symbol)
        for other, candles in markets.items():
            if np.array_equal(found.candles, candles):
                raise BadInput(f"symbols are {other} and {symbol}; {path} holds the same candles for both")
        markets[found.symbol] = found.candles
        lengths[found.interval_ms] = f"{found.timeframe} candles of {found.symbol}"
    if len(lengths) > 1:
        raise BadInput(f"{path} holds {' and '.join(lengths.values())}; name markets with candles of one length")
    (base_ms,) = lengths
    rules = {symbol: rules_for(symbol, candles) for symbol, candles in markets.items()}
    for symbol, candles in markets.items():
        rules[symbol].require_fit(float(candles["low"].min()), float(candles["high"].max()))

    def make(known: Mapping[str, int]) -> Feed:
        return ReplayFeed(markets, clock, speed, known, instruments=rules)

    reports = {symbol: assess(candles, base_ms) for symbol, candles in markets.items()}
    return Source(str(path), tuple(rules.values()), base_ms, False, make, reports)


async def _venue(name: str, symbols: tuple[str, ...], clock: Clock, warmup_ms: int, place: Place | None) -> Source:
    kind = catalogue.find(name)
    symbols = symbols or (kind.symbol,)
    feed = kind.feed(symbols, place or Place(), clock)
    await feed.open()
    first = clock.now_ms() - warmup_ms

    def make(known: Mapping[str, int]) -> Feed:
        behind = {symbol: known.get(symbol, first - first % MINUTE) for symbol in symbols}
        feed.start_after(behind)
        return feed

    return Source(name, feed.instruments, MINUTE, True, make, {})
