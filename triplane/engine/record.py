"""What a running session has earned so far: its equity curve, one point a candle, and its closed positions."""

from typing import Any

import numpy as np
import pandas as pd

from triplane.engine.performance import performance
from triplane.kernel.records import ROW_TRADE

Array = np.ndarray[Any, Any]


class EquityCurve:
    """Equity at the close of each candle time; several symbols share a time, and the last one counts."""

    def __init__(self) -> None:
        self._times = np.zeros(1024, np.int64)
        self._equity = np.zeros(1024)
        self._n = 0

    def __len__(self) -> int:
        """Number of points."""
        return self._n

    @property
    def times(self) -> Array:
        """Open times of the candles, ms; a view."""
        return self._times[: self._n]

    @property
    def equity(self) -> Array:
        """Equity at their close, quote currency; a view."""
        return self._equity[: self._n]

    def add(self, time: int, equity: float) -> None:
        """Set the equity at a time, not before the newest."""
        n = self._n
        if n and self._times[n - 1] == time:
            self._equity[n - 1] = equity
            return
        self._room(1)
        self._times[n] = time
        self._equity[n] = equity
        self._n = n + 1

    def extend(self, times: Array, equity: Array) -> None:
        """Set many, in order."""
        if len(times) == 0:
            return
        last = np.append(times[1:] != times[:-1], True)
        times, equity = times[last], equity[last]
        if self._n and times[0] == self._times[self._n - 1]:
            self._n -= 1
        self._room(len(times))
        self._times[self._n : self._n + len(times)] = times
        self._equity[self._n : self._n + len(times)] = equity
        self._n += len(times)

    def settle(self, equity: float) -> None:
        """Correct the newest point: something was closed after its candle."""
        if self._n:
            self._equity[self._n - 1] = equity

    def points(self, limit: int) -> list[dict[str, Any]]:
        """Up to ``limit`` points, evenly chosen from all, the newest among them."""
        step = max(-(-self._n // max(limit, 1)), 1)
        chosen = np.arange(self._n - 1, -1, -step)[::-1]
        return [
            {"time": int(time), "equity": float(equity)}
            for time, equity in zip(self._times[chosen], self._equity[chosen], strict=True)
        ]

    def _room(self, n: int) -> None:
        while self._n + n > len(self._times):
            self._times = np.concatenate([self._times, np.zeros_like(self._times)])
            self._equity = np.concatenate([self._equity, np.zeros_like(self._equity)])


class Record:
    """Curve and closed positions of a session, and the figures that follow from them."""

    def __init__(self, start_balance: float) -> None:
        self.curve = EquityCurve()
        self.trades = 0
        self._start_balance = start_balance
        self._results: list[Array] = []
        self._figures: tuple[tuple[int, int, float], dict[str, Any]] | None = None

    def add(self, rows: Array) -> None:
        """Take the closed positions among some rows of ``records.OUTPUT``."""
        closed = rows["x"][rows["kind"] == ROW_TRADE]
        if len(closed):
            self.trades += len(closed)
            self._results.append(closed)

    def performance(self) -> dict[str, Any]:
        """The figures so far; see ``triplane.engine.performance``."""
        equity = float(self.curve.equity[-1]) if len(self.curve) else self._start_balance
        key = (self.trades, len(self.curve), equity)
        if self._figures is None or self._figures[0] != key:
            x = np.concatenate(self._results) if self._results else np.zeros((0, 16))
            columns = {"pnl": 2, "fees": 3, "entry_time": 4, "exit_time": 5, "r_multiple": 6, "mae": 7, "mfe": 8,
                       "slippage": 9, "funding": 10}  # fmt: skip
            trades = pd.DataFrame({name: x[:, i] for name, i in columns.items()})
            self._figures = (key, performance(trades, self.curve.times, self.curve.equity, self._start_balance))
        return dict(self._figures[1])
