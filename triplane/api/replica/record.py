"""What a session has earned so far: its equity over time, its closed positions, and the figures that follow.

Nothing here grows with the length of a session but eight numbers a trade and one a day: of the curve so many points are
kept that it can be drawn, and what the figures need of the rest is kept as it passes by.
"""

import math
from array import array
from typing import Any, Final

import numpy as np

from triplane.api.replica.views import EquityPoint, Performance, Today
from triplane.model.conduct import Conduct
from triplane.model.facts import Trade
from triplane.model.money import money_text
from triplane.model.performance import COLUMNS, Curve, figures, until_stopped

DAY_MS: Final = 86_400_000
POINTS: Final = 1 << 16
"""Points of the curve that are kept; a longer one is thinned out evenly."""
MONEY: Final = ("net_pnl", "fees", "funding", "slippage", "final_equity")


def _text(value: float | None) -> str | None:
    return None if value is None else money_text(value)


class EquityCurve:
    """Equity at the close of each candle time; several symbols share a time, and the last one counts."""

    def __init__(self, start_balance: float) -> None:
        self.start = start_balance
        self.newest: tuple[int, float] | None = None  # may still change
        self._times, self._equity = array("q"), array("d")
        self._stride, self._count, self._first = 1, 0, 0
        self._peak, self._depth, self._at_peak, self._length = start_balance, 0.0, 0, 0
        self._day, self._last = -1, start_balance
        self._days = array("d")  # equity at the end of each day that is over, those without candles too
        self._seen = 0  # days with candles

    def add(self, time: int, equity: float) -> None:
        """Set the equity at a candle's open time, not before the newest."""
        if self.newest is not None and self.newest[0] != time:
            self._settle(*self.newest)
        self.newest = (time, equity)

    def correct(self, equity: float) -> None:
        """Correct the newest point: the account has changed after its candle."""
        if self.newest is not None:
            self.newest = (self.newest[0], equity)

    def _settle(self, time: int, equity: float) -> None:
        """The newest point will not change any more."""
        self._depth, self._length, self._peak, self._at_peak = self._fallen(equity)
        if self._count == 0:
            self._first = time
        else:
            self._days.extend([self._last] * (time // DAY_MS - self._day))
        self._seen += time // DAY_MS != self._day
        self._day, self._last = time // DAY_MS, equity
        if self._count % self._stride == 0:
            self._times.append(time)
            self._equity.append(equity)
            if len(self._times) > POINTS:
                self._times, self._equity, self._stride = self._times[::2], self._equity[::2], 2 * self._stride
        self._count += 1

    def _fallen(self, equity: float) -> tuple[float, int, float, int]:
        """Depth, longest time under a peak, peak and its place, with one more point."""
        at = self._count + 1  # the balance at the start is point 0
        if equity >= self._peak:
            return self._depth, self._length, equity, at
        depth = max(self._depth, 1.0 - equity / self._peak)
        return depth, max(self._length, at - self._at_peak), self._peak, self._at_peak

    @property
    def first(self) -> int:
        """Open time of the first candle, 0 before there is one."""
        return self._first if self._count else self.newest[0] if self.newest is not None else 0

    def summary(self) -> Curve:
        """What the figures need."""
        if self.newest is None:
            return Curve(self.start, 0.0, 0, np.zeros(0), 0, 0.0)
        time, equity = self.newest
        depth, length, _, _ = self._fallen(equity)
        over = [self._last] * (time // DAY_MS - self._day) if self._count else []
        closes = np.array([self.start, *self._days, *over, equity])
        returns = np.diff(closes) / closes[:-1]
        seen = self._seen + (time // DAY_MS != self._day)
        return Curve(equity, depth, length, returns, seen, float(time - self._first) if self._count else 0.0)

    def points(self, limit: int, length_ms: int) -> list[EquityPoint]:
        """Up to ``limit`` points, evenly chosen, the newest among them; ``length_ms`` is that of a candle."""
        times, equity = list(self._times), list(self._equity)
        if self.newest is not None:
            times.append(self.newest[0])
            equity.append(self.newest[1])
        step = max(-(-len(times) // limit), 1)
        return [EquityPoint(time=times[i] + length_ms, equity=equity[i])
                for i in range((len(times) - 1) % step, len(times), step)]  # fmt: skip


class Record:
    """Curve, closed positions and conduct of a session."""

    def __init__(self, start_balance: float, conduct: Conduct | None = None) -> None:
        self.curve = EquityCurve(start_balance)
        self.conduct = conduct or Conduct()
        self._stopped_at: int | None = None
        self._active: Curve | None = None  # as it was when trading stopped
        self._columns = {name: array("d") for name in COLUMNS}
        self._day = -1
        self.closed = self.won = 0
        self.realized = 0.0

    def add(self, trade: Trade) -> None:
        """Take a closed position; what a person simulated counts in no figure."""
        if trade.simulated:
            return
        for name, column in self._columns.items():
            value = getattr(trade, name)
            column.append(math.nan if value is None else float(value))
        self.roll(trade.time)
        self.closed += 1
        self.won += float(trade.pnl) > 0
        self.realized += float(trade.pnl)

    def mark(self, equity: float) -> None:
        """Correct the newest point, and keep how the curve is when trading stops."""
        self.curve.correct(equity)
        stopped_at = self.conduct.stopped_at
        if stopped_at != self._stopped_at:
            self._stopped_at, self._active = stopped_at, None if stopped_at is None else self.curve.summary()

    def roll(self, time: int) -> None:
        """Begin to count again when a UTC day begins; a candle that closes at midnight is of the day before."""
        day = (time - 1) // DAY_MS
        if day > self._day:
            self._day, self.closed, self.won, self.realized = day, 0, 0, 0.0

    def today(self, equity: float, start: float, opened: int) -> Today:
        """What the day has brought."""
        return Today(
            since=self._day * DAY_MS if self._day >= 0 else None,
            start_equity=money_text(start),
            pnl=money_text(equity - start),
            pnl_pct=100.0 * (equity - start) / start if start > 0 else None,
            opened=opened,
            closed=self.closed,
            won=self.won,
            realized=money_text(self.realized),
        )

    def performance(self, session_id: str, now: int) -> Performance:
        """The figures so far; ``now`` by the market's time."""
        start, first, conduct = self.curve.start, self.curve.first, self.conduct
        made: dict[str, Any] = figures(self._columns, self.curve.summary(), start)
        if self._active is not None and self._stopped_at is not None:
            days = (self._stopped_at - first) / DAY_MS
            made = until_stopped(made, figures(self._columns, self._active, start), days)
        return Performance(
            session_id=session_id,
            **made | {name: _text(made[name]) for name in MONEY},
            halts=[*conduct.halts],
            halted_pct=conduct.halted_pct(first, now) if first else 0.0,
            funnel=conduct.funnel(),
        )
