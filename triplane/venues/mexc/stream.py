"""MEXC futures' part of the private stream: one socket, a login, and a ping every 15 seconds.

After the login everything of the account is pushed without a subscription. A ping that is not answered before the next
one is due ends the connection.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import orjson

from triplane.data.clock import Clock
from triplane.errors import DataError
from triplane.venues.base import VenueEvent
from triplane.venues.errors import Refused, Why
from triplane.venues.keys import Credentials
from triplane.venues.mexc import codec
from triplane.venues.mexc.client_ids import ClientIds
from triplane.venues.mexc.codec import Contract
from triplane.venues.stream import Rotate, StreamProtocol, WebSocket

PING: Final = 15.0
"""Seconds between pings; the venue closes connections without one for a minute."""
_PUSH: Final = "push.personal."


class EdgeStream(StreamProtocol):
    """The stream of an account.

    Parameters
    ----------
    address
        ``wss://contract.mexc.com/edge``.
    contracts
        Of the symbols that are traded; events of others are ignored.
    """

    def __init__(
        self,
        address: str,
        keys: Credentials,
        contracts: Mapping[str, Contract],
        client_ids: ClientIds,
        clock: Clock,
        now_ms: Callable[[], int],
        ping: float = PING,
    ) -> None:
        self._address, self._keys, self._contracts, self._client_ids = address, keys, contracts, client_ids
        self._clock, self._now_ms, self._ping = clock, now_ms, ping
        self._pong = True

    def parse(self, text: str | bytes) -> Any:
        """A message with exact numbers; None for a pong."""
        message = json.loads(text, parse_float=Decimal)
        if isinstance(message, dict) and message.get("channel") == "pong":
            self._pong = True
            return None
        return message

    async def log_in(self, socket: WebSocket) -> None:
        time, key = str(self._now_ms()), self._keys.key
        signature = hmac.new(self._keys.secret.encode(), (key + time).encode(), hashlib.sha256).hexdigest()
        await self._say(socket, "login", {"apiKey": key, "reqTime": time, "signature": signature})
        while True:
            message = self.parse(await socket.recv()) or {}
            if message.get("channel") == "rs.login":
                self._pong = True
                return
            if message.get("channel") == "rs.error":
                raise Refused(f"the login was refused: {message.get('data')}"[:200], why=Why.KEYS)

    def read(self, message: Any) -> list[VenueEvent]:
        """The events in a push; none for pushes that are ignored."""
        channel = str(message.get("channel", ""))
        if channel == "rs.error":
            raise Rotate("the venue does not accept what was sent")
        data = message.get("data")
        if not channel.startswith(_PUSH) or not isinstance(data, dict):
            return []
        try:
            return self._read(channel.removeprefix(_PUSH), data, int(message.get("ts") or 0))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{channel} of the venue cannot be read: {error!r}") from None

    def _read(self, kind: str, row: dict[str, Any], time: int) -> list[VenueEvent]:
        if kind == "asset":
            return [codec.balance_change(row, time)]
        if kind == "liquidate.risk":
            return [codec.margin_call(row, time)]
        c = self._contracts.get(str(row.get("symbol")))
        if c is None:
            return []
        if kind == "order":
            return [self._client_ids.order(codec.order_report(row, c))]
        if kind == "order.deal":
            return [self._client_ids.fill(codec.fill(row, c))]
        if kind == "plan.order":
            return [self._client_ids.plan(codec.plan_report(row, c))]
        return []

    async def keep_alive(self, socket: WebSocket) -> None:
        """Ping, for ever."""
        while self._pong:
            self._pong = False
            await self._say(socket, "ping")
            await self._clock.sleep(self._ping)
        raise Rotate("a ping was not answered")

    async def _say(self, socket: WebSocket, method: str, param: dict[str, str] | None = None) -> None:
        await socket.send(orjson.dumps({"method": method} | ({"param": param} if param else {})).decode())
