"""The smallest venue that can do everything wrong: what it is asked arrives late, what it says gets lost."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from msgspec.structs import replace

from triplane.data.instruments import Instrument
from triplane.execution import messages as m
from triplane.venues.base import (
    Balance,
    Execution,
    NewOrder,
    OrderReport,
    OrderStatus,
    OrderType,
    PositionReport,
    Snapshot,
)
from triplane.venues.errors import NotFound, Refused, Why

D = Decimal
PRICE = D(100)
SYMBOL = "BTCUSDT"
RULES = Instrument(SYMBOL, D("0.1"), D("0.001"), D("0.001"), D("1"), 0.005)
WINDOW = 5_000


@dataclass
class Flight:
    """A request under way."""

    request: object
    sent_at: int
    arrived: bool = False
    answer: object = None


@dataclass
class Order:
    """An order at the venue."""

    new: NewOrder
    number: int
    status: OrderStatus = OrderStatus.OPEN
    filled: int = 0  # lots
    child: str = ""

    @property
    def lots(self) -> int:
        return RULES.lots(self.new.quantity)

    @property
    def rests(self) -> bool:
        return self.status is OrderStatus.OPEN


@dataclass
class Venue:
    """Orders, executions and the position that they make."""

    now: int = 0
    position: int = 0
    orders: dict[str, Order] = field(default_factory=dict)
    created: Counter[str] = field(default_factory=Counter)
    trades: list[Execution] = field(default_factory=list)
    events: list[object] = field(default_factory=list)  # sent, and not delivered yet
    price: Decimal = PRICE

    def report(self, order: Order) -> OrderReport:
        new = order.new
        return OrderReport(
            new.client_id, SYMBOL, new.side, new.type, order.status, new.quantity, RULES.quantity(order.filled),
            price=new.price, trigger=new.trigger, reduce_only=new.reduce_only, venue_id=str(order.number),
            child_id=order.child, updated=self.now,
        )  # fmt: skip

    def resting(self) -> list[Order]:
        return [order for order in self.orders.values() if order.rests]

    # ------------------------------------------------------------------------------------------------------ requests
    def carry(self, request, half=False):
        """Carry a request out; returns the answer."""
        if isinstance(request, m.PlaceOrder):
            return self._place(request.order.value, half)
        if isinstance(request, m.CancelOrder):
            order = self.orders.get(request.client_id)
            if order is None or not order.rests or order.child:
                return NotFound("there is none open", "-2011")
            return self._end(order, OrderStatus.CANCELLED)
        if isinstance(request, m.QueryOrder):
            found = self.orders.get(request.client_id)
            return self.report(found) if found else NotFound("there is none", "-2013")
        if isinstance(request, m.FetchExecutions):
            mine = [
                f for f in self.trades if f.time >= request.since and request.venue_order_id in ("", f.venue_order_id)
            ]
            return [replace(f, client_id="") for f in mine]
        if isinstance(request, m.TakeSnapshot):
            held = RULES.quantity(self.position)
            positions = (PositionReport(SYMBOL, held, self.price, self.price),) if held else ()
            return Snapshot(self.now, positions, tuple(map(self.report, self.resting())), Balance("USDT", D(1), D(1)))
        return []

    def _place(self, new: NewOrder, half: bool):
        known = self.orders.get(new.client_id)
        if known is not None and known.rests:
            return Refused("open already", "-4116", Why.DUPLICATE)
        self.created[new.client_id] += 1
        order = self.orders[new.client_id] = Order(new, len(self.created) + 100)
        answer = self.report(order)
        self.events.append(answer)
        if new.type is OrderType.MARKET:
            self.fill(order, max(order.lots // 2, 1) if half else order.lots)
        return answer

    def _end(self, order: Order, status: OrderStatus) -> None:
        order.status = status
        self.events.append(self.report(order))

    # ---------------------------------------------------------------------------------------------------- the market
    def fill(self, order: Order, lots: int) -> None:
        """Execute some of an order; what may only reduce ends when there is nothing to reduce."""
        new = order.new
        if new.type.conditional and not order.child:
            order.child = str(order.number + 1_000_000)
        left = order.lots - order.filled
        if new.reduce_only:
            left = min(left, max(-new.side * self.position, 0))
        lots = min(lots, left)
        if lots == 0:
            self._end(order, OrderStatus.EXPIRED)
            return
        order.filled += lots
        self.position += new.side * lots
        trade = Execution(
            SYMBOL, str(len(self.trades) + 1), order.child or str(order.number), new.client_id, new.side, self.price,
            RULES.quantity(lots), D(0), "USDT", False, self.now,
        )  # fmt: skip
        self.trades.append(trade)
        if order.filled == order.lots:
            order.status = OrderStatus.FILLED
        self.events += [trade, self.report(order)]
        if self.position == 0:  # what was about to reduce finds nothing any more
            for other in self.resting():
                if other.new.reduce_only and (other.child or other.new.type is OrderType.MARKET):
                    self._end(other, OrderStatus.EXPIRED)
