"""What the executor tells: the core that an order is over, and people what they should know."""

from collections.abc import Callable
from typing import Final

from triplane.execution.book import Book
from triplane.execution.messages import Finding, Report
from triplane.execution.orders import Fate, Working
from triplane.execution.patience import Patience
from triplane.kernel.records import CANCELLED, CMD_ORDER_END, ENTRY, EXIT, EXPIRED, REJECTED, STOP
from triplane.venues.base import OrderStatus
from triplane.venues.errors import Refused, Why

ENDS: Final = {OrderStatus.EXPIRED: EXPIRED, OrderStatus.REJECTED: REJECTED}


class Telling:
    """Reports that wait for the core, and findings that wait for a person.

    Attributes
    ----------
    findings, confirmed
        What a person should know, and orders that the venue has confirmed; whoever runs the executor takes them.
    soon
        Asks for a look at the venue.
    """

    def __init__(self, book: Book, patience: Patience) -> None:
        self.findings: list[Finding] = []
        self.confirmed: list[Working] = []
        self.soon: Callable[[], None] = lambda: None
        self._book, self._patience = book, patience
        self._reports: list[tuple[int, Report]] = []  # not before this time
        self._exit_tries = [0] * len(book.instruments)

    def tell(self, finding: Finding) -> None:
        self.findings.append(finding)

    def report(self, report: Report, at: int = 0) -> None:
        self._reports.append((at, report))

    def take_report(self, now: int) -> Report | None:
        """The next report that the core must hear, oldest first. Its rows come back by :meth:`on_rows`."""
        for i, (at, report) in enumerate(self._reports):
            if at <= now:
                del self._reports[i]
                return report
        return None

    def take(self) -> tuple[list[Working], list[Finding]]:
        """Confirmed orders and findings, each once."""
        confirmed, findings = self.confirmed, self.findings
        self.confirmed, self.findings = [], []
        return confirmed, findings

    # ---------------------------------------------------------------------------------------------- ends of orders
    def give_up(self, order: Working, error: Refused, now: int) -> None:
        text = f"{order.new.symbol}: the order {order.client_id} was refused: {error}"
        self.tell(Finding("order_refused", text, order.new.symbol))
        past = error.why is Why.WOULD_TRIGGER
        old = self._book.resting_stop(order.k, order) if order.leg == STOP and not past else None
        if old is not None:  # it stays, and the next move is one from there
            self._book.close(order)
            self._book.wanted[order.k, STOP] = old
            return
        self.end(order, REJECTED, past=past, now=now)

    def end(self, order: Working, code: int, *, past: bool = False, now: int = 0) -> None:
        """An order is over; the core hears of it when it still reckons with it."""
        concerned = self._book.is_wanted(order) or order.leg == ENTRY
        self._book.close(order)
        if order.told or not concerned:
            return
        order.told = True
        fields = {"number": order.number, "leg": order.leg, "code": code, "flag": int(past)}
        later = 0
        if order.leg == EXIT:  # the core asks for another exit at once: give the venue time
            self._exit_tries[order.k] += 1
            later = now + self._patience.backoff(self._exit_tries[order.k])
            self.soon()
        self.report(Report(CMD_ORDER_END, order.k, fields), later)

    def settle(self, order: Working, now: int) -> None:
        """Finish an order whose end is known and whose executions are all counted."""
        if order.fate is Fate.DONE or not order.complete:
            return
        if order.leg == EXIT and order.counted:
            self._exit_tries[order.k] = 0
        self.end(order, ENDS.get(order.status or OrderStatus.CANCELLED, CANCELLED), now=now)
