"""A page without processes around it: real facts, an engine that notes its commands, a client that is signed in."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from triplane.api.app import create_app
from triplane.api.auth import Access
from triplane.api.context import Context
from triplane.api.engine_link import EngineLink
from triplane.api.facts_file import FactFiles
from triplane.api.health import Monitor
from triplane.api.kill import KillPath
from triplane.api.messages import MessageLog
from triplane.api.replica.registry import Replicas
from triplane.api.replica.session import SessionReplica
from triplane.api.replica.watch import EngineWatch
from triplane.api.storing import Storing
from triplane.api.stream import Clients
from triplane.api.wire import EXTENSION
from triplane.flow.client import NoAnswer
from triplane.model.facts import Fact
from triplane.model.live import ENCODER, Answer, SessionHealth
from triplane.store import Store, project

from .streams import MINUTE, Stream, health, session_health, texts

TOKEN = "a-token-for-the-tests"
BASE = "http://127.0.0.1:8000"


OPTIONS: dict[str, Any] = {
    "strategies": ["ema_cross"], "sources": ["demo"], "modes": ["paper"],
    "configured": {"strategy": "ema_cross", "symbols": ["BTCUSDT"], "timeframe": None, "source": "demo",
                   "mode": "paper", "balance": 10_000.0},
}  # fmt: skip


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Engine:
    """The engine's end of the wire: notes the commands, and answers what it is told to."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, str | None, dict[str, Any]]] = []
        data = {"options": OPTIONS, "refusal": {"check": None, "value": None, "limit": None}}
        self.answer: Callable[[str, str | None, dict[str, Any]], Any] = lambda kind, _session, _fields: (
            ("ok", "Done.", data.get(kind, {}))
        )
        self.restarts = 0

    async def command(self, kind: str, session_id: str | None = None, within: float = 10.0, **fields: Any) -> Answer:
        self.commands.append((kind, session_id, fields))
        found = self.answer(kind, session_id, fields)
        if asyncio.iscoroutine(found):
            try:
                found = await asyncio.wait_for(found, within)
            except TimeoutError:
                raise NoAnswer(f"The engine did not answer within {within:g} seconds.") from None
        code, message, *data = found
        return Answer(id=1, code=code, message=message, data=data[0] if data else {})

    async def restart_engine(self) -> None:
        self.restarts += 1


class Stored(Storing):
    """A database that is there, and that only the test fills."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.name, Path(store.name).parent)
        self._store = store

    behind, age, error = 0, 0.0, None


class Page:
    """Everything of a page, in this process."""

    def __init__(self, folder: Path, database: Path, **options: Any) -> None:
        self.folder, self.clock, self.engine = folder, Clock(), Engine()
        self.messages = MessageLog(0)
        self.alive = True
        self.watch = EngineWatch(self.clock, lambda _pid: self.alive)
        self.sessions = Replicas(self.messages, self.watch, self.clock)
        self.link = EngineLink(self.engine, self.watch, self.sessions, self.engine, self.clock)  # type: ignore[arg-type]
        self.store = Store(shutil.copy(database, folder / "triplane.sqlite"))
        clients = Clients(self.messages, **({"heartbeat_s": 30.0, "patience_s": 30.0} | options))
        storing = Stored(self.store)
        context = Context(
            sessions=self.sessions, messages=self.messages, clients=clients, link=self.link,
            kill=KillPath(self.link, folder), storing=storing, facts=FactFiles(folder / "sessions"),
            monitor=Monitor(self.watch, self.sessions, self.messages, storing, clients.__len__),
            access=Access(TOKEN, 8000),
        )  # fmt: skip
        self.app: FastAPI = create_app(context, folder / "static")
        self.shown: dict[str, int] = {}

    def take(self, stream: Stream) -> SessionReplica:
        """Show what a stream has that was not shown yet."""
        known = self.shown.get(stream.session_id, 0)
        if stream.facts[known:]:
            self.sessions.on_facts(stream.facts[known:])
        self.shown[stream.session_id] = len(stream.facts)
        return self.sessions.get(stream.session_id)

    def hear(self, *sessions: SessionHealth, **more: Any) -> None:
        """The engine says how it is."""
        self.sessions.on_message(health(*sessions, **more))

    def write(self, stream: Stream) -> None:
        """Lay a stream down in its file, as the engine does."""
        folder = self.folder / "sessions" / stream.session_id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "facts.jsonl").write_bytes(b"".join(ENCODER.encode(fact) + b"\n" for fact in stream.facts))

    def keep(self, facts: list[Fact]) -> None:
        """Store facts."""
        project(self.store, facts)


def desk() -> Stream:
    """A session of two symbols: BTC in a position, ETH with an entry that works and a signal that waits."""
    stream = Stream()
    for symbol in ("BTCUSDT", "ETHUSDT"):
        stream.candle(100.0, stream.now - MINUTE, symbol=symbol)
    stream.status("IN_POSITION", margin=25.0, liquidation_price=60.0)
    stream.status("SCANNING", "ETHUSDT")
    stream.position()
    stream.order("stop1", "stop", type="stop_market", side="sell", price=None, trigger_price="98.00")
    stream.order("e1", client_order_id="c1", symbol="ETHUSDT", decision=18)
    stream.signal("waits", symbol="ETHUSDT", decision=19)
    stream.account(equity=10_000.5, unrealized=0.5, used_margin=25.0, open_positions=1, trades_today=1)
    return stream


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "triplane.sqlite"
    Store(path).close()
    return path


@pytest.fixture
def make_page(empty: Path, tmp_path: Path) -> Callable[..., Page]:
    return lambda **options: Page(tmp_path, empty, **options)


@pytest.fixture
def stream() -> Stream:
    return desk()


@pytest.fixture
def page(make_page: Callable[..., Page], stream: Stream) -> Page:
    made = make_page()
    made.take(stream)
    made.hear(session_health(stream))
    return made


@pytest.fixture
def engine(page: Page) -> Engine:
    return page.engine


@pytest.fixture
def app(page: Page) -> FastAPI:
    return page.app


@pytest.fixture
async def anybody(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        yield client


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, headers=headers) as client:
        yield client


class Room(asyncio.Event):
    """Whether a client takes what it is sent."""

    on_room: Callable[[], None] | None = None

    def set(self) -> None:
        super().set()
        if self.on_room is not None:
            self.on_room()


class Wire:
    """The server's end of a connection, as :class:`triplane.api.wire.FrameProtocol` shows it to the application."""

    def __init__(self, room: Room, out: asyncio.Queue[dict[str, Any]]) -> None:
        self._room, self._out = room, out

    on_room = property(lambda self: self._room.on_room, lambda self, told: setattr(self._room, "on_room", told))
    room = property(lambda self: self._room.is_set())

    def write(self, frames: bytes) -> None:
        for text in texts(frames):
            self._out.put_nowait({"type": "websocket.send", "text": text.decode()})

    def abort(self) -> None:
        pass


class Socket:
    """A WebSocket to an application in the same loop. ``room`` that is clear is a client that takes nothing."""

    def __init__(self, app: FastAPI, path: str, query: str = "", headers: dict[str, str] | None = None) -> None:
        head = {"host": "127.0.0.1:8000", "authorization": f"Bearer {TOKEN}"} | (headers or {})
        self._scope: dict[str, Any] = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in head.items() if value],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000),
            "subprotocols": [],
            "state": {},
        }
        self._app = app
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._out: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.room = Room()
        self.room.set()
        wire = Wire(self.room, self._out)
        self._scope["extensions"] = {"websocket.http.response": {}, EXTENSION: {"protocol": wire}}

    async def _send(self, message: Any) -> None:
        self._out.put_nowait(dict(message))

    async def __aenter__(self) -> "Socket":
        self._in.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.ensure_future(self._app(self._scope, self._in.get, self._send))
        self.first = await self.message()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.room.set()
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self.task, 10)

    async def message(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._out.get(), 10)

    async def next(self) -> dict[str, Any]:
        message = await self.message()
        assert message["type"] == "websocket.send", message
        found: dict[str, Any] = msgspec.json.decode(message["text"])
        return found

    def say(self, **message: Any) -> None:
        self._in.put_nowait({"type": "websocket.receive", "text": ENCODER.encode(message).decode()})

    def say_text(self, text: str) -> None:
        self._in.put_nowait({"type": "websocket.receive", "text": text})

    async def subscribe(self, **wanted: Any) -> dict[str, Any]:
        self.say(op="subscribe", **wanted)
        return await self.next()
