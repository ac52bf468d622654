"""The page as a process of its own: it folds the stream of facts, serves it, and trades nothing.

No strategy, no compiler and no key is in here. It is told where everything is on the first line of its input, as one
JSON object (:class:`PageConfig`), ends when that input ends, because nobody watches over it then, and with a code other
than 0 when any part of it fails, so that it is started again.
"""

import asyncio
import contextlib
import gc
import signal
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import structlog
import uvicorn

from triplane.api.app import create_app
from triplane.api.engine_link import EngineLink, Supervisor
from triplane.api.health import Monitor, NoProjection, Projection
from triplane.api.kill import KillPath, RouterAddress
from triplane.api.messages import MessageLog
from triplane.api.replica.registry import Replicas
from triplane.api.replica.watch import EngineWatch
from triplane.api.wire import FrameProtocol
from triplane.flow.client import FlowClient
from triplane.flow.log import FILE
from triplane.model.facts import Fact
from triplane.model.live import Forming, Health
from triplane.store import Store

log = structlog.get_logger(__name__)

QUIET_S: Final = 2.0
"""How long the engine may say nothing before the newest session is read from its file."""
GRACEFUL_S: Final = 5
RESTART: Final = "restart engine"
"""The line that asks whoever started this process to start the engine again."""


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
    http_fd, port
        The listening socket that it inherits, and its port.
    token
        What a caller must hold.
    hosts, origins
        Under which further names it may be called.
    router
        Service that holds the venue's keys, when it is a process of its own.
    static
        Folder of the built page.
    """

    secret: str
    engine_port: int
    data_dir: str
    database: str
    http_fd: int
    port: int
    token: str
    hosts: list[str] = []
    origins: list[str] = []
    router: RouterAddress | None = None
    static: str | None = None


class Stores(Projection, Protocol):
    """What stores facts, in a thread of its own."""

    def on_facts(self, facts: Sequence[Fact]) -> None:
        """Take facts of one session, in order; returns at once."""
        ...

    def close(self) -> None:
        """Store what waits, and let go."""
        ...


class Nowhere(NoProjection):
    """Stores nothing."""

    def on_facts(self, facts: Sequence[Fact]) -> None:
        """Take facts."""

    def close(self) -> None:
        """Let go."""


class Inflow:
    """Gives the facts to all who want them here."""

    def __init__(self, replicas: Replicas, stores: Stores) -> None:
        self._replicas, self._stores = replicas, stores

    def on_facts(self, facts: Sequence[Fact]) -> None:
        """Take facts of one session, in order."""
        self._stores.on_facts(facts)
        self._replicas.on_facts(facts)

    def on_message(self, message: Health | Forming) -> None:
        """Take what is only true now."""
        self._replicas.on_message(message)


class Announcer:
    """Asks whoever started this process, on its output, to restart the engine."""

    async def restart_engine(self) -> None:
        """Ask."""
        sys.stdout.write(RESTART + "\n")
        sys.stdout.flush()


class Server(uvicorn.Server):
    """A server that leaves the signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield


async def serve(
    config: PageConfig,
    *,
    supervisor: Supervisor | None = None,
    stores: Callable[[Store], Stores] = lambda _store: Nowhere(),
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until ``stop`` is set; raises what ended it before.

    Parameters
    ----------
    supervisor
        Restarts the engine.
    stores
        Makes what stores the facts.
    stop
        Set to end it; None for never.
    """
    data_dir, stop = Path(config.data_dir), stop or asyncio.Event()
    messages = MessageLog(time.time_ns() // 1_000_000)
    with Store(config.database if "://" in config.database else Path(config.database)) as store:
        projection = stores(store)
        watch = EngineWatch()
        sessions = Replicas(messages, watch)
        inflow = Inflow(sessions, projection)
        client = FlowClient(config.engine_port, config.secret, data_dir / "sessions", inflow)
        link = EngineLink(client, watch, sessions, supervisor)
        monitor = Monitor(watch, sessions, messages, projection)
        app = create_app(
            sessions, messages, link, store, data_dir, config.token, Path(config.static) if config.static else None,
            kill=KillPath(link, data_dir, config.router), monitor=monitor, port=config.port, hosts=config.hosts,
            origins=config.origins,
        )  # fmt: skip
        server = Server(settings_of(app))
        listener = socket.socket(fileno=config.http_fd)
        tasks: dict[str, Awaitable[Any]] = {
            "stream": client.run(),
            "monitor": monitor.run(),
            "server": server.serve(sockets=[listener]),
            "stop": stop.wait(),
            "past": _past(client, data_dir / "sessions"),
        }
        gc.collect()
        gc.freeze()  # what is loaded by now stays: the collector need not look at it again
        try:
            await _first(tasks, server)
        finally:
            await asyncio.to_thread(projection.close)


def settings_of(app: Any) -> uvicorn.Config:
    """How the page is served: WebSockets with shared frames, which cannot be compressed for each client."""
    return uvicorn.Config(
        app, access_log=False, log_level="warning", ws=FrameProtocol, ws_per_message_deflate=False, lifespan="off",
        timeout_graceful_shutdown=GRACEFUL_S,
    )  # fmt: skip


async def _first(awaited: dict[str, Awaitable[Any]], server: uvicorn.Server) -> None:
    """Run until the first part ends that may not end; raises its error."""
    tasks = {name: asyncio.ensure_future(one) for name, one in awaited.items()}
    running = set(tasks.values()) - {tasks["past"]}
    try:
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        if tasks["stop"] not in done:
            name = next(name for name, task in tasks.items() if task in done)
            await tasks[name]
            raise RuntimeError(f"The page's {name} has ended.")
    finally:
        server.should_exit = True
        await asyncio.wait({tasks["server"]}, timeout=GRACEFUL_S + 1)
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


async def _past(client: FlowClient, sessions: Path) -> None:
    """Without an engine there is still something to show: the newest session that left facts."""
    await asyncio.sleep(QUIET_S)
    if not client.have:
        newest = await asyncio.to_thread(_newest, sessions)
        if newest is not None:
            await client.catch_up(newest)


def _newest(sessions: Path) -> str | None:
    files = sorted(sessions.glob(f"*/{FILE}"), key=lambda path: path.stat().st_mtime)
    return files[-1].parent.name if files else None


async def _main(config: PageConfig) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def watch() -> None:
        sys.stdin.read()
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, daemon=True).start()
    await serve(config, supervisor=Announcer(), stop=stop)


def main() -> None:
    """Run the process."""
    config = msgspec.json.decode(sys.stdin.readline(), type=PageConfig)
    try:
        asyncio.run(_main(config))
    except Exception:
        log.exception("the page has failed")
        sys.exit(1)


if __name__ == "__main__":
    main()
