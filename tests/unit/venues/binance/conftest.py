"""Boxes without sockets, asked through the codecs of futures and spot, or by the adapter of spot."""

import hashlib
import hmac
from decimal import Decimal

import orjson
import pytest

from triplane.data.clock import ManualClock
from triplane.exchange.opening import open_exchange
from triplane.exchange.rest import handle
from triplane.exchange.sockets import ClientConnection
from triplane.venues.adapter import Urls
from triplane.venues.base import Approved, NewOrder, OrderType
from triplane.venues.binance import codec, spot_codec
from triplane.venues.binance.failures import failure
from triplane.venues.binance.rest import BinanceRest
from triplane.venues.binance.spot import BinanceSpot, UserDataStream
from triplane.venues.keys import Credentials

NOW = 1_760_000_040_000
D = Decimal


class RecordingSocket:
    """A socket that keeps what it receives."""

    def __init__(self, received):
        self.received = received

    def send(self, text):
        self.received.append(orjson.loads(text))


class FuturesBox:
    """An exchange, asked with the requests of the futures' codec."""

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
        """What was sent since the last time, decoded."""
        messages = self.received.copy()
        self.received.clear()
        return [event for message in messages for event in codec.events(message)]


@pytest.fixture
def box():
    return FuturesBox()


class SpotBox:
    """An exchange, asked with the requests of spot's codec; every one is written down."""

    def __init__(self):
        self.clock = ManualClock(NOW, auto=False)
        self.x = open_exchange(clock=self.clock, accounts=["k:s:10000", "thief:t:1:withdraw"])
        self.market, self.spot = self.x.markets["BTCUSDT"], self.x.dialects["spot"]
        self.asked = []
        self.key, self.secret = "k", "s"
        self.received = []
        api = self.x.hub_of("ws-api")
        connection = ClientConnection(RecordingSocket(self.received), "ws-api", False, NOW)
        api.connect(connection, [])
        text = f"apiKey=k&timestamp={NOW}"
        params = {
            "apiKey": "k",
            "timestamp": NOW,
            "signature": hmac.new(b"s", text.encode(), hashlib.sha256).hexdigest(),
        }
        message = {"id": 1, "method": "userDataStream.subscribe.signature", "params": params}
        api.receive(connection, orjson.dumps(message))
        assert self.received.pop()["status"] == 200

    def ask(self, request):
        """The answer to a request; raises its error."""
        self.asked.append(request)
        query = codec.sign(request.params, self.secret, self.x.wall())
        reply = handle(self.x, request.method, request.path, query, "", self.key)
        error = failure(reply.status, reply.body, reply.headers, changing=request.method != "GET", now=self.x.wall())
        if error is not None:
            raise spot_codec.refined(error)
        return orjson.loads(orjson.dumps(reply.body))

    def new(self, client_id="a", kind=OrderType.MARKET, side=1, quantity="0.1", **more):
        return NewOrder(client_id, "BTCUSDT", side, kind, D(quantity), **more)

    def place(self, *args, **more):
        return spot_codec.order_report(self.ask(spot_codec.place(self.new(*args, **more))))

    def price(self, price):
        self.x.step(self.market, D(price))

    def events(self):
        """What was sent since the last time, decoded."""
        messages = self.received.copy()
        self.received.clear()
        return [event for message in messages for event in spot_codec.events(message["event"])]


class FakeRest:
    """The REST side of the adapter, that asks the box."""

    def __init__(self, box):
        self.box, self.clock = box, self

    async def open(self):
        """Nothing to open."""

    async def close(self):
        """Nothing to close."""

    async def sync(self):
        """The box's clock is the venue's."""

    def now_ms(self):
        return self.box.x.wall()

    check_keys, urls = BinanceRest.check_keys, Urls("http://box", "ws://box", "http://box")

    async def ask(self, request, *, weight=1, urgent=False, order=False):
        return self.box.ask(request)


@pytest.fixture
def spot_box():
    made = SpotBox()
    made.price(60_000)
    return made


@pytest.fixture
async def venue(spot_box):
    """The adapter on the box, opened, and ``place`` of it with an approved order."""
    made = BinanceSpot(Credentials("k", "s"), Urls("http://box", "ws://box", "http://box"), spot_box.clock)
    made._rest = FakeRest(spot_box)
    made._stream._now_ms = spot_box.x.wall
    await made.open()
    made.send = lambda *args, **more: made.place(Approved(spot_box.new(*args, **more)))
    spot_box.asked.clear()
    yield made
    await made.close()


@pytest.fixture
def protocol():
    async def resync():
        protocol.resynced += 1

    protocol = UserDataStream("ws://box", Credentials("k", "s"), lambda: NOW, resync)
    protocol.resynced = 0
    return protocol
