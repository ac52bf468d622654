"""What a session earned, for a run without a page and for the go-live gate: equity by candle, and closed positions."""

from typing import Any

import numpy as np

from triplane.engine.conduct import Conduct
from triplane.engine.session import Observer, Session
from triplane.kernel.codes import RowKind
from triplane.kernel.rows import TRADE_ROW, of_kind
from triplane.model.performance import of_rows, performance

Array = np.ndarray[Any, Any]


class Tally(Observer):
    """Keeps equity and closed positions of a session from a time on.

    Parameters
    ----------
    begin
        Candles that opened before are history that was only loaded.
    """

    def __init__(self, begin: int = 0) -> None:
        self._begin = begin
        self._times: list[Array] = []
        self._equity: list[Array] = []
        self._closed: list[Array] = []
        self._quantity: list[Array] = []
        self.conduct = Conduct()

    def on_batch(self, session: Session, which: Array, candles: Array, rows: Array, equity: Array) -> None:  # noqa: ARG002 - the protocol
        """Many candles were taken at once."""
        own = candles["open_time"] >= self._begin
        self._times.append(candles["open_time"][own])
        self._equity.append(equity[own])
        self._keep(session, rows)

    def on_moment(self, session: Session, which: Array, candles: Array, rows: Array) -> None:
        """The candles of one time were taken."""
        self.on_batch(session, which[:1], candles[:1], rows, session.A["equity"].copy())

    def on_command(self, session: Session, k: int, command: Array, rows: Array) -> None:  # noqa: ARG002 - the protocol
        """A command was carried out; what it closed counts at the newest candle."""
        self._keep(session, rows)
        if self._equity and len(self._equity[-1]):
            self._equity[-1] = self._equity[-1].copy()
            self._equity[-1][-1] = session.A["equity"].item(0)

    def _keep(self, session: Session, rows: Array) -> None:
        if len(rows):
            self.conduct.take(rows)
        closed = of_kind(rows, RowKind.TRADE)
        if len(closed):
            self._closed.append(closed)
            lots = np.array([float(row.instrument.lot_size) for row in session.setup.rows])
            self._quantity.append(closed["quantity_lots"] * lots[closed["symbol"]])

    def curve(self) -> tuple[Array, Array]:
        """Open times of the candles and the equity at their close; symbols share a time, and the last one counts."""
        times = np.concatenate([np.zeros(0, np.int64), *self._times])
        equity = np.concatenate([np.zeros(0), *self._equity])
        last = np.append(times[1:] != times[:-1], True)[: len(times)]
        return times[last], equity[last]

    def trades(self) -> dict[str, Array]:
        """Closed positions, a column a figure."""
        closed = np.concatenate(self._closed) if self._closed else np.zeros(0, TRADE_ROW)
        return of_rows(closed, np.concatenate([np.zeros(0), *self._quantity]))

    def performance(self, start_balance: float) -> dict[str, Any]:
        """The figures, see ``performance``; and what became of the signals."""
        times, equity = self.curve()
        found = performance(self.trades(), times, equity, start_balance, self.conduct.stopped_at)
        return {**found, **(self.conduct.figures(int(times[0]), int(times[-1])) if len(times) else {})}
