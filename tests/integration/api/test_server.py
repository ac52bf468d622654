"""An engine with sessions that trade, the page beside it, and ordinary clients: over real sockets, end to end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
import websockets

from triplane.api.main import PageConfig, run
from triplane.data.candles import Candles
from triplane.data.clock import SystemClock
from triplane.data.feed import CandleBatch, FeedEvent, FeedState, FeedStatus
from triplane.data.generator import demo_instrument, generate
from triplane.engine.app import EngineApp, Hosted
from triplane.engine.opening import open_runner
from triplane.engine.setup import Setup
from triplane.flow.listening import listen
from triplane.flow.server import FlowServer
from triplane.model.facts import AnyFact, Trade
from triplane.model.settings import TradingSettings
from triplane.strategies.registry import find

START = 1_735_689_600_000
TOKEN, SECRET = "a-token", "a-secret"
FREE = TradingSettings(max_trades_day=1000, cooldown_bars=0, daily_loss_share=0, max_drawdown=0)


OPTIONS: dict[str, Any] = {
    "strategies": ["ema_cross"], "sources": ["demo"], "modes": ["paper"],
    "configured": {"strategy": "ema_cross", "symbols": ["BTCUSDT"], "timeframe": None, "source": "demo",
                   "mode": "paper", "balance": 10_000.0},
}  # fmt: skip


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


class Running:
    """An engine in this process, with sessions that are fed by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.hands, self.candles = folder, {}, generate(7, START, 3000)
        self.restarts = 0
        self.page_at, self.wire = listen(0), listen(0)
        self.base = f"127.0.0.1:{self.page_at.getsockname()[1]}"
        self.http = self.client()

    async def build(self, wanted: Mapping[str, Any]) -> Hosted:
        spec = find("ema_cross")
        params = spec.resolve(dict(wanted.get("parameters", {})))
        name = wanted.get("source", "by hand")
        setup = Setup("ema_cross", params, ByHand.instruments, 60_000, 60_000, source=name, trading=FREE)
        hand = ByHand()
        opened = open_runner(self.folder, setup, setup.core(), lambda _: hand)
        self.hands[opened.runner.session.id] = hand

        async def close() -> None:
            return None

        return Hosted(opened.runner, opened.log, close, "max", continued=opened.continued)

    async def engine(self) -> None:
        """Begin a life of the engine."""
        self.app = EngineApp(self.build, self.folder, SystemClock(), lambda: (10**12, False), options=lambda: OPTIONS)
        self.app.server = FlowServer(self.wire.dup(), SECRET, self.app.handle)
        await self.app.server.start()
        self.id = await self.app.open([{}])
        self.session = self.app.sessions[self.id].runner.session
        self.watching = asyncio.create_task(self.app.watch())

    async def engine_ends(self) -> None:
        """Let the engine end, as by a supervisor."""
        self.watching.cancel()
        await self.app.stop()
        assert self.app.server is not None
        await self.app.server.stop()

    async def restart_engine(self) -> None:
        self.restarts += 1

    async def feed(self, first: int, last: int, session: str | None = None, at_once: int = 25) -> None:
        """Give some candles to a session, and wait until the page has seen what came of them."""
        session = session or self.id
        runner = self.app.sessions[session].runner
        for start in range(first, last, at_once):
            part = self.candles[start : min(start + at_once, last)]
            self.hands[session].queue.put_nowait(CandleBatch(np.zeros(len(part), np.int64), part))
            await self.seen(session, START + 60_000 * min(start + at_once, last))
        assert runner.session.candles >= last - first

    async def seen(self, session: str, candle: int) -> None:
        """Wait until the page shows a candle."""
        async with asyncio.timeout(60):
            while (await self.get(self.http, "/system/status", session=session)).get("last_candle_time") != candle:
                await asyncio.sleep(0.002)

    def client(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return httpx.AsyncClient(base_url=f"http://{self.base}", headers=headers, timeout=60)

    @staticmethod
    async def get(client: httpx.AsyncClient, path: str, **params: Any) -> Any:
        return (await client.get(path, params={k: v for k, v in params.items() if v is not None})).json()

    async def until(self, path: str, reached: Any, **params: Any) -> Any:
        """Read until something is so."""
        async with asyncio.timeout(60):
            while not reached(found := await self.get(self.http, path, **params)):
                await asyncio.sleep(0.005)
            return found

    def socket(self, path: str) -> Any:
        return websockets.connect(
            f"ws://{self.base}{path}", additional_headers={"Authorization": f"Bearer {TOKEN}"}, max_size=2**24
        )

    def told(self) -> dict[str, Any]:
        """What the page is told when it starts."""
        return {
            "secret": SECRET, "engine_port": self.wire.getsockname()[1], "data_dir": str(self.folder),
            "database": str(self.folder / "triplane.sqlite"), "fd": self.page_at.fileno(), "token": TOKEN,
            "port": self.page_at.getsockname()[1], "static": str(self.folder / "static"),
        }  # fmt: skip


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Running]:
    running = Running(folder)
    await running.engine()
    gone, serving = asyncio.Event(), asyncio.Event()

    async def serves() -> None:
        serving.set()
        await gone.wait()
        await asyncio.Event().wait()

    told = running.told() | {"fd": running.page_at.detach()}
    page = asyncio.create_task(run(PageConfig.of(told), running, gone.wait(), serves))  # type: ignore[arg-type]
    try:
        started = asyncio.create_task(serving.wait())
        await asyncio.wait({started, page}, return_when=asyncio.FIRST_COMPLETED)
        if page.done():
            page.result()
        await running.until("/readyz", lambda found: found.get("status") == "ready")
        yield running
    finally:
        await running.http.aclose()
        gone.set()
        await page
        await running.engine_ends()
        running.wire.close()


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with served(tmp_path) as started:
        yield started


async def test_every_read_of_a_session_that_traded(running: Running) -> None:
    """What the page folded, what the store has and what the engine did are one."""
    await running.feed(0, 3000, at_once=3000)
    await running.until("/health", lambda found: found["store"]["behind"] == 0)
    async with running.client() as client:
        described = (await client.get("/openapi.json")).json()["paths"]
        for path in [path for path, methods in described.items() if "get" in methods and "{" not in path]:
            answer = await client.get(path)
            assert answer.status_code == 200, (path, answer.text)
        trades = await running.get(client, "/trades/history", session=running.id, limit=500)
        figures = await running.get(client, "/trades/performance")
        assert trades["total"] == figures["trades"] > 3
        account = running.session.A[0]
        assert float(figures["final_equity"]) == pytest.approx(float(account["equity"]))
        assert [trade["pnl"] for trade in trades["items"][:1]] == [trades["items"][0]["pnl"]]
        signals = (await running.get(client, "/signals/history", limit=500))["items"]
        for signal in [one for one in signals if one["order_id"]]:
            assert await running.get(client, f"/signals/order/{signal['order_id']}") == signal
            assert await running.get(client, f"/signals/{signal['id']}") == signal
        history = await running.get(client, "/market-rest/history", limit=5)
        assert [candle["close"] for candle in history["candles"]] == list(running.candles["close"][-5:])
        assert history["candles"][-1]["indicators"]["ema20"] > 0
        decisions = (await running.get(client, "/api/decisions"))["items"]
        assert decisions[-1]["text"].endswith(".")
        assert (await running.get(client, f"/api/sessions/{running.id}"))["status"] == "running"


async def test_the_stream_of_facts_is_the_file_the_socket_and_the_list(running: Running) -> None:
    async with running.socket("/ws") as live:
        await live.send(json.dumps({"op": "subscribe", "topics": ["facts"]}))
        assert json.loads(await live.recv())["type"] == "heartbeat"
        await running.feed(0, 150)
        async with running.client() as client:
            listed, first = [], 1
            while (piece := await running.get(client, "/events", **{"from": first}))["items"]:
                listed += piece["items"]
                first = piece["next"]
            lines = (await client.get("/events", headers={"Accept": "application/x-ndjson"})).text.splitlines()
        assert [json.loads(line) for line in lines] == listed
        assert [one["seq"] for one in listed] == list(range(1, len(listed) + 1))
        msgspec.convert(listed, list[AnyFact])
        heard: list[Any] = []
        while not heard or heard[-1]["seq"] < listed[-1]["seq"]:
            message = json.loads(await asyncio.wait_for(live.recv(), 20))
            assert message["type"] == "facts"
            heard.append(message["data"])
        assert heard == listed[heard[0]["seq"] - 1 :]


async def test_a_program_follows_the_facts_as_they_come(running: Running) -> None:
    async with running.client() as client:
        headers = {"Accept": "application/x-ndjson"}
        async with client.stream("GET", "/events?follow=true", headers=headers) as answer:
            lines = (json.loads(line) async for line in answer.aiter_lines() if line)
            assert (await anext(lines))["event"] == "session.v1"
            await running.feed(0, 10)
            seen: list[Any] = []
            while len([one for one in seen if one["event"] == "candles.v1"]) < 10:
                seen.append(await asyncio.wait_for(anext(lines), 20))
            assert [one["seq"] for one in seen] == list(range(2, len(seen) + 2))


async def test_live_messages_and_resuming_over_a_real_connection(running: Running) -> None:
    def closes(messages: list[Any]) -> list[float]:
        return [m["data"]["candle"]["close"] for m in messages if not m["data"]["candle"]["indicators"]]

    async def read(socket: Any, n: int) -> list[Any]:
        return [json.loads(await asyncio.wait_for(socket.recv(), 20)) for _ in range(n)]

    await running.feed(0, 100)
    async with running.socket("/ws") as live:
        await live.send(json.dumps({"op": "subscribe", "topics": ["market_data"]}))
        (place,) = await read(live, 1)
        await running.feed(100, 105, at_once=1)
        first = await read(live, 10)  # each when it closes, and again with its indicators
        assert closes(first) == list(running.candles["close"][100:105])
    await running.feed(105, 110, at_once=1)  # while nobody listens
    async with running.socket("/ws") as again:
        wanted = {"op": "subscribe", "topics": ["market_data"], "last_event_id": first[-1]["id"]}
        await again.send(json.dumps(wanted))
        assert (await read(again, 1))[0]["type"] == "heartbeat"
        missed = await read(again, 10)
        assert closes(missed) == list(running.candles["close"][105:110])
    assert place["id"] < first[0]["id"] < missed[0]["id"]
    async with running.socket(f"/stream/BTCUSDT?last_event_id={missed[-1]['id']}") as stream:
        await running.feed(110, 111)
        (message,) = await read(stream, 1)
        assert (message["type"], message["data"]["timeframe"]) == ("candle", "1m")


async def test_a_stranger_is_refused_before_the_handshake(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(f"ws://{running.base}/ws")
    assert refused.value.response.status_code == 401
    with pytest.raises(websockets.InvalidStatus) as foreign:
        await websockets.connect(f"ws://{running.base}/ws?token={TOKEN}", origin="http://evil.example")  # type: ignore[arg-type]
    assert foreign.value.response.status_code == 403
    assert caplog.messages == []  # strangers could fill the log


async def test_frames_are_not_compressed_for_each_client(running: Running) -> None:
    async with running.socket("/ws") as live:
        assert live.response.headers.get("sec-websocket-extensions") is None


async def test_closing_a_position_by_hand(running: Running) -> None:
    at = 0
    async with running.client() as client:
        while not (positions := (await running.get(client, "/trades/portfolio"))["open_positions"]):
            await running.feed(at, at + 1)
            at += 1
        answer = await client.post(f"/trades/close/{positions[0]['id']}")
        assert answer.status_code == 200, answer.text
        await running.feed(at, at + 1)  # an order at market may wait for the next open
        assert (await running.get(client, "/trades/portfolio"))["open_positions"] == []
        again = await client.post(f"/trades/close/{positions[0]['id']}")
        assert again.status_code == 404


async def test_a_client_that_stops_reading_does_not_hold_up_another(running: Running) -> None:
    async with running.socket("/ws") as stuck, running.socket("/ws") as quick:
        for client in (stuck, quick):
            await client.send(json.dumps({"op": "subscribe"}))
            await client.recv()
        stuck.transport.pause_reading()
        for start in range(0, 1000, 100):
            await running.feed(start, start + 100)
        async with running.client() as client:

            async def lags() -> list[int]:
                found = await running.get(client, "/market-rest/connections")
                return sorted(one["lag"] for one in found["items"])

            reading = asyncio.create_task(_drain(quick))
            async with asyncio.timeout(60):
                while (await lags())[0] > 50:
                    await asyncio.sleep(0.01)
            stuck.transport.resume_reading()
            reading_too = asyncio.create_task(_drain(stuck))
            async with asyncio.timeout(60):
                while (await lags())[1] > 50:
                    await asyncio.sleep(0.01)
            reading.cancel()
            reading_too.cancel()


async def _drain(socket: Any) -> None:
    while True:
        await socket.recv()


async def test_halted_over_the_api_and_resumed(running: Running) -> None:
    await running.feed(0, 150)
    async with running.client() as client:
        path = f"/api/sessions/{running.id}/resume"
        assert (await client.post(path, json={"acknowledge": True})).status_code == 409
        assert (await client.post("/api/kill-switch", json={"reason": "a drill"})).status_code == 200
        status = await running.until("/system/status", lambda found: found["state"] == "HALTED")
        assert (status["can_receive_signals"], status["halt_text"]) == (False, "a drill")
        assert (await client.post(path, json={"acknowledge": True})).status_code == 200
        assert (await running.get(client, "/system/status"))["state"] != "HALTED"


async def test_settings_reach_the_core_and_are_a_fact(running: Running) -> None:
    await running.feed(0, 10)
    async with running.client() as client:
        answer = await client.put("/settings/trading", json={"execution_mode": "manual", "max_trades_day": 2})
        assert answer.status_code == 200, answer.text
        assert (answer.json()["execution_mode"], answer.json()["max_trades_day"]) == ("manual", 2)
    limits = running.session.S[0]["core"]["limits"]
    assert (int(limits["manual"]), int(limits["max_trades_day"])) == (1, 2)


async def test_sessions_beside_each_other(running: Running) -> None:
    await running.feed(0, 50)
    async with running.client() as client:
        body = {"source": "another", "parameters": {"fast": 3, "slow": 7}}
        started = await client.post("/api/sessions/start", json=body)
        assert started.status_code == 200, started.text
        other = started.json()["id"]
        await running.feed(0, 60, other)
        assert (await running.get(client, "/system/status"))["session_id"] == other
        assert (await running.get(client, "/system/status", session=running.id))["last_candle_time"] == (
            START + 50 * 60_000
        )
        assert (await client.post(f"/api/sessions/{other}/stop")).status_code == 200
        listed = await running.until(
            "/api/sessions", lambda found: [one["status"] for one in found["items"]] == ["stopped", "running"]
        )
        assert [one["id"] for one in listed["items"]] == [other, running.id]
        assert (await running.get(client, "/system/status"))["session_id"] == running.id
        assert (await client.get("/readyz")).status_code == 200


async def test_an_engine_that_ends_and_comes_again(running: Running) -> None:
    """The page says so, shows what it knows, and goes on where the engine goes on; nothing is told twice."""
    await running.feed(0, 300)
    before = await running.until("/trades/performance", lambda found: found["trades"] > 0)
    await running.engine_ends()
    found = await running.until("/health", lambda found: not found["ready"])
    assert [one["name"] for one in found["faults"]] == ["engine_silent"]  # this very process lives
    async with running.client() as client:
        assert (await client.get("/readyz")).status_code == 503
        assert await running.get(client, "/trades/performance") == before
        status = await running.get(client, "/system/status")
        assert (status["engine"]["state"], status["last_candle_time"]) == ("silent", START + 300 * 60_000)
        await running.engine()
        assert (await running.until("/health", lambda found: found["ready"]))["faults"] == []
        assert await running.get(client, "/trades/performance") == before
        await running.feed(300, 350)
        listed = []
        while (piece := await running.get(client, "/events", **{"from": len(listed) + 1}))["items"]:
            listed += piece["items"]
        assert [one["seq"] for one in listed] == list(range(1, len(listed) + 1))
        trades = [one for one in listed if one["event"] == "trade.v1"]
        assert len(trades) == (await running.get(client, "/trades/performance"))["trades"]
        msgspec.convert(trades, list[Trade])


async def test_as_a_process_of_its_own(tmp_path: Path) -> None:
    """It serves, beats, stays small, asks for a restart of a silent engine, and ends with its supervisor."""
    running = Running(tmp_path)
    await running.engine()
    command = [sys.executable, "-m", "triplane.cli.process", "page"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, pass_fds=[running.page_at.fileno()]) as page:  # type: ignore[call-overload]  # noqa: ASYNC220
        assert page.stdin is not None
        assert page.stdout is not None
        page.stdin.write(json.dumps(running.told()).encode() + b"\n")
        page.stdin.flush()
        assert json.loads(await asyncio.to_thread(page.stdout.readline)) == {"beat": True}
        await running.feed(0, 500, at_once=500)
        found = await running.until("/health", lambda found: found["ready"])
        assert found["page"]["pid"] == page.pid
        assert found["page"]["memory_mb"] < 120
        await running.engine_ends()
        async with running.client() as client:
            answer = await client.post("/api/kill-switch", json={"reason": "it is gone"})
            assert answer.status_code == 200
            assert {step["name"]: step["done"] for step in answer.json()["steps"]} == {
                "engine": False, "file": True, "restart": True,
            }  # fmt: skip
        assert (tmp_path / "kill_switch.json").exists()
        while (told := json.loads(await asyncio.to_thread(page.stdout.readline))) == {"beat": True}:
            pass
        assert told == {"restart": "engine"}
        page.stdin.close()
        assert await asyncio.to_thread(page.wait, 20) == 0
    await running.http.aclose()
    running.wire.close()
    running.page_at.close()


async def test_a_page_that_fails_ends_with_a_code_that_says_so(tmp_path: Path) -> None:
    running = Running(tmp_path)
    told = running.told() | {"fd": os.open(os.devnull, os.O_RDONLY)}  # nothing that can be listened on
    page = subprocess.run(  # noqa: ASYNC221 - it is what is tested
        [sys.executable, "-m", "triplane.cli.process", "page"], input=json.dumps(told).encode() + b"\n",
        capture_output=True, timeout=60, pass_fds=[told["fd"]], check=False,
    )  # fmt: skip
    assert page.returncode not in (0, -signal.SIGKILL)
    os.close(told["fd"])
    await running.http.aclose()
    running.wire.close()
    running.page_at.close()
