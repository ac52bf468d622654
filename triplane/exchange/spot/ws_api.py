"""The WebSocket API of spot, ``/ws-api/v3``: ``ping``, ``time``, and the user data stream, which exists only here.

``userDataStream.subscribe.signature`` is signed as a REST request is, over its parameters in alphabetical order. A
request can be hit by faults as one of REST can, as ``WS userDataStream.subscribe.signature``.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from triplane.exchange.errors import Rejected, reject_if
from triplane.exchange.exchange import Exchange
from triplane.exchange.faults import CODES, STATUS, Fault
from triplane.exchange.limits import RateLimited, RateLimits
from triplane.exchange.params import Params, account_of, read_json, verify
from triplane.exchange.sockets import ClientConnection, SocketHub
from triplane.exchange.spot import order_views as events
from triplane.exchange.spot.account import SpotAccount

ROUTE: Final = "ws-api"
WEIGHT: Final = 6000
_WEIGHTS: Final = {"userDataStream.subscribe.signature": 2}


class WebSocketApi(SocketHub):
    """All connections to the WebSocket API."""

    def __init__(self, x: Exchange, accounts: Mapping[str, SpotAccount], limits: RateLimits) -> None:
        super().__init__(x.clock.now_ms)
        self.x, self.accounts, self.limits = x, accounts, limits
        self.subscriptions: dict[ClientConnection, dict[int, str]] = {}  # number: key of the account

    # ------------------------------------------------------------------------------------------------ listening
    def connect(self, connection: ClientConnection, names: list[str]) -> None:
        """A socket was opened."""
        super().connect(connection, names)
        self.subscriptions[connection] = {}

    def disconnect(self, connection: ClientConnection) -> None:
        """A socket is gone."""
        super().disconnect(connection)
        self.subscriptions.pop(connection, None)

    # ------------------------------------------------------------------------------------------------ requests
    def receive(self, connection: ClientConnection, text: str | bytes) -> None:
        """A request of a client."""
        message = read_json(text)
        given = message.get("params") or {} if isinstance(message, dict) else None
        if not isinstance(given, dict):
            connection.socket.send(orjson.dumps(self._error(None, Rejected(-1130, "method"))))
            return
        number, method, p = message.get("id"), str(message.get("method")), Params.of_json(given)
        fault = self.x.faults.request("WS", method, p)
        reply = {} if fault and not fault.accepted else self._answer(connection, number, method, p)
        if fault is None:
            self._reply(connection, reply)
        else:
            self._faulty(connection, number, reply, fault)

    def _answer(self, connection: ClientConnection, number: Any, method: str, p: Params) -> dict[str, Any]:
        try:
            used = self.limits.weigh("127.0.0.1", _WEIGHTS.get(method, 1), self.x.clock.now_ms())
            result = self._carry_out(connection, method, p)
        except Rejected as error:
            return self._error(number, error)
        limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": WEIGHT}
        return {"id": number, "status": 200, "result": result, "rateLimits": [limit | {"count": used}]}

    def _carry_out(self, connection: ClientConnection, method: str, p: Params) -> Any:
        mine = self.subscriptions[connection]
        if method == "ping":
            return {}
        if method == "time":
            return {"serverTime": self.x.wall()}
        if method == "session.subscriptions":
            return [{"subscriptionId": number} for number in mine]
        if method == "userDataStream.subscribe.signature":
            account = account_of(self.accounts, p.required("apiKey"))
            query = "&".join(f"{name}={p[name]}" for name in sorted(p) if name != "signature")
            verify(account, query, "", p, self.x.wall())
            reject_if(account.key in mine.values(), -2035)
            number = max(mine, default=-1) + 1
            mine[number] = account.key
            connection.topics.add(account.key)
            return {"subscriptionId": number}
        if method == "userDataStream.unsubscribe":
            wanted = p.integer("subscriptionId")
            reject_if(wanted is not None and wanted not in mine, -2036)
            for number in list(mine) if wanted is None else [wanted]:
                self._end(connection, number)
            return {}
        raise Rejected(-1130, "method")

    def _error(self, number: Any, error: Rejected, status: int = 0) -> dict[str, Any]:
        body: dict[str, Any] = dict(error.to_dict())
        if isinstance(error, RateLimited):
            now = self.x.wall()
            body["data"] = {"serverTime": now, "retryAfter": now + error.retry_after * 1000}
        return {"id": number, "status": status or error.status, "error": body}

    def _faulty(self, connection: ClientConnection, number: Any, reply: dict[str, Any], fault: Fault) -> None:
        """What becomes of an answer by a fault of its request."""
        what = fault.what
        if what == "timeout":
            return
        if what == "reset":
            self.disconnect(connection)
            connection.socket.close(1006)
        elif what == "delay":
            self.x.later(fault.seconds, lambda: self._reply(connection, reply))
        elif what in CODES or what in STATUS:
            code, status = (int(what), 0) if what in CODES else (-1000, int(what))
            self._reply(connection, self._error(number, Rejected(code), status))
        elif what in ("429", "418"):
            error = RateLimited(-1003, WEIGHT, int(what), round(fault.seconds))
            self._reply(connection, self._error(number, error))
        else:
            self.x.strike(fault, None)
            self._reply(connection, reply)

    def _reply(self, connection: ClientConnection, reply: dict[str, Any]) -> None:
        """Answers pass a mute, as acknowledgements of streams do."""
        if connection in self.connections:
            connection.socket.send(orjson.dumps(reply))

    # ------------------------------------------------------------------------------------------------ speaking
    def user(self, account: SpotAccount, event: dict[str, Any]) -> None:
        """Send an event on an account's user stream."""
        for connection, mine in list(self.subscriptions.items()):
            for number in [n for n, key in mine.items() if key == account.key]:
                self.send(connection, orjson.dumps({"subscriptionId": number, "event": event}))

    def end_streams(self, key: str) -> None:
        """The exchange ends an account's user streams."""
        for connection, mine in list(self.subscriptions.items()):
            for number in [n for n, owner in mine.items() if owner == key]:
                self._end(connection, number)

    def _end(self, connection: ClientConnection, number: int) -> None:
        key = self.subscriptions[connection].pop(number)
        connection.topics.discard(key)
        event = events.stream_terminated(self.x.now)
        connection.socket.send(orjson.dumps({"subscriptionId": number, "event": event}))
