"""A box without sockets that is asked through the codec alone."""

import logging
from decimal import Decimal

import orjson
import pytest

from triplane.data.clock import ManualClock
from triplane.exchange.opening import open_exchange
from triplane.exchange.rest import handle
from triplane.exchange.sockets import ClientConnection
from triplane.venues.base import NewOrder, OrderType
from triplane.venues.binance import codec
from triplane.venues.binance.failures import failure

NOW = 1_760_000_040_000
D = Decimal


class RecordingSocket:
    """A socket that keeps what it hears."""

    def __init__(self, received):
        self.received = received

    def send(self, text):
        self.received.append(orjson.loads(text))


class Box:
    """An exchange, asked with codec requests."""

    def __init__(self):
        self.clock = ManualClock(NOW, auto=False)
        self.x = open_exchange(clock=self.clock, accounts=["k:s:10000"])
        self.market = self.x.markets["BTCUSDT"]
        self.received = []
        key = handle(self.x, "POST", "/fapi/v1/listenKey", "", "", "k").body["listenKey"]
        self.x.hub.connect(ClientConnection(RecordingSocket(self.received), "private", False, NOW), [key])

    def ask(self, request):
        """The answer to a request; raises its error."""
        query = codec.sign(request.params, "s", self.x.wall())
        reply = handle(self.x, request.method, request.path, query, "", "k")
        error = failure(reply.status, reply.body, reply.headers, changing=request.method != "GET", now=self.x.wall())
        if error is not None:
            raise error
        return reply.body

    def place(self, client_id="a", kind=OrderType.MARKET, side=1, quantity="0.01", **more):
        order = NewOrder(client_id, "BTCUSDT", side, kind, D(quantity), **more)
        answer = self.ask(codec.place(order))
        return codec.algo_report(answer) if kind.conditional else codec.order_report(answer)

    def price(self, price):
        self.x.step(self.market, D(price))

    def events(self):
        """What was said since the last time, decoded."""
        messages = self.received.copy()
        self.received.clear()
        return [event for message in messages for event in codec.events(message)]


@pytest.fixture
def box():
    return Box()


@pytest.fixture(autouse=True)
def own_logging():
    """What a test does to logging ends with it."""
    factory = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(factory)
