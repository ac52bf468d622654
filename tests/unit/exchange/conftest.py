"""A box without sockets: a market that is stepped by hand, and signed requests."""

import hashlib
import hmac
import itertools
from decimal import Decimal
from urllib.parse import urlencode

import pytest

from triplane.data.clock import ManualClock
from triplane.exchange.opening import open_exchange
from triplane.exchange.rest import handle
from triplane.exchange.sockets import ClientConnection

NOW = 1_760_000_040_000  # a whole minute


class Box:
    """An exchange, its clock, and one client of it."""

    def __init__(self, **options):
        self.clock = ManualClock(NOW, auto=False)
        self.x = open_exchange(clock=self.clock, accounts=["k:s:10000", "other:s2:500"], **options)
        self.account = self.x.accounts["k"]
        self.market = self.x.markets["BTCUSDT"]
        self.numbers = itertools.count(1)

    def ask(self, method, path, key="k", secret="s", **params):
        """Status and body of a signed request."""
        params.setdefault("timestamp", self.x.wall())
        query = urlencode({k: str(v).lower() if isinstance(v, bool) else v for k, v in params.items()})
        signature = hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        reply = handle(
            self.x,
            method,
            path if path.startswith("/") else f"/fapi/v1/{path}",
            query + f"&signature={signature}",
            "",
            key,
        )
        self.reply = reply
        return reply.status, reply.body

    def ok(self, method, path, **params):
        status, body = self.ask(method, path, **params)
        assert status == 200, body
        return body

    def code(self, method, path, **params):
        return self.ask(method, path, **params)[1]["code"]

    def order(self, side="BUY", quantity="0.01", **more):
        more = {"symbol": "BTCUSDT", "type": "LIMIT" if "price" in more else "MARKET", **more}
        if more["type"] == "LIMIT":
            more.setdefault("timeInForce", "GTC")
        return self.ok("POST", "order", side=side, quantity=quantity, **more)

    def algo(self, side="SELL", kind="STOP_MARKET", **more):
        return self.ok("POST", "algoOrder", algoType="CONDITIONAL", symbol="BTCUSDT", side=side, type=kind, **more)

    def price(self, price):
        self.x.step(self.market, Decimal(str(price)))

    @property
    def last(self):
        return float(self.market.last * self.market.tick)

    def listen(self, *names, route="", combined=False):
        """A socket whose texts are kept."""
        socket = RecordingSocket()
        self.x.hub.connect(ClientConnection(socket, route, combined, self.clock.now_ms()), list(names))
        return socket

    def user(self):
        return self.listen(self.ok("POST", "listenKey")["listenKey"])


class RecordingSocket:
    """What a client hears."""

    def __init__(self):
        self.texts, self.closed = [], None

    def send(self, text):
        self.texts.append(text)

    def close(self, code):
        self.closed = code

    def received(self):
        import orjson

        out, self.texts = [orjson.loads(text) for text in self.texts], []
        return out

    def summary(self):
        """Events in short: kind, and status where there is one."""
        return [(e["e"], e["o"].get("x", e["o"]["X"])) if "o" in e else e["e"] for e in self.received()]


@pytest.fixture
def box():
    made = Box()
    made.price(60_000)
    return made


@pytest.fixture
def make_box():
    return Box
