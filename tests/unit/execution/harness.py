"""An order manager without a session: intents go in by hand, requests and reports come out; time stands still."""

from decimal import Decimal

import numpy as np

from triplane.data.instruments import Instrument
from triplane.execution import messages as m
from triplane.execution.order_manager import OrderManager
from triplane.execution.orders import WorkingOrder
from triplane.kernel import codes
from triplane.kernel.codes import CommandKind, Leg, RowKind
from triplane.kernel.rows import OUTPUT
from triplane.venues.base import (
    Balance,
    Capabilities,
    Execution,
    NewOrder,
    OrderReport,
    OrderStatus,
    OrderType,
    PositionReport,
    Snapshot,
    StreamState,
    StreamStatus,
)
from triplane.venues.errors import NotFound

D = Decimal
START = 1_700_000_000_000
SYMBOL = "BTCUSDT"
RULES = Instrument(SYMBOL, D("0.1"), D("0.001"), D("0.001"), D("100"))
PRICE = D(50_000)
SESSION = "s"
ABSENT = NotFound("there is none", "-2013")


class Harness:
    """Drives one order manager."""

    def __init__(self, capabilities=None, instruments=(RULES,), **more):
        self.now = START
        self.manager = OrderManager(SESSION, instruments, capabilities or Capabilities(), **more)
        self.blotter = self.manager.blotter
        self.reported = []  # reports to the core
        self.trades = 0

    # ------------------------------------------------------------------------------------------------ from the core
    def rows(self, kind, again=False, **fields):
        row = np.zeros(1, OUTPUT)
        row["kind"], row["time"], row["decision"] = kind, self.now, 1
        for name, value in fields.items():
            row[name] = value
        self.manager.on_rows(row, self.now, again=again)

    def place(self, leg, number, lots=10, side=None, kind=None, price=None, trigger=None, **more):
        """An intent of a long position; returns the order."""
        types = codes.OrderType
        if kind is None:
            target = types.TAKE_PROFIT_MARKET if Leg.EXIT > leg >= Leg.TP1 else types.MARKET
            kind = types.STOP_MARKET if leg == Leg.STOP else target
        trigger = (
            trigger or {Leg.STOP: "49000", Leg.TP1: "51000"}.get(leg, "52000")
            if types.labels[kind].endswith("t_market")
            else None
        )
        more |= {"price_ticks": RULES.ticks(D(price)) if price else 0}
        more |= {"trigger_ticks": RULES.ticks(D(trigger)) if trigger and kind in (2, 3) else 0}
        side = side or (1 if leg == Leg.ENTRY else -1)
        self.rows(
            RowKind.PLACE,
            leg=leg,
            order=number,
            type=kind,
            side=side,
            quantity_lots=lots,
            flag=int(leg != Leg.ENTRY),
            **more,
        )
        return self.blotter.wanted[0, leg]

    def amend(self, leg, number, revision, trigger="49500", lots=10):
        self.rows(
            RowKind.AMEND,
            leg=leg,
            order=number,
            bits=revision,
            trigger_ticks=RULES.ticks(D(trigger)),
            quantity_lots=lots,
        )
        return self.blotter.wanted.get((0, leg))

    def cancel(self, leg, number):
        self.rows(RowKind.CANCEL, leg=leg, order=number)

    # --------------------------------------------------------------------------------------------------- time passes
    def plan(self, after=0):
        """The next requests, a moment later."""
        self.now += after
        return self.manager.plan(self.now)

    def orders(self, after=0, of=m.PlaceOrder):
        """The next requests of one kind."""
        return [r for r in self.plan(after) if isinstance(r, of)]

    def reports(self, *kinds):
        """The reports to the core so far."""
        while (report := self.manager.take_report(self.now)) is not None:
            self.reported.append(report)
        return [r for r in self.reported if not kinds or r.kind in kinds]

    def fills(self):
        return self.reports(CommandKind.FILL)

    def ends(self):
        return self.reports(CommandKind.ORDER_END)

    def codes(self):
        return [finding.code for finding in self.manager.findings]

    # ---------------------------------------------------------------------------------------------------- the venue
    def answer(self, request, answer):
        self.manager.on_answer(request, answer, self.now)

    def event(self, event):
        self.manager.on_event(event, self.now)

    def report(self, order, status=OrderStatus.OPEN, filled="0", **more):
        """What the venue says of an order of ours."""
        new = order.new
        ids = {"venue_id": more.pop("venue_id", f"v-{new.client_id}")}
        said = {"price": new.price, "trigger": new.trigger, "reduce_only": new.reduce_only, "updated": self.now}
        return OrderReport(
            new.client_id, new.symbol, new.side, new.type, status, new.quantity, D(filled), **said | ids | more
        )

    def fill(self, order, lots=None, trade=None, **more):
        """An execution of an order of ours."""
        self.trades += 1
        quantity = order.new.quantity if lots is None else RULES.quantity(lots)
        said = {"venue_order_id": f"v-{order.client_id}", "client_id": order.client_id, "side": order.new.side}
        said |= {"price": PRICE, "fee": D("0.1"), "fee_asset": "USDT", "maker": False, "time": self.now}
        return Execution(SYMBOL, trade or str(self.trades), quantity=quantity, **said | more)

    def snapshot(self, lots=None, orders=(), wallet="10000", price=PRICE):
        """What the venue has open; by default what the blotter holds."""
        held = RULES.quantity(self.blotter.held[0] if lots is None else lots)
        positions = (PositionReport(SYMBOL, held, price, price),) if held else ()
        return Snapshot(self.now, positions, tuple(orders), Balance("USDT", D(wallet), D(wallet)))

    def stream(self, state=StreamStatus.UP):
        self.event(StreamState(state, "", self.now))

    def ready(self, lots=None):
        """The stream is up and the blotter is right."""
        self.stream()
        for _ in range(20):
            for request in self.orders(400, m.TakeSnapshot):
                self.answer(request, self.snapshot(lots))
            if self.manager.reconciler.ready(0):
                self.reports()
                self.reported.clear()
                return self
        raise AssertionError("the blotter never agreed with the venue")

    def open(self, order, **more):
        """Send an order, and the venue takes it."""
        (request,) = [r for r in self.plan() if isinstance(r, m.PlaceOrder) and r.client_id == order.client_id]
        self.answer(request, self.report(order, **more))
        return order

    def long(self, lots=10, stop=True):
        """A position with its stop; returns the stop, or nothing."""
        entry = self.open(self.place(Leg.ENTRY, 1, lots))
        self.event(self.fill(entry))
        self.event(self.report(entry, OrderStatus.FILLED, entry.new.quantity))
        assert self.blotter.held[0] == lots
        assert entry.fate == "done"
        found = self.open(self.place(Leg.STOP, 2, lots)) if stop else None
        self.reports()
        self.reported.clear()
        return found


def ended(harness):
    """Leg, number and code of the orders whose end the core was told."""
    return [(r.fields["leg"], r.fields["number"], r.fields["code"]) for r in harness.ends()]


def settle_unknown(harness, span, found=ABSENT, lots=None):
    """Answer lookups and snapshots for a while; returns what was placed."""
    placed = []
    for _ in range(span // 250):
        for request in harness.plan(250):
            if isinstance(request, m.PlaceOrder):
                placed.append(request)
            elif isinstance(request, m.QueryOrder):
                harness.answer(request, found)
            elif isinstance(request, m.TakeSnapshot):
                harness.answer(request, harness.snapshot(lots))
            elif isinstance(request, m.FetchExecutions):
                harness.answer(request, [])
    return placed


class Session:
    """Records its commands."""

    def __init__(self):
        self.commands = []

    def command(self, kind, k=0, *, time_ms=None, **fields):
        self.commands.append((kind, fields))

    def of(self, kind):
        return [fields for what, fields in self.commands if what == kind]


def working(kind=OrderType.LIMIT, quantity="0.010", leg=Leg.ENTRY, number=1, name="s.0.1.e.1", side=1):
    """A working order of its own, outside any blotter."""
    trigger = D(49_000) if kind.conditional else None
    price = D(49_000) if kind is OrderType.LIMIT else None
    return WorkingOrder(NewOrder(name, SYMBOL, side, kind, D(quantity), price, trigger), 0, leg, number, 0, 0, 0)


def report(order, status=OrderStatus.OPEN, filled="0", **more):
    """What a venue says of such an order."""
    new = order.new
    return OrderReport(new.client_id, new.symbol, new.side, new.type, status, new.quantity, D(filled), **more)


def execution(order, trade, quantity, **more):
    """One execution of such an order."""
    fields = {"venue_order_id": "7", "client_id": order.client_id, "side": order.new.side, "fee": D("0.1")}
    fields |= {"price": PRICE, "fee_asset": "USDT", "maker": False, "time": 1}
    return Execution(SYMBOL, trade, quantity=D(quantity), **fields | more)
