"""A box without sockets that is asked through the codec of MEXC alone."""

import hashlib
import hmac
import json
from decimal import Decimal
from urllib.parse import urlencode

import pytest

from triplane.data.clock import ManualClock
from triplane.exchange.mexc.rest import handle
from triplane.exchange.opening import open_exchange
from triplane.exchange.sockets import ClientConnection
from triplane.venues.base import NewOrder, OrderType
from triplane.venues.keys import Credentials
from triplane.venues.mexc import codec
from triplane.venues.mexc.client_ids import ClientIds
from triplane.venues.mexc.failures import failure
from triplane.venues.mexc.stream import EdgeStream

NOW = 1_760_000_040_000
D = Decimal


class RecordingSocket:
    """A socket that keeps what it hears."""

    def __init__(self, received):
        self.received = received

    def send(self, text):
        self.received.append(text)


class Box:
    """An exchange, asked with codec requests, in one-way mode."""

    def __init__(self):
        self.clock = ManualClock(NOW, auto=False)
        self.x = open_exchange(clock=self.clock, accounts=["k:s:10000"])
        self.mexc = self.x.dialects["mexc"]
        self.account = self.mexc.accounts["k"]
        self.account.hedge = False
        self.market = self.x.markets["BTCUSDT"]
        self.client_ids = ClientIds()
        rows = self.ask(codec.HttpRequest("GET", codec.PUBLIC + "detail", {}))
        self.contracts = {row["symbol"]: codec.contract(row) for row in rows}
        self.btc = self.contracts["BTC_USDT"]
        keys = Credentials("k", "s")
        self.edge = EdgeStream("ws://x/edge", keys, self.contracts, self.client_ids, self.clock, self.clock.now_ms)
        self.received = []
        self.connection = ClientConnection(RecordingSocket(self.received), "edge", False, NOW)
        self.mexc.edge.connect(self.connection, [])
        signature = hmac.new(b"s", f"k{NOW}".encode(), hashlib.sha256).hexdigest()
        login = {"method": "login", "param": {"apiKey": "k", "reqTime": str(NOW), "signature": signature}}
        self.mexc.edge.receive(self.connection, json.dumps(login))
        self.received.clear()

    def ask(self, request):
        """The data of the answer to a request; raises its error."""
        method, path, params = request
        query = urlencode(sorted(params.items())) if method == "GET" and params else ""
        body = json.dumps(params) if method == "POST" else ""
        time = str(self.x.wall())
        signature = hmac.new(b"s", ("k" + time + (body or query)).encode(), hashlib.sha256).hexdigest()
        headers = {"apikey": "k", "request-time": time, "signature": signature}
        reply = handle(self.x, method, path, query, body, headers)
        answer = json.loads(json.dumps(reply.body), parse_float=D)
        error = failure(reply.status, answer, changing=method != "GET", now=self.x.wall())
        if error is not None:
            raise error
        return answer.get("data")

    def new(self, client_id="a", kind=OrderType.MARKET, side=1, quantity="0.01", **more):
        return NewOrder(client_id, "BTC_USDT", side, kind, D(quantity), **more)

    def place(self, *args, hedge=False, **more):
        order = self.new(*args, **more)
        self.client_ids.remember(order)
        report = codec.ack(order, self.ask(codec.place(order, self.btc, 10, hedge=hedge)))
        if order.type.conditional:
            self.client_ids.placed(order.client_id, report.venue_id)
        return report

    def lookup(self, client_id):
        return codec.order_report(self.ask(codec.lookup("BTC_USDT", client_id)), self.btc)

    def plans(self, states=""):
        rows = self.ask(codec.plans("BTC_USDT", states, self.x.wall()))
        return [self.client_ids.plan(codec.plan_report(row, self.btc)) for row in rows]

    def price(self, price):
        self.x.step(self.market, D(price))

    def events(self):
        """What was pushed since the last time, decoded."""
        texts = self.received.copy()
        self.received.clear()
        return [event for text in texts for event in self.edge.read(self.edge.parse(text))]


@pytest.fixture
def box():
    made = Box()
    made.price("60000")
    made.received.clear()
    return made
