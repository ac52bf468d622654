"""The account, its trades, and what a person may do about a position."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool

from triplane.api.context import COMMAND, From, Here, Limit, PageNumber, SessionId, Symbol, To
from triplane.api.errors import ApiError
from triplane.api.schemas.base import Accepted
from triplane.api.schemas.trading import (
    EquityCurve,
    EquityPoint,
    Performance,
    Portfolio,
    Reset,
    Simulate,
    Trade,
    Trades,
)

router = APIRouter(prefix="/trades", tags=["trades"])
desk = APIRouter(prefix="/api/trading", tags=["desk"])


@router.get("/history")
async def history(
    here: Here,
    symbol: Symbol = None,
    session: SessionId = None,
    start: From = None,
    to: To = None,
    page: PageNumber = 1,
    limit: Limit = 100,
) -> Trades:
    """Give closed positions, the latest exit first; of all sessions, or of one."""
    found = await run_in_threadpool(
        here.store.trades, symbol=symbol, session=session, start=start, end=to, page=page, limit=limit
    )
    items = [Trade.model_validate(row | {"position_id": row["id"]}) for row in found.items]
    return Trades(items=items, page=found.page, limit=found.limit, total=found.total)


@router.get("/performance")
async def performance(here: Here) -> Performance:
    """Give the figures of the running session."""
    return Performance.model_validate(here.engine.performance())


@router.get("/portfolio")
async def portfolio(here: Here) -> Portfolio:
    """Give the account with open positions and pending orders."""
    return Portfolio.model_validate(here.engine.portfolio())


@router.get("/equity-curve")
async def equity_curve(here: Here, limit: Annotated[int, Query(ge=1, le=5000)] = 500) -> EquityCurve:
    """Give points of equity, evenly chosen from the whole session, oldest first, the newest among them."""
    return EquityCurve(points=[EquityPoint.model_validate(point) for point in here.engine.equity_curve(limit)])


@router.post("/close/{position_id}", responses=COMMAND)
async def close(here: Here, position_id: str) -> Accepted:
    """Close an open position at market."""
    for position in here.engine.portfolio()["open_positions"]:
        if position["id"] == position_id:
            return Accepted.model_validate(await here.engine.command("close", symbol=position["symbol"]))
    raise ApiError(404, f"There is no open position {position_id!r}.")


@router.post("/execute/{position_id}", responses=COMMAND)
async def execute(here: Here, position_id: str) -> Accepted:
    """Execute a pending entry order at market; ``position_id`` is the order's id or client order id."""
    for order in here.engine.portfolio()["pending_orders"]:
        if position_id in (order["order_id"], order["client_order_id"]):
            if order["leg"] != "entry":
                raise ApiError(409, f"The order {position_id!r} protects a position; only an entry can be executed.")
            return Accepted.model_validate(await here.engine.command("market", symbol=order["symbol"]))
    raise ApiError(404, f"There is no pending order {position_id!r}.")


@desk.post("/orders/{order_id}/cancel", responses=COMMAND)
async def cancel(here: Here, order_id: str) -> Accepted:
    """Cancel a pending entry order, by its id or client order id; what protects a position is not cancelled."""
    for order in here.engine.portfolio()["pending_orders"]:
        if order_id in (order["order_id"], order["client_order_id"]):
            if order["leg"] != "entry":
                raise ApiError(409, f"The order {order_id!r} protects a position; only an entry can be cancelled.")
            return Accepted.model_validate(await here.engine.command("cancel", symbol=order["symbol"]))
    raise ApiError(404, f"There is no pending order {order_id!r}.")


@router.post("/simulate", responses=COMMAND)
async def simulate(here: Here, body: Simulate) -> Accepted:
    """Make up a signal; on paper only."""
    _paper(here)
    symbol = here.symbol(body.symbol)
    side = 1 if body.side == "buy" else -1
    made = await here.engine.command("simulate", symbol=symbol, side=side, stop=body.stop_loss)
    return Accepted.model_validate(made)


@router.post("/reset", responses=COMMAND)
async def reset(here: Here, body: Reset | None = None) -> Accepted:
    """Close everything and start the paper account again."""
    _paper(here)
    return Accepted.model_validate(await here.engine.command("reset", balance=body.balance if body else None))


def _paper(here: Here) -> None:
    mode = here.engine.status()["mode"]
    if mode != "paper":
        raise ApiError(409, f"This is possible on paper only; the session's mode is {mode}.")
