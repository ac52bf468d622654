"""The life of the private stream on virtual time, over sockets that are made up."""

import asyncio

import pytest
import websockets.asyncio.client
from websockets.exceptions import ConnectionClosedError

from triplane.data.clock import ManualClock
from triplane.venues.base import BalanceChange, StreamState, StreamStatus
from triplane.venues.errors import Refused, Why
from triplane.venues.stream import PrivateStream, Rotate, StreamTiming


class Socket:
    """A connection whose other end is the test."""

    def __init__(self, address, clock):
        self.address, self.opened, self.closed = address, clock.monotonic(), None
        self._clock, self._queue = clock, asyncio.Queue()

    def say(self, text):
        self._queue.put_nowait(text)

    def cut(self):
        self._queue.put_nowait(None)

    async def recv(self):
        text = await self._queue.get()
        if text is None:
            self.closed = self._clock.monotonic() if self.closed is None else self.closed
            raise ConnectionClosedError(None, None)
        return text

    async def close(self):
        if self.closed is None:
            self.closed = self._clock.monotonic()
            self.cut()


class FakeProtocol:
    """A venue: each message is a wallet; ``rotate`` asks for another connection, ``bad`` cannot be read."""

    def __init__(self, clock):
        self.clock, self.fails = clock, 0

    async def address(self):
        if self.fails:
            self.fails -= 1
            raise Refused("not now: signature=abc", why=Why.DOWN)
        return "ws://x"

    async def log_in(self, socket):
        pass

    def read(self, message):
        if message == "rotate":
            raise Rotate("the venue says so")
        return [BalanceChange("USDT", message["w"], "", 0)]

    async def keep_alive(self, socket):
        await self.clock.sleep(10**9)


class World:
    """A stream, what came of it, and the sockets that it opened."""

    def __init__(self, monkeypatch):
        self.clock = ManualClock(0, auto=False)
        self.protocol, self.sockets, self.received, self.tried = FakeProtocol(self.clock), [], [], []
        timing = StreamTiming(expected=5, age=1000, steady=30)
        self.stream = PrivateStream(self.protocol, self.clock, self.clock.now_ms, timing)

        async def connect(address, **_):
            self.sockets.append(Socket(address, self.clock))
            return self.sockets[-1]

        monkeypatch.setattr(websockets.asyncio.client, "connect", connect)

    async def __aenter__(self):
        async def listen():
            async for event in self.stream.events():
                self.received.append(event)

        self._task = asyncio.create_task(listen())
        await self.clock.advance(0)
        return self

    async def __aexit__(self, *_):
        await self.stream.close()
        await self._task
        assert all(socket.closed is not None for socket in self.sockets)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    @property
    def states(self):
        return [e.state for e in self.received if isinstance(e, StreamState)]

    @property
    def wallets(self):
        return [e.wallet for e in self.received if isinstance(e, BalanceChange)]


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


async def test_everything_is_delivered_in_order_however_slow_the_reader(world):
    async with world as w:
        for n in range(5000):
            w.sockets[0].say(f'{{"w":{n}}}')
        await w.clock.advance(0)
        assert w.wallets == list(range(5000))
        assert w.states == [StreamStatus.UP]


async def test_a_connection_that_is_cut_is_made_again(world):
    async with world as w:
        await w.clock.advance(40)
        w.sockets[0].say('{"w":1}')
        w.sockets[0].cut()
        await w.clock.advance(0)
        assert len(w.sockets) == 2
        assert w.states == [StreamStatus.UP, StreamStatus.DOWN, StreamStatus.UP]
        w.sockets[1].say('{"w":2}')
        await w.clock.advance(0)
        assert w.wallets == [1, 2]


async def test_connections_that_end_at_once_are_not_made_in_a_hurry(world):
    async with world as w:
        for _ in range(40):
            w.sockets[-1].cut()
            await w.clock.advance(1)
        assert 5 <= len(w.sockets) <= 8  # after 0, 1, 2, 4, 8, 16 s and a quarter more at most
        gaps = [b.opened - a.opened for a, b in zip(w.sockets[1:], w.sockets[2:], strict=False)]
        assert gaps == sorted(gaps)


async def test_one_that_cannot_be_opened_is_tried_again_and_told_without_secrets(world):
    async with world as w:
        await w.clock.advance(40)
        w.protocol.fails = 3
        w.sockets[0].cut()
        await w.clock.advance(10)
        assert w.states == [StreamStatus.UP, StreamStatus.DOWN, StreamStatus.UP]
        assert "abc" not in str(w.received)


async def test_the_new_one_is_opened_before_the_old_one_is_dropped(world):
    async with world as w:
        old = w.sockets[0]
        old.say('"rotate"')
        old.say('{"w":1}')  # what the old one still says is heard
        await w.clock.advance(0)
        assert len(w.sockets) == 2
        assert w.wallets == [1]
        assert w.states == [StreamStatus.UP, StreamStatus.UP]
        assert "the venue says so" in w.received[-1].text or "the venue says so" in w.received[-2].text


async def test_when_the_new_one_cannot_be_opened_the_old_one_stays(world):
    async with world as w:
        w.protocol.fails = 2
        w.sockets[0].say('"rotate"')
        await w.clock.advance(0.5)
        w.sockets[0].say('{"w":1}')
        await w.clock.advance(0)
        assert (w.wallets, w.states, w.sockets[0].closed) == ([1], [StreamStatus.UP], None)
        w.sockets[0].cut()
        await w.clock.advance(10)
        assert w.states in ([StreamStatus.UP, StreamStatus.UP], [StreamStatus.UP, StreamStatus.DOWN, StreamStatus.UP])
        assert len(w.sockets) == 2


async def test_a_day_old_one_is_replaced(world):
    async with world as w:
        await w.clock.advance(999)
        assert len(w.sockets) == 1
        await w.clock.advance(2)
        assert len(w.sockets) == 2
        assert w.sockets[0].closed is not None
        assert StreamStatus.DOWN not in w.states


async def test_a_message_that_cannot_be_read_asks_for_a_comparison(world):
    async with world as w:
        for text in ("not json", "[1]", '{"other":1}', '{"w":7}'):
            w.sockets[0].say(text)
        await w.clock.advance(0)
        assert w.states == [StreamStatus.UP] * 4
        assert w.wallets == [7]
        assert len(w.sockets) == 1


@pytest.mark.parametrize(("says", "sockets"), [(False, 2), (True, 1)])
async def test_silence_after_an_accepted_request(world, says, sockets):
    async with world as w:
        w.stream.expect(w.stream.received)
        w.stream.expect(w.stream.received)
        await w.clock.advance(4)
        if says:
            w.sockets[0].say('{"w":1}')
        await w.clock.advance(2)
        assert len(w.sockets) == sockets
        assert StreamStatus.DOWN not in w.states


async def test_a_message_that_was_faster_than_the_answer_is_enough(world):
    async with world as w:
        before = w.stream.received
        w.sockets[0].say('{"w":1}')
        await w.clock.advance(0)
        w.stream.expect(before)
        await w.clock.advance(60)
        assert len(w.sockets) == 1


async def test_closed_before_it_was_ever_read(world):
    await world.stream.close()
    assert [event async for event in world.stream.events()] == []
