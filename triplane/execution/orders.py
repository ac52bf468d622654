"""One order and what is known of it. *Unknown* is a state of its own: only the venue's evidence ends it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from triplane.venues.base import ZERO, Execution, NewOrder, OrderReport, OrderStatus, OrderType


class Fate(StrEnum):
    """How far an order has come."""

    WANTED = "wanted"  # in the journal, not sent
    SENT = "sent"  # in flight, no answer yet
    UNKNOWN = "unknown"  # maybe sent; whether the venue has it is not known
    OPEN = "open"  # the venue has it, or had it until a moment ago
    DONE = "done"  # it can no longer change, and every execution of it has been counted


@dataclass(slots=True, eq=False)
class WorkingOrder:
    """An order of the session.

    Attributes
    ----------
    k, leg, number, revision
        Which order of the core's; each amendment is another revision, and another order at the venue.
    accepted
        The venue has confirmed it at some time. From then on "not found" proves nothing.
    wanted_at, decided_at
        When this program learned of it, and when it was decided, in market time.
    filled, counted
        Base units: what the venue says has been executed, and the sum of the executions that were counted.
    reported
        Its end was reported to the core.
    status
        Its end according to the venue.
    verified
        Its executions were asked for after its end. The end of a triggered order does not say how much was executed.
    asking, fetching, cancelling
        A request about it is in flight.
    next_at
        Not before this time (ms) is it sent, or queried, again.
    unknown_at
        Since when its fate is unknown; 0 = it is known.
    absences
        How often the venue has said "not found" since it was sent.
    """

    new: NewOrder
    k: int
    leg: int
    number: int
    revision: int
    wanted_at: int
    decided_at: int
    fate: Fate = Fate.WANTED
    accepted: bool = False
    venue_id: str = ""
    child_id: str = ""
    filled: Decimal = ZERO
    counted: Decimal = ZERO
    net: Decimal = ZERO  # counted, without what the venue kept as a fee in the base asset
    reported: bool = False
    announced: bool = False
    status: OrderStatus | None = None
    verified: bool = False
    asking: bool = False
    fetching: bool = False
    cancelling: bool = False
    next_at: int = 0
    cancel_at: int = 0
    unknown_at: int = 0
    absences: int = 0
    tries: int = 0
    sent_at: int = 0
    open_at: int = 0
    reason: str = ""

    @property
    def client_id(self) -> str:
        """Its identity at the venue."""
        return self.new.client_id

    @property
    def conditional(self) -> bool:
        """Whether it waits at the venue for a trigger."""
        return self.new.type.conditional

    @property
    def alive(self) -> bool:
        """Whether it may still be executed."""
        return self.fate is not Fate.DONE and self.status is None

    @property
    def in_motion(self) -> bool:
        """Whether it is being executed now, as far as is known: at market, or triggered."""
        return self.alive and (self.new.type is OrderType.MARKET or bool(self.child_id))

    def ids(self) -> tuple[str, ...]:
        """The venue's ids of it."""
        return tuple(i for i in (self.venue_id, self.child_id) if i)

    def sent(self, now: int) -> None:
        self.fate = Fate.SENT
        self.sent_at = now
        self.tries += 1

    def lost(self, now: int, soon: int) -> None:
        """No answer came, or one that says nothing: it has to be queried."""
        if self.fate in (Fate.SENT, Fate.WANTED):
            self.fate = Fate.UNKNOWN
            self.unknown_at = now
            self.absences = 0
            self.next_at = now + soon

    def learn(self, report: OrderReport, now: int) -> None:
        """Record what the venue says of it. States only move forward, in whatever order reports arrive."""
        if self.fate is Fate.DONE:
            return
        self.accepted = True
        self.venue_id = report.venue_id or self.venue_id
        self.child_id = report.child_id or self.child_id
        self.filled = max(self.filled, report.filled)
        self.reason = report.reason or self.reason
        if self.fate is not Fate.OPEN:
            self.fate = Fate.OPEN
            self.open_at = now
            self.unknown_at = 0
            self.next_at = 0
        if report.status.final and self.status is None:
            self.status = report.status

    def count(self, fill: Execution) -> None:
        """Record one execution of it."""
        self.counted += fill.quantity
        self.filled = max(self.filled, self.counted)
        if self.fate is not Fate.DONE:
            self.accepted = True
            self.fate = Fate.OPEN
            self.unknown_at = 0
        if self.counted >= self.new.quantity and self.status is None:
            self.status = OrderStatus.FILLED

    @property
    def complete(self) -> bool:
        """Whether it has ended and all of it is counted."""
        if self.status is None or self.counted < self.filled:
            return False
        triggered = self.conditional and (bool(self.child_id) or self.status is OrderStatus.FILLED)
        return self.verified or not triggered or self.counted >= self.new.quantity
