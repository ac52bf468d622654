"""The spot side of the box: signed requests under /api/v3, and sockets of the WebSocket API."""

import hashlib
import hmac
import itertools

import orjson
import pytest

from triplane.exchange.sockets import ClientConnection


class RecordingSocket:
    """What a client hears."""

    def __init__(self):
        self.texts, self.closed = [], None

    def send(self, text):
        self.texts.append(text)

    def close(self, code):
        self.closed = code

    def received(self):
        out, self.texts = [orjson.loads(text) for text in self.texts], []
        return out


class ApiConnection(RecordingSocket):
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
        return self.received()[-1] if self.texts else None

    def subscribe(self, key="k", secret="s", **more):
        params = {"apiKey": key, "timestamp": self.spot.x.wall(), **more}
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        params["signature"] = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        return self.ask("userDataStream.subscribe.signature", **params)

    def events(self):
        return [message["event"] for message in self.received()]


class Spot:
    """One client of spot."""

    def __init__(self, box):
        self.box, self.x, self.dialect = box, box.x, box.x.dialects["spot"]
        self.account = self.dialect.accounts["k"]

    def ask(self, method, path, **params):
        return self.box.ask(method, f"/api/v3/{path}", **params)

    def ok(self, method, path, **params):
        return self.box.ok(method, f"/api/v3/{path}", **params)

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
        self.box.price(price)

    def owns(self, asset):
        """Free and locked."""
        rows = {row["asset"]: row for row in self.ok("GET", "account")["balances"]}
        return rows[asset]["free"], rows[asset]["locked"]

    def connection(self):
        return ApiConnection(self)

    def user(self):
        connection = self.connection()
        assert connection.subscribe()["status"] == 200
        return connection

    def listen(self, *names, combined=False):
        socket = RecordingSocket()
        self.x.hub_of("spot").connect(ClientConnection(socket, "spot", combined, self.x.clock.now_ms()), list(names))
        return socket


@pytest.fixture
def spot(box):
    return Spot(box)


@pytest.fixture
def make_spot(make_box):
    return lambda: Spot(make_box())
