"""The next step of each order: compares what the core wants with what is known, and asks for one thing at a time."""

from collections.abc import Callable
from typing import Final

from triplane.execution.book import Book
from triplane.execution.locks import Locks
from triplane.execution.messages import Cancel, FetchFills, Finding, Lookup, Place, Report, Request
from triplane.execution.orders import Fate, Working
from triplane.execution.patience import Patience
from triplane.execution.reconciler import OVERLAP_MS, Reconciler
from triplane.execution.risk import Bounds, approve, approve_exit
from triplane.execution.telling import Telling
from triplane.kernel.records import CANCELLED, CMD_ORDER_END, ENTRY, EXIT, EXPIRED, REJECTED, STOP
from triplane.venues.base import Approved, Capabilities, NewOrder
from triplane.venues.errors import Refused

SURE: Final = 2
"""Times that the venue must not have found a stop before the position is closed for want of one."""


class Planner:
    """Part of the executor; see there."""

    def __init__(
        self,
        book: Book,
        locks: Locks,
        reconciler: Reconciler,
        telling: Telling,
        patience: Patience,
        capabilities: Capabilities,
        bounds: Callable[[int], Bounds],
    ) -> None:
        self._book, self._locks, self._reconciler, self._telling = book, locks, reconciler, telling
        self._patience, self._capabilities, self._bounds = patience, capabilities, bounds

    def plan(self, now: int) -> list[Request]:
        """The next steps. Exits and stops come first, entries last."""
        out: list[tuple[int, Request]] = []
        for k in range(len(self._book.instruments)):
            for order in self._book.live(k):
                request = self._next(order, now)
                if request is not None:
                    out.append((_urgency(order), request))
        return [request for _, request in sorted(out, key=lambda item: item[0])]

    def _next(self, order: Working, now: int) -> Request | None:
        if order.fate is Fate.WANTED:
            return self._send(order, now)
        if order.leg == STOP and order.fate is Fate.UNKNOWN:
            self._in_time(order, now)
        if order.fate is Fate.UNKNOWN or (order.fate is Fate.OPEN and not order.accepted):
            return self._ask(order, now)
        if order.fate is Fate.OPEN:
            return self._attend(order, now)
        return None

    def _send(self, order: Working, now: int) -> Request | None:
        if not self._book.is_wanted(order):
            self._telling.end(order, CANCELLED)
            return None
        if order.leg == ENTRY and not self._may_enter(order, now):
            return None
        if order.leg == STOP and not self._in_time(order, now):
            return None
        if now < order.next_at or not self._locks.free(order):
            return None
        try:
            approved = self._approve(order)
        except Refused as error:
            self._telling.give_up(order, error, now)
            return None
        order.sent(now)
        self._book.activity[order.k] += 1
        return Place(order.client_id, approved)

    def _approve(self, order: Working) -> Approved[NewOrder]:
        if order.leg != ENTRY:
            return approve_exit(order.new)
        return approve(order.new, self._book.instruments[order.k], self._bounds(order.k))

    def _may_enter(self, order: Working, now: int) -> bool:
        """An entry waits until everything before it is settled, and grows stale while it waits."""
        others = [o for o in self._book.live(order.k) if o is not order]
        if self._reconciler.ready(order.k) and not others and not self._book.orphans[order.k]:
            return True
        if now - order.wanted_at >= self._patience.entry:
            self._telling.end(order, EXPIRED)
        return False

    def _in_time(self, order: Working, now: int) -> bool:
        """Whether a stop that does not rest yet has time left; otherwise the core is told that there will be none.

        A venue that does not answer at all says nothing against a stop.
        """
        time = self._patience.stop
        if order.fate is Fate.UNKNOWN or order.tries > 1:  # it may rest, or was sent again after it was known not to
            time += self._capabilities.request_window + self._patience.margin
        if now - order.wanted_at < time or self._book.resting_stop(order.k, order):
            return True
        if not self._book.is_wanted(order) or self._book.held[order.k] == 0:
            return True
        if order.fate is Fate.UNKNOWN and order.absences < SURE:
            return True
        text = f"{order.new.symbol}: the stop did not come to rest in time; the position is closed at market."
        self._telling.tell(Finding("no_stop", text, order.new.symbol, "CRITICAL"))
        if order.fate is Fate.WANTED:
            self._telling.end(order, REJECTED, now=now)
            return False
        del self._book.wanted[order.k, order.leg]
        order.told = True
        self._telling.report(
            Report(CMD_ORDER_END, order.k, {"number": order.number, "leg": STOP, "code": REJECTED, "flag": 0})
        )
        return False

    def _ask(self, order: Working, now: int) -> Request | None:
        if order.asking or now < order.next_at:
            return None
        order.asking = True
        return Lookup(order.client_id, order.new.symbol, order.conditional)

    def _attend(self, order: Working, now: int) -> Request | None:
        """What an order at the venue needs: its executions, an answer, or to be cancelled."""
        if order.status is not None or order.filled > order.counted:
            if order.complete:
                self._telling.settle(order, now)
                return None
            return self._fetch(order, now)
        wanted = self._book.is_wanted(order) and not self._locks.must_yield(order)
        if not wanted and self._dispensable(order) and not order.cancelling:
            if now >= order.cancel_at:
                order.cancelling = True
                return Cancel(order.client_id, order.new.symbol, order.conditional)
            if order.next_at > 0:
                return self._ask(order, now)
        elif 0 < order.next_at <= now:
            order.next_at = 0
            order.asking = True
            return Lookup(order.client_id, order.new.symbol, order.conditional)
        return None

    def _fetch(self, order: Working, now: int) -> Request | None:
        if order.fetching or now < order.next_at:
            return None
        venue_id = order.child_id if order.conditional else order.venue_id
        if not venue_id:
            return self._ask(order, now)
        order.fetching = True
        return FetchFills(order.new.symbol, order.decided_at - OVERLAP_MS, order.client_id, venue_id)

    def _dispensable(self, order: Working) -> bool:
        """Whether an order that is not wanted may be taken out now. A stop stays until the position is flat or another
        stop rests, a target until its new revision does."""
        if order.leg == STOP and self._locks.active:
            return True  # its successor, or the way out, waits for what it locks
        if order.leg == STOP:
            wanted = self._book.wanted.get((order.k, STOP))
            rests = wanted is not None and wanted.accepted and wanted.alive
            return rests or self._book.held[order.k] == 0
        wanted = self._book.wanted.get((order.k, order.leg))
        return wanted is None or wanted.number != order.number or (wanted.accepted and wanted.fate is Fate.OPEN)


def _urgency(order: Working) -> int:
    return 0 if order.leg == EXIT else 1 if order.leg == STOP else 3 if order.leg == ENTRY else 2
