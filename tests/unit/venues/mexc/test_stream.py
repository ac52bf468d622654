"""Login and pings of MEXC's socket."""

import asyncio
import json

import pytest

from triplane.data.clock import ManualClock
from triplane.venues.errors import Refused, Why
from triplane.venues.keys import Credentials
from triplane.venues.mexc.client_ids import ClientIds
from triplane.venues.mexc.stream import EdgeStream
from triplane.venues.stream import Rotate

PONG = b'{"channel":"pong","data":1}'


class Socket:
    """Takes texts, and gives those that were laid ready."""

    def __init__(self, *ready):
        self.sent, self.ready = [], [json.dumps(row) for row in ready]

    async def send(self, text, /):
        self.sent.append(json.loads(text))

    async def recv(self):
        return self.ready.pop(0)


@pytest.fixture
def edge():
    clock = ManualClock(1_760_000_000_000)
    return EdgeStream("ws://x/edge", Credentials("k", "s"), {}, ClientIds(), clock, clock.now_ms)


async def test_a_login(edge):
    socket = Socket(
        {"channel": "pong", "data": 1}, {"channel": "push.ticker"}, {"channel": "rs.login", "data": "success"}
    )
    assert await edge.address() == "ws://x/edge"
    await edge.log_in(socket)
    assert socket.ready == []
    (login,) = socket.sent
    assert login["method"] == "login"
    assert login["param"]["reqTime"] == "1760000000000"
    assert len(login["param"]["signature"]) == 64


async def test_a_login_that_is_refused(edge):
    with pytest.raises(Refused, match="no such key") as error:
        await edge.log_in(Socket({"channel": "rs.error", "data": "no such key"}))
    assert error.value.why is Why.KEYS


async def test_a_ping_without_an_answer_ends_the_connection(edge):
    socket = Socket()
    with pytest.raises(Rotate, match="not answered"):
        await edge.keep_alive(socket)
    assert socket.sent == [{"method": "ping"}]


async def test_pings_go_on_while_they_are_answered(edge):
    class Answering(Socket):
        async def send(self, text, /):
            await super().send(text)
            if len(self.sent) < 5:
                assert edge.parse(PONG) is None

    socket = Answering()
    async with asyncio.timeout(10):
        with pytest.raises(Rotate):
            await edge.keep_alive(socket)
    assert len(socket.sent) == 5


def test_an_error_of_the_venue_ends_the_connection(edge):
    with pytest.raises(Rotate):
        edge.read({"channel": "rs.error", "data": "login first", "ts": 1})
