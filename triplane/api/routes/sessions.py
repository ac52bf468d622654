"""Sessions: list, start, stop, halt, resume, and the log of what they decided."""

import time
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool
from msgspec.structs import replace

from triplane.api.bodies import KillSwitch, Resume, StartSession
from triplane.api.context import COMMAND, From, Here, Limit, PageNumber, SessionId, Symbol, To, problems
from triplane.api.engine_link import Accepted, accepted
from triplane.api.errors import ApiError
from triplane.api.kill import KillReport
from triplane.api.replica.views import Decisions, SessionView, StartOptions
from triplane.api.routing import Paged, StructRoute
from triplane.api.stored import as_struct
from triplane.model.facts import about, row_name
from triplane.store import Store
from triplane.store.store import Row

COMPILING_S = 120.0
"""How long a session may take to start: its strategy may have to be compiled."""

router = APIRouter(prefix="/api", tags=["sessions"], route_class=StructRoute)


@router.get("/sessions")
async def sessions(
    here: Here,
    symbol: Symbol = None,
    status: Annotated[str | None, Query(max_length=40)] = None,
    start: From = None,
    to: To = None,
    page: PageNumber = 1,
    limit: Limit = 100,
) -> Paged[SessionView]:
    """Give sessions, the latest start first: those that run, and those that are stored."""
    stored = await run_in_threadpool(_stored, here.store)
    found = {view.id: view for view in (*stored, *(replica.view() for replica in here.sessions.all()))}
    chosen = [
        view
        for view in found.values()
        if status in (None, view.status)
        and (symbol is None or any(about(symbol, name) for name in view.symbols))
        and (start or 0) <= view.started_at
        and (to is None or view.started_at < to)
    ]
    chosen.sort(key=lambda view: (view.started_at, view.id), reverse=True)
    return Paged(items=chosen[(page - 1) * limit : page * limit], page=page, limit=limit, total=len(chosen))


def _stored(store: Store) -> list[SessionView]:
    """Every stored session; there are some a day at most."""
    return [_over(row) for row in store.rows("sessions")]


def _over(row: Row) -> SessionView:
    """A session that the engine does not run: what was not brought to an end was interrupted."""
    view = as_struct(SessionView, row)
    rows = [row_name(symbol, one["name"]) for one in row["sleeves"] or () for symbol in one["symbols"]]
    return replace(
        view, symbols=rows or view.symbols, status="finished" if view.status == "finished" else "interrupted"
    )


@router.get("/start-options", responses=problems(404, 409))
async def start_options(here: Here) -> StartOptions:
    """Give what a session can be started with, and what it is where nothing is said."""
    answer = await here.link.command("options")
    return msgspec.convert(answer.data, StartOptions)


@router.post("/sessions/start", responses=COMMAND)
async def start_session(here: Here, body: StartSession | None = None) -> SessionView:
    """Start a session beside those that run; what is left out is as in the configuration of the start."""
    wanted = {} if body is None else body.model_dump(exclude_unset=True, exclude_none=True)
    answer = await here.link.command("start", None, COMPILING_S, **wanted)
    session_id = str(answer.data.get("id", ""))
    if not await here.sessions.reach(session_id, 1, 10.0):
        raise ApiError(503, f"{answer.message} But nothing has been heard of it yet.")
    return here.sessions.get(session_id).view()


@router.get("/sessions/{session_id}", responses=problems(404))
async def session(here: Here, session_id: str) -> SessionView:
    """Give one session."""
    if session_id in here.sessions:
        return here.sessions.get(session_id).view()
    found = await run_in_threadpool(here.store.session, session_id)
    if found is None:
        raise ApiError(404, f"There is no session {session_id!r}.")
    return _over(found)


@router.post("/sessions/{session_id}/stop", responses=COMMAND)
async def stop_session(here: Here, session_id: str) -> Accepted:
    """End a running session; open positions are kept in its journal."""
    return accepted(await here.link.command("stop", here.sessions.get(session_id).id))


@router.post("/sessions/{session_id}/resume", responses=COMMAND)
async def resume(here: Here, session_id: str, body: Resume) -> Accepted:
    """Let a halted session go on, after a person has acknowledged why it halted."""
    replica, told = here.sessions.get(session_id), here.link.watch.told
    if not replica.account.halted and not (told is not None and told.kill_switch):
        raise ApiError(409, f"The session {session_id!r} is not halted, so there is nothing to resume.")
    done = accepted(await here.link.insist("resume", session_id, acknowledge=body.acknowledge))
    return replace(done, message=f"{done.message} {await here.kill.release()}".strip())


@router.post("/kill-switch", responses=COMMAND)
async def kill_switch(here: Here, body: KillSwitch | None = None) -> KillReport:
    """Halt every session at once and cancel working entries; with ``flatten`` also close positions at market.

    It works with an engine that is frozen or dead too, and tells what each part did.
    """
    body = body or KillSwitch()
    return await here.kill.kill(body.reason, flatten=body.flatten, time_ms=time.time_ns() // 1_000_000)


@router.get("/decisions", responses=problems(404))
async def decisions(here: Here, symbol: Symbol = None, session: SessionId = None, limit: Limit = 100) -> Decisions:
    """Give the last entries of a session's log of decisions, the latest last."""
    replica = here.sessions.get(session)
    if symbol is not None and not any(about(symbol, name) for name in replica.symbols):
        here.sessions.symbol(session, symbol)  # says what there is
    return Decisions(items=[one for one in replica.log if symbol is None or about(symbol, one.symbol)][-limit:])
