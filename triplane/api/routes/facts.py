"""The stream of facts for other programs: the numbered facts of a session, resumable for ever."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse

from triplane.api.context import Context, Here, Limit, SessionId, problems
from triplane.api.errors import ApiError
from triplane.api.replica.views import View
from triplane.api.routing import StructRoute, answer_with
from triplane.model.facts import AnyFact

NDJSON = "application/x-ndjson"
CHUNK = 1000
SIGN_OF_LIFE_S = 10.0
FOLLOWERS = 64
ON_DISK_S = 0.05
"""A fact may be on the wire before it is in the file."""
LAST = b'{"event":"session_end.v1"'

router = APIRouter(tags=["facts"], route_class=StructRoute)


class Facts(View, frozen=True, kw_only=True):
    """Facts of a session in order; ``next`` is the number to ask for then."""

    session_id: str
    items: list[AnyFact]
    next: int


FirstNumber = Annotated[int, Query(alias="from", ge=1, description="Number of the first fact that is wanted.")]
Follow = Annotated[bool, Query(description="With NDJSON: go on as facts come.")]


@router.get("/events", responses=problems(404))
async def events(
    here: Here,
    session: SessionId = None,
    first: FirstNumber = 1,
    limit: Limit = 500,
    follow: Follow = False,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Annotated[Response, Facts]:
    """Give the facts of a session from a number on; with ``Accept: application/x-ndjson`` one a line, and all of them.

    Of a session that is over too. A line that is empty is a sign of life.
    """
    session_id = here.sessions.get(None).id if session is None else session
    if NDJSON in accept:
        return await _stream(here, session_id, first, follow)
    lines = await run_in_threadpool(here.facts.read, session_id, first - 1, limit)
    items: list[Any] = [msgspec.Raw(line) for line in lines]
    return answer_with(Facts(session_id=session_id, items=items, next=first + len(lines)))


async def _stream(here: Context, session_id: str, first: int, follow: bool) -> Response:
    begin = await run_in_threadpool(here.facts.read, session_id, first - 1, CHUNK)  # answers 404 before it streams
    if follow and here.facts.followers >= FOLLOWERS:
        raise ApiError(503, f"There are {FOLLOWERS} programs already that follow facts; end one.")
    return StreamingResponse(_lines(here, session_id, first, begin, follow), media_type=NDJSON)


async def _lines(here: Context, session_id: str, first: int, lines: list[bytes], follow: bool) -> AsyncIterator[bytes]:
    here.facts.followers += follow
    over = False
    try:
        if not lines and first > 1:  # whoever has had the last fact already waits for nothing
            over = _ends(await run_in_threadpool(here.facts.read, session_id, first - 2, 1))
        while True:
            if lines:
                yield b"\n".join(lines) + b"\n"
                first += len(lines)
            if not lines and (not follow or over):
                return
            over = over or _ends(lines)
            if not lines and await here.sessions.reach(session_id, first, SIGN_OF_LIFE_S):
                await asyncio.sleep(ON_DISK_S)
            elif not lines:
                yield b"\n"
            lines = await run_in_threadpool(here.facts.read, session_id, first - 1, CHUNK)
    finally:
        here.facts.followers -= follow


def _ends(lines: list[bytes]) -> bool:
    return bool(lines) and lines[-1].startswith(LAST)
