"""How large a request's body may be, said before anything parses it.

A body is read whole, and no further than its limit, before the application sees it. What looks like JSON is counted
without making objects of it: half a megabyte of ``[],[],…`` keeps a parser and a validator busy for a second, counting
its brackets takes microseconds.
"""

import re
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from triplane.api.errors import ApiError


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """The largest body: bytes, values inside (entries of lists and objects), and lists or objects in one another."""

    size: int = 64 * 1024
    values: int = 1000
    depth: int = 16


_TEXT: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""Also one that does not end: were that no match, each of its quotes would be tried anew, which takes half a minute."""
_BRACKETS: Final = re.compile(rb"[\[\]{}]")


class Gone(Exception):  # noqa: N818 - nothing went wrong
    """The client went before its body was complete."""


def check_json(body: bytes, limit: BodyLimit) -> None:
    """Refuse JSON of too many values (413) or too deep (400); whether it is JSON at all is not asked."""
    opened = body.count(b"[") + body.count(b"{")
    if opened + body.count(b",") > limit.values:
        raise ApiError(413, f"The body has too many values; at most {limit.values} are taken.", code="too_large")
    if opened <= limit.depth:
        return
    depth = 0
    for bracket in _BRACKETS.finditer(_TEXT.sub(b"", body)):
        depth += 1 if bracket.group() in b"[{" else -1
        if depth > limit.depth:
            raise ApiError(400, f"The body is nested too deeply; at most {limit.depth} levels are taken.")


async def read_body(headers: Headers, receive: Receive, limit: BodyLimit) -> Receive | None:
    """Read a request's body and give what gives it again; None when the request has none.

    Raises
    ------
    ApiError
        413 or 400; the rest of the body has not been read.
    Gone
        There is nobody to answer.
    """
    length = headers.get("content-length")
    if length is None and "transfer-encoding" not in headers:
        return None
    if length is not None and int(length) > limit.size:  # the server has checked that it is a number
        raise _too_large(limit)
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        body += message.get("body", b"")
        if len(body) > limit.size:
            raise _too_large(limit)
        more = message.get("more_body", False)
    if "json" in headers.get("content-type", "json").lower():
        check_json(bytes(body), limit)
    return _again(bytes(body), receive)


def _too_large(limit: BodyLimit) -> ApiError:
    return ApiError(413, f"The body is too large; at most {limit.size} bytes are taken.", code="too_large")


def _again(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
