"""A server for the page and for the router: it stops within seconds whatever hangs, and accepts connections itself, one
at a time: so the newest gets its turn when a thousand come at once, and running out of descriptors is a matter of
dropping one and going on.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import Any, Final

import uvicorn

from triplane.api.connections import Connection, ConnectionLimits, Socket, State
from triplane.flow.limits import raise_descriptors

GRACE_S: Final = 3
"""For what is being answered when the server is told to stop."""
FORCE_S: Final = 2.0
"""And then for the rest."""
FULL: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
TICKS: Final = 5
"""Of a tenth of a second, between two looks at who is late."""


class Server(uvicorn.Server):
    """A server that leaves the signals to us, keeps strangers from taking it over, and always stops."""

    server_state: State

    def __init__(self, config: uvicorn.Config, limits: ConnectionLimits) -> None:
        super().__init__(config)
        self.server_state = State(limits, raise_descriptors())
        self.accepts = asyncio.Event()
        self._accepting: list[asyncio.Task[None]] = []

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application and accept."""
        await super().startup(sockets=[])
        for listener in sockets or []:
            listener.setblocking(False)
            self._accepting.append(asyncio.create_task(self._accept(listener)))
        self.accepts.set()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client = None
            try:
                client, _ = await loop.sock_accept(listener)
                await loop.connect_accepted_socket(self._connection, client)
            except OSError as error:  # the client went already, or there is no descriptor left
                if client is not None:
                    client.close()
                elif error.errno in FULL:
                    self.server_state.make_room()
                    await asyncio.sleep(0.02)

    def _connection(self) -> Connection:
        return Connection(self.config, self.server_state, self.lifespan.state)

    async def on_tick(self, counter: int) -> bool:
        """Look after the connections."""
        if counter % TICKS == 0:
            self.server_state.sweep(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop within ``GRACE_S + FORCE_S`` seconds: what does not end by then is cut off."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S + FORCE_S):
                await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def make_server(app: Any, limits: ConnectionLimits | None = None, **more: Any) -> Server:
    """A quiet server of an ASGI application."""
    limits = limits or ConnectionLimits()
    settings: dict[str, Any] = {
        "access_log": False,
        "lifespan": "on",
        "log_config": None,  # its loggers are ours, see cli/logs.py: one of its own would block on a full pipe
        "proxy_headers": False,
        "server_header": False,
        "timeout_graceful_shutdown": GRACE_S,
        "timeout_keep_alive": limits.idle_s,
        "ws": Socket,
        "ws_max_size": limits.message_bytes,
    }
    return Server(uvicorn.Config(app, **(settings | more)), limits)
