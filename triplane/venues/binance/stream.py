"""Binance USDⓈ-M's part of the private stream: its listen key.

The key is the account's, shared by all its programs: it is extended and never deleted. When it ends or cannot be
extended, a new connection is made, which asks for the key anew.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from triplane.data.clock import Clock
from triplane.venues.base import VenueEvent
from triplane.venues.binance import codec
from triplane.venues.keys import hide
from triplane.venues.stream import Rotate, StreamProtocol, WebSocket

EXTEND_EVERY: Final = 1800.0
"""Seconds; a key lives for an hour."""


class ListenKeyStream(StreamProtocol):
    """The stream of an account.

    Parameters
    ----------
    base
        Where sockets are, ``wss://fstream.binance.com``.
    ask
        Creates or extends the key (POST, PUT) and gives it back.
    """

    def __init__(
        self, base: str, ask: Callable[[str], Awaitable[str]], clock: Clock, extend_every: float = EXTEND_EVERY
    ) -> None:
        self._base, self._ask, self._clock, self._extend_every = base, ask, clock, extend_every

    async def address(self) -> str:
        """The socket of the account's key."""
        return f"{self._base}/private/ws?listenKey={hide(await self._ask('POST'))}"

    def read(self, message: Any) -> list[VenueEvent]:
        """What a message says; the end of the key ends the connection."""
        if message.get("data", message).get("e") == "listenKeyExpired":
            raise Rotate("its listen key has ended")
        return codec.events(message)

    async def keep_alive(self, socket: WebSocket) -> None:  # noqa: ARG002 - kept alive over REST
        """Extend the key, for ever."""
        while True:
            await self._clock.sleep(self._extend_every)
            await self._ask("PUT")
