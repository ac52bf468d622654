"""What a run did with its signals, and when it stood still, counted from the audit rows: so no figure hides that most
signals were refused, or that trading stopped long before the data did.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from triplane.data.candles import utc
from triplane.kernel.codes import Check, Gate, Leg, OrderEnd, Reason, RowKind, SignalStatus, State
from triplane.kernel.rows import of_kind
from triplane.model.performance import DAY_MS

Array = np.ndarray[Any, Any]

GATES: Final = {Check[gate.name] for gate in Gate} | {Check.HALTED, Check.DATA_QUALITY}
"""Checks that look at the session and its market, not at the signal."""


@dataclass(slots=True)
class Halt:
    """A time without entries; ``until`` is None when nobody ended it."""

    reason: str
    at: int
    until: int | None = None


@dataclass(slots=True)
class Conduct:
    """Counts what becomes of signals, and keeps the halts; rows come in order, as many at a time as there are."""

    halts: list[Halt] = field(default_factory=list)
    _signals: set[int] = field(default_factory=set)
    _refused: Counter[int] = field(default_factory=Counter)
    _entries: set[int] = field(default_factory=set)
    _filled: set[int] = field(default_factory=set)
    _ended: Counter[str] = field(default_factory=Counter)
    _capped: int = 0
    _unexecuted: int = 0
    _trades: int = 0
    _last_exit: int = 0

    def take(self, rows: Array) -> None:
        """Count more rows."""
        signals = of_kind(rows, RowKind.SIGNAL)
        signals = signals[signals["closing"] == 0]
        self._signals |= set(signals["decision"].tolist())
        self._capped += int(signals["capped"].sum())
        self._unexecuted += int((signals["status"] == SignalStatus.EXPIRED).sum())
        self._refused.update(of_kind(rows, RowKind.REJECT)["check"].tolist())
        self._entries |= _entries(of_kind(rows, RowKind.PLACE))
        self._filled |= _entries(of_kind(rows, RowKind.FILL))
        ends = of_kind(rows, RowKind.ORDER)
        self._ended.update(OrderEnd.labels[end] for end in ends["end"][ends["leg"] == Leg.ENTRY])
        cancels = of_kind(rows, RowKind.CANCEL)
        sure = (cancels["leg"] == Leg.ENTRY) & (cancels["unconfirmed"] == 0)
        self._ended["cancelled"] += int(sure.sum())
        closed = of_kind(rows, RowKind.TRADE)
        if len(closed):
            self._trades += len(closed)
            self._last_exit = int(closed["time"][-1])
        for row in of_kind(rows, RowKind.STATE):
            self._move(int(row["to_state"]), int(row["from_state"]), int(row["reason"]), int(row["time"]))

    def _move(self, to: int, begin: int, reason: int, time: int) -> None:
        open_now = bool(self.halts) and self.halts[-1].until is None
        if to == State.HALTED and not open_now:
            self.halts.append(Halt(Reason.labels[reason], time))
        elif begin == State.HALTED and open_now:
            self.halts[-1].until = time

    @property
    def stopped_at(self) -> int | None:
        """When trading stopped for good: at the last halt, if nobody ended it, or when what was open then closed."""
        last = self.halts[-1] if self.halts else None
        return None if last is None or last.until is not None else max(last.at, self._last_exit)

    def funnel(self) -> dict[str, Any]:
        """How many signals came how far, and what stopped the others."""
        refused = {Check(check): count for check, count in self._refused.most_common()}
        return {
            "signals": len(self._signals),
            "gate": {check.label: count for check, count in refused.items() if check in GATES},
            "check": {check.label: count for check, count in refused.items() if check not in GATES},
            "not_executed": self._unexecuted,
            "orders": len(self._entries),
            "capped": self._capped,
            "not_filled": {end: count for end, count in self._ended.items() if count},
            "filled": len(self._filled),
            "trades": self._trades,
        }

    def figures(self, first: int, end: int) -> dict[str, Any]:
        """Halts within a period (ms), the share of it that they took, and the funnel."""
        halts = [(halt, end if halt.until is None else halt.until) for halt in self.halts]
        halted = sum(until - halt.at for halt, until in halts)
        return {
            "halts": [
                f"{halt.reason.replace('_', ' ')} at {utc(halt.at)}, for {(until - halt.at) / DAY_MS:.1f} days"
                + (", until the end" if halt.until is None else "")
                for halt, until in halts
            ],
            "halted_pct": 100.0 * halted / (end - first) if end > first else 0.0,
            "funnel": self.funnel(),
        }


def _entries(rows: Array) -> set[int]:
    """The entry orders among places or fills."""
    return set(rows["order"][rows["leg"] == Leg.ENTRY].tolist())
