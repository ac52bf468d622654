"""Candles with what was found in them, and the state of the connections."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from triplane.api.context import Here, Limit, Symbol, problems
from triplane.api.schemas.market import Connections, FeedStatus, History

router = APIRouter(prefix="/market-rest", tags=["market"])

Before = Annotated[int | None, Query(ge=0, description="Only candles that opened before this time, ms.")]


@router.get("/history", responses=problems(404))
async def history(here: Here, symbol: Symbol = None, limit: Limit = 500, before: Before = None) -> History:
    """Give the last candles, oldest first, with indicators, zones and markers."""
    return History.model_validate(here.engine.history(here.symbol(symbol), limit, before))


@router.get("/websocket-status")
async def websocket_status(here: Here) -> FeedStatus:
    """Give the state of the connection to the source of market data."""
    return FeedStatus.model_validate(here.engine.feed())


@router.get("/connections")
async def connections(request: Request) -> Connections:
    """List the clients of the WebSockets."""
    items = request.app.state.clients.describe()
    return Connections(items=items, total=len(items))
