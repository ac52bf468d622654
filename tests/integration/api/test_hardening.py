"""Whoever can reach the port tries to take the server over: with bodies, heads, patience and messages."""

import asyncio
import math
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import websockets

sys.path.insert(0, str(Path(__file__).parent))

from attacked import BIG, served
from attackers import PATIENT, QUICK, SLACK, kill, live, raw

from triplane.api.connections import ConnectionLimits

ONE_BY_ONE = ConnectionLimits(places=1)


# Bodies and heads


async def test_a_stranger_s_body_is_not_read():
    async with served() as (app, _, port), raw(port) as client:
        client.head(Content_Length=20_000_000, Expect="100-continue")
        assert await client.status() == 401
        for _ in range(300):
            client.send(b"[]," * 20_000)
            with suppress(ConnectionError):
                await client.writer.drain()
        assert await kill(port) == 200
        assert app.bodies == [b"{}"]


@pytest.mark.parametrize("token", [True, False])
async def test_a_body_that_says_it_is_too_large(token):
    async with served() as (app, _, port), raw(port) as client:
        path = "/kill" if token else "/open/login"
        client.head(path=path, token=token, Content_Length=65_537)
        assert await client.status() == 413
        assert app.bodies == []


async def test_a_body_that_grows_too_large():
    async with served() as (app, _, port), raw(port) as client:
        client.head(token=True, Transfer_Encoding="chunked")
        for _ in range(17):
            client.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        assert await client.status() == 413
        assert app.bodies == []


async def test_a_body_of_the_largest_size():
    async with served() as (app, _, port), raw(port) as client:
        client.head(token=True, Content_Length=65_536)
        client.send(b"x" * 65_536)
        assert await client.status() == 200
        client.head(token=True, Transfer_Encoding="chunked")
        for _ in range(16):
            client.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        client.send(b"0\r\n\r\n")
        assert await client.status() == 200
        assert app.bodies == [b"x" * 65_536] * 2


async def test_a_body_of_too_many_pieces():
    async with served() as (app, _, port), raw(port) as client:
        client.head(token=True, Transfer_Encoding="chunked")
        client.send(b"1\r\nx\r\n" * 5000 + b"0\r\n\r\n")
        assert await client.ended() == b""
        assert app.bodies == []


@pytest.mark.parametrize(
    "head",
    [
        "".join(f"a{number}: b\r\n" for number in range(100)),
        f"a: {'b' * 8000}\r\n",
        "".join(f"a{number}: {'b' * 1000}\r\n" for number in range(17)),
    ],
    ids=["many", "long", "large"],
)
async def test_a_head_that_is_too_large(head):
    async with served() as (app, _, port), raw(port) as client:
        client.head("GET", "/open/x", end=head + "\r\n")
        assert await client.status() == 431
        assert app.bodies == []
        async with raw(port) as other:
            other.head("GET", "/open/" + "x" * 8000)
            assert await other.status() == 431


async def test_a_header_that_never_ends():
    problems = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    async with served(QUICK) as (_, _, port), raw(port) as client:
        client.head("GET", "/open/x", end="a: ")
        for _ in range(500):
            client.send(b"b" * 2048)
            with suppress(ConnectionError):
                await client.writer.drain()
        assert await client.status() == 431
        assert await client.ended() == b""  # it is said once, whatever else came
        assert problems == []


async def test_a_head_in_pieces():
    """Nearly as large as it may be."""
    async with served() as (app, _, port), raw(port) as client:
        client.head("GET", "/open/x", end="")
        for name in "abc":
            for piece in (f"{name}: ", "b" * 2500, "b" * 2500, "\r\n"):
                client.send(piece)
                await client.writer.drain()
                await asyncio.sleep(0)
        client.send("\r\n")
        assert await client.status() == 200
        assert app.bodies == [b""]


async def test_headers_behind_the_body():
    async with served() as (app, _, port), raw(port) as client:
        client.head(token=True, Transfer_Encoding="chunked")
        client.send("1\r\nx\r\n0\r\n" + "".join(f"a{number}: b\r\n" for number in range(100)))
        assert await client.ended() == b""
        assert app.bodies == []


async def test_too_many_requests_at_once():
    async with served() as (_, server, port), raw(port) as client:
        client.send(f"GET /open/stuck HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n" * 10)
        assert await client.ended() == b""
        assert await kill(port) == 200
        assert len(server.server_state.tasks) <= 1


async def test_what_is_not_http():
    async with served() as (_, _, port), raw(port) as client:
        client.send(b"\x16\x03\x01\x00\x00")
        assert await client.status() == 400
        assert await client.ended() == b""


# Time


@pytest.mark.parametrize(("what", "deadline"), [
    ("nothing", "head_s"), ("half a head", "head_s"), ("half a body", "body_s"), ("a public body", "body_s"),
    ("a refused body", "linger_s"), ("nothing after an answer", "idle_s"), ("line ends only", "idle_s"),
])  # fmt: skip
async def test_who_takes_too_long_is_dropped(what, deadline):
    async with served(replace(PATIENT, **{deadline: 0.3})) as (app, server, port), raw(port) as client:
        if what == "half a head":
            client.head(end="")
        elif what in ("half a body", "a refused body"):
            client.head(token=what == "half a body", Content_Length=10)
            client.send("{")
            assert what == "half a body" or await client.status() == 401
        elif what == "a public body":
            client.head(path="/open/login", Content_Length=10)
        elif what != "nothing":
            client.head("GET", "/open/x")
            assert await client.status() == 200
        bodies = list(app.bodies)
        if what in ("half a head", "line ends only"):  # a byte now and then does not buy time

            async def drip():
                while not client.writer.is_closing():
                    client.send("a" if what == "half a head" else "\r\n")
                    await asyncio.sleep(0.02)

            dripping = asyncio.create_task(drip())
            assert await client.ended() == b""
            dripping.cancel()
        else:
            assert await client.ended() == b""
        assert app.bodies == bodies
        assert not server.server_state.connections


async def deadlines_pass(port):
    """Wait until one who came later has been dropped for saying nothing."""
    async with raw(port) as other:
        assert await other.ended() == b""


async def test_who_waits_for_an_answer_is_not_dropped():
    async with served(QUICK) as (app, _, port), raw(port) as client, live(port) as socket_:
        client.head(path="/open/stuck", Content_Length=0)
        async with asyncio.timeout(SLACK):
            await app.stuck.wait()
        await deadlines_pass(port)
        assert not client.reader.at_eof()
        await socket_.send("still here")
        assert await socket_.recv() == "10"


async def test_a_head_has_its_own_time_however_long_the_rest_before():
    limits = replace(PATIENT, idle_s=0.3, body_s=0.3)
    async with served(limits) as (_, _, port), raw(port) as client, raw(port) as late:
        client.head("GET", "/open/x")
        assert await client.status() == 200
        client.head("GET", "/open/x", end="")
        late.head(path="/open/login", Content_Length=10)
        assert await late.ended() == b""
        client.send("\r\n")
        assert await client.status() == 200


async def test_who_takes_nothing_of_an_answer_is_dropped():
    async with served(QUICK) as (_, server, port), raw(port) as client:
        client.writer.transport.pause_reading()
        client.head("GET", "/open/big")
        async with asyncio.timeout(SLACK):
            while not server.server_state.tasks:
                await asyncio.sleep(0)
            await asyncio.gather(*server.server_state.tasks)
        assert not server.server_state.connections


async def test_who_takes_an_answer_slowly_gets_all_of_it():
    """Each time that something is taken there is as much time again."""
    async with served() as (_, server, port), raw(port) as client:
        client.head("GET", "/open/big")
        seen, stalled = 0, 0
        async with asyncio.timeout(SLACK):
            while seen < len(BIG) * 1000:
                seen += len(await client.reader.read(65536))
                (connection,) = server.server_state.connections
                stalled += connection.stalled < math.inf
                await asyncio.sleep(0)
            while connection.stalled < math.inf:
                await asyncio.sleep(0)
        assert stalled > 0


async def test_requests_one_after_the_other_on_one_connection():
    async with served() as (app, _, port), raw(port) as client:
        for number in range(20):
            client.head(token=True, Content_Length=2)
            client.send(b"%02d" % number)
            assert await client.status() == 200
        for number in range(5):  # at once
            client.head(token=True, Content_Length=2)
            client.send(b"%02d" % number)
        for _ in range(5):
            assert await client.status() == 200
        assert app.bodies[-5:] == [b"%02d" % number for number in range(5)]


# Places


async def test_the_oldest_stranger_makes_room_and_who_is_known_stays():
    async with served(ONE_BY_ONE) as (_, server, port), raw(port) as known:
        known.head(token=True, Content_Length=0)
        assert await known.status() == 200
        async with raw(port) as first:
            first.head("GET", "/open/x")
            assert await first.status() == 200
            async with raw(port) as second:
                for _ in range(2):
                    second.head("GET", "/open/x")
                    assert await second.status() == 200
                assert await first.ended() == b""
        known.head(token=True, Content_Length=0)
        assert await known.status() == 200
        assert server.server_state.dropped == 1


async def test_who_is_known_makes_room_when_it_rests():
    async with served(ONE_BY_ONE) as (app, _, port), raw(port) as busy:
        busy.head("GET", "/stuck", token=True)
        async with asyncio.timeout(SLACK):
            await app.stuck.wait()
        assert await kill(port) == 200
        async with raw(port) as resting:
            resting.head(token=True, Content_Length=0)
            assert await resting.status() == 200
            assert await kill(port) == 200
            assert await resting.ended() == b""
        assert not busy.reader.at_eof()


# WebSockets


async def test_a_socket_s_messages_have_a_size():
    async with served() as (app, _, port), live(port) as client:
        await client.send("x" * 65_536)
        assert await client.recv() == "65536"
        await client.send("x" * 65_537)
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await client.recv()
        assert closed.value.rcvd.code == 1009
        async with asyncio.timeout(SLACK):
            await app.gone.wait()


async def test_a_stranger_s_socket():
    async with served() as (app, server, port):
        app.entered.clear()
        with pytest.raises(websockets.InvalidStatus) as refused:
            await live(port, "/open/x", token="wrong")
        assert refused.value.response.status_code == 401
        assert not app.entered.is_set()
        assert not server.server_state.connections


@pytest.mark.parametrize("fields", [{"Content_Length": 5}, {"Sec_WebSocket_Version": 12}, {}])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_handshake_that_is_none(method, fields):
    async with served() as (_, server, port), raw(port) as client:
        client.head(method, token=True, Upgrade="websocket", Connection="Upgrade", **fields)
        await client.ended()
        assert not server.server_state.connections
        assert await kill(port) == 200


async def test_a_socket_that_takes_nothing_ends_when_it_is_closed():
    async with served(QUICK) as (_, server, port), live(port, "/big") as client:
        client.transport.pause_reading()
        (connection,) = server.server_state.connections
        async with asyncio.timeout(SLACK):
            while connection.writable.is_set():
                await asyncio.sleep(0)
            connection.transport.close()  # as when it does not answer a ping
            await asyncio.gather(*server.server_state.tasks, return_exceptions=True)
        client.transport.abort()
        assert not server.server_state.connections
