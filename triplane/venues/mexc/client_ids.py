"""Which client id an order of MEXC belongs to, where the venue does not say so.

MEXC keeps no client id of a plan order. Every conditional intent is therefore remembered here before it is sent, and a
plan order of the venue is recognised by its number once an acknowledgement has given it, before that by its contents:
symbol, side, trigger, quantity, kind. Of equal intents the newest without a plan order is meant. Digests of long client
ids are remembered too.

This is a cache and empty after a restart: :meth:`ClientIds.remember` the intents that may be waiting (the journal has
them), and they are recognised again by their contents. A plan order that no intent matches keeps an empty client id.
"""

from typing import Final, TypeVar

from msgspec.structs import replace

from triplane.venues.base import Execution, NewOrder, OrderReport
from triplane.venues.mexc.codec import external

MOST: Final = 10_000
"""Entries of each kind; the oldest go first."""
T = TypeVar("T")


class ClientIds:
    """The cache."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}  # as the venue has it: client id
        self._intents: dict[str, NewOrder] = {}  # conditional ones, by client id
        self._plans: dict[str, str] = {}  # number of a plan order: client id
        self._numbers: dict[str, str] = {}  # the reverse
        self._parents: dict[str, OrderReport] = {}  # number of a child: its plan order
        self._strangers: dict[str, OrderReport] = {}  # orders under a client id of the venue's: maybe children

    # ------------------------------------------------------------------------------------------------ our side
    def remember(self, order: NewOrder) -> None:
        """An intent that is sent now, or that may have been sent before a restart."""
        _keep(self._names, external(order.client_id), order.client_id)
        if order.type.conditional:
            _keep(self._intents, order.client_id, order)

    def forget(self, client_id: str) -> None:
        """The venue has refused it."""
        self._intents.pop(client_id, None)

    def placed(self, client_id: str, number: str) -> None:
        """An acknowledgement told the number of a plan order; it overrides what was assumed before."""
        before = self._plans.get(number)
        if before not in (None, client_id):
            self._numbers.pop(str(before), None)
        _keep(self._plans, number, client_id)
        _keep(self._numbers, client_id, number)

    def knows(self, client_id: str) -> bool:
        """Whether a plan order of this client id could be recognised."""
        return client_id in self._intents or client_id in self._numbers

    def number_of(self, client_id: str) -> str:
        """The number of its plan order; empty while it is not known."""
        return self._numbers.get(client_id, "")

    # ------------------------------------------------------------------------------------------------ their side
    def plan(self, report: OrderReport) -> OrderReport:
        """A plan order under its client id, with the state of its child where that is known."""
        client_id = self._plans.get(report.venue_id) or self._names.get(report.client_id) or self._claim(report)
        if client_id:
            self.placed(client_id, report.venue_id)
        report = replace(report, client_id=client_id or report.client_id)
        if not report.child_id:
            return report
        _keep(self._parents, report.child_id, report)
        child = self._strangers.pop(report.child_id, None)
        return self.order(child) if child else report

    def order(self, report: OrderReport) -> OrderReport:
        """An order under its client id; the child of a plan order as that plan order."""
        parent = self._parents.get(report.venue_id)
        if parent is not None:
            return parent.with_child(report)
        name = self._names.get(report.client_id)
        known = self._strangers.get(report.venue_id)
        if name is None and (known is None or not known.status.final):  # pushes may overtake each other
            _keep(self._strangers, report.venue_id, report)
        return replace(report, client_id=name or report.client_id)

    def fill(self, fill: Execution) -> Execution:
        """A fill under the client id of its order; of a child under that of its plan order."""
        parent = self._parents.get(fill.venue_order_id)
        if parent is not None:
            return replace(fill, client_id=parent.client_id)
        return replace(fill, client_id=self._names.get(fill.client_id, fill.client_id))

    def _claim(self, report: OrderReport) -> str:
        for client_id, intent in reversed(self._intents.items()):
            if client_id not in self._numbers and _alike(intent, report):
                return client_id
        return ""


def _alike(intent: NewOrder, report: OrderReport) -> bool:
    ours = intent.symbol, intent.side, intent.type, intent.trigger, intent.quantity, intent.reduce_only
    return ours == (report.symbol, report.side, report.type, report.trigger, report.quantity, report.reduce_only)


def _keep(where: dict[str, T], key: str, value: T) -> None:
    where.pop(key, None)
    where[key] = value
    if len(where) > MOST:
        del where[next(iter(where))]
