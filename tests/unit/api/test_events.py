"""The numbered facts for other programs: from any number, of any session, and on as they come."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import msgspec
import pytest

from triplane.api.facts_file import KEPT, FactFiles
from triplane.api.routes import facts as route
from triplane.model.facts import SessionEnd
from triplane.model.live import FROM_ENGINE

from .conftest import BASE, TOKEN, Page
from .streams import Stream

NDJSON = {"Accept": "application/x-ndjson"}


@pytest.fixture
def told(page: Page, stream: Stream) -> Stream:
    for number in range(10):
        stream.trade(f"t{number}")
    page.take(stream)
    page.write(stream)
    return stream


async def test_in_pieces(client: httpx.AsyncClient, told: Stream) -> None:
    found: list[Any] = []
    first = 1
    while True:
        piece = (await client.get(f"/events?from={first}&limit=7")).json()
        assert piece["session_id"] == "s"
        found += piece["items"]
        first = piece["next"]
        if not piece["items"]:
            break
    assert [FROM_ENGINE.decode(msgspec.json.encode(one)) for one in found] == told.facts
    assert first == len(told.facts) + 1
    assert (await client.get("/events?from=1000000")).json() == {"session_id": "s", "items": [], "next": 1_000_000}


async def test_of_a_session_that_is_long_over(client: httpx.AsyncClient, page: Page) -> None:
    old = Stream("260101-000000-abcd")
    old.candle()
    page.write(old)
    found = (await client.get("/events", params={"session": old.session_id})).json()
    assert [one["event"] for one in found["items"]] == ["session.v1", "candles.v1"]


@pytest.mark.parametrize("name", ["nothing", "..", "../s", "a/b", "", "x" * 101, "s\0"])
async def test_what_there_is_not(client: httpx.AsyncClient, told: Stream, name: str) -> None:
    answer = await client.get("/events", params={"session": name})
    assert answer.status_code in (404, 422)
    answer = await client.get("/events", params={"session": name}, headers=NDJSON)
    assert answer.status_code in (404, 422)


async def test_one_a_line(client: httpx.AsyncClient, told: Stream) -> None:
    answer = await client.get("/events?from=3", headers=NDJSON)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [FROM_ENGINE.decode(line) for line in answer.text.splitlines()] == told.facts[2:]


class Follower:
    """Reads a stream that does not end, line by line, without a network."""

    def __init__(self, page: Page, first: int) -> None:
        context = page.app.state.context
        self._lines = route._lines(context, "s", first, [], follow=True)
        self._waiting: list[bytes] = []

    async def next(self) -> bytes:
        while not self._waiting:
            part = await asyncio.wait_for(anext(self._lines), 10)
            self._waiting = part.split(b"\n")[:-1]
        return self._waiting.pop(0)

    async def rest(self) -> AsyncIterator[bytes]:
        async for part in self._lines:
            for line in part.split(b"\n")[:-1]:
                yield line

    async def close(self) -> None:
        await self._lines.aclose()


async def test_followed_as_they_come(page: Page, told: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "ON_DISK_S", 0.001)
    follower = Follower(page, len(told.facts))
    assert FROM_ENGINE.decode(await follower.next()) == told.facts[-1]
    waiting = asyncio.create_task(follower.next())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    fresh = told.signal("fresh")
    page.take(told)  # it is on the wire before it is in the file
    await asyncio.sleep(0.01)
    page.write(told)
    assert FROM_ENGINE.decode(await waiting) == fresh
    last = told.add(SessionEnd, "", decisions_sha256="0")
    page.take(told)
    page.write(told)
    assert [FROM_ENGINE.decode(line) async for line in follower.rest()] == [last]  # and then it ends
    assert page.app.state.context.facts.followers == 0


async def test_who_has_had_the_end_waits_for_nothing(page: Page, told: Stream) -> None:
    told.add(SessionEnd, "", decisions_sha256="0")
    page.take(told)
    page.write(told)
    follower = Follower(page, len(told.facts) + 1)

    assert [line async for line in follower.rest()] == []


async def test_a_sign_of_life_while_nothing_happens(page: Page, told: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "SIGN_OF_LIFE_S", 0.001)
    follower = Follower(page, len(told.facts) + 1)
    assert [await follower.next() for _ in range(3)] == [b"", b"", b""]
    assert page.app.state.context.facts.followers == 1
    await follower.close()
    assert page.app.state.context.facts.followers == 0


async def test_no_more_followers_than_so_many(
    client: httpx.AsyncClient, page: Page, told: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "FOLLOWERS", 0)
    answer = await client.get("/events?follow=true", headers=NDJSON)
    assert (answer.status_code, answer.json()["message"]) == (
        503, "There are 0 programs already that follow facts; end one.",
    )  # fmt: skip
    assert (await client.get("/events", headers=NDJSON)).status_code == 200


async def test_before_there_is_a_session(make_page: Callable[..., Page]) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    app = make_page().app
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, headers=headers) as client:
        assert (await client.get("/events")).status_code == 503


def test_places_of_few_files_are_remembered(page: Page) -> None:
    files = FactFiles(page.folder / "sessions")
    for number in range(KEPT + 5):
        page.write(Stream(f"s{number}"))
        assert len(files.read(f"s{number}", 0, 10)) == 1
    assert files._file.cache_info().currsize == KEPT
