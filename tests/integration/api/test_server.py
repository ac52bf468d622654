"""A session that trades, its replica, the API and a real server, with ordinary clients."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
import websockets

from triplane.api import create_app, load_token
from triplane.data.generator import demo_instrument, generate
from triplane.engine.decode import Decoder
from triplane.engine.eventlog import EventLog
from triplane.engine.projector import Projector
from triplane.engine.replica import Replica
from triplane.engine.session import Session
from triplane.engine.setup import Setup
from triplane.kernel.records import CMD_CLOSE
from triplane.store import Store
from triplane.strategies.registry import find

START = 1_735_689_600_000


class Engine(Replica):
    """A session with its replica, fed by the test."""

    def __init__(self, session: Session) -> None:
        spec = find("ema_cross")
        super().__init__(session, spec, EventLog(session.id, START))
        self.session = session
        self.decoder = Decoder(session.id, session.setup.instruments, spec)
        self.live = True
        self.told: list[Any] = []

    @property
    def events(self) -> EventLog:
        return self.log

    def feed_candles(self, candles: "np.ndarray[Any, Any]") -> None:
        for i in range(len(candles)):
            events = self.decoder.decode(self.session.feed_candle(0, candles, i))
            self.told += events
            self.on_candle(self.session, 0, candles[i : i + 1], events)

    async def command(self, kind: str, **fields: Any) -> dict[str, Any]:
        assert (kind, fields) == ("close", {"symbol": "BTCUSDT"})
        events = self.decoder.decode(self.session.command(CMD_CLOSE))
        self.told += events
        self.on_command(self.session, 0, events)
        return {}


@dataclass
class Running:
    """What a test needs of the running server."""

    engine: Engine
    store: Store
    base: str
    token: str
    candles: "np.ndarray[Any, Any]"

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://{self.base}", headers={"Authorization": f"Bearer {self.token}"})

    def socket(self, path: str) -> Any:
        return websockets.connect(
            f"ws://{self.base}{path}", additional_headers={"Authorization": f"Bearer {self.token}"}
        )


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Running]:
    setup = Setup(
        "ema_cross", find("ema_cross").resolve({}), (demo_instrument("BTCUSDT"),), 60_000, 60_000, source="demo"
    )
    engine = Engine(Session.create(folder / "sessions", setup, setup.core(), START))
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    token = load_token(folder)
    with Store(folder / "triplane.sqlite") as store:
        app = create_app(engine, store, token, folder / "static", port=port)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="websockets-sansio", lifespan="off"))
        task = asyncio.ensure_future(server.serve(sockets=[listening]))
        try:
            yield Running(engine, store, f"127.0.0.1:{port}", token, generate(7, START, 3000))
        finally:
            server.should_exit = True
            await task


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with served(tmp_path) as started:
        yield started


async def test_every_read_of_a_session_that_traded(running: Running) -> None:
    """What the real replica and the real store say fits the schemas."""
    running.engine.feed_candles(running.candles)
    projector = Projector(running.store, running.engine.session)
    projector.take(running.engine.told)
    projector.flush()
    projector.note("running")
    session = running.engine.session.id
    async with running.client() as client:
        described = (await client.get("/openapi.json")).json()["paths"]
        for path in [path for path, methods in described.items() if "get" in methods and "{" not in path]:
            answer = await client.get(path)
            assert answer.status_code == 200, (path, answer.text)
        trades = (await client.get("/trades/history", params={"session": session, "limit": 500})).json()
        signals = (await client.get("/signals/history", params={"limit": 500})).json()["items"]
        fills = running.store.fills(limit=500).items
        figures = (await client.get("/trades/performance")).json()
        assert trades["total"] == figures["trades"] > 3
        for order in {fill["order_id"] for fill in fills if fill["leg"] == "entry"}:
            signal = (await client.get(f"/signals/order/{order}")).json()
            assert (signal["status"], signal["order_id"]) == ("executed", order)
            assert (await client.get(f"/signals/{signal['id']}")).json() == signal
        assert signals
        assert (await client.get(f"/api/sessions/{session}")).json()["status"] == "running"
        history = (await client.get("/market-rest/history", params={"limit": 5})).json()
        assert [candle["close"] for candle in history["candles"]] == list(running.candles["close"][-5:])
        decisions = (await client.get("/api/decisions")).json()["items"]
        assert decisions[-1]["text"].endswith(".")


async def test_live_events_and_resuming_over_a_real_connection(running: Running) -> None:
    running.engine.feed_candles(running.candles[:200])
    async with running.socket("/ws") as live:
        await live.send(json.dumps({"op": "subscribe", "topics": ["market_data"]}))
        place = json.loads(await live.recv())["id"]
        running.engine.feed_candles(running.candles[200:205])
        first = [json.loads(await live.recv()) for _ in range(5)]
    assert [message["data"]["candle"]["close"] for message in first] == list(running.candles["close"][200:205])
    running.engine.feed_candles(running.candles[205:210])  # while nobody listens
    async with running.socket("/ws") as again:
        await again.send(json.dumps({"op": "subscribe", "topics": ["market_data"], "last_event_id": first[-1]["id"]}))
        assert json.loads(await again.recv())["type"] == "heartbeat"
        missed = [json.loads(await again.recv()) for _ in range(5)]
    assert [message["data"]["candle"]["close"] for message in missed] == list(running.candles["close"][205:210])
    assert place < first[0]["id"] < missed[0]["id"]
    async with running.socket(f"/stream/BTCUSDT?last_event_id={missed[-1]['id']}") as stream:
        running.engine.feed_candles(running.candles[210:211])
        message = json.loads(await stream.recv())
        assert (message["type"], message["data"]["timeframe"]) == ("candle", "1m")


async def test_a_stranger_is_refused_before_the_handshake(running: Running) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(f"ws://{running.base}/ws")
    assert refused.value.response.status_code == 401
    with pytest.raises(websockets.InvalidStatus) as foreign:
        await websockets.connect(f"ws://{running.base}/ws?token={running.token}", origin="http://evil.example")  # type: ignore[arg-type]
    assert foreign.value.response.status_code == 403


async def test_closing_a_position_by_hand(running: Running) -> None:
    engine = running.engine
    at = 0
    while not engine.portfolio()["open_positions"]:
        engine.feed_candles(running.candles[at : at + 1])
        at += 1
    async with running.client() as client:
        position = (await client.get("/trades/portfolio")).json()["open_positions"][0]
        answer = await client.post(f"/trades/close/{position['id']}")
        assert answer.status_code == 200, answer.text
        engine.feed_candles(running.candles[at : at + 1])  # an order at market is filled at the next open
        assert (await client.get("/trades/portfolio")).json()["open_positions"] == []
        again = await client.post(f"/trades/close/{position['id']}")
        assert again.status_code == 404


async def test_a_client_that_stops_reading_does_not_hold_up_another(running: Running) -> None:
    """Thousands of candles go to one client while the other's buffers are full."""
    async with running.socket("/ws") as stuck, running.socket("/ws") as quick:
        for client in (stuck, quick):
            await client.send(json.dumps({"op": "subscribe"}))
        await quick.recv()
        stuck.transport.pause_reading()
        last = 0
        for start in range(0, 3000, 100):
            running.engine.feed_candles(running.candles[start : start + 100])
            while last < running.engine.log.last_id:
                last = json.loads(await quick.recv())["id"]
        async with running.client() as client:
            lags = sorted(one["lag"] for one in (await client.get("/market-rest/connections")).json()["items"])
        assert lags[0] == 0
        stuck.transport.resume_reading()
        seen = 0
        while seen < running.engine.log.last_id:
            seen = json.loads(await stuck.recv())["id"]
