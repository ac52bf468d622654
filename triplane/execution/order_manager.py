"""The order manager: a state machine that makes the venue's orders match what the core wants, and trusts only evidence.

It does no I/O and knows no clock. In go audit rows (intents), events and answers of the venue; out come requests to the
venue and reports to the core. The same code therefore runs live, and thousands of times on virtual time with every
fault.

The core's rows say which order each leg should have (``Blotter.wanted``). :meth:`OrderManager.plan` compares that with
what is known of the orders at the venue and asks for the next steps: send, query, fetch executions, cancel. Nothing is
sent twice on a guess: an order whose fate is unknown is queried until it is found, or until the evidence says that it
never arrived. A new stop is placed before the old one is cancelled, and a stop is cancelled only when the position is
flat or another stop rests. An entry waits until everything before it is settled. Each execution is counted once.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from msgspec.structs import replace

from triplane.data.instruments import Instrument
from triplane.execution import intents
from triplane.execution.blotter import Blotter
from triplane.execution.locked_funds import LockedFunds
from triplane.execution.messages import (
    CoreReport,
    FetchExecutions,
    FetchFunding,
    Finding,
    PlaceOrder,
    QueryOrder,
    TakeSnapshot,
    VenueRequest,
)
from triplane.execution.orders import Fate, WorkingOrder
from triplane.execution.planner import Planner
from triplane.execution.reconciler import Reconciler
from triplane.execution.reports import Reports
from triplane.execution.risk import Bounds
from triplane.execution.timeouts import Timeouts
from triplane.kernel.codes import CommandKind, Leg, OrderEnd, RowKind
from triplane.venues.base import (
    Capabilities,
    Cause,
    Execution,
    Funding,
    MarginCall,
    OrderReport,
    Snapshot,
    StreamState,
    StreamStatus,
    VenueEvent,
)
from triplane.venues.errors import LATER, NotFound, Refused, VenueError, Why

Rows = np.ndarray[Any, Any]
Answer = OrderReport | Snapshot | list[Execution] | list[Funding] | VenueError | None


class OrderManager:
    """Executes one session at one venue.

    Parameters
    ----------
    bounds
        What an entry of symbol ``k`` must respect now.
    wallet
        The balance according to the core.
    timeouts
        How long to wait for what.

    Attributes
    ----------
    blotter, reconciler, planner, locked_funds, reports
        Its parts: what is known, the comparison with the venue, the next steps, and what is reported.
    """

    def __init__(
        self,
        session_id: str,
        instruments: Sequence[Instrument],
        capabilities: Capabilities,
        *,
        bounds: Callable[[int], Bounds] | None = None,
        wallet: Callable[[], float] | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.session_id = session_id
        self.capabilities = capabilities
        self.timeouts = timeouts or Timeouts()
        self.blotter = Blotter(session_id, instruments, capabilities)
        self.locked_funds = LockedFunds(self.blotter, active=not capabilities.stop_beside_target)
        self.reports = Reports(self.blotter, self.timeouts)
        self.reconciler = Reconciler(self.blotter, self.timeouts, self.reports.notify, self.reports.report, wallet)
        self.reports.request_snapshot = self.reconciler.request_snapshot
        self.planner = Planner(
            self.blotter, self.locked_funds, self.reconciler, self.reports, self.timeouts, capabilities,
            bounds or (lambda _: Bounds()),
        )  # fmt: skip
        self._funded: set[tuple[str, int]] = set()

    # ------------------------------------------------------------------------------------------------- from the core
    def on_rows(self, rows: Rows, now: int, *, again: bool = False) -> None:
        """Take intents; ``again``: they come from the journal, so they may have been sent."""
        for i, kind in enumerate(rows["kind"].tolist()):
            if kind == RowKind.PLACE:
                self._want(intents.placed(self.session_id, self.blotter.instruments, rows[i], now), again)
            elif kind == RowKind.AMEND:
                self._amend(rows[i], now, again)
            elif kind == RowKind.CANCEL:
                self._release(rows[i])

    def _amend(self, row: Any, now: int, again: bool) -> None:
        old = self.blotter.wanted.get((int(row["symbol"]), int(row["leg"])))
        if old is None or old.number != int(row["order"]):
            return  # it ended in the meantime; its end is reported to the core
        self._want(intents.amended(self.session_id, self.blotter.instruments, row, old, now), again)
        if old.fate is Fate.WANTED:
            self.blotter.close(old)

    def _want(self, order: WorkingOrder, again: bool) -> None:
        if again:
            order.lost(order.wanted_at, 0)
        self.blotter.add(order)
        self.blotter.wanted[order.k, order.leg] = order
        self.blotter.activity[order.k] += 1

    def _release(self, row: Any) -> None:
        key = int(row["symbol"]), int(row["leg"])
        order = self.blotter.wanted.get(key)
        if order is None or order.number != int(row["order"]):
            return
        del self.blotter.wanted[key]
        self.blotter.activity[order.k] += 1
        if order.fate is Fate.WANTED:
            self.reports.end(order, OrderEnd.CANCELLED)

    def on_command_again(self, k: int, kind: int, command: Any) -> None:
        """Take a report to the core from the journal (after a restart)."""
        if kind == CommandKind.FILL:
            lots, number = int(command["lots"]), int(command["number"])
            self.blotter.seen(k, int(command["trade"]), int(command["side"]), lots, int(command["time"]))
            if number and command["done"]:
                self._ended_before(k, int(command["leg"]), number)
        elif kind == CommandKind.ORDER_END:
            self._ended_before(k, int(command["leg"]), int(command["number"]))
        elif kind == CommandKind.FUNDING:
            self._funded.add((self.blotter.instruments[k].symbol, int(command["number"])))

    def _ended_before(self, k: int, leg: int, number: int) -> None:
        for order in self.blotter.live(k):
            if order.leg == leg and order.number == number:
                self.blotter.close(order)

    def recovered(self) -> None:
        """The journal has been read: orders that the core no longer wants are settled by the first snapshot."""
        for k in range(len(self.blotter.instruments)):
            for order in self.blotter.live(k):
                if not self.blotter.is_wanted(order) and order.leg != Leg.ENTRY:
                    self.blotter.close(order)

    # ------------------------------------------------------------------------------------------------ from the venue
    def on_event(self, event: VenueEvent, now: int) -> None:
        """Take an event of the private stream."""
        if isinstance(event, OrderReport):
            self._learn(event, now)
        elif isinstance(event, Execution):
            self._fill(event, now)
        elif isinstance(event, Funding):
            self._funding(event)
        elif isinstance(event, StreamState):
            self.reconciler.stream(event.state is StreamStatus.UP)
        elif isinstance(event, MarginCall):
            text = f"The venue warns of liquidation: {', '.join(event.symbols)}."
            self.reports.notify(Finding("margin_call", text, event.symbols[0] if event.symbols else "", "CRITICAL"))

    def _learn(self, report: OrderReport, now: int) -> None:
        order = self.blotter.learn(report, now)
        if order is None:
            return
        if not order.announced and order.accepted:
            order.announced = True
            self.reports.confirmed.append(order)
        if order.filled > order.counted or order.status is not None or order.in_motion:  # the next event may be lost
            order.next_at = max(order.next_at, now + self.timeouts.event)
        self._adopt(order.k, now)
        self.reports.settle(order, now)

    def _fill(self, fill: Execution, now: int) -> None:
        k = self.blotter.index.get(fill.symbol)
        if k is None or not self.blotter.is_new(fill):
            return
        if fill.cause is not Cause.NONE:
            text = f"{fill.symbol}: {fill.quantity} at {fill.price} were closed by the venue ({fill.cause})."
            self.reports.notify(Finding(f"venue_{fill.cause}", text, fill.symbol, "CRITICAL"))
        self._reported(self.blotter.take(fill, now, self.timeouts.orphan))
        for order in self.blotter.live(k) if self.blotter.orphans[k] else ():
            order.next_at = now if order.conditional else order.next_at  # one of these may be its order: ask
        order_of = self.blotter.find(fill.symbol, fill.client_id, fill.venue_order_id)
        if order_of is not None:
            self.reports.settle(order_of, now)

    def _adopt(self, k: int, now: int) -> None:
        if self.blotter.orphans[k]:
            self._reported(self.blotter.adopt_orphans(k, now))

    def _reported(self, reports: list[CoreReport]) -> None:
        for report in reports:
            if not report.fields["number"]:
                symbol = self.blotter.instruments[report.k].symbol
                text = f"{symbol}: an execution that nobody here asked for was taken into the books."
                self.reports.notify(Finding("foreign_fill", text, symbol))
            self.reports.report(report)

    def _funding(self, event: Funding) -> None:
        k = self.blotter.index.get(event.symbol)
        if k is not None and (event.symbol, event.time) not in self._funded:
            self._funded.add((event.symbol, event.time))
            self.reports.report(
                CoreReport(CommandKind.FUNDING, k, {"price": float(event.amount), "number": event.time})
            )

    # ------------------------------------------------------------------------------------------------------- answers
    def on_answer(self, request: VenueRequest, answer: Answer, now: int) -> None:
        """Take the answer to a request, or the error that came instead."""
        if isinstance(request, TakeSnapshot):
            self.reconciler.on_snapshot(request, answer if isinstance(answer, Snapshot) else None, now)
            return
        if isinstance(request, FetchFunding):
            for payment in answer if isinstance(answer, list) else ():
                self.on_event(payment, now)
            return
        if isinstance(request, FetchExecutions):
            self._on_fills(request, answer, now)
            return
        order = self.blotter.orders.get(request.client_id)
        if order is None:
            return  # over and forgotten
        if isinstance(request, PlaceOrder):
            self._on_placed(order, answer, now)
        elif isinstance(request, QueryOrder):
            self._on_found(order, answer, now)
        else:
            self._on_cancelled(order, answer, now)

    def _on_placed(self, order: WorkingOrder, answer: Answer, now: int) -> None:
        if isinstance(answer, OrderReport):
            self._learn(answer, now)
        elif isinstance(answer, Refused) and not order.accepted:
            self._refused(order, answer, now)
        elif isinstance(answer, VenueError):
            order.lost(now, self.timeouts.lookup)
            self.reconciler.request_snapshot()

    def _on_found(self, order: WorkingOrder, answer: Answer, now: int) -> None:
        order.asking = False
        if isinstance(answer, OrderReport):
            order.next_at = 0
            self._learn(answer, now)
        elif isinstance(answer, NotFound):
            self._absent(order, now)
        else:
            order.next_at = now + self._pause(answer, order, now)

    def _on_fills(self, request: FetchExecutions, answer: Answer, now: int) -> None:
        order = self.blotter.orders.get(request.client_id)
        fills = [fill for fill in answer if isinstance(fill, Execution)] if isinstance(answer, list) else None
        if fills is not None:
            for fill in fills:
                own = order is not None and not fill.client_id
                self._fill(replace(fill, client_id=request.client_id) if own else fill, now)
        if order is None:
            self.reconciler.fetched(self.blotter.index[request.symbol], fills is not None)
            return
        order.fetching = False
        if fills is None:
            order.next_at = now + self._pause(answer, order, now)
            return
        order.counted = max(order.counted, sum((fill.quantity for fill in fills), Decimal(0)))
        order.verified = order.verified or order.status is not None
        order.next_at = now + self.timeouts.snapshot_soon
        self.reports.settle(order, now)

    def _on_cancelled(self, order: WorkingOrder, answer: Answer, now: int) -> None:
        order.cancelling = False
        if isinstance(answer, VenueError) and not isinstance(answer, NotFound):
            order.cancel_at = now + self._pause(answer, order, now)
        else:  # done, or there is none open: ask for its state
            order.cancel_at = now + (self.timeouts.hidden if isinstance(answer, NotFound) else 4 * self.timeouts.lookup)
        order.next_at = now + self.timeouts.event

    def _pause(self, answer: Answer, order: WorkingOrder, now: int) -> int:
        if order.fate is not Fate.WANTED:  # sending counts as a try already
            order.tries += 1
        if isinstance(answer, Refused) and answer.retry_at > now:
            return answer.retry_at - now
        return self.timeouts.backoff(min(order.tries, 6))

    # ------------------------------------------------------------------------------------------------------ evidence
    def _absent(self, order: WorkingOrder, now: int) -> None:
        """The venue does not find an order."""
        order.absences += 1
        if order.fate is not Fate.UNKNOWN:
            order.next_at = now + self.timeouts.hidden
            return
        agreed = self.reconciler.agreed_at[order.k]
        window = order.unknown_at + self.capabilities.request_window + self.timeouts.margin
        order.next_at = now + self.timeouts.lookup
        self.reconciler.request_snapshot()
        if now > window and order.absences >= 2 and agreed > window and not self.blotter.orphans[order.k]:
            self._never_arrived(order, now)

    def _never_arrived(self, order: WorkingOrder, now: int) -> None:
        if order.leg == Leg.ENTRY:
            self.reports.end(order, OrderEnd.REJECTED)
        elif self.blotter.is_wanted(order):
            order.fate = Fate.WANTED
            order.unknown_at = 0
            order.next_at = now
        else:
            self.blotter.close(order)

    def _refused(self, order: WorkingOrder, error: Refused, now: int) -> None:
        """The venue did not accept an order."""
        if error.why is Why.DUPLICATE:
            order.accepted = True
            order.fate = Fate.OPEN if order.conditional else Fate.UNKNOWN
            order.unknown_at = 0 if order.conditional else now
            order.next_at = now
            return
        self.reconciler.request_snapshot()
        order.fate = Fate.WANTED
        if order.leg == Leg.ENTRY or error.why not in LATER:
            order.reason = str(error)
            self.reports.give_up(order, error, now)
        else:
            order.next_at = now + self._pause(error, order, now)

    # --------------------------------------------------------------------------------------------------------- steps
    def plan(self, now: int) -> list[VenueRequest]:
        """The next requests; each is in flight until :meth:`on_answer`. Exits and stops come first, entries last."""
        for k, orphans in enumerate(self.blotter.orphans):
            if orphans:
                self._adopt(k, now)
        return self.planner.plan(now) + self.reconciler.plan(now)

    def take_report(self, now: int) -> CoreReport | None:
        """The next report for the core, oldest first. Its rows come back by :meth:`on_rows`."""
        return self.reports.take_report(now)

    @property
    def findings(self) -> list[Finding]:
        """What a person should know and has not seen yet."""
        return self.reports.findings
