"""What can go wrong between a client of the router and its service."""

import asyncio
import re

import pytest
from fakes import SYMBOL, limit
from served import TOKEN, place, served

from triplane.errors import BadInput
from triplane.execution.remote import RemoteRouter
from triplane.execution.router import Router
from triplane.venues.base import (
    StreamState,
    StreamStatus,
)
from triplane.venues.errors import NotFound, Refused, Unknown, Why

SECRET = "Zx9-planted-secret-0123456789"


class TestRemote:
    """What can go wrong between client and service."""

    @pytest.mark.parametrize("url", ["127.0.0.1:8001", "ftp://x", "http://"])
    def test_an_address_that_is_none(self, url):
        with pytest.raises(BadInput, match=re.escape(repr(url))):
            RemoteRouter(url, TOKEN)

    async def test_nobody_there(self):
        remote = RemoteRouter("http://127.0.0.1:9", TOKEN)
        with pytest.raises(Refused) as error:
            await remote.open()
        assert error.value.why is Why.DOWN
        with pytest.raises(Refused, match="closed"):
            await place(remote, limit("a"))
        await remote.close()

    async def test_the_wrong_token(self, address):
        remote = RemoteRouter(address, SECRET)
        with pytest.raises(Refused) as error:
            await remote.open()
        assert error.value.why is Why.KEYS
        assert SECRET not in str(error.value)
        await remote.close()

    @pytest.mark.parametrize(("reply", "changing", "reading"), [
        (b"", Unknown, Refused),  # cut
        (b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 2\r\n\r\nno", Unknown, Refused),
        (b"HTTP/1.1 503 x\r\ncontent-length: 21\r\n\r\n{\"code\": \"unexpected\"}", Unknown, Refused),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno", Refused, Refused),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", Unknown, Refused),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", Unknown, Refused),  # torn
        (None, Unknown, Refused),  # never
    ])  # fmt: skip
    async def test_what_did_not_come_from_the_service(self, reply, changing, reading):
        """Nothing of it may pass for an answer of the venue; NotFound least of all."""

        handlers = set()

        async def answer(reader, writer):
            handlers.add(asyncio.current_task())
            head = await reader.readuntil(b"\r\n\r\n")
            if b"/venue" in head:
                said = b'{"name": "fake", "time": 5, "capabilities": {}}'
                writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 47\r\n\r\n" + said)
            elif reply is None:
                await reader.read()  # until the client gives up
            else:
                writer.write(reply)
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        remote = RemoteRouter(
            f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", TOKEN, timeout=5.0 if reply is not None else 0.3
        )
        await remote.open()
        with pytest.raises((Unknown, Refused)) as error:
            await place(remote, limit("a"))
        assert type(error.value) is changing
        with pytest.raises((Unknown, Refused, NotFound)) as error:
            await remote.order(SYMBOL, "a", conditional=False)
        assert type(error.value) is reading
        await remote.close()
        server.close()
        await asyncio.gather(*handlers)

    async def test_it_is_up_when_the_venue_is(self, venue):
        """A connection to the service alone is no connection to the venue's stream."""
        router = Router(venue)
        venue.queue.put_nowait(StreamState(StreamStatus.DOWN, "not yet", 5))
        async with served(router) as url, asyncio.timeout(20):
            remote = RemoteRouter(url, TOKEN)
            await remote.open()
            first = asyncio.create_task(anext(remote.events()))
            while not venue.queue.empty():
                await asyncio.sleep(0)
            assert not first.done()
            await router.open()
            assert (await first).state is StreamStatus.UP
            await remote.close()
        await router.close()

    async def test_the_service_is_started_again(self, inside, venue):
        """The stream comes back by itself, and says so."""
        async with asyncio.timeout(30):
            async with served(inside) as url:
                remote = RemoteRouter(url, TOKEN)
                await remote.open()
                states = (event.state async for event in remote.events())
                assert await anext(states) is StreamStatus.UP
            assert await anext(states) is StreamStatus.DOWN
            with pytest.raises(Refused):
                await place(remote, limit("a"))
            async with served(inside, port=int(url.rpartition(":")[2])):
                venue.queue.put_nowait(StreamState(StreamStatus.UP, "connected", venue.time))
                assert await anext(states) is StreamStatus.UP
                await place(remote, limit("a"))
                await remote.close()
            assert [state async for state in states] == []
