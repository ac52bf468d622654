"""What became of the signals of a session, and when it stood still: so no figure hides that most signals were refused,
or that trading stopped long before the data did. A run without a page counts the same from audit rows
(``engine/conduct.py``).
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from msgspec import Meta, Struct
from msgspec.structs import replace

from triplane.model.facts import Account, Fact, Fill, Millis, Order, Signal, Trade

GATES: Final = frozenset(
    {
        "stale_feed", "kill_switch", "operator_pause", "not_reconciled", "news_blackout", "funding_guard", "kill_zone",
        "disk_space", "guard", "halted", "data_quality",
    }
)  # fmt: skip
"""Checks that look at the session and its market, not at the signal."""


class Halt(Struct, frozen=True):
    """A time without entries."""

    reason: str
    at: Millis
    until: Annotated[Millis | None, Meta(description="Null while nobody has ended it.")] = None


class Funnel(Struct, frozen=True, kw_only=True):
    """How many signals came how far, and what stopped the others."""

    signals: Annotated[int, Meta(description="Entries that the strategy asked for.")]
    gate: Annotated[dict[str, int], Meta(description="Refused for what session or market was in, by reason.")]
    check: Annotated[dict[str, int], Meta(description="Refused by a check of the risk rules, by reason.")]
    not_executed: Annotated[int, Meta(description="Expired while they waited for a person.")]
    orders: Annotated[int, Meta(description="Entry orders.")]
    capped: Annotated[int, Meta(description="Of them, made smaller by a limit on the position.")]
    not_filled: Annotated[dict[str, int], Meta(description="Entry orders that ended without one, by how.")]
    filled: Annotated[int, Meta(description="Entry orders with a fill.")]
    trades: Annotated[int, Meta(description="Positions closed.")]


@dataclass(slots=True)
class Conduct:
    """Counts what becomes of signals, and keeps the halts, as facts come; what a person simulated does not count."""

    halts: list[Halt] = field(default_factory=list)
    _signals: int = 0
    _waiting: set[int] = field(default_factory=set)  # decisions that waited for a person: they are told of again
    _simulated: set[int] = field(default_factory=set)
    _refused: Counter[str] = field(default_factory=Counter)
    _entries: set[Any] = field(default_factory=set)
    _filled: set[Any] = field(default_factory=set)
    _ended: dict[Any, str] = field(default_factory=dict)  # entry orders, by how
    _capped: int = 0
    _unexecuted: int = 0
    _trades: int = 0
    _last_exit: int = 0

    def hear(self, fact: Fact) -> None:
        """Count one more fact."""
        if isinstance(fact, Account):
            self._halt(fact.halted, fact.halt_reason or "", fact.time)
        elif isinstance(fact, Signal) and fact.action == "enter":
            self._hear_signal(fact)
        elif isinstance(fact, Trade):
            self._trades += not fact.simulated
            self._last_exit = fact.time
        elif isinstance(fact, Order | Fill) and fact.leg == "entry" and fact.decision not in self._simulated:
            (self._entries if isinstance(fact, Order) else self._filled).add(fact.order_id)
            if isinstance(fact, Order) and not fact.working and fact.status != "filled":
                self._ended[fact.order_id] = fact.status

    def _hear_signal(self, signal: Signal) -> None:
        if signal.simulated:
            self._simulated.add(signal.decision)
            return
        if signal.status == "expired" and signal.order_id is not None:  # its order says so too
            return
        self._signals += signal.decision not in self._waiting
        if signal.status == "pending":
            self._waiting.add(signal.decision)
        elif signal.status == "rejected":
            self._refused[signal.reject_reason or "rejected"] += 1
        self._capped += signal.status == "executed" and signal.capped
        self._unexecuted += signal.status == "expired"

    def _halt(self, halted: bool, reason: str, time: int) -> None:
        open_now = bool(self.halts) and self.halts[-1].until is None
        if halted and not open_now:
            self.halts.append(Halt(reason, time))
        elif open_now and not halted:
            self.halts[-1] = replace(self.halts[-1], until=time)

    @property
    def stopped_at(self) -> int | None:
        """When trading stopped for good: at the last halt, if nobody ended it, or when what was open then closed."""
        last = self.halts[-1] if self.halts else None
        return None if last is None or last.until is not None else max(last.at, self._last_exit)

    def funnel(self) -> Funnel:
        """How many signals came how far, the commonest reason first."""
        refused = self._refused.most_common()
        return Funnel(
            signals=self._signals,
            gate={check: count for check, count in refused if check in GATES},
            check={check: count for check, count in refused if check not in GATES},
            not_executed=self._unexecuted,
            orders=len(self._entries),
            capped=self._capped,
            not_filled=dict(Counter(end for order, end in self._ended.items() if order not in self._filled)),
            filled=len(self._filled),
            trades=self._trades,
        )

    def halted_pct(self, first: int, end: int) -> float:
        """The share of a period (ms) that the halts took."""
        halted = sum((end if halt.until is None else halt.until) - max(halt.at, first) for halt in self.halts)
        return 100.0 * halted / (end - first) if end > first else 0.0
