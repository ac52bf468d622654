"""The page as a process of its own: it folds the stream of facts, serves it, and trades nothing.

No strategy, no compiler and no key is in here. It ends when its supervisor is gone, and with an error when any part of
it fails, so that it is started again.
"""

import asyncio
import gc
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from triplane.api.app import create_app
from triplane.api.auth import Access
from triplane.api.context import Context
from triplane.api.engine_link import EngineLink, Supervisor
from triplane.api.facts_file import FactFiles
from triplane.api.health import Monitor
from triplane.api.kill import KillPath, RouterAddress
from triplane.api.messages import MessageLog
from triplane.api.pages import STATIC
from triplane.api.replica.registry import Replicas
from triplane.api.replica.watch import EngineWatch
from triplane.api.server import FORCE_S, GRACE_S, Server, make_server
from triplane.api.storing import Storing
from triplane.api.stream import Clients
from triplane.api.wire import FrameProtocol
from triplane.errors import TriplaneError
from triplane.flow import child
from triplane.flow.client import FlowClient
from triplane.flow.log import FILE
from triplane.model.facts import Fact
from triplane.model.live import Forming, Health

log = structlog.get_logger(__name__)

QUIET_S: Final = 2.0
"""How long the engine may say nothing before the newest session is read from its file."""


class PageConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a page is told when it starts.

    Attributes
    ----------
    secret, engine_port
        Of the engine's stream.
    data_dir
        Where sessions and the kill switch are.
    database
        File or address.
    fd, port
        The listening socket that it inherits, and its port.
    token
        What a caller must hold.
    router_url, router_token
        Of the process that holds the venue's keys, when there is one.
    hosts, origins
        Under which further names it may be called.
    static
        Folder of the built page.
    """

    secret: str
    engine_port: int
    data_dir: Path
    database: str
    fd: int
    port: int
    token: str
    router_url: str | None = None
    router_token: str = ""
    hosts: list[str] = []
    origins: list[str] = []
    static: Path | None = None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "PageConfig":
        """What of all that was told is for the page."""
        known = {name: told[name] for name in cls.__struct_fields__ if name in told}
        return msgspec.convert(known, cls, dec_hook=lambda kind, value: kind(value), strict=False)

    @property
    def router(self) -> RouterAddress | None:
        """Where the router is."""
        return RouterAddress(self.router_url, self.router_token) if self.router_url else None


class Inflow:
    """Gives the facts to all who want them here."""

    def __init__(self, replicas: Replicas, storing: Storing) -> None:
        self._replicas, self._storing = replicas, storing

    def on_facts(self, facts: Sequence[Fact]) -> None:
        """Take facts of one session, in order."""
        self._storing.on_facts(facts)
        self._replicas.on_facts(facts)

    def on_message(self, message: Health | Forming) -> None:
        """Take what is only true now."""
        self._replicas.on_message(message)


class ParentProcess:
    """The supervisor as it is asked by this process."""

    async def restart_engine(self) -> None:
        """Ask."""
        child.tell({"restart": "engine"})


async def serve(told: Mapping[str, Any]) -> None:
    """Be the page's process until the supervisor is gone; raises what ended it before."""
    await run(PageConfig.of(told), ParentProcess(), child.parent_gone(), _beat)


async def run(
    config: PageConfig, supervisor: Supervisor, gone: Awaitable[None], serving: Callable[[], Awaitable[None]]
) -> None:
    """Serve a page.

    Parameters
    ----------
    supervisor
        Restarts the engine.
    gone
        Ends it.
    serving
        Runs from when callers are served.
    """
    messages, watch = MessageLog(time.time_ns() // 1_000_000), EngineWatch()
    sessions, folder = Replicas(messages, watch), config.data_dir / "sessions"
    storing = Storing(config.database, config.data_dir)
    client = FlowClient(config.engine_port, config.secret, folder, Inflow(sessions, storing))
    link = EngineLink(client, watch, sessions, supervisor)
    clients = Clients(messages)
    monitor = Monitor(watch, sessions, messages, storing, clients.__len__)
    context = Context(
        sessions=sessions,
        messages=messages,
        clients=clients,
        link=link,
        kill=KillPath(link, config.data_dir, config.router),
        storing=storing,
        facts=FactFiles(folder),
        monitor=monitor,
        access=Access(config.token, config.port, config.hosts, config.origins),
    )
    app = create_app(context, config.static or STATIC)
    server = make_server(app, log_level="warning", ws=FrameProtocol, ws_per_message_deflate=False, lifespan="off")
    listener = socket.socket(fileno=config.fd)
    parts = {
        "server": server.serve(sockets=[listener]),
        "beat": _served(server, serving),
        "stream": client.run(),
        "monitor": monitor.run(),
        "store": _for_ever(storing.open()),
        "past": _for_ever(_past(client, folder)),
    }
    try:
        await _together(server, asyncio.ensure_future(gone), parts)
    finally:
        await asyncio.to_thread(storing.close)


async def _together(
    server: Server, gone: "asyncio.Future[None]", parts: Mapping[str, Coroutine[Any, Any, None]]
) -> None:
    """Run all parts until ``gone``; raises when one of them ends before."""
    tasks = {name: asyncio.create_task(part) for name, part in parts.items()}
    try:
        done, _ = await asyncio.wait({gone, *tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
        for name, task in tasks.items():
            if task in done:
                task.result()
                raise TriplaneError(f"The page's {name} has ended.")
    finally:
        server.should_exit = True
        await asyncio.wait({tasks["server"]}, timeout=GRACE_S + FORCE_S + 1)
        gone.cancel()
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(gone, *tasks.values(), return_exceptions=True)


async def _for_ever(part: Coroutine[Any, Any, None]) -> None:
    """Do something that comes to its end, which is no reason to end everything."""
    await part
    await asyncio.Event().wait()


async def _served(server: Server, serving: Callable[[], Awaitable[None]]) -> None:
    await server.accepts.wait()
    await serving()


async def _beat() -> None:
    """Say that the loop turns, for ever."""
    gc.collect()
    gc.freeze()  # what is loaded by now stays: the collector need not look at it again
    await child.beat()


async def _past(client: FlowClient, sessions: Path) -> None:
    """Without an engine there is still something to show: the newest session that left facts."""
    await asyncio.sleep(QUIET_S)
    newest = None if client.have else await asyncio.to_thread(_newest, sessions)
    if newest is not None:
        await client.catch_up(newest)


def _newest(sessions: Path) -> str | None:
    files = sorted((path for path in sessions.glob(f"*/{FILE}") if path.is_file()), key=lambda p: p.stat().st_mtime)
    return files[-1].parent.name if files else None
