"""Sessions: list, start, stop, halt, resume, and the log of what they decided."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool

from triplane.api.context import COMMAND, From, Here, Limit, PageNumber, Symbol, To, problems
from triplane.api.errors import ApiError
from triplane.api.schemas.base import Accepted
from triplane.api.schemas.control import (
    Decision,
    Decisions,
    KillSwitch,
    Resume,
    Session,
    Sessions,
    StartSession,
)

ALL = 1_000_000

router = APIRouter(prefix="/api", tags=["sessions"])


@router.get("/sessions")
async def sessions(
    here: Here,
    symbol: Symbol = None,
    status: Annotated[str | None, Query(max_length=40)] = None,
    start: From = None,
    to: To = None,
    page: PageNumber = 1,
    limit: Limit = 100,
) -> Sessions:
    """Give sessions, the latest start first."""
    found = await run_in_threadpool(
        here.store.sessions, status=status, traded=symbol, start=start, end=to, page=page, limit=limit
    )
    items = [Session.model_validate(row) for row in found.items]
    return Sessions(items=items, page=found.page, limit=found.limit, total=found.total)


@router.post("/sessions/start", responses=COMMAND)
async def start_session(here: Here, request: Request, body: StartSession) -> Session:
    """Start a session; 409 while another one runs."""
    await here.engine.command("start", **body.model_dump())
    request.app.state.clients.wake()
    status = here.engine.status()
    return Session.model_validate(status | {"id": status["session_id"], "status": "running"})


@router.get("/sessions/{session_id}", responses=problems(404))
async def session(here: Here, session_id: str) -> Session:
    """Give one session."""
    found: dict[str, Any] | None = await run_in_threadpool(here.store.session, session_id)
    if found is None:
        raise ApiError(404, f"There is no session {session_id!r}.")
    return Session.model_validate(found)


@router.post("/sessions/{session_id}/stop", responses=COMMAND)
async def stop_session(here: Here, session_id: str) -> Accepted:
    """End the running session; open positions are kept in its journal."""
    here.session(session_id)
    return Accepted.model_validate(await here.engine.command("stop", session_id=session_id))


@router.post("/sessions/{session_id}/resume", responses=COMMAND)
async def resume(here: Here, session_id: str, body: Resume) -> Accepted:
    """Let a halted session go on, after a person has acknowledged why it halted."""
    if not here.session(session_id)["halt_reason"]:
        raise ApiError(409, f"The session {session_id!r} is not halted, so there is nothing to resume.")
    done = await here.engine.command("resume", session_id=session_id, acknowledge=body.acknowledge)
    return Accepted.model_validate(done)


@router.post("/kill-switch", responses=COMMAND)
async def kill_switch(here: Here, body: KillSwitch | None = None) -> Accepted:
    """Halt every session at once and cancel working entries; with ``flatten`` also close positions at market."""
    body = body or KillSwitch()
    return Accepted.model_validate(await here.engine.command("halt", flatten=body.flatten, reason=body.reason))


@router.get("/decisions", responses=problems(404))
async def decisions(here: Here, symbol: Symbol = None, limit: Limit = 100) -> Decisions:
    """Give the last entries of the running session's log of decisions, the latest last."""
    wanted = None if symbol is None else here.symbol(symbol)
    found = here.engine.decisions(limit if wanted is None else ALL)
    chosen = [entry for entry in found if wanted in (None, entry["symbol"])][-limit:]
    return Decisions(items=[Decision.model_validate(entry) for entry in chosen])
