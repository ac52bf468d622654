"""A venue in memory that does what a test tells it, and what it has done can be counted."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from triplane.data.instruments import Instrument
from triplane.errors import BadInput
from triplane.venues.base import (
    ZERO,
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
SYMBOL = "BTCUSDT"
PRICE = D(50_000)


@dataclass
class Carried:
    """The request is carried out, and then its answer is this error."""

    error: Exception


@dataclass
class Held:
    """The request is carried out once ``gate`` is set; ``begun`` tells that it has arrived."""

    gate: asyncio.Event
    begun: asyncio.Event


class FakeVenue:
    """Market orders fill at once at ``price``, all others rest until :meth:`fill`.

    ``will(method, outcome, …)`` says what becomes of the next calls of a method: an exception (nothing is carried
    out), :class:`Carried`, :class:`Held`, or None for the usual.
    """

    name = "fake"

    def __init__(self, capabilities=None, symbols=(SYMBOL, "ETHUSDT")):
        self.capabilities = capabilities or Capabilities()
        self.time = 1_700_000_000_000
        self.price = PRICE
        self.orders = {}
        self.positions = defaultdict(Decimal)
        self.trades = []
        self.sent = []  # every order that was carried out
        self.asked = []  # every call, (method, client id or symbol)
        self.hidden = set()  # client ids that lookups do not find
        self.remembered = []
        self.problems = []
        self.queue = asyncio.Queue()
        self._script = defaultdict(list)
        self._rules = {name: Instrument(name, D("0.1"), D("0.001"), D("0.001"), D(5)) for name in symbols}

    def will(self, method, *outcomes):
        self._script[method] += outcomes

    async def _call(self, method, about):
        """Note a call; returns the error to raise after it."""
        self.asked.append((method, about))
        await asyncio.sleep(0)
        outcome = self._script[method].pop(0) if self._script[method] else None
        if isinstance(outcome, Held):
            outcome.begun.set()
            await outcome.gate.wait()
        elif isinstance(outcome, Carried):
            return outcome.error
        elif outcome is not None:
            raise outcome
        return None

    def remember(self, orders):
        self.remembered = list(orders)

    async def open(self):
        await self._call("open", "")
        self.queue.put_nowait(StreamState(StreamStatus.UP, "connected", self.time))

    async def close(self):
        self.queue.put_nowait(None)

    def now_ms(self):
        return self.time

    async def instruments(self, symbols):
        await self._call("instruments", ",".join(symbols))
        for symbol in symbols:
            if symbol not in self._rules:
                raise BadInput(f"{symbol} is not traded here")
        return [self._rules[symbol] for symbol in symbols]

    async def check_keys(self):
        await self._call("check_keys", "")

    async def prepare(self, symbols, leverage, *, resume=False):
        await self._call("prepare", ",".join(symbols))
        return [*self.problems, *(["resumed"] if resume else [])]

    async def place(self, order):
        new: NewOrder = order.value
        error = await self._call("place", new.client_id)
        self.sent.append(new)
        report = OrderReport(
            new.client_id, new.symbol, new.side, new.type, OrderStatus.OPEN, new.quantity, price=new.price,
            trigger=new.trigger, reduce_only=new.reduce_only, venue_id=str(len(self.sent)), updated=self.time,
        )  # fmt: skip
        self.orders[new.client_id] = report
        if new.type is OrderType.MARKET:
            self.fill(new.client_id)
        if error is not None:
            raise error
        return report

    def fill(self, client_id, quantity=None):
        """Execute an order."""
        order = self.orders[client_id]
        quantity = quantity or order.quantity - order.filled
        filled = order.filled + quantity
        status = OrderStatus.FILLED if filled == order.quantity else OrderStatus.OPEN
        self.orders[client_id] = replace(order, filled=filled, average=self.price, status=status)
        self.positions[order.symbol] += order.side * quantity
        trade = Execution(
            order.symbol, str(len(self.trades) + 1), order.venue_id, client_id, order.side, self.price, quantity,
            quantity * self.price * D("0.0005"), "USDT", False, self.time,
        )  # fmt: skip
        self.trades.append(trade)
        self.queue.put_nowait(trade)
        self.queue.put_nowait(self.orders[client_id])

    def _found(self, symbol, client_id):
        order = self.orders.get(client_id)
        if order is None or order.symbol != symbol or client_id in self.hidden:
            raise NotFound(f"there is no order {client_id}", "-2013")
        return order

    async def cancel(self, symbol, client_id, *, conditional):
        error = await self._call("cancel", client_id)
        order = self._found(symbol, client_id)
        if order.status.final:
            raise NotFound(f"{client_id} is not open", "-2011")
        self.orders[client_id] = replace(order, status=OrderStatus.CANCELLED)
        self.queue.put_nowait(self.orders[client_id])
        if error is not None:
            raise error

    async def order(self, symbol, client_id, *, conditional):
        await self._call("order", client_id)
        return self._found(symbol, client_id)

    async def fills(self, symbol, *, since, venue_order_id=""):
        await self._call("fills", symbol)
        return [
            trade for trade in self.trades
            if trade.symbol == symbol and trade.time >= since and venue_order_id in ("", trade.venue_order_id)
        ]  # fmt: skip

    async def funding(self, symbol, *, since):
        await self._call("funding", symbol)
        return []

    async def snapshot(self, symbols):
        await self._call("snapshot", ",".join(symbols))
        positions = [
            PositionReport(symbol, self.positions[symbol], self.price, self.price)
            for symbol in symbols if self.positions[symbol]
        ]  # fmt: skip
        working = [order for order in self.orders.values() if order.symbol in symbols and not order.status.final]
        return Snapshot(self.time, tuple(positions), tuple(working), Balance("USDT", D(10_000), D("9000.5")))

    async def events(self):
        while (event := await self.queue.get()) is not None:
            yield event


def market(client_id, quantity="0.01", side=1, **more):
    """A market order."""
    return NewOrder(client_id, SYMBOL, side, OrderType.MARKET, D(quantity), **more)


def limit(client_id, price="49000", quantity="0.01", side=1, **more):
    """A limit order."""
    return NewOrder(client_id, more.pop("symbol", SYMBOL), side, OrderType.LIMIT, D(quantity), D(price), **more)


def stop(client_id, trigger="48000", quantity="0.01", side=-1, **more):
    """A stop that can only reduce."""
    return NewOrder(
        client_id, SYMBOL, side, OrderType.STOP_MARKET, D(quantity), trigger=D(trigger),
        reduce_only=more.pop("reduce_only", True),
    )  # fmt: skip


__all__ = ["PRICE", "SYMBOL", "ZERO", "Carried", "FakeVenue", "Held", "limit", "market", "stop"]
