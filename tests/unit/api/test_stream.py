"""Clients of the WebSockets: what they get, how they resume, and that a slow one is alone with it."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from triplane.api import stream
from triplane.api.app import create_app
from triplane.api.schemas import market
from triplane.api.stream import conflate
from triplane.store import Store

from .conftest import TOKEN, Engine, Log, Socket

SIGNAL = {"id": "g", "side": "buy"}


@pytest.mark.parametrize("path", ["/ws", "/stream/BTCUSDT"])
@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("", {"authorization": ""}, 401),
        ("token=wrong", {"authorization": ""}, 401),
        ("", {"authorization": "", "cookie": "triplane_token=wrong"}, 401),
        ("", {"origin": "http://evil.example"}, 403),
        ("", {"host": "evil.example"}, 403),
        (f"token={TOKEN}", {"authorization": ""}, None),
        ("", {"authorization": "", "cookie": f"triplane_token={TOKEN}"}, None),
        ("", {"origin": "http://127.0.0.1:8000"}, None),
        ("", {}, None),
    ],
)
async def test_who_is_let_in(app: FastAPI, path: str, query: str, headers: dict[str, str], status: int | None) -> None:
    async with Socket(app, path, query, headers) as socket:
        if status is None:
            assert socket.first["type"] == "websocket.accept"
        else:
            assert socket.first["type"] == "websocket.http.response.start"
            assert socket.first["status"] == status


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/stream/XRPUSDT", "", 404),
        ("/stream/BTCUSDT", "last_event_id=x", 422),
        ("/stream/BTCUSDT", "last_event_id=-1", 422),
    ],
)
async def test_a_stream_that_there_is_not(app: FastAPI, path: str, query: str, status: int) -> None:
    async with Socket(app, path, query) as socket:
        assert socket.first["status"] == status
        assert b'"message"' in (await socket.message())["body"]


async def test_nothing_comes_before_subscribing(app: FastAPI, engine: Engine) -> None:
    async with Socket(app, "/ws") as socket:
        engine.events.add("signal_generated", SIGNAL)
        ack = await socket.subscribe()
        assert (ack["type"], ack["id"], ack["session_id"]) == ("heartbeat", 1, "s")
        event = engine.events.add("signal_generated", SIGNAL)
        assert await socket.next() == event


async def test_topics_and_symbols(app: FastAPI, engine: Engine) -> None:
    async with Socket(app, "/ws") as socket:
        await socket.subscribe(topics=["signal_generated", "session_update"], symbols=["ETHUSDT"])
        engine.events.add("signal_generated", SIGNAL, "BTCUSDT")
        engine.events.add("order_created", {}, "ETHUSDT")
        wanted = engine.events.add("signal_generated", SIGNAL, "ETHUSDT")
        of_all = engine.events.add("session_update", {}, None)
        assert [await socket.next(), await socket.next()] == [wanted, of_all]
        socket.say(op="unsubscribe", topics=["signal_generated"])
        assert (await socket.next())["type"] == "heartbeat"
        engine.events.add("signal_generated", SIGNAL, "ETHUSDT")
        of_all = engine.events.add("session_update", {}, None)
        assert await socket.next() == of_all


async def test_the_place_in_the_log_grows_with_what_was_not_wanted(app: FastAPI, engine: Engine) -> None:
    async with Socket(app, "/ws") as socket:
        await socket.subscribe(topics=["risk_alert"])
        for _ in range(3):
            engine.events.add("signal_generated", SIGNAL)
        engine.events.add("risk_alert", {})
        assert (await socket.next())["id"] == 4
        socket.say(op="ping")
        assert (await socket.next())["id"] == 4


async def test_resuming_within_what_is_held_misses_nothing(app: FastAPI, engine: Engine) -> None:
    engine.events.size = 5
    events = [engine.events.add("signal_generated", SIGNAL | {"n": number}) for number in range(8)]
    assert engine.events.first_id == 4
    async with Socket(app, "/ws") as socket:
        await socket.subscribe(last_event_id=3)
        assert [await socket.next() for _ in range(5)] == events[3:]
    async with Socket(app, "/ws") as socket:
        await socket.subscribe(last_event_id=8)
        event = engine.events.add("signal_generated", SIGNAL)
        assert await socket.next() == event


@pytest.mark.parametrize(
    ("last", "why"), [(2, "behind the oldest"), (0, "behind the oldest"), (9, "ahead of the newest")]
)
async def test_resuming_beyond_what_is_held_asks_to_read_again(
    app: FastAPI, engine: Engine, last: int, why: str
) -> None:
    engine.events.size = 5
    for _ in range(8):
        engine.events.add("signal_generated", SIGNAL)
    async with Socket(app, "/ws") as socket:
        await socket.subscribe(last_event_id=last)
        message = await socket.next()
        assert (message["type"], message["id"]) == ("resync", 8)
        assert message["data"]["reason"] == f"The event {last} is {why} that is held; read the present state over REST."
        event = engine.events.add("signal_generated", SIGNAL)
        assert await socket.next() == event


async def test_a_slow_client_hurts_only_itself(app: FastAPI, engine: Engine) -> None:
    """One takes nothing while the other gets everything; then it gets what still counts, in order."""
    async with Socket(app, "/ws") as slow, Socket(app, "/ws") as quick:
        await slow.subscribe()
        await quick.subscribe()
        slow.room.clear()
        for number in range(50):
            event = engine.events.candle(float(number))
            assert await quick.next() == event
        closed = engine.events.candle(50.0, closed=True)
        signal = engine.events.add("signal_generated", SIGNAL)
        assert [await quick.next(), await quick.next()] == [closed, signal]
        slow.room.set()
        got = [await slow.next()]
        while got[-1] != signal:
            got.append(await slow.next())
        assert [event["id"] for event in got] == sorted({event["id"] for event in got})
        assert closed in got
        assert len(got) < 10


async def test_a_client_that_falls_behind_the_log_is_told(app: FastAPI, engine: Engine) -> None:
    engine.events.size = 20
    async with Socket(app, "/ws") as slow:
        await slow.subscribe()
        slow.room.clear()
        engine.events.add("signal_generated", SIGNAL)
        for _ in range(1000):
            engine.events.add("risk_alert", {})
            await asyncio.sleep(0)
        slow.room.set()
        kinds: list[str] = []
        while "resync" not in kinds:
            kinds.append((await slow.next())["type"])
        assert len(kinds) < 300


async def test_a_client_that_takes_nothing_is_dropped(engine: Engine, store: Store) -> None:
    app = create_app(engine, store, TOKEN, heartbeat_s=30.0, patience_s=0.02)
    async with Socket(app, "/ws") as stuck:
        await stuck.subscribe()
        stuck.room.clear()
        engine.events.add("signal_generated", SIGNAL)
        message = await stuck.message()
        assert (message["type"], message["code"]) == ("websocket.close", 1013)
    assert app.state.clients.describe() == []


@pytest.mark.parametrize(("path", "kind"), [("/ws", "heartbeat"), ("/stream/BTCUSDT", "status")])
async def test_heartbeats(engine: Engine, store: Store, path: str, kind: str) -> None:
    app = create_app(engine, store, TOKEN, heartbeat_s=0.005)
    async with Socket(app, path) as socket:
        assert [(await socket.next())["type"] for _ in range(3)] == [kind] * 3
        engine.events.add("state_change", {"to_state": "HALTED"})
        if path == "/ws":
            socket.say(op="subscribe", last_event_id=0)
        kinds = []
        while "state_change" not in kinds:
            kinds.append((await socket.next())["type"])
        assert {*kinds} <= {kind, "state_change"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", 'The message is not a JSON object such as {"op": "subscribe", "topics": ["market_data"]}.'),
        ("[]", 'The message is not a JSON object such as {"op": "subscribe", "topics": ["market_data"]}.'),
        ('{"op": "buy"}', "op is 'buy'; it must be 'subscribe', 'unsubscribe' or 'ping'."),
        ('{"op": "subscribe", "symbols": "BTCUSDT"}', "symbols must be a list of names."),
        (
            '{"op": "subscribe", "last_event_id": "3"}',
            "last_event_id is '3'; it must be a whole number from 0, or null.",
        ),
        (
            '{"op": "subscribe", "last_event_id": true}',
            "last_event_id is 'True'; it must be a whole number from 0, or null.",
        ),
        (
            '{"op": "subscribe", "topics": ["all"]}',
            f"topics has all; allowed are {', '.join(sorted(stream.TOPICS))}.",
        ),
    ],
)
async def test_a_message_that_is_not_understood(app: FastAPI, engine: Engine, text: str, message: str) -> None:
    async with Socket(app, "/ws") as socket:
        socket.say_text(text)
        answer = await socket.next()
        assert (answer["type"], answer["data"]["message"]) == ("error", message)
        await socket.subscribe()
        event = engine.events.add("signal_generated", SIGNAL)
        assert await socket.next() == event


async def test_the_stream_of_a_symbol(app: FastAPI, engine: Engine) -> None:
    async with Socket(app, "/stream/ETHUSDT", "last_event_id=0") as socket:
        engine.events.candle(1.0)
        engine.events.add("order_created", {}, "ETHUSDT")
        engine.events.candle(2.0, symbol="ETHUSDT")
        engine.events.add("signal_generated", SIGNAL, "ETHUSDT")
        engine.events.add("state_change", {"to_state": "HALTED"}, "ETHUSDT")
        engine.events.add("session_update", {"state": "HALTED"}, "ETHUSDT")
        got = [await socket.next() for _ in range(4)]
        assert [(one["id"], one["type"], one["symbol"]) for one in got] == [
            (3, "candle", "ETHUSDT"),
            (4, "signal", "ETHUSDT"),
            (5, "state_change", "ETHUSDT"),
            (6, "status", "ETHUSDT"),
        ]
        assert set(got[0]) == {"id", "type", "symbol", "timestamp", "data"}
        assert got[0]["data"] == {"timeframe": "15m"} | market.CANDLE | {"close": 2.0, "is_closed": False}
        socket.say_text("anything")
        status = await socket.next()
        assert (status["type"], status["data"]["state"], status["data"]["symbol"]) == ("status", "SCANNING", "ETHUSDT")


async def test_a_stream_resumed_too_late(app: FastAPI, engine: Engine) -> None:
    engine.events.size = 2
    for number in range(5):
        engine.events.candle(float(number))
    async with Socket(app, "/stream/BTCUSDT", "last_event_id=1") as socket:
        message = await socket.next()
        assert (message["type"], message["data"]["code"], message["id"]) == ("error", "resync", 5)


async def test_another_session_has_another_log(app: FastAPI, client: httpx.AsyncClient, engine: Engine) -> None:
    async with Socket(app, "/ws") as socket:
        await socket.subscribe()
        engine.events = Log()
        engine.events.last_id = 1000
        assert (
            await client.post("/api/sessions/start", json={"strategy": "x", "symbols": ["BTCUSDT"]})
        ).status_code == 200
        message = await socket.next()
        assert (message["type"], message["id"]) == ("resync", 1000)
        event = engine.events.add("signal_generated", SIGNAL)
        assert await socket.next() == event


async def test_a_resync_of_the_engine_reaches_everybody(app: FastAPI, engine: Engine) -> None:
    async with Socket(app, "/ws") as one, Socket(app, "/stream/ETHUSDT") as other:
        await one.subscribe(topics=["risk_alert"], symbols=["ETHUSDT"])
        event = engine.events.add("resync", {"reason": "A feed was down."}, None)
        assert await one.next() == event
        message = await other.next()
        assert (message["type"], message["data"]) == ("error", {"code": "resync", "message": "A feed was down."})


async def test_connections_are_listed(app: FastAPI, client: httpx.AsyncClient, engine: Engine) -> None:
    async with Socket(app, "/ws") as one, Socket(app, "/stream/BTCUSDT"):
        await one.subscribe(topics=["risk_alert"], symbols=["BTCUSDT"])
        found = (await client.get("/market-rest/connections")).json()
        assert found["total"] == 2
        assert [item["path"] for item in found["items"]] == ["/ws", "/stream/BTCUSDT"]
        assert (found["items"][0]["topics"], found["items"][0]["symbols"]) == (["risk_alert"], ["BTCUSDT"])
        assert found["items"][0]["sent"] == 1
    assert (await client.get("/market-rest/connections")).json() == {"items": [], "total": 0}


async def test_no_more_than_so_many(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_CLIENTS", 1)
    async with Socket(app, "/ws"), Socket(app, "/ws") as second:
        assert second.first["status"] == 503


def test_only_pictures_that_were_replaced_are_left_out() -> None:
    log = Log()
    sent = [
        log.candle(1.0),
        log.candle(1.0, symbol="ETHUSDT"),
        log.candle(2.0),
        log.add("signal_generated", SIGNAL),
        log.candle(3.0, closed=True),
        log.candle(4.0),
        log.candle(5.0, closed=True, symbol="ETHUSDT"),
        log.candle(6.0, closed=True, symbol="ETHUSDT"),
    ]
    assert [event["id"] for event in conflate(sent)] == [4, 5, 6, 7, 8]
    assert conflate([]) == []


async def test_numbers_that_there_are_not_are_null(app: FastAPI, engine: Engine) -> None:
    data: dict[str, Any] = {"candle": market.CANDLE | {"is_closed": True, "indicators": {"ema20": float("nan")}}}
    async with Socket(app, "/ws") as socket:
        await socket.subscribe()
        engine.events.add("market_data", data)
        assert (await socket.next())["data"]["candle"]["indicators"] == {"ema20": None}
