"""The spot side of the desk: signed requests under /api/v3, and sockets of the WebSocket API."""

import hashlib
import hmac
import itertools

import orjson
import pytest

from triplane.exchange.sockets import ClientConnection


class Ear:
    """What a client hears."""

    def __init__(self):
        self.texts, self.closed = [], None

    def send(self, text):
        self.texts.append(text)

    def close(self, code):
        self.closed = code

    def heard(self):
        out, self.texts = [orjson.loads(text) for text in self.texts], []
        return out


class Line(Ear):
    """A connection to the WebSocket API."""

    def __init__(self, spot):
        super().__init__()
        self.spot, self.api, self.numbers = spot, spot.x.hub_of("ws-api"), itertools.count(1)
        self.connection = ClientConnection(self, "ws-api", False, spot.x.clock.now_ms())
        self.api.connect(self.connection, [])

    def ask(self, method, **params):
        """The answer to a request; events that came before are dropped."""
        self.texts.clear()
        self.api.receive(self.connection, orjson.dumps({"id": next(self.numbers), "method": method, "params": params}))
        return self.heard()[-1] if self.texts else None

    def subscribe(self, key="k", secret="s", **more):
        params = {"apiKey": key, "timestamp": self.spot.x.wall(), **more}
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        params["signature"] = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        return self.ask("userDataStream.subscribe.signature", **params)

    def events(self):
        return [message["event"] for message in self.heard()]


class Spot:
    """One client of spot."""

    def __init__(self, desk):
        self.desk, self.x, self.dialect = desk, desk.x, desk.x.dialects["spot"]
        self.account = self.dialect.accounts["k"]

    def ask(self, method, path, **params):
        return self.desk.ask(method, f"/api/v3/{path}", **params)

    def ok(self, method, path, **params):
        return self.desk.ok(method, f"/api/v3/{path}", **params)

    def refusal(self, method, path, **params):
        status, body = self.ask(method, path, **params)
        assert status == 400, body
        return body["code"], body["msg"]

    @staticmethod
    def _order(side, quantity, more):
        more = {"symbol": "BTCUSDT", "type": "LIMIT" if "price" in more else "MARKET", **more}
        if more["type"] in ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"):
            more.setdefault("timeInForce", "GTC")
        return {"side": side, "quantity": quantity, **more}

    def order(self, side="BUY", quantity="0.01", **more):
        return self.ok("POST", "order", **self._order(side, quantity, more))

    def refused(self, side="BUY", quantity="0.01", **more):
        return self.refusal("POST", "order", **self._order(side, quantity, more))

    def price(self, price):
        self.desk.price(price)

    def owns(self, asset):
        """Free and locked."""
        rows = {row["asset"]: row for row in self.ok("GET", "account")["balances"]}
        return rows[asset]["free"], rows[asset]["locked"]

    def line(self):
        return Line(self)

    def user(self):
        line = self.line()
        assert line.subscribe()["status"] == 200
        return line

    def listen(self, *names, combined=False):
        ear = Ear()
        self.x.hub_of("spot").connect(ClientConnection(ear, "spot", combined, self.x.clock.now_ms()), list(names))
        return ear


@pytest.fixture
def spot(desk):
    return Spot(desk)


@pytest.fixture
def make_spot(make_desk):
    return lambda: Spot(make_desk())
