"""Clients of the WebSockets: what they get, how they resume, and that a slow one is alone with it."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from triplane.api import stream as sockets
from triplane.api.messages import TOPICS
from triplane.model import facts as f
from triplane.model.live import ENCODER, Forming

from .conftest import TOKEN, Page, Socket
from .streams import MINUTE, Stream, session_health


def raw(value: Any) -> Any:
    """A struct as a client sees it."""
    return msgspec.json.decode(ENCODER.encode(value))


def forming(stream: Stream, close: float, symbol: str = "BTCUSDT") -> Forming:
    """The candle under way."""
    candle = f.Candle(
        session_id=stream.session_id, seq=0, time=stream.now, symbol=symbol, venue="demo", tf="1m",
        open_time=stream.now, open=close, high=close, low=close, close=close, volume=1.0, is_closed=False,
    )  # fmt: skip
    return Forming(candle=candle)


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
        ("/stream/BTCUSDT", "session=other", 404),
        ("/stream/BTCUSDT", "last_event_id=x", 422),
        ("/stream/BTCUSDT", "last_event_id=-1", 422),
    ],
)
async def test_a_stream_that_there_is_not(app: FastAPI, path: str, query: str, status: int) -> None:
    async with Socket(app, path, query) as socket:
        assert socket.first["status"] == status
        assert b'"message"' in (await socket.message())["body"]


async def test_nothing_comes_before_subscribing(page: Page, stream: Stream) -> None:
    async with Socket(page.app, "/ws") as socket:
        stream.signal("early")
        page.take(stream)
        ack = await socket.subscribe(topics=["signal_generated"])
        assert (ack["type"], ack["id"], ack["session_id"]) == ("heartbeat", page.messages.last_id, "s")
        told = stream.signal("now")
        page.take(stream)
        message = await socket.next()
        assert message == {
            "id": message["id"], "type": "signal_generated", "session_id": "s", "symbol": "BTCUSDT",
            "timestamp": told.time, "data": raw(told),
        }  # fmt: skip


async def test_topics_and_symbols(page: Page, stream: Stream) -> None:
    async with Socket(page.app, "/ws") as socket:
        await socket.subscribe(topics=["signal_generated", "error"], symbols=["ETHUSDT"])
        stream.signal("btc")
        stream.order("e9", symbol="ETHUSDT")
        stream.signal("eth", symbol="ETHUSDT")
        stream.add(f.Error, "", code="c", message="Of all.")
        page.take(stream)
        got = [await socket.next(), await socket.next()]
        assert [(one["type"], one["data"].get("id")) for one in got] == [("signal_generated", "eth"), ("error", None)]
        socket.say(op="unsubscribe", topics=["signal_generated"])
        assert (await socket.next())["type"] == "heartbeat"
        stream.signal("unwanted", symbol="ETHUSDT")
        stream.add(f.Error, "", code="c", message="Of all again.")
        page.take(stream)
        assert (await socket.next())["data"]["message"] == "Of all again."
        socket.say(op="unsubscribe")
        assert (await socket.next())["type"] == "heartbeat"
        stream.add(f.Error, "", code="c", message="Nobody wants this.")
        page.take(stream)
        socket.say(op="ping")
        assert (await socket.next())["type"] == "heartbeat"


async def test_facts_come_only_when_they_are_named(page: Page, stream: Stream) -> None:
    async with Socket(page.app, "/ws") as usual, Socket(page.app, "/ws") as program:
        await usual.subscribe()
        await program.subscribe(topics=["facts"])
        told = [
            stream.candle(101.0),
            stream.account(equity=10_001.0),
            stream.add(f.SessionEnd, "", decisions_sha256="0"),
        ]
        page.take(stream)
        got = [await program.next() for _ in told]
        assert [one["data"] for one in got] == [raw(fact) for fact in told]
        kinds: set[str] = set()
        while "decision" not in kinds:
            kinds.add((await usual.next())["type"])
        assert kinds == {"market_data", "position_update", "account_update", "decision", "session_update"}


async def test_the_place_in_the_log_grows_with_what_was_not_wanted(page: Page, stream: Stream) -> None:
    async with Socket(page.app, "/ws") as socket:
        await socket.subscribe(topics=["risk_alert"])
        for _ in range(3):
            stream.signal()
        stream.add(f.RiskAlert, alert_id="a", severity="INFO", alert_type="x", message="Look.", details={})
        stream.signal("later")
        page.take(stream)
        assert (await socket.next())["type"] == "risk_alert"
        socket.say(op="ping")
        assert (await socket.next())["id"] == page.messages.last_id


async def test_resuming_within_what_is_held_misses_nothing(page: Page, stream: Stream) -> None:
    begin = page.messages.last_id
    for number in range(8):
        stream.trade(f"t{number}")
    page.take(stream)
    async with Socket(page.app, "/ws") as socket:
        await socket.subscribe(topics=["position_closed"], last_event_id=begin)
        got = [await socket.next() for _ in range(8)]
        assert [one["data"]["id"] for one in got] == [f"t{number}" for number in range(8)]
    async with Socket(page.app, "/ws") as socket:
        await socket.subscribe(topics=["position_closed"], last_event_id=got[4]["id"])
        assert [(await socket.next())["data"]["id"] for _ in range(3)] == ["t5", "t6", "t7"]
        stream.trade("t8")
        page.take(stream)
        assert (await socket.next())["data"]["id"] == "t8"


@pytest.mark.parametrize(("place", "why"), [("old", "behind the oldest"), ("new", "ahead of the newest")])
async def test_resuming_beyond_what_is_held_asks_to_read_again(
    page: Page, stream: Stream, place: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page.messages, "_ring", page.messages._ring[:4])
    for number in range(20):
        stream.trade(f"t{number}")
    page.take(stream)
    newest = page.messages.last_id
    last = 1 if place == "old" else newest + 1
    async with Socket(page.app, "/ws") as socket:
        await socket.subscribe(topics=["position_closed"], last_event_id=last)
        message = await socket.next()
        assert (message["type"], message["id"]) == ("resync", newest)
        assert message["data"]["reason"] == f"The event {last} is {why} that is kept; read the present state over REST."
        stream.trade("next")
        page.take(stream)
        assert (await socket.next())["data"]["id"] == "next"


async def test_a_slow_client_hurts_only_itself(page: Page, stream: Stream) -> None:
    """One takes nothing while the other gets everything; then it gets what still counts, in order."""
    async with Socket(page.app, "/ws") as slow, Socket(page.app, "/ws") as quick:
        for socket in (slow, quick):
            await socket.subscribe(topics=["market_data", "signal_generated"], symbols=["ETHUSDT"])
        slow.room.clear()
        for number in range(50):
            page.sessions.on_message(forming(stream, float(number), "ETHUSDT"))
            assert (await quick.next())["data"]["candle"]["close"] == float(number)
        stream.candle(50.0, symbol="ETHUSDT")
        stream.signal("last", symbol="ETHUSDT")
        page.take(stream)
        assert [(await quick.next())["type"] for _ in range(2)] == ["market_data", "signal_generated"]
        slow.room.set()
        got = [await slow.next()]
        while got[-1]["type"] != "signal_generated":
            got.append(await slow.next())
        assert [one["id"] for one in got] == sorted({one["id"] for one in got})
        assert any(one["type"] == "market_data" and one["data"]["candle"]["is_closed"] for one in got)
        assert len(got) < 10


async def test_a_client_that_falls_behind_the_log_is_told(
    page: Page, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page.messages, "_ring", page.messages._ring[:20])
    async with Socket(page.app, "/ws") as slow:
        await slow.subscribe()
        slow.room.clear()
        for number in range(300):
            stream.trade(f"t{number}")
            page.take(stream)
            await asyncio.sleep(0)
        slow.room.set()
        kinds: list[str] = []
        while "resync" not in kinds:
            kinds.append((await slow.next())["type"])
        assert len(kinds) < 100


async def test_a_client_that_takes_nothing_is_dropped(make_page: Callable[..., Page], stream: Stream) -> None:
    page = make_page(patience_s=0.02)
    page.take(stream)
    async with Socket(page.app, "/ws") as stuck:
        await stuck.subscribe()
        stuck.room.clear()
        stream.signal()
        page.take(stream)
        message = await stuck.message()
        assert (message["type"], message["code"]) == ("websocket.close", 1013)
    assert page.app.state.context.clients.describe() == []


@pytest.mark.parametrize(("path", "kind"), [("/ws", "heartbeat"), ("/stream/BTCUSDT", "status")])
async def test_heartbeats(make_page: Callable[..., Page], stream: Stream, path: str, kind: str) -> None:
    page = make_page(heartbeat_s=0.005)
    page.take(stream)
    async with Socket(page.app, path) as socket:
        if path == "/ws":
            await socket.subscribe()
        assert [(await socket.next())["type"] for _ in range(3)] == [kind] * 3
        stream.add(
            f.StateChange, from_state="SCANNING", to_state="HALTED", reason="error", order_id=None, position_id=None
        )
        page.take(stream)
        kinds = []
        while "state_change" not in kinds:
            kinds.append((await socket.next())["type"])
        assert {*kinds} <= {kind, "state_change"}


NO_SESSION = (
    "session must be the id of a session (at most 100 characters), '*' for all, or null for the one that is shown."
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", 'The message is not a JSON object such as {"op": "subscribe", "topics": ["market_data"]}.'),
        ("[]", 'The message is not a JSON object such as {"op": "subscribe", "topics": ["market_data"]}.'),
        ('{"op": "buy"}', "op is 'buy'; it must be 'subscribe', 'unsubscribe' or 'ping'."),
        ('{"op": "subscribe", "symbols": "BTCUSDT"}', "symbols must be a list of names."),
        (
            '{"op": "subscribe", "session": 7}',
            NO_SESSION,
        ),
        (
            '{"op": "subscribe", "session": "' + "x" * 101 + '"}',
            NO_SESSION,
        ),
        ("[" * 60_000, "The body has too many values; at most 2500 are taken."),
        ('{"op":' + '{"a":' * 1000 + "1" + "}" * 1001, "The body is nested too deeply; at most 16 levels are taken."),
        (
            '{"op": "subscribe", "last_event_id": "3"}',
            "last_event_id is '3'; it must be a whole number from 0, or null.",
        ),
        (
            '{"op": "subscribe", "last_event_id": true}',
            "last_event_id is 'True'; it must be a whole number from 0, or null.",
        ),
        ('{"op": "subscribe", "topics": ["all"]}', f"topics has all; allowed are {', '.join(sorted(TOPICS))}."),
    ],
)
async def test_a_message_that_is_not_understood(page: Page, stream: Stream, text: str, message: str) -> None:
    async with Socket(page.app, "/ws") as socket:
        socket.say_text(text)
        answer = await socket.next()
        assert (answer["type"], answer["data"]["message"]) == ("error", message)
        await socket.subscribe(topics=["signal_generated"])
        stream.signal("still")
        page.take(stream)
        assert (await socket.next())["data"]["id"] == "still"


async def test_the_stream_of_a_symbol(page: Page, stream: Stream) -> None:
    async with Socket(page.app, "/stream/ETHUSDT", f"last_event_id={page.messages.last_id}") as socket:
        stream.candle(1.0)
        stream.order("e9", symbol="ETHUSDT")
        closed = stream.candle(2.0, symbol="ETHUSDT")
        stream.signal("g", symbol="ETHUSDT")
        stream.add(
            f.StateChange, "ETHUSDT", from_state="SCANNING", to_state="HALTED", reason="error", order_id=None,
            position_id=None,
        )  # fmt: skip
        stream.status("HALTED", "ETHUSDT")
        stream.add(f.Error, "ETHUSDT", code="c", message="It went wrong.")
        page.take(stream)
        got = [await socket.next() for _ in range(5)]
        assert [(one["type"], one["symbol"]) for one in got] == [
            ("candle", "ETHUSDT"),
            ("signal", "ETHUSDT"),
            ("state_change", "ETHUSDT"),
            ("status", "ETHUSDT"),
            ("error", "ETHUSDT"),
        ]
        assert set(got[0]) == {"id", "type", "symbol", "timestamp", "data"}
        assert got[0]["data"] == {
            "timeframe": "1m", "time": closed.open_time, "open": 1.0, "high": 4.0, "low": 0.0, "close": 2.0,
            "volume": 1.5, "is_closed": True, "indicators": {},
        }  # fmt: skip
        assert (got[3]["data"]["state"], got[3]["data"]["engine"]["state"]) == ("HALTED", "ok")
        socket.say_text("anything")
        status = await socket.next()
        assert (status["type"], status["data"]["state"], status["data"]["symbol"]) == ("status", "HALTED", "ETHUSDT")


async def test_a_stream_resumed_too_late(page: Page, stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page.messages, "_ring", page.messages._ring[:2])
    for number in range(5):
        stream.candle(float(number))
    page.take(stream)
    async with Socket(page.app, "/stream/BTCUSDT", "last_event_id=1") as socket:
        message = await socket.next()
        assert (message["type"], message["data"]["code"], message["id"]) == (
            "error", "resync", page.messages.last_id,
        )  # fmt: skip


async def test_a_session_that_is_started_is_shown_and_the_other_is_still_there(page: Page, stream: Stream) -> None:
    """Paper beside live: whoever names no session follows the newest, whoever names one stays with it."""
    async with Socket(page.app, "/ws") as follows, Socket(page.app, "/ws") as stays, Socket(page.app, "/ws") as every:
        await follows.subscribe(topics=["signal_generated"])
        await stays.subscribe(topics=["signal_generated"], session="s")
        await every.subscribe(topics=["signal_generated"], session="*")
        other = Stream("t", started_at=stream.now)
        page.take(other)
        page.hear(session_health(stream), session_health(other))
        message = await follows.next()
        assert (message["type"], message["session_id"]) == ("resync", "t")
        assert message["data"]["reason"] == "session t is shown now"
        assert (await every.next())["type"] == "resync"
        for one in (stream, other):
            one.signal(f"of {one.session_id}")
            page.take(one)
        assert (await follows.next())["data"]["id"] == "of t"
        assert (await stays.next())["data"]["id"] == "of s"
        assert [(await every.next())["data"]["id"] for _ in range(2)] == ["of s", "of t"]


async def test_a_fast_replay_is_not_told_candle_by_candle(page: Page, stream: Stream) -> None:
    async with Socket(page.app, "/ws") as one, Socket(page.app, "/stream/ETHUSDT") as other:
        await one.subscribe(topics=["position_closed"], symbols=["ETHUSDT"])
        for number in range(1000):
            stream.trade(f"t{number}")
        page.take(stream)
        page.clock.now += 1.0
        page.sessions.tick()
        page.clock.now += 1.0
        page.sessions.tick()
        message = await one.next()
        assert (message["type"], message["data"]["reason"]) == ("resync", "caught up")
        message = await other.next()
        assert (message["type"], message["data"]) == ("error", {"code": "resync", "message": "caught up"})
        stream.trade("slow again", symbol="ETHUSDT")
        page.take(stream)
        assert (await one.next())["data"]["id"] == "slow again"


async def test_connections_are_listed(page: Page, client: httpx.AsyncClient) -> None:
    async with Socket(page.app, "/ws") as one, Socket(page.app, "/stream/BTCUSDT"):
        await one.subscribe(topics=["risk_alert"], symbols=["BTCUSDT"], session="s")
        found = (await client.get("/market-rest/connections")).json()
        assert found["total"] == 2
        first = found["items"][0]
        assert [item["path"] for item in found["items"]] == ["/ws", "/stream/BTCUSDT"]
        assert (first["topics"], first["symbols"], first["session"]) == (["risk_alert"], ["BTCUSDT"], "s")
        assert first["sent"] == 1
        assert (await client.get("/health")).json()["page"]["sockets"] == 2
    assert (await client.get("/market-rest/connections")).json() == {"items": [], "total": 0}


async def test_no_more_than_so_many(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "MAX_CLIENTS", 1)
    async with Socket(app, "/ws"), Socket(app, "/ws") as second:
        assert second.first["status"] == 503


async def test_who_asks_and_does_not_read_gets_no_endless_answers(page: Page) -> None:
    async with Socket(page.app, "/ws") as socket:
        socket.room.clear()
        for _ in range(1000):
            socket.say(op="ping")
        await asyncio.sleep(0.05)
        (client,) = page.app.state.context.clients._clients
        assert len(client._answers) <= 100


async def test_a_candle_under_way_is_shown_with_the_position_that_it_moves(page: Page, stream: Stream) -> None:
    async with Socket(page.app, "/ws") as socket:
        await socket.subscribe(topics=["market_data", "position_update"])
        page.sessions.on_message(forming(stream, 110.0))
        bar, position = await socket.next(), await socket.next()
        assert (bar["data"]["candle"]["close"], bar["data"]["candle"]["is_closed"]) == (110.0, False)
        assert (position["data"]["current_price"], position["data"]["current_pnl"]) == ("110", "5")
        assert bar["data"]["timeframe"] == "1m"
        assert stream.now % MINUTE == 0
