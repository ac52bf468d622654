"""Serving on 127.0.0.1: the port, and the exchange in a box."""

import asyncio
import socket

from triplane.api.server import make_server
from triplane.errors import BadInput
from triplane.exchange.market_clock import MarketClock
from triplane.exchange.server import App


def listen(port: int) -> socket.socket:
    """A listening socket; raises BadInput when the port cannot be had."""
    # with the protocol named, or asyncio would not switch Nagle's algorithm off and every answer took 40 ms
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"port {port} on 127.0.0.1 cannot be used ({reason}); choose another with --port") from None
    return listener


class BoxServer:
    """An exchange in a box on a port, in this process.

    Attributes
    ----------
    rest, sockets
        Its addresses.
    """

    def __init__(self, market_clock: MarketClock, listener: socket.socket) -> None:
        self._app = App(market_clock)
        self._server = make_server(
            self._app, log_level="critical", ws_ping_interval=180.0, ws_ping_timeout=600.0, timeout_graceful_shutdown=1
        )
        self._listener = listener
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        self.rest, self.sockets = f"http://{address}", f"ws://{address}"
        self.serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve; it can be asked when this returns."""
        self.serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        await self._app.ready.wait()

    async def stop(self) -> None:
        """Serve no more."""
        self._server.should_exit = True
        if self.serving is not None:
            await self.serving
