"""What a run did with its signals, and when it stood still, counted from the audit rows: no fact is made for it."""

from typing import Any

import numpy as np
from msgspec.structs import asdict

from triplane.data.candles import utc
from triplane.kernel.codes import Check, Leg, OrderEnd, Reason, RowKind, SignalStatus, State
from triplane.kernel.rows import of_kind
from triplane.model import conduct
from triplane.model.performance import DAY_MS

Array = np.ndarray[Any, Any]


class Conduct(conduct.Conduct):
    """The same counts, of rows; they come in order, as many at a time as there are."""

    def take(self, rows: Array) -> None:
        """Count more rows."""
        signals = of_kind(rows, RowKind.SIGNAL)
        signals = signals[signals["closing"] == 0]
        self._signals += len(set(signals["decision"].tolist()) - self._waiting)
        self._waiting.update(signals["decision"][signals["status"] == SignalStatus.PENDING].tolist())
        self._capped += int(signals["capped"].sum())
        self._unexecuted += int((signals["status"] == SignalStatus.EXPIRED).sum())
        self._refused.update(Check.labels[check] for check in of_kind(rows, RowKind.REJECT)["check"])
        self._entries |= _entries(of_kind(rows, RowKind.PLACE))
        self._filled |= _entries(of_kind(rows, RowKind.FILL))
        ends = of_kind(rows, RowKind.ORDER)
        ends = ends[ends["leg"] == Leg.ENTRY]
        self._ended.update(zip(ends["order"].tolist(), [OrderEnd.labels[end] for end in ends["end"]], strict=True))
        cancels = of_kind(rows, RowKind.CANCEL)
        self._ended |= dict.fromkeys(_entries(cancels[cancels["unconfirmed"] == 0]), "cancelled")
        closed = of_kind(rows, RowKind.TRADE)
        if len(closed):
            self._trades += len(closed)
            self._last_exit = int(closed["time"][-1])
        moves = of_kind(rows, RowKind.STATE)
        for row in moves[(moves["to_state"] == State.HALTED) | (moves["from_state"] == State.HALTED)]:
            self._halt(row["to_state"] == State.HALTED, Reason.labels[row["reason"]], int(row["time"]))

    def figures(self, first: int, end: int) -> dict[str, Any]:
        """Halts within a period (ms), the share of it that they took, and the funnel."""
        halts = [(halt, end if halt.until is None else halt.until) for halt in self.halts]
        return {
            "halts": [
                f"{halt.reason.replace('_', ' ')} at {utc(halt.at)}, for {(until - halt.at) / DAY_MS:.1f} days"
                + (", until the end" if halt.until is None else "")
                for halt, until in halts
            ],
            "halted_pct": self.halted_pct(first, end),
            "funnel": asdict(self.funnel()),
        }


def _entries(rows: Array) -> set[int]:
    """The entry orders among places or fills."""
    return set(rows["order"][rows["leg"] == Leg.ENTRY].tolist())
