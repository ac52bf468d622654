"""What the strategies proposed, and what a person may decide about it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool

from triplane.api.context import COMMAND, From, Here, Limit, OfSession, PageNumber, SessionId, Symbol, To, problems
from triplane.api.engine_link import Accepted, Executed, accepted
from triplane.api.errors import ApiError
from triplane.api.replica.views import View
from triplane.api.routing import Paged, StructRoute
from triplane.api.stored import as_page, as_struct
from triplane.model.facts import Signal

router = APIRouter(prefix="/signals", tags=["signals"], route_class=StructRoute)

SignalStatus = Literal["generated", "pending", "executed", "expired", "rejected"]


class Expired(View, frozen=True, kw_only=True):
    """Which signals were expired."""

    expired: int
    ids: list[str]


@router.get("/history")
def history(
    here: Here,
    symbol: Symbol = None,
    session: OfSession = None,
    status: SignalStatus | None = None,
    start: From = None,
    to: To = None,
    page: PageNumber = 1,
    limit: Limit = 100,
) -> Paged[Signal]:
    """Give signals, the latest first; of all sessions, or of one."""
    found = here.store.signals(
        symbol=symbol, session=session, status=status, start=start, end=to, page=page, limit=limit
    )
    return as_page(Signal, found)


@router.get("/pending", responses=problems(404))
async def pending(
    here: Here, symbol: Symbol = None, session: SessionId = None, page: PageNumber = 1, limit: Limit = 100
) -> Paged[Signal]:
    """Give the signals that wait for a person, the latest first."""
    waiting = here.sessions.get(session).pending_signals()[::-1]
    waiting = [signal for signal in waiting if symbol in (None, signal.symbol, signal.row)]
    return Paged(items=waiting[(page - 1) * limit : page * limit], page=page, limit=limit, total=len(waiting))


@router.get("/order/{order_id}", responses=problems(404))
def of_order(here: Here, order_id: str) -> Signal:
    """Give the signal that led to an order."""
    order = here.store.order(order_id)
    if order is None:
        raise ApiError(404, f"There is no order {order_id!r}.")
    found = here.store.signals(session=order["session_id"], decision=order["decision"], limit=10)
    if not found.items:
        raise ApiError(404, f"The order {order_id!r} was not led to by a signal.")
    # of one decision there are at most two: the one that led to the entry has its order, the one that closed has none
    closing = order["leg"] == "exit"
    return as_struct(Signal, min(found.items, key=lambda signal: (signal["order_id"] is None) != closing))


@router.get("/{signal_id}", responses=problems(404))
async def one(here: Here, signal_id: str) -> Signal:
    """Give one signal."""
    return await _find(here, signal_id)


@router.post("/expire-stale", responses=COMMAND)
async def expire_stale(
    here: Here,
    older_than_minutes: Annotated[int, Query(ge=0, le=1_000_000)] = 60,
    session: SessionId = None,
) -> Expired:
    """Expire the pending signals that are older than this, measured by the session's own time; 0 means all."""
    replica = here.sessions.get(session)
    oldest = replica.now - older_than_minutes * 60_000
    stale = [s for s in replica.pending_signals() if older_than_minutes == 0 or s.generated_at < oldest]
    for signal in stale:
        await here.link.command("expire", replica.id, symbol=signal.row, decision=signal.decision)
    return Expired(expired=len(stale), ids=[signal.id for signal in stale])


@router.post("/{signal_id}/execute", responses=COMMAND)
async def execute(here: Here, signal_id: str) -> Executed:
    """Turn a pending signal into an order; answers with both, as they are now."""
    waiting = await _waiting(here, signal_id)
    done = await _decide(here, waiting, "execute")
    signal = await _find(here, signal_id)
    entry = here.sessions.get(signal.session_id).symbols[signal.row].last_entry
    order = entry if entry is not None and entry.decision == signal.decision else None
    return Executed(message=done.message, signal=signal, order=order)


@router.post("/{signal_id}/mark-pending", responses=COMMAND)
async def mark_pending(here: Here, signal_id: str) -> Accepted:
    """Let a signal wait for a person. One that waits already stays as it is; what is decided cannot be called back."""
    await _waiting(here, signal_id)
    return Accepted(message=f"The signal {signal_id} is pending.")


@router.post("/{signal_id}/expire", responses=COMMAND)
async def expire(here: Here, signal_id: str) -> Accepted:
    """Let a pending signal go by."""
    return await _decide(here, await _waiting(here, signal_id), "expire")


async def _decide(here: Here, signal: Signal, kind: str) -> Accepted:
    return accepted(await here.link.command(kind, signal.session_id, symbol=signal.row, decision=signal.decision))


async def _find(here: Here, signal_id: str) -> Signal:
    """Give a signal, of whichever session: it is known here before it is in the database."""
    for replica in here.sessions.all():
        if signal_id in replica.signals:
            return replica.signals[signal_id]
    stored = await run_in_threadpool(here.store.signal, signal_id)
    if stored is None:
        raise ApiError(404, f"There is no signal {signal_id!r}.")
    return as_struct(Signal, stored)


async def _waiting(here: Here, signal_id: str) -> Signal:
    """Give a signal that waits for a person; of another status answer 409."""
    signal = await _find(here, signal_id)
    if signal.status != "pending":
        raise ApiError(409, f"The signal {signal_id!r} is {signal.status}; only a pending one can be decided about.")
    return signal
