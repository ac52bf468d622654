"""What the session is doing, and why it is not trading right now; whether the process lives."""

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from triplane.api.context import Here, Symbol, problems
from triplane.api.errors import ApiError
from triplane.api.schemas.base import Health
from triplane.api.schemas.control import SignalCheck, Status

router = APIRouter(tags=["system"])
public = APIRouter(tags=["ops"])


@router.get("/system/status", responses=problems(404))
async def status(here: Here, symbol: Symbol = None) -> Status:
    """Give the state of the session for one symbol."""
    return Status.model_validate(here.engine.status(here.symbol(symbol)))


@router.get("/system/debug/signal-check", responses=problems(404))
async def signal_check(here: Here, symbol: Symbol = None) -> SignalCheck:
    """Say why there is no signal: each gate's verdict now."""
    return SignalCheck.model_validate(here.engine.signal_check(here.symbol(symbol)))


@public.get("/healthz", responses=problems(403))
async def healthz(here: Here) -> Health:
    """Answer as long as the process lives."""
    return Health(status="ok", version=here.version)


@public.get("/readyz", responses=problems(403, 503))
async def readyz(here: Here) -> Health:
    """Answer once history is loaded, the session runs and the database can be read."""
    if not here.engine.ready():
        raise ApiError(503, "The session is still loading its history.")
    await run_in_threadpool(here.store.sessions, limit=1)
    return Health(status="ready", version=here.version)
