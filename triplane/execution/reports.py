"""Reports of the order manager: to the core that an order is over, and to people what they should know."""

from collections.abc import Callable
from typing import Final

from triplane.execution.blotter import Blotter
from triplane.execution.messages import CoreReport, Finding
from triplane.execution.orders import Fate, WorkingOrder
from triplane.execution.timeouts import Timeouts
from triplane.kernel.codes import CommandKind, Leg, OrderEnd
from triplane.venues.base import OrderStatus
from triplane.venues.errors import Refused, Why

ENDS: Final = {OrderStatus.EXPIRED: OrderEnd.EXPIRED, OrderStatus.REJECTED: OrderEnd.REJECTED}


class Reports:
    """Reports that wait for the core, and findings that wait for a person.

    Attributes
    ----------
    findings, confirmed
        What a person should know, and orders that the venue has confirmed; the execution loop takes them.
    request_snapshot
        Asks for a snapshot of the venue.
    """

    def __init__(self, blotter: Blotter, timeouts: Timeouts) -> None:
        self.findings: list[Finding] = []
        self.confirmed: list[WorkingOrder] = []
        self.request_snapshot: Callable[[], None] = lambda: None
        self._blotter, self._timeouts = blotter, timeouts
        self._reports: list[tuple[int, CoreReport]] = []  # not before this time
        self._exit_tries = [0] * len(blotter.instruments)

    def notify(self, finding: Finding) -> None:
        self.findings.append(finding)

    def report(self, report: CoreReport, at: int = 0) -> None:
        self._reports.append((at, report))

    def take_report(self, now: int) -> CoreReport | None:
        """The next report for the core, oldest first."""
        for i, (at, report) in enumerate(self._reports):
            if at <= now:
                del self._reports[i]
                return report
        return None

    def take_news(self) -> tuple[list[WorkingOrder], list[Finding]]:
        """Confirmed orders and findings, each once."""
        confirmed, findings = self.confirmed, self.findings
        self.confirmed, self.findings = [], []
        return confirmed, findings

    # ---------------------------------------------------------------------------------------------- ends of orders
    def give_up(self, order: WorkingOrder, error: Refused, now: int) -> None:
        text = f"{order.new.symbol}: the order {order.client_id} was refused: {error}"
        self.notify(Finding("order_refused", text, order.new.symbol))
        past = error.why is Why.WOULD_TRIGGER
        old = self._blotter.resting_stop(order.k, order) if order.leg == Leg.STOP and not past else None
        if old is not None:  # it stays, and the next amendment starts from it
            self._blotter.close(order)
            self._blotter.wanted[order.k, Leg.STOP] = old
            return
        self.end(order, OrderEnd.REJECTED, past=past, now=now)

    def end(self, order: WorkingOrder, code: int, *, past: bool = False, now: int = 0) -> None:
        """An order is over; the core is told unless it does not count on it any more."""
        concerned = self._blotter.is_wanted(order) or order.leg == Leg.ENTRY
        self._blotter.close(order)
        if order.reported or not concerned:
            return
        later = 0
        if order.leg == Leg.EXIT:  # the core asks for another exit at once: back off
            self._exit_tries[order.k] += 1
            later = now + self._timeouts.backoff(self._exit_tries[order.k])
            self.request_snapshot()
        self.tell_end(order, code, past=past, at=later)

    def tell_end(self, order: WorkingOrder, code: int, *, past: bool = False, at: int = 0) -> None:
        """Tell the core that it can no longer count on an order."""
        order.reported = True
        fields = {"number": order.number, "leg": order.leg, "code": code, "flag": int(past)}
        self.report(CoreReport(CommandKind.ORDER_END, order.k, fields), at)

    def settle(self, order: WorkingOrder, now: int) -> None:
        """Finish an order whose end is known and whose executions are all counted."""
        if order.fate is Fate.DONE or not order.complete:
            return
        if order.leg == Leg.EXIT and order.counted:
            self._exit_tries[order.k] = 0
        self.end(order, ENDS.get(order.status or OrderStatus.CANCELLED, OrderEnd.CANCELLED), now=now)
