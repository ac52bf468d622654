"""Replay of recorded or generated candles: several symbols merged by time, paced by a clock, resumable anywhere.

At full speed candles come in large batches; at a speed they come one moment at a time, when they close, with updates of
the forming candle between. Resuming a replay changes nothing in what follows.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final, Literal, Protocol, TypeAlias

import numpy as np

from triplane.data.candles import Candles, infer_interval
from triplane.data.clock import Clock
from triplane.data.feed import CandleBatch, FeedEvent, FeedState, FeedStatus, Forming
from triplane.data.generator import DEMO_START_MS, MINUTE, GeneratedMarket
from triplane.data.instruments import Instrument
from triplane.errors import BadInput
from triplane.kernel.records import CANDLE

BATCH: Final = 16_384
"""Candles of one symbol in a batch at full speed, at most."""
FORMING_EVERY: Final = 0.5
"""Seconds between updates of the forming candle of a paced replay."""

CLOSED: Final = 1.0 - 1e-9
"""Share of a candle's time from which it has closed; a sleep may end a rounding error too early."""

Speed: TypeAlias = float | Literal["max"]


class CandleSource(Protocol):
    """All candles of one symbol, readable from any time on."""

    @property
    def interval_ms(self) -> int:
        """Length of the candles."""
        ...

    def after(self, open_ms: int | None) -> Iterator[Candles]:
        """Candles that opened after a time (None: all), in chunks; may be endless."""
        ...

    def before(self, open_ms: int, n: int) -> Candles:
        """The last ``n`` candles that opened before a time."""
        ...


class ArraySource:
    """Candles in memory."""

    def __init__(self, candles: Candles, interval_ms: int | None = None) -> None:
        self.interval_ms: int = interval_ms or infer_interval(candles)
        self._candles = candles
        self._times = np.ascontiguousarray(candles["open_time"])  # strided, each search would scan whole records

    def after(self, open_ms: int | None) -> Iterator[Candles]:
        """Views of the array, not copies."""
        first = 0 if open_ms is None else int(np.searchsorted(self._times, open_ms, side="right"))
        for at in range(first, len(self._candles), BATCH):
            yield self._candles[at : at + BATCH]

    def before(self, open_ms: int, n: int) -> Candles:
        """A view of the array."""
        end = int(np.searchsorted(self._times, open_ms, side="left"))
        return self._candles[max(end - n, 0) : end]


class GeneratedSource:
    """A generated market; endless without a ``total`` number of candles."""

    def __init__(self, market: GeneratedMarket, total: int | None = None) -> None:
        self._market = market
        self._total = total

    @property
    def interval_ms(self) -> int:
        """Length of the candles."""
        return self._market.interval_ms

    def after(self, open_ms: int | None) -> Iterator[Candles]:
        """Made a day at a time."""
        at = 0 if open_ms is None else self._number(open_ms + 1)
        for chunk in self._market.chunks(at):
            left = len(chunk) if self._total is None else self._total - at
            if left <= 0:
                return
            yield chunk[:left]
            at += len(chunk)

    def before(self, open_ms: int, n: int) -> Candles:
        """Made on request."""
        end = self._number(open_ms)
        if self._total is not None:
            end = min(end, self._total)
        return self._market.candles(max(end - n, 0), min(n, end))

    def _number(self, open_ms: int) -> int:
        """Number of the first candle that opens at or after a time."""
        return max(-(-(open_ms - self._market.start_ms) // self._market.interval_ms), 0)


def merge(streams: list[Iterator[Candles]]) -> Iterator[CandleBatch]:
    """Merge the candles of several symbols by open time, then by the order of the symbols, in batches."""
    empty = np.empty(0, dtype=CANDLE)
    pending = [next(stream, None) for stream in streams]
    while any(chunk is not None for chunk in pending):
        # what any stream brings next is later than its last pending candle: up to the least of these all is known
        until = min(int(chunk["open_time"][-1]) for chunk in pending if chunk is not None)
        ready, counts = [], []
        for k, chunk in enumerate(pending):
            n = 0 if chunk is None else int(np.searchsorted(chunk["open_time"], until, side="right"))
            ready.append(empty if chunk is None else chunk[:n])
            counts.append(n)
            if chunk is not None:
                pending[k] = chunk[n:] if n < len(chunk) else next(streams[k], None)
        which = np.repeat(np.arange(len(streams)), counts)
        if sum(map(bool, counts)) == 1:
            yield CandleBatch(which, ready[int(which[0])])
            continue
        candles = np.concatenate(ready)
        order = np.argsort(candles["open_time"], kind="stable")
        yield CandleBatch(which[order], candles[order])


def forming(candle: Any, share: float) -> Candles:
    """What a candle looked like when a share of its time had passed, along a plausible path through its four prices."""
    o, h, l, c = (float(candle[name]) for name in ("open", "high", "low", "close"))  # noqa: E741 - the field's letters
    path = [o, l, h, c] if c >= o else [o, h, l, c]
    at = 3.0 * min(max(share, 0.0), 1.0)
    leg = min(int(at), 2)
    decimals = max(len(repr(price).partition(".")[2]) for price in path)  # a price between ticks would look made up
    between = round(path[leg] + (path[leg + 1] - path[leg]) * (at - leg), decimals)
    now = c if at == 3.0 else min(max(between, l), h)
    passed = [*path[: leg + 1], now]
    volume = float(candle["volume"]) * (at / 3.0)
    return np.array([(int(candle["open_time"]), o, max(passed), min(passed), now, volume)], dtype=CANDLE)


class ReplayFeed:
    """Recorded or generated candles, at any speed, resumable.

    Parameters
    ----------
    sources
        For each symbol an array of candles or a :class:`CandleSource`; all of one interval.
    clock
        Paces the candles.
    speed
        Market seconds in a second; 60 makes a one-minute candle last a second. ``max``: as fast as they are taken.
    start_after
        For each symbol the open time of the last candle that is already known; the feed goes on behind it.
    instant_until_ms
        Candles that opened before this time come at once, as history, before pacing begins.
    instruments
        Trading rules by symbol; :meth:`Instrument.research` for those without.

    Raises
    ------
    BadInput
        No symbol, different intervals, or a speed that is not positive.
    """

    def __init__(
        self,
        sources: Mapping[str, Candles | CandleSource],
        clock: Clock,
        speed: Speed = "max",
        start_after: Mapping[str, int] | None = None,
        instant_until_ms: int | None = None,
        instruments: Mapping[str, Instrument] | None = None,
    ) -> None:
        if not sources:
            raise BadInput("a feed needs at least one symbol")
        if speed != "max" and not 0 < speed < float("inf"):
            raise BadInput(f"speed must be positive or 'max', not {speed}")
        self._sources = {s: ArraySource(x) if isinstance(x, np.ndarray) else x for s, x in sources.items()}
        intervals = {source.interval_ms for source in self._sources.values()}
        if len(intervals) > 1:
            raise BadInput(f"all symbols of a feed must have candles of one length, not of {sorted(intervals)} ms")
        rules = instruments or {}
        self.symbols = tuple(self._sources)
        self.interval_ms = intervals.pop()
        self.instruments = tuple(rules.get(s) or Instrument.research(s) for s in self.symbols)
        self._clock = clock
        self._speed = speed
        self._start_after = dict(start_after or {})
        self._instant_until = instant_until_ms or 0
        self._now_ms = 0
        self._begin: tuple[float, int] | None = None

    async def open(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        """Nothing to close."""

    async def history(self, symbol: str, before_ms: int, n: int) -> Candles:
        """The last ``n`` candles of a symbol that opened before a time."""
        if symbol not in self._sources:
            raise BadInput(f"symbol {symbol!r} is not in this feed; there is {', '.join(self.symbols)}")
        return self._sources[symbol].before(before_ms, n)

    async def __aiter__(self) -> AsyncIterator[FeedEvent]:
        """History at once, LIVE, then candles as their time comes; FINISHED at the end of the data."""
        yield self._status(FeedState.CONNECTED, "replay begins")
        streams = [source.after(self._start_after.get(symbol)) for symbol, source in self._sources.items()]
        for batch in merge(streams):
            times = batch.candles["open_time"]
            instant = len(batch)
            if self._speed != "max":
                instant = int(np.searchsorted(times, self._instant_until, side="left"))
            if instant:
                self._now_ms = int(times[instant - 1]) + self.interval_ms
                yield CandleBatch(batch.which[:instant], batch.candles[:instant])
                await self._clock.sleep(0)
            if instant < len(batch):
                if self._begin is None:
                    yield self._status(FeedState.LIVE, "the history is loaded")
                    self._begin = (self._clock.monotonic(), int(times[instant]))
                async for event in self._paced(CandleBatch(batch.which[instant:], batch.candles[instant:])):
                    yield event
        yield self._status(FeedState.FINISHED, "the end of the data")

    async def _paced(self, batch: CandleBatch) -> AsyncIterator[FeedEvent]:
        """Deliver candles when they close, and the forming candle until then."""
        times = batch.candles["open_time"]
        length = self.interval_ms / 1000 / float(self._speed)  # of a candle, seconds
        edges = [0, *(np.flatnonzero(np.diff(times)) + 1).tolist(), len(times)]
        for a, b in pairwise(edges):
            opened = int(times[a])
            while (share := self._share(opened, length)) < CLOSED:
                if share >= 0.0 and length >= 2 * FORMING_EVERY:
                    for k in range(a, b):
                        yield Forming(int(batch.which[k]), forming(batch.candles[k], share))
                    await self._clock.sleep(min((1.0 - share) * length, FORMING_EVERY))
                else:
                    await self._clock.sleep((1.0 - share if share >= 0.0 else -share) * length)
            self._now_ms = opened + self.interval_ms
            yield CandleBatch(batch.which[a:b], batch.candles[a:b])

    def _share(self, open_ms: int, length: float) -> float:
        """Share of a candle's time that has passed; below 0 when it has not begun."""
        begin, begin_ms = self._begin or (0.0, 0)
        return (self._clock.monotonic() - begin) / length - (open_ms - begin_ms) / self.interval_ms

    def _status(self, state: FeedState, text: str) -> FeedStatus:
        return FeedStatus(state, text, None, self._now_ms)


def demo_feed(
    symbols: tuple[str, ...],
    clock: Clock,
    seed: int = 1,
    speed: Speed = 60.0,
    history: int = 3000,
    start_after: Mapping[str, int] | None = None,
    total: int | None = None,
) -> ReplayFeed:
    """Generated markets as a feed: ``history`` candles at once, then paced; endless, or ``total`` candles each."""
    markets = {s: GeneratedMarket(s, seed) for s in symbols}
    return ReplayFeed(
        {s: GeneratedSource(market, total) for s, market in markets.items()},
        clock,
        speed,
        start_after,
        DEMO_START_MS + history * MINUTE,
        {s: market.instrument for s, market in markets.items()},
    )
