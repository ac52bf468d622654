"""Serving an application on a socket of 127.0.0.1 while something else goes on."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from triplane.api.server import make_server
from triplane.exchange.market_clock import MarketClock
from triplane.exchange.server import App
from triplane.flow.lifetime import work_until


async def serve_while(work: Awaitable[None], app: Any, listener: socket.socket, **options: Any) -> None:
    """Serve until the work returns; raises what ended the server or the work before."""
    server = make_server(app, **options)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await work_until(work, asyncio.shield(serving))  # it is asked to stop, not cut off
    finally:
        server.should_exit = True
        await serving


async def serve_box(
    market_clock: MarketClock, listener: socket.socket, work: Callable[[str, str], Awaitable[None]]
) -> None:
    """Serve an exchange in a box; the work is given its REST and its socket address, and can use them."""
    app, address = App(market_clock), f"127.0.0.1:{listener.getsockname()[1]}"

    async def when_ready() -> None:
        await app.ready.wait()
        await work(f"http://{address}", f"ws://{address}")

    await serve_while(
        when_ready(), app, listener,
        log_level="critical", ws_ping_interval=180.0, ws_ping_timeout=600.0, timeout_graceful_shutdown=1,
    )  # fmt: skip
