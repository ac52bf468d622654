"""Serving the exchange in a box on 127.0.0.1."""

import asyncio
import socket

from triplane.api.server import make_server
from triplane.exchange.market_clock import MarketClock
from triplane.exchange.server import App


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
