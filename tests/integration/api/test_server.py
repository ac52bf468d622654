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
from triplane.engine.live import Engine, open_engine
from triplane.engine.storing import StoreSink

from triplane.api import create_app, load_token
from triplane.data.candles import Candles
from triplane.data.feed import CandleBatch, FeedEvent, FeedState, FeedStatus
from triplane.data.generator import demo_instrument, generate
from triplane.engine.setup import Setup
from triplane.store import Store
from triplane.strategies.registry import find

START = 1_735_689_600_000


class ByHand:
    """A feed whose candles the test gives."""

    symbols = ("BTCUSDT",)
    interval_ms = 60_000
    instruments = (demo_instrument("BTCUSDT"),)

    def __init__(self) -> None:
        self.queue: asyncio.Queue[FeedEvent] = asyncio.Queue()

    async def open(self) -> None:
        self.queue.put_nowait(FeedStatus(FeedState.LIVE, "live"))

    async def __aiter__(self) -> AsyncIterator[FeedEvent]:
        while True:
            yield await self.queue.get()

    async def history(self, symbol: str, before_ms: int, n: int) -> Candles:
        raise NotImplementedError

    async def close(self) -> None:
        return None


@dataclass
class Running:
    """What a test needs of the running server."""

    engine: Engine
    hand: ByHand
    store: Store
    base: str
    token: str
    candles: Candles

    async def feed(self, first: int, last: int) -> None:
        """Give some candles to the engine, which shows each because they are few at a time."""
        for start in range(first, last, 25):
            part = self.candles[start : min(start + 25, last)]
            self.hand.queue.put_nowait(CandleBatch(np.zeros(len(part), np.int64), part))
        while self.engine.session.candles < last:
            await asyncio.sleep(0)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://{self.base}", headers={"Authorization": f"Bearer {self.token}"})

    def socket(self, path: str) -> Any:
        return websockets.connect(
            f"ws://{self.base}{path}", additional_headers={"Authorization": f"Bearer {self.token}"}
        )


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Running]:
    spec = find("ema_cross")
    setup = Setup("ema_cross", spec.resolve({}), ByHand.instruments, 60_000, 60_000, source="by hand")
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    token, hand = load_token(folder), ByHand()
    with Store(folder / "triplane.sqlite") as store:
        engine = open_engine(folder, setup, setup.core(), spec, lambda _: hand, sink=StoreSink(store))
        app = create_app(engine, store, token, folder / "static", port=port)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="websockets-sansio", lifespan="off"))
        tasks = [asyncio.ensure_future(server.serve(sockets=[listening])), asyncio.ensure_future(engine.run())]
        try:
            yield Running(engine, hand, store, f"127.0.0.1:{port}", token, generate(7, START, 3000))
        finally:
            engine.stop()
            server.should_exit = True
            await asyncio.gather(*tasks)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with served(tmp_path) as started:
        yield started


async def test_every_read_of_a_session_that_traded(running: Running) -> None:
    """What the real replica and the real store say fits the schemas."""
    await running.feed(0, 3000)
    writer = running.engine.runner.writer
    assert writer is not None
    assert await writer.flush(running.engine.session, "running")
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
    await running.feed(0, 200)
    async with running.socket("/ws") as live:
        await live.send(json.dumps({"op": "subscribe", "topics": ["market_data"]}))
        place = json.loads(await live.recv())["id"]
        await running.feed(200, 205)
        first = [json.loads(await live.recv()) for _ in range(5)]
    assert [message["data"]["candle"]["close"] for message in first] == list(running.candles["close"][200:205])
    await running.feed(205, 210)  # while nobody listens
    async with running.socket("/ws") as again:
        await again.send(json.dumps({"op": "subscribe", "topics": ["market_data"], "last_event_id": first[-1]["id"]}))
        assert json.loads(await again.recv())["type"] == "heartbeat"
        missed = [json.loads(await again.recv()) for _ in range(5)]
    assert [message["data"]["candle"]["close"] for message in missed] == list(running.candles["close"][205:210])
    assert place < first[0]["id"] < missed[0]["id"]
    async with running.socket(f"/stream/BTCUSDT?last_event_id={missed[-1]['id']}") as stream:
        await running.feed(210, 211)
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
    at = 0
    while not running.engine.portfolio()["open_positions"]:
        await running.feed(at, at + 1)
        at += 1
    async with running.client() as client:
        position = (await client.get("/trades/portfolio")).json()["open_positions"][0]
        answer = await client.post(f"/trades/close/{position['id']}")
        assert answer.status_code == 200, answer.text
        await running.feed(at, at + 1)  # an order at market may wait for the next open
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
            await running.feed(start, start + 100)
            while last < running.engine.events.last_id:
                last = json.loads(await quick.recv())["id"]
        async with running.client() as client:
            lags = sorted(one["lag"] for one in (await client.get("/market-rest/connections")).json()["items"])
        assert lags[0] == 0
        stuck.transport.resume_reading()
        seen = 0
        while seen < running.engine.events.last_id:
            seen = json.loads(await stuck.recv())["id"]


async def test_halted_over_the_api_and_resumed(running: Running) -> None:
    await running.feed(0, 150)
    session = running.engine.session.id
    async with running.client() as client:
        assert (await client.post(f"/api/sessions/{session}/resume", json={"acknowledge": True})).status_code == 409
        assert (await client.post("/api/kill-switch", json={"reason": "a drill"})).status_code == 200
        status = (await client.get("/system/status")).json()
        assert (status["state"], status["can_receive_signals"]) == ("HALTED", False)
        assert (await client.post(f"/api/sessions/{session}/resume", json={"acknowledge": True})).status_code == 200
        assert (await client.get("/system/status")).json()["state"] != "HALTED"


async def test_settings_reach_the_core(running: Running) -> None:
    await running.feed(0, 10)
    async with running.client() as client:
        answer = await client.put("/settings/trading", json={"execution_mode": "manual", "max_trades_day": 2})
        assert answer.status_code == 200, answer.text
    limits = running.engine.session.S[0]["core"]["limits"]
    assert (int(limits["manual"]), int(limits["max_trades_day"])) == (1, 2)
    assert running.store.settings().items[0]["values"] == {"execution_mode": "manual", "max_trades_day": 2}
