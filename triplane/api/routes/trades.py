"""The account, its trades, and what a person may do about a position."""

from typing import Annotated

from fastapi import APIRouter, Query

from triplane.api.bodies import Reset, Simulate
from triplane.api.context import COMMAND, From, Here, Limit, OfSession, PageNumber, SessionId, Symbol, To, problems
from triplane.api.engine_link import Accepted, accepted
from triplane.api.errors import ApiError
from triplane.api.replica.session import SessionReplica
from triplane.api.replica.views import EquityCurve, Performance, Portfolio
from triplane.api.routing import Paged, StructRoute
from triplane.api.stored import as_page
from triplane.model.facts import Order, Trade

router = APIRouter(prefix="/trades", tags=["trades"], route_class=StructRoute)
desk = APIRouter(prefix="/api/trading", tags=["desk"], route_class=StructRoute)


@router.get("/history")
def history(
    here: Here,
    symbol: Symbol = None,
    session: OfSession = None,
    start: From = None,
    to: To = None,
    page: PageNumber = 1,
    limit: Limit = 100,
) -> Paged[Trade]:
    """Give closed positions, the latest exit first; of all sessions, or of one."""
    found = here.store.trades(symbol=symbol, session=session, start=start, end=to, page=page, limit=limit)
    return as_page(Trade, found)


@router.get("/performance", responses=problems(404))
async def performance(here: Here, session: SessionId = None) -> Performance:
    """Give the figures of a session."""
    return here.sessions.get(session).performance()


@router.get("/portfolio", responses=problems(404))
async def portfolio(here: Here, session: SessionId = None) -> Portfolio:
    """Give the account with open positions and pending orders, and what today has brought."""
    return here.sessions.get(session).portfolio()


@router.get("/equity-curve", responses=problems(404))
async def equity_curve(
    here: Here, limit: Annotated[int, Query(ge=1, le=5000)] = 500, session: SessionId = None
) -> EquityCurve:
    """Give points of equity, evenly chosen from the whole session, oldest first, the newest among them."""
    return here.sessions.get(session).equity_curve(limit)


@router.post("/close/{position_id}", responses=COMMAND)
async def close(here: Here, position_id: str, session: SessionId = None) -> Accepted:
    """Close an open position at market; an engine that is silent is restarted for it."""
    for replica in here.sessions.among(session):
        for of in replica.symbols.values():
            if of.position is not None and of.position.id == position_id:
                return accepted(await here.link.insist("close", replica.id, symbol=of.position.row))
    raise ApiError(404, f"There is no open position {position_id!r}.")


@router.post("/execute/{position_id}", responses=COMMAND)
async def execute(here: Here, position_id: str, session: SessionId = None) -> Accepted:
    """Execute a pending entry order at market; ``position_id`` is the order's id or client order id."""
    replica, order = _entry(here, session, position_id, "executed")
    return accepted(await here.link.command("market", replica.id, symbol=order.row))


@desk.post("/orders/{order_id}/cancel", responses=COMMAND)
async def cancel(here: Here, order_id: str, session: SessionId = None) -> Accepted:
    """Cancel a pending entry order, by its id or client order id; what protects a position is not cancelled."""
    replica, order = _entry(here, session, order_id, "cancelled")
    return accepted(await here.link.command("cancel", replica.id, symbol=order.row))


def _entry(here: Here, session: str | None, order_id: str, done: str) -> tuple[SessionReplica, Order]:
    """Give a pending entry order; of another leg answer 409."""
    for replica in here.sessions.among(session):
        for order in (order for of in replica.symbols.values() for order in of.orders.values()):
            if order_id in (order.order_id, order.client_order_id):
                if order.leg != "entry":
                    raise ApiError(409, f"The order {order_id!r} protects a position; only an entry can be {done}.")
                return replica, order
    raise ApiError(404, f"There is no pending order {order_id!r}.")


@router.post("/simulate", responses=COMMAND)
async def simulate(here: Here, body: Simulate, session: SessionId = None) -> Accepted:
    """Make up a signal; on paper only."""
    _paper(here, session)
    replica, symbol = here.sessions.symbol(session, body.symbol)
    side = 1 if body.side == "buy" else -1
    return accepted(await here.link.command("simulate", replica.id, symbol=symbol, side=side, stop=body.stop_loss))


@router.post("/reset", responses=COMMAND)
async def reset(here: Here, body: Reset | None = None, session: SessionId = None) -> Accepted:
    """Close everything and start the paper account again."""
    _paper(here, session)
    replica = here.sessions.get(session)
    return accepted(await here.link.command("reset", replica.id, balance=body.balance if body else None))


def _paper(here: Here, session: str | None) -> None:
    mode = here.sessions.get(session).session.mode
    if mode != "paper":
        raise ApiError(409, f"This is possible on paper only; the session's mode is {mode}.")
