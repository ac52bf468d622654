"""A client of MEXC on the box without sockets."""

import hashlib
import hmac
import json
from urllib.parse import urlencode

import pytest

from triplane.exchange.mexc.rest import handle
from triplane.exchange.sockets import ClientConnection


def signed(secret, text):
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class MexcClient:
    """One client, in one-way mode."""

    def __init__(self, box, socket):
        self.box, self.x, self._socket = box, box.x, socket
        self.mexc = box.x.dialects["mexc"]
        self.account = self.mexc.accounts["k"]
        self.account.hedge = False

    def ask(self, method, path, params=None, *, key="k", secret="s", time=None, **more):
        """The body of a signed request's answer."""
        params = params if isinstance(params, list) else {**(params or {}), **more}
        query, body = "", ""
        if method == "POST":
            body = json.dumps(params)
        elif params:
            query = urlencode(sorted(params.items()))
        time = str(self.x.wall() if time is None else time)
        full = path if path.startswith("/") else f"/api/v1/private/{path}"
        headers = {"apikey": key, "request-time": time, "signature": signed(secret, key + time + (body or query))}
        self.reply = handle(self.x, method, full, query, body, headers)
        return self.reply.body

    def ok(self, method, path, params=None, **more):
        body = self.ask(method, path, params, **more)
        assert body.get("success") is True, body
        assert body["code"] == 0
        return body.get("data")

    def code(self, method, path, params=None, **more):
        body = self.ask(method, path, params, **more)
        assert body["success"] is False
        assert body["message"]
        return body["code"]

    def order(self, side, vol=10, **more):
        more = {"symbol": "BTC_USDT", "type": 1 if "price" in more else 5, "openType": 1, "leverage": 10, **more}
        return self.ok("POST", "order/create", side=side, vol=vol, **more)["orderId"]

    def plan(self, side, trigger, trigger_type, vol=10, **more):
        more = {"openType": 1, "executeCycle": 2, "orderType": 5, "trend": 1, "leverage": 10, **more}
        return self.ok(
            "POST", "planorder/place/v2", symbol="BTC_USDT", side=side, vol=vol, triggerPrice=trigger,
            triggerType=trigger_type, **more,
        )  # fmt: skip

    def get(self, number):
        return self.ok("GET", f"order/get/{number}")

    def positions(self):
        rows = self.ok("GET", "position/open_positions")
        return [(r["positionType"], r["holdVol"]) for r in rows]

    def price(self, price):
        self.box.price(price)

    def socket(self, *, login=True):
        """A socket on /edge and what it hears."""
        socket = self._socket()
        socket.connection = ClientConnection(socket, "edge", False, self.box.clock.now_ms())
        socket.say = lambda method, **param: self.mexc.edge.receive(
            socket.connection, json.dumps({"method": method, "param": param})
        )
        self.mexc.edge.connect(socket.connection, [])
        if login:
            time = str(self.x.wall())
            socket.say("login", apiKey="k", reqTime=time, signature=signed("s", "k" + time))
            assert socket.received()[0]["channel"] == "rs.login"
        return socket


@pytest.fixture
def client(box):
    return MexcClient(box, type(box.listen()))
