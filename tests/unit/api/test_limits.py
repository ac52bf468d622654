"""How large a body may be, and that nobody without the token has one read."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.types import Message

from triplane.api.auth import Access, Guard
from triplane.api.errors import ApiError
from triplane.api.limits import BodyLimit, Gone, check_json, read_body

TOKEN = "token-of-the-test"
SMALL = BodyLimit(size=100, values=10, depth=3)
VALUES = st.recursive(
    st.none() | st.integers() | st.text(alphabet='a"\\[]{},', max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('b"\\[{', max_size=2), inner, max_size=4),
    max_leaves=12,
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(VALUES)
def test_the_depth_of_json_is_counted_as_it_is(value: Any) -> None:
    body = json.dumps(value).encode()
    for levels in (1, 2, 3):
        limit = BodyLimit(values=10_000, depth=levels)
        if depth(value) <= levels:
            check_json(body, limit)
        else:
            with pytest.raises(ApiError) as refused:
                check_json(body, limit)
            assert refused.value.status == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[1,2,3,4,5,6,7,8,9,0]", None),
        (b"[1,2,3,4,5,6,7,8,9,0,1]", 413),
        (b"[[],[],[],[],[],[]]", 413),
        (b"[" * 11, 413),
        (b"[[[[", 400),
        (b"]]]]", None),
        (b'"[[[[', None),
        (b'"[[[["', None),
        (b'"\\"[[[["', None),
        (b"not json", None),
        (b"", None),
    ],
)
def test_what_looks_like_json(body: bytes, status: int | None) -> None:
    if status is None:
        check_json(body, SMALL)
    else:
        with pytest.raises(ApiError) as refused:
            check_json(body, SMALL)
        assert refused.value.status == status


@pytest.mark.parametrize("piece", ['"\\', '\\"', '"', "\\", '"a', 'a\\"'])
def test_a_text_that_does_not_end_is_looked_through_once(piece: str) -> None:
    """Tried anew from each of its quotes this would take hours."""
    limit = BodyLimit()
    with suppress(ApiError):
        check_json((piece * 500_000).encode() + b"[" * (limit.depth + 1), limit)


class Pieces:
    """A client that sends a body in pieces, and then goes."""

    def __init__(self, *pieces: bytes, complete: bool = True) -> None:
        self.messages: Iterator[Message] = iter(
            [
                {"type": "http.request", "body": piece, "more_body": not complete or number < len(pieces) - 1}
                for number, piece in enumerate(pieces)
            ]
        )
        self.read = 0

    async def __call__(self) -> Message:
        self.read += 1
        return next(self.messages, {"type": "http.disconnect"})


CHUNKED = Headers({"transfer-encoding": "chunked"})


async def test_a_body_is_given_again_as_one() -> None:
    client = Pieces(b"[1,", b"2", b"]")
    again = await read_body(CHUNKED, client, SMALL)
    assert again is not None
    assert await again() == {"type": "http.request", "body": b"[1,2]", "more_body": False}
    assert await again() == {"type": "http.disconnect"}


async def test_nothing_is_read_of_a_request_without_a_body() -> None:
    client = Pieces(b"x")
    assert await read_body(Headers({}), client, SMALL) is None
    assert client.read == 0


@pytest.mark.parametrize(("length", "read"), [("101", 0), ("100", 2)])
async def test_the_length_that_is_said(length: str, read: int) -> None:
    client = Pieces(b"x" * 60, b"x" * 41)
    with pytest.raises(ApiError) as refused:
        await read_body(Headers({"content-length": length}), client, SMALL)
    assert (refused.value.status, refused.value.code, client.read) == (413, "too_large", read)


async def test_no_more_is_read_than_the_limit() -> None:
    client = Pieces(*[b"x" * 40] * 10)
    with pytest.raises(ApiError):
        await read_body(CHUNKED, client, SMALL)
    assert client.read == 3


async def test_who_goes_in_the_middle() -> None:
    with pytest.raises(Gone):
        await read_body(CHUNKED, Pieces(b"[", complete=False), SMALL)


@pytest.mark.parametrize(
    ("kind", "refused"),
    [("application/json", True), ("Application/Problem+JSON", True), (None, True), ("text/csv", False)],
)
async def test_only_what_may_be_json_is_counted(kind: str | None, refused: bool) -> None:
    headers = {"transfer-encoding": "chunked"} | ({"content-type": kind} if kind else {})
    try:
        await read_body(Headers(headers), Pieces(b"," * 50), SMALL)
    except ApiError:
        assert refused
    else:
        assert not refused


class Inside:
    """What the guard guards."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        self.bodies.append(message.get("body", b""))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def test_the_body_of_a_stranger_is_not_asked_for() -> None:
    inside, sent, client = Inside(), [], Pieces(b"{}")
    headers = [(b"host", b"127.0.0.1:8000"), (b"content-length", b"2")]
    scope = {"type": "http", "method": "POST", "path": "/api/kill-switch", "query_string": b"", "headers": headers}

    async def send(message: Any) -> None:
        sent.append(message)

    await Guard(inside, Access(TOKEN, 8000), lambda *_: False)(scope, client, send)
    assert (sent[0]["status"], client.read, inside.bodies) == (401, 0, [])


async def test_what_is_refused_is_said() -> None:
    inside = Inside()
    guard = Guard(inside, Access(TOKEN, 8000), lambda *_: False)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(guard), base_url="http://127.0.0.1:8000", headers=headers
    ) as client:
        wide = await client.post("/", json=list(range(1002)))
        deep = await client.post("/", content=b'{"a":' * 17 + b"1" + b"}" * 17)
        long = await client.post("/", content=b"x" * 65_537)
        answers = [(answer.status_code, answer.json()["code"]) for answer in (wide, deep, long)]
        assert answers == [(413, "too_large"), (400, "bad_request"), (413, "too_large")]
        assert wide.json()["message"] == "The body has too many values; at most 1000 are taken."
        assert wide.headers["x-content-type-options"] == "nosniff"
        assert inside.bodies == []
        assert (await client.post("/", json=[0] * 1000)).status_code == 200
