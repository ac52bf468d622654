"""Candles with what was found in them, and the state of the connections."""

from typing import Annotated

from fastapi import APIRouter, Query

from triplane.api.context import Here, Limit, SessionId, Symbol, problems
from triplane.api.replica.views import FeedView, History, View
from triplane.api.routing import StructRoute
from triplane.api.stream import Connection

router = APIRouter(prefix="/market-rest", tags=["market"], route_class=StructRoute)

Before = Annotated[int | None, Query(ge=0, description="Only candles that opened before this time, ms.")]


class Connections(View, frozen=True, kw_only=True):
    """All clients of the WebSockets."""

    items: list[Connection]
    total: int


@router.get("/history", responses=problems(404))
async def history(
    here: Here, symbol: Symbol = None, session: SessionId = None, limit: Limit = 500, before: Before = None
) -> History:
    """Give the last candles, oldest first, with indicators, zones and markers."""
    replica, name = here.sessions.symbol(session, symbol)
    return replica.history(name, limit, before)


@router.get("/websocket-status", responses=problems(404))
async def websocket_status(here: Here, session: SessionId = None) -> FeedView:
    """Give the state of the connection to the source of market data."""
    return here.sessions.get(session).feed()


@router.get("/connections")
async def connections(here: Here) -> Connections:
    """List the clients of the WebSockets."""
    items = here.clients.describe()
    return Connections(items=items, total=len(items))
