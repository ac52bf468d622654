"""What the session is doing, why it is not trading right now, and how it goes in all."""

from fastapi import APIRouter

from triplane.api.context import Here, SessionId, Symbol, problems
from triplane.api.errors import ApiError
from triplane.api.replica.views import PageHealth, SignalCheck, StatusView, View
from triplane.api.routing import StructRoute
from triplane.version import __version__

ASKED_S = 2.0
"""How long the engine may take to say what its core would refuse."""

router = APIRouter(tags=["system"], route_class=StructRoute)
public = APIRouter(tags=["ops"], route_class=StructRoute)


class Alive(View, frozen=True, kw_only=True):
    """The process lives."""

    status: str
    version: str


@router.get("/system/status", responses=problems(404))
async def status(here: Here, symbol: Symbol = None, session: SessionId = None) -> StatusView:
    """Give the state of a session for one symbol."""
    return here.sessions.status(session, symbol)


@router.get("/system/debug/signal-check", responses=problems(404))
async def signal_check(here: Here, symbol: Symbol = None, session: SessionId = None) -> SignalCheck:
    """Say why there is no signal: each gate's verdict now, and the core's own."""
    replica, name = here.sessions.symbol(session, symbol)
    try:
        said = (await here.link.command("refusal", replica.id, ASKED_S, symbol=name)).data
    except ApiError:
        said = None
    return replica.signal_check(name, said)


@router.get("/health")
async def health(here: Here) -> PageHealth:
    """Give everything about how it goes: the engine as heard here, the store, this process, and what is wrong."""
    return here.monitor.look()


@public.get("/healthz", responses=problems(403))
async def healthz() -> Alive:
    """Answer as long as this process lives."""
    return Alive(status="ok", version=__version__)


@public.get("/readyz", responses=problems(403, 503))
async def readyz(here: Here) -> Alive:
    """Answer 200 only while the engine is heard, a session runs, none has failed, and the database can be read."""
    why_not = here.monitor.why_not()
    if why_not is not None:
        raise ApiError(503, why_not)
    await here.monitor.read_store()  # raises what is answered with 503
    return Alive(status="ready", version=__version__)
