"""The next step of each order: compares what the core wants with what is known, one request at a time."""

from collections.abc import Callable
from typing import Final

from triplane.execution.blotter import Blotter
from triplane.execution.locked_funds import LockedFunds
from triplane.execution.messages import (
    CancelOrder,
    FetchExecutions,
    Finding,
    PlaceOrder,
    QueryOrder,
    VenueRequest,
)
from triplane.execution.orders import Fate, WorkingOrder
from triplane.execution.reconciler import OVERLAP_MS, Reconciler
from triplane.execution.reports import Reports
from triplane.execution.risk import Bounds, approve, approve_exit
from triplane.execution.timeouts import Timeouts
from triplane.kernel.codes import Leg, OrderEnd
from triplane.venues.base import Approved, Capabilities, NewOrder
from triplane.venues.errors import Refused

ABSENCES: Final = 2
"""How often the venue must not have found a stop before the position is closed for lack of one."""


class Planner:
    """Part of the order manager; see there."""

    def __init__(
        self,
        blotter: Blotter,
        locked_funds: LockedFunds,
        reconciler: Reconciler,
        reports: Reports,
        timeouts: Timeouts,
        capabilities: Capabilities,
        bounds: Callable[[int], Bounds],
    ) -> None:
        self._blotter, self._locked_funds, self._reconciler, self._reports = blotter, locked_funds, reconciler, reports
        self._timeouts, self._capabilities, self._bounds = timeouts, capabilities, bounds

    def plan(self, now: int) -> list[VenueRequest]:
        """The next requests. Exits and stops come first, entries last."""
        out: list[tuple[int, VenueRequest]] = []
        for k in range(len(self._blotter.instruments)):
            for order in self._blotter.live(k):
                request = self._next(order, now)
                if request is not None:
                    out.append((_urgency(order), request))
        return [request for _, request in sorted(out, key=lambda item: item[0])]

    def _next(self, order: WorkingOrder, now: int) -> VenueRequest | None:
        if order.fate is Fate.WANTED:
            return self._send(order, now)
        if order.leg == Leg.STOP and order.fate is Fate.UNKNOWN:
            self._in_time(order, now)
        if order.fate is Fate.UNKNOWN or (order.fate is Fate.OPEN and not order.accepted):
            return self._ask(order, now)
        if order.fate is Fate.OPEN:
            return self._attend(order, now)
        return None

    def _send(self, order: WorkingOrder, now: int) -> VenueRequest | None:
        if not self._blotter.is_wanted(order):
            self._reports.end(order, OrderEnd.CANCELLED)
            return None
        if order.leg == Leg.ENTRY and not self._may_enter(order, now):
            return None
        if order.leg == Leg.STOP and not self._in_time(order, now):
            return None
        if now < order.next_at or not self._locked_funds.free(order):
            return None
        try:
            approved = self._approve(order)
        except Refused as error:
            self._reports.give_up(order, error, now)
            return None
        order.sent(now)
        self._blotter.activity[order.k] += 1
        return PlaceOrder(order.client_id, approved)

    def _approve(self, order: WorkingOrder) -> Approved[NewOrder]:
        if order.leg != Leg.ENTRY:
            return approve_exit(order.new)
        return approve(order.new, self._blotter.instruments[order.k], self._bounds(order.k))

    def _may_enter(self, order: WorkingOrder, now: int) -> bool:
        """An entry waits until everything before it is settled, and expires while it waits."""
        others = [o for o in self._blotter.live(order.k) if o is not order]
        if self._reconciler.ready(order.k) and not others and not self._blotter.orphans[order.k]:
            return True
        if now - order.wanted_at >= self._timeouts.entry:
            self._reports.end(order, OrderEnd.EXPIRED)
        return False

    def _in_time(self, order: WorkingOrder, now: int) -> bool:
        """Whether a stop that does not rest yet has time left; otherwise the core is told that there will be none.

        A venue that does not answer at all says nothing against a stop.
        """
        time = self._timeouts.stop
        if order.fate is Fate.UNKNOWN or order.tries > 1:  # it may rest, or was sent again
            time += self._capabilities.request_window + self._timeouts.margin
        if now - order.wanted_at < time or self._blotter.resting_stop(order.k, order):
            return True
        if not self._blotter.is_wanted(order) or self._blotter.held[order.k] == 0:
            return True
        if order.fate is Fate.UNKNOWN and order.absences < ABSENCES:
            return True
        text = f"{order.new.symbol}: the stop did not come to rest in time; the position is closed at market."
        self._reports.notify(Finding("no_stop", text, order.new.symbol, "CRITICAL"))
        if order.fate is Fate.WANTED:
            self._reports.end(order, OrderEnd.REJECTED, now=now)
            return False
        del self._blotter.wanted[order.k, order.leg]
        self._reports.tell_end(order, OrderEnd.REJECTED)
        return False

    def _ask(self, order: WorkingOrder, now: int) -> VenueRequest | None:
        if order.asking or now < order.next_at:
            return None
        order.asking = True
        return QueryOrder(order.client_id, order.new.symbol, order.conditional)

    def _attend(self, order: WorkingOrder, now: int) -> VenueRequest | None:
        """The next request for an order at the venue: its executions, its state, or to cancel it."""
        if order.status is not None or order.filled > order.counted:
            if order.complete:
                self._reports.settle(order, now)
                return None
            return self._fetch(order, now)
        wanted = self._blotter.is_wanted(order) and not self._locked_funds.must_yield(order)
        if not wanted and self._dispensable(order) and not order.cancelling:
            if now >= order.cancel_at:
                order.cancelling = True
                return CancelOrder(order.client_id, order.new.symbol, order.conditional)
            if order.next_at > 0:
                return self._ask(order, now)
        elif 0 < order.next_at <= now:
            order.next_at = 0
            order.asking = True
            return QueryOrder(order.client_id, order.new.symbol, order.conditional)
        return None

    def _fetch(self, order: WorkingOrder, now: int) -> VenueRequest | None:
        if order.fetching or now < order.next_at:
            return None
        venue_id = order.child_id if order.conditional else order.venue_id
        if not venue_id:
            return self._ask(order, now)
        order.fetching = True
        return FetchExecutions(order.new.symbol, order.decided_at - OVERLAP_MS, order.client_id, venue_id)

    def _dispensable(self, order: WorkingOrder) -> bool:
        """Whether an order that is not wanted may be cancelled now. A stop stays until the position is flat or another
        stop rests, a target until its new revision does.
        """
        if order.leg == Leg.STOP and self._locked_funds.active:
            return True  # its successor, or an exit, waits for what it locks
        if order.leg == Leg.STOP:
            wanted = self._blotter.wanted.get((order.k, Leg.STOP))
            rests = wanted is not None and wanted.accepted and wanted.alive
            return rests or self._blotter.held[order.k] == 0
        wanted = self._blotter.wanted.get((order.k, order.leg))
        return wanted is None or wanted.number != order.number or (wanted.accepted and wanted.fate is Fate.OPEN)


def _urgency(order: WorkingOrder) -> int:
    return 0 if order.leg == Leg.EXIT else 1 if order.leg == Leg.STOP else 3 if order.leg == Leg.ENTRY else 2
