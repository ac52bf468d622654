"""An engine made of dictionaries, a client that is signed in, and a WebSocket client without a network."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from triplane.api.app import create_app
from triplane.api.schemas import control, market, trading
from triplane.store import Store

TOKEN = "a-token-for-the-tests"
BASE = "http://127.0.0.1:8000"


class Log:
    """A log of events that holds the last ``size``."""

    def __init__(self, size: int = 1000) -> None:
        self.size = size
        self.held: list[dict[str, Any]] = []
        self.last_id = 0
        self._news = asyncio.Event()

    @property
    def first_id(self) -> int:
        return self.last_id - len(self.held) + 1

    def add(self, kind: str, data: dict[str, Any], symbol: str | None = "BTCUSDT") -> dict[str, Any]:
        self.last_id += 1
        event = {"id": self.last_id, "type": kind, "session_id": "s", "symbol": symbol, "timestamp": 7, "data": data}
        self.held = [*self.held, event][-self.size :]
        self._news.set()
        self._news = asyncio.Event()
        return event

    def candle(self, close: float, *, closed: bool = False, symbol: str = "BTCUSDT") -> dict[str, Any]:
        return self.add("market_data", {"candle": market.CANDLE | {"close": close, "is_closed": closed}}, symbol)

    def after(self, event_id: int, limit: int) -> list[dict[str, Any]]:
        return [event for event in self.held if event["id"] > event_id][:limit]

    async def wait(self, event_id: int) -> None:
        while self.last_id <= event_id:
            await self._news.wait()


class Engine:
    """Answers with the examples of the schemas and notes the commands."""

    def __init__(self) -> None:
        self.events = Log()
        self.is_ready = True
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.answer: Exception | dict[str, Any] = {"accepted": True, "message": "Done."}
        self.state: dict[str, Any] = control.STATUS | {"session_id": "s", "symbols": ["BTCUSDT", "ETHUSDT"]}
        self.pending = [
            trading.SIGNAL | {"id": "waits", "status": "pending", "generated_at": 1767225600000 - 7_200_000}
        ]
        self.limits: dict[str, Any] = dict(control.SETTINGS)
        self.positions = [dict(trading.POSITION)]

    def ready(self) -> bool:
        return self.is_ready

    def status(self, symbol: str | None = None) -> dict[str, Any]:
        return self.state | {"symbol": symbol or "BTCUSDT"}

    def signal_check(self, symbol: str) -> dict[str, Any]:
        return {"symbol": symbol, "time": 1, "checks": [control.CHECK], "would_trade": True}

    def history(self, symbol: str, limit: int, before: int | None = None) -> dict[str, Any]:
        candles = [
            market.CANDLE | {"time": 1000 * number} for number in range(1000) if 1000 * number < (before or 1e12)
        ]
        candles[-1] = candles[-1] | {"indicators": {"ema20": float("nan"), "rsi14": 51.5}}
        found = {"candles": candles[-limit:], "zones": [market.ZONE], "markers": [market.MARKER]}
        return {"symbol": symbol, "timeframe": "15m"} | found

    def feed(self) -> dict[str, Any]:
        return {"source": "demo", "connected": True, "stale": False}

    def portfolio(self) -> dict[str, Any]:
        money = ("wallet_balance", "margin_balance", "available_balance", "unrealized_pnl", "total_equity")
        entry = trading.ORDER | {"order_id": "e1", "client_order_id": "c1", "leg": "entry"}
        orders = [entry, dict(trading.ORDER)]
        return dict.fromkeys(money, "10000.10") | {"open_positions": self.positions, "pending_orders": orders}

    def performance(self) -> dict[str, Any]:
        return trading.Performance.model_config["json_schema_extra"]["example"] | {"sqn": 1.5}  # type: ignore[index,operator]

    def equity_curve(self, limit: int) -> list[dict[str, Any]]:
        return [{"time": number, "equity": 10_000.0} for number in range(5000)][-limit:]

    def pending_signals(self) -> list[dict[str, Any]]:
        return self.pending

    def decisions(self, limit: int) -> list[dict[str, Any]]:
        symbols = ("BTCUSDT", "ETHUSDT")
        return [control.DECISION | {"symbol": symbols[number % 2], "seq": number} for number in range(700)][-limit:]

    def settings(self) -> dict[str, Any]:
        return self.limits

    async def command(self, kind: str, **fields: Any) -> dict[str, Any]:
        self.commands.append((kind, fields))
        if isinstance(self.answer, Exception):
            raise self.answer
        if kind == "limits":
            self.limits |= fields["values"]
        return self.answer


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "triplane.sqlite"
    Store(path).close()
    return path


@pytest.fixture
def store(empty: Path, tmp_path: Path) -> Iterator[Store]:
    with Store(shutil.copy(empty, tmp_path / "triplane.sqlite")) as opened:
        yield opened


@pytest.fixture
def app(engine: Engine, store: Store, tmp_path: Path) -> FastAPI:
    return create_app(engine, store, TOKEN, tmp_path / "static", heartbeat_s=30.0, patience_s=30.0)


@pytest.fixture
async def anybody(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        yield client


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, headers=headers) as client:
        yield client


class Socket:
    """A WebSocket to an application in the same loop. ``stuck`` is a client that takes nothing."""

    def __init__(self, app: FastAPI, path: str, query: str = "", headers: dict[str, str] | None = None) -> None:
        head = {"host": "127.0.0.1:8000", "authorization": f"Bearer {TOKEN}"} | (headers or {})
        self._scope = {
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
            "extensions": {"websocket.http.response": {}},
        }
        self._app = app
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._out: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.room = asyncio.Event()
        self.room.set()

    async def _send(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            await self.room.wait()
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
        found: dict[str, Any] = orjson.loads(message["text"])
        return found

    def say(self, **message: Any) -> None:
        self._in.put_nowait({"type": "websocket.receive", "text": orjson.dumps(message).decode()})

    def say_text(self, text: str) -> None:
        self._in.put_nowait({"type": "websocket.receive", "text": text})

    async def subscribe(self, **wanted: Any) -> dict[str, Any]:
        self.say(op="subscribe", **wanted)
        return await self.next()
