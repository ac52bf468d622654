"""What the strategies proposed, and what a person may decide about it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool

from triplane.api.context import COMMAND, From, Here, Limit, PageNumber, SessionId, Symbol, To, problems
from triplane.api.errors import ApiError
from triplane.api.ports import Payload
from triplane.api.schemas.base import Accepted
from triplane.api.schemas.trading import Expired, Signal, Signals

router = APIRouter(prefix="/signals", tags=["signals"])

SignalStatus = Literal["generated", "pending", "executed", "expired", "rejected"]


@router.get("/history")
async def history(
    here: Here,
    symbol: Symbol = None,
    session: SessionId = None,
    status: SignalStatus | None = None,
    start: From = None,
    to: To = None,
    page: PageNumber = 1,
    limit: Limit = 100,
) -> Signals:
    """Give signals, the latest first; of all sessions, or of one."""
    found = await run_in_threadpool(
        here.store.signals, symbol=symbol, session=session, status=status, start=start, end=to, page=page, limit=limit
    )
    items = [Signal.model_validate(row) for row in found.items]
    return Signals(items=items, page=found.page, limit=found.limit, total=found.total)


@router.get("/pending")
async def pending(here: Here, symbol: Symbol = None, page: PageNumber = 1, limit: Limit = 100) -> Signals:
    """Give the signals that wait for a person, the latest first."""
    waiting = [signal for signal in here.engine.pending_signals() if symbol in (None, signal["symbol"])][::-1]
    shown = waiting[(page - 1) * limit : page * limit]
    return Signals(items=[Signal.model_validate(one) for one in shown], page=page, limit=limit, total=len(waiting))


@router.get("/order/{order_id}", responses=problems(404))
async def of_order(here: Here, order_id: str) -> Signal:
    """Give the signal that led to an order."""
    order = await run_in_threadpool(here.store.order, order_id)
    if order is None:
        raise ApiError(404, f"There is no order {order_id!r}.")
    found = await run_in_threadpool(
        here.store.signals, session=order["session_id"], decision=order["decision"], limit=10
    )
    if not found.items:
        raise ApiError(404, f"The order {order_id!r} was not led to by a signal.")
    # of one decision there are at most two: the one that led to the entry has its order, the one that closed has none
    closing = order["leg"] == "exit"
    return Signal.model_validate(min(found.items, key=lambda signal: (signal["order_id"] is None) != closing))


@router.get("/{signal_id}", responses=problems(404))
async def one(here: Here, signal_id: str) -> Signal:
    """Give one signal."""
    return Signal.model_validate(await _find(here, signal_id))


@router.post("/expire-stale", responses=COMMAND)
async def expire_stale(here: Here, older_than_minutes: Annotated[int, Query(ge=0, le=1_000_000)] = 60) -> Expired:
    """Expire the pending signals that are older than this, measured by the session's own time; 0 means all."""
    now = here.engine.status()["last_candle_time"] or 0
    stale = [
        signal
        for signal in here.engine.pending_signals()
        if older_than_minutes == 0 or now - signal["generated_at"] > older_than_minutes * 60_000
    ]
    for signal in stale:
        await here.engine.command("expire", symbol=signal["symbol"], decision=signal["decision"])
    return Expired(expired=len(stale), ids=[signal["id"] for signal in stale])


@router.post("/{signal_id}/execute", responses=COMMAND)
async def execute(here: Here, signal_id: str) -> Accepted:
    """Turn a pending signal into an order."""
    signal = await _waiting(here, signal_id)
    done = await here.engine.command("execute", symbol=signal["symbol"], decision=signal["decision"])
    return Accepted.model_validate(done)


@router.post("/{signal_id}/mark-pending", responses=COMMAND)
async def mark_pending(here: Here, signal_id: str) -> Accepted:
    """Let a signal wait for a person. One that waits already stays as it is; what is decided cannot be called back."""
    await _waiting(here, signal_id)
    return Accepted(message=f"The signal {signal_id} is pending.")


@router.post("/{signal_id}/expire", responses=COMMAND)
async def expire(here: Here, signal_id: str) -> Accepted:
    """Let a pending signal go by."""
    signal = await _waiting(here, signal_id)
    done = await here.engine.command("expire", symbol=signal["symbol"], decision=signal["decision"])
    return Accepted.model_validate(done)


async def _find(here: Here, signal_id: str) -> Payload:
    """Give a signal: the engine knows a pending one before the database does."""
    for signal in here.engine.pending_signals():
        if signal["id"] == signal_id:
            return signal
    stored = await run_in_threadpool(here.store.signal, signal_id)
    if stored is None:
        raise ApiError(404, f"There is no signal {signal_id!r}.")
    return stored


async def _waiting(here: Here, signal_id: str) -> Payload:
    """Give a signal that waits for a person; of another status answer 409."""
    for signal in here.engine.pending_signals():
        if signal["id"] == signal_id:
            return signal
    stored = await _find(here, signal_id)
    raise ApiError(409, f"The signal {signal_id!r} is {stored['status']}; only a pending one can be decided about.")
