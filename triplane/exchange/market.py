"""What trades: candles turned into a stream of trades, and everything that follows from them.

A candle becomes trades along a plausible path through its four prices, evenly spaced in time, whose volumes add up to
the candle's; so klines built from the trades are the candles again. The book is made around the last price: its best
prices are those at which the kernel lets a taker fill. Mark and index price are the last price.

Prices and quantities are whole ticks and lots. Times are market time, milliseconds.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from triplane.data.candles import Candles
from triplane.data.instruments import Instrument
from triplane.data.replay import CandleSource
from triplane.exchange.rules import Rules

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
INTERVALS: Final = {
    "1m": MINUTE, "3m": 3 * MINUTE, "5m": 5 * MINUTE, "15m": 15 * MINUTE, "30m": 30 * MINUTE,
    "1h": HOUR, "2h": 2 * HOUR, "4h": 4 * HOUR, "6h": 6 * HOUR, "8h": 8 * HOUR, "12h": 12 * HOUR,
    "1d": 24 * HOUR, "3d": 72 * HOUR, "1w": 168 * HOUR,
}  # fmt: skip
_WEEK_OFFSET: Final = 96 * HOUR  # 1970-01-05 was a Monday
STEPS: Final = 6
"""Trades on each of the three legs of a minute."""
KEPT_BARS: Final = 50_000
FUNDING_EVERY: Final = 8 * HOUR

Columns = npt.NDArray[np.float64]


@dataclass(slots=True)
class MarketTrade:
    """One public trade."""

    id: int
    time: int
    ticks: int
    lots: int
    sold: bool  # the taker sold


@dataclass(slots=True)
class Kline:
    """A candle that trades add to."""

    start: int
    open: int
    high: int
    low: int
    close: int
    first_id: int
    lots: int = 0
    value: int = 0  # sum of ticks x lots
    count: int = 0
    bought: int = 0
    bought_value: int = 0

    def add(self, trade: MarketTrade) -> None:
        """Take a trade in."""
        self.high, self.low, self.close = max(self.high, trade.ticks), min(self.low, trade.ticks), trade.ticks
        self.lots += trade.lots
        self.value += trade.ticks * trade.lots
        self.count += 1
        if not trade.sold:
            self.bought += trade.lots
            self.bought_value += trade.ticks * trade.lots

    def row(self) -> tuple[int, ...]:
        """As a row of a kline table, in ticks and lots."""
        return (
            self.start, self.open, self.high, self.low, self.close, self.lots, self.value, self.count, self.bought,
            self.bought_value,
        )  # fmt: skip


def interval_start(time: int, interval: int) -> int:
    """Open time of the kline that a moment falls into; weeks begin on Monday."""
    offset = _WEEK_OFFSET if interval == INTERVALS["1w"] else 0
    return (time - offset) // interval * interval + offset


def path(candle: tuple[int, int, int, int], steps: int) -> list[int]:
    """Prices of the trades of a candle, from its open over both extremes to its close."""
    o, h, l, c = candle  # noqa: E741 - the field's letters
    points = [o, l, h, c] if c >= o else [o, h, l, c]
    out = [o]
    for a, b in pairwise(points):
        out += [a + round((b - a) * i / steps) for i in range(1, steps + 1)]
    return out


class Market:
    """One symbol: where its trades come from and what they made.

    Parameters
    ----------
    instrument
        Trading rules.
    source
        Candles of the replay.
    first_ms
        Open time of the first candle that is traded live; what lies before is history.
    """

    def __init__(self, instrument: Instrument, source: CandleSource, first_ms: int, rules: Rules | None = None) -> None:
        self.symbol, self.instrument, self.source = instrument.symbol, instrument, source
        self.base_ms, self.first_ms = source.interval_ms, first_ms
        self.rules = rules or Rules(instrument)
        self.tick, self.lot = instrument.tick_size, instrument.lot_size
        self._scale = float(self.tick), float(self.lot)
        self.decimals = [max(-int(size.as_tuple().exponent), 0) for size in (self.tick, self.lot)]
        before = source.before(first_ms, 1)
        first = before if len(before) else next(source.after(None))[:1]
        self.last = self._ticks(first["close" if len(before) else "open"])
        self.now, self.trade_id, self.book_id = first_ms, 1000, 1000
        self.ratio = 1.0
        self.bars: deque[Kline] = deque(maxlen=KEPT_BARS)
        self.bar: Kline | None = None
        self.trades: deque[MarketTrade] = deque(maxlen=1000)
        self.forming: dict[str, Kline] = {}
        self._chunks = source.after(first_ms - 1)
        self._events = self._play()
        self._due: tuple[int, int, int, bool] | None = next(self._events, None)

    # ------------------------------------------------------------------------------------------------ the stream
    def due(self) -> int | None:
        """Time of the next event; None at the end of the data."""
        return None if self._due is None else self._due[0]

    def step(self) -> MarketTrade | None:
        """The next event: a trade, or None for the close of a candle (now in ``bars``)."""
        if self._due is None:
            return None
        time, ticks, lots, sold = self._due
        self._due = next(self._events, None)
        self.now = max(self.now, time)
        if lots == 0:
            if self.bar is not None:
                self.bars.append(self.bar)
                self.bar = None
            return None
        if self.ratio != 1.0:
            ticks = max(round(ticks * self.ratio), 1)
        return self.print(ticks, lots, sold)

    def print(self, ticks: int, lots: int, sold: bool) -> MarketTrade:
        """Make a trade now."""
        self.trade_id += 1
        trade = MarketTrade(self.trade_id, self.now, ticks, lots, sold)
        self.last = ticks
        self.trades.append(trade)
        if self.bar is None:
            start = interval_start(self.now, self.base_ms)
            self.bar = Kline(start, ticks, ticks, ticks, ticks, trade.id)
        self.bar.add(trade)
        for interval, forming in self.forming.items():
            start = interval_start(self.now, INTERVALS[interval])
            if start != forming.start:
                self.forming[interval] = Kline(start, ticks, ticks, ticks, ticks, trade.id)
            self.forming[interval].add(trade)
        return trade

    def force(self, price: Decimal | None) -> MarketTrade:
        """Make the price jump, from where the replay goes on; None goes back to the replay's own price."""
        if price is None:
            ticks, self.ratio = max(round(self.last / self.ratio), 1), 1.0
        else:
            ticks = max(self.instrument.ticks(price), 1)
            self.ratio *= ticks / self.last
        return self.print(ticks, 1, ticks < self.last)

    def _play(self) -> Iterator[tuple[int, int, int, bool]]:
        """Trades of the candles to come; after each candle a row of no lots says that it has closed."""
        steps = STEPS * min(max(self.base_ms // MINUTE, 1), 15)
        for chunk in self._chunks:
            prices = np.rint(np.stack([chunk[n] for n in ("open", "high", "low", "close")], 1) / self._scale[0])
            volumes = np.rint(chunk["volume"] / self._scale[1]).astype(np.int64).tolist()
            times = chunk["open_time"].tolist()
            for time, row, lots in zip(times, prices.astype(np.int64).tolist(), volumes, strict=True):
                points = path(tuple(row), steps)
                if lots < len(points):
                    points = path(tuple(row), 1)
                share, rest = divmod(lots, len(points))
                before = points[0]
                for i, ticks in enumerate(points):
                    size = max(share + (i < rest), 1)
                    sold = ticks < before or (ticks == before and i % 2 == 1)
                    yield time + i * self.base_ms // len(points), ticks, size, sold
                    before = ticks
                yield time + self.base_ms, 0, 0, False

    def _ticks(self, price: Any) -> int:
        return max(round(float(price[0]) / self._scale[0]), 1)

    # ------------------------------------------------------------------------------------------------ what it made
    def price(self, ticks: int) -> str:
        """Text of a price."""
        return format(ticks * self.tick, "f")

    def quantity(self, lots: int) -> str:
        """Text of a quantity."""
        return format(lots * self.lot, "f")

    def kline(self, interval: str) -> Kline | None:
        """The forming kline of an interval; kept up to date from the first call on."""
        if interval not in self.forming:
            rows = self.klines(interval, None, None, 1)
            if len(rows) and int(rows[-1, 0]) == interval_start(self.now, INTERVALS[interval]):
                start, o, h, l, c, *sums = (round(x) for x in rows[-1].tolist())  # noqa: E741 - the field's letters
                self.forming[interval] = Kline(start, o, h, l, c, self.trade_id, *sums)
        return self.forming.get(interval)

    def klines(self, interval: str, start: int | None, end: int | None, limit: int) -> Columns:
        """Klines in ticks and lots, rows of :meth:`Kline.row`: the last ones, or the first ones from ``start``."""
        length = INTERVALS[interval]
        last = min(end, self.now) if end is not None else self.now
        first = interval_start(last, length) - (limit - 1) * length if start is None else start
        first = -(-first // length) * length if interval != "1w" else interval_start(first + length - 1, length)
        last = min(last, first + limit * length - 1)
        base = self._base(first, last)
        if not len(base) or length == self.base_ms:
            return base[:limit]
        offset = _WEEK_OFFSET if interval == "1w" else 0
        starts = (base[:, 0].astype(np.int64) - offset) // length * length + offset
        edges = np.flatnonzero(np.diff(starts, prepend=starts[0] - 1))
        out = np.empty((len(edges), base.shape[1]))
        out[:, 0], out[:, 1] = starts[edges], base[edges, 1]
        out[:, 2] = np.maximum.reduceat(base[:, 2], edges)
        out[:, 3] = np.minimum.reduceat(base[:, 3], edges)
        out[:, 4] = base[np.append(edges[1:], len(base)) - 1, 4]
        out[:, 5:] = np.add.reduceat(base[:, 5:], edges)
        return out[:limit]

    def _base(self, first: int, last: int) -> Columns:
        """Candles of the replay's own length, history and live, that open from ``first`` to ``last``."""
        live = [bar.row() for bar in self.bars if first <= bar.start <= last]
        if self.bar is not None and first <= self.bar.start <= last:
            live.append(self.bar.row())
        known = self.bars[0].start if self.bars else self.bar.start if self.bar is not None else self.now + 1
        parts = []
        n = (min(known, last + 1) - first) // self.base_ms + 1
        if n > 0:
            rows = self.source.before(min(known, last + 1, self.now + 1), n)
            parts.append(self._history(rows[rows["open_time"] >= first]))
        parts.append(np.array(live, dtype=np.float64).reshape(-1, 10))
        return np.concatenate(parts)

    def _history(self, rows: Candles) -> Columns:
        """Recorded candles; what they do not tell (value, count, taker side) is estimated."""
        out = np.empty((len(rows), 10))
        out[:, 0] = rows["open_time"]
        for column, name in enumerate(("open", "high", "low", "close"), 1):
            out[:, column] = np.rint(rows[name] / self._scale[0])
        out[:, 5] = np.rint(rows["volume"] / self._scale[1])
        out[:, 6] = np.rint(out[:, 1:5].mean(axis=1) * out[:, 5])
        out[:, 7] = 3 * STEPS + 1
        out[:, 8], out[:, 9] = out[:, 5] // 2, out[:, 6] // 2
        return out

    def day(self) -> Columns:
        """Sums of the last 24 hours as one row of :meth:`Kline.row`."""
        rows = self._base(self.now - 24 * HOUR + 1, self.now)
        if not len(rows):
            return np.array([self.now, self.last, self.last, self.last, self.last, 0, 0, 0, 0, 0], dtype=np.float64)
        high, low = rows[:, 2].max(), rows[:, 3].min()
        return np.array([rows[0, 0], rows[0, 1], high, low, rows[-1, 4], *rows[:, 5:].sum(axis=0)])

    def book(self, levels: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Bids and asks around the last price, best first, as ticks and lots."""
        ask, bid = self.rules.taker(1, self.last), self.rules.taker(-1, self.last)
        ask, bid = max(ask, self.last + 1), min(bid, self.last - 1)
        step = max((ask - bid) // 4, 1)
        size = max(int(50_000 / (self.last * self._scale[0] * self._scale[1])), 1)
        asks = [(ask + i * step, size * (1 + (ask + i * 7) % 5)) for i in range(levels)]
        bids = [(bid - i * step, size * (1 + (bid + i * 11) % 5)) for i in range(levels) if bid - i * step > 0]
        return bids, asks
