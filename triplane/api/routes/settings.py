"""The limits and settings of a session. Every change is a fact, journaled by the engine before it counts."""

from fastapi import APIRouter

from triplane.api.bodies import ChangeSettings
from triplane.api.context import COMMAND, Here, SessionId, problems
from triplane.api.routing import StructRoute
from triplane.model.settings import TradingSettings

router = APIRouter(prefix="/settings", tags=["settings"], route_class=StructRoute)


@router.get("/trading", responses=problems(404))
async def read(here: Here, session: SessionId = None) -> TradingSettings:
    """Give the limits and settings; shares are fractions, 0 switches a limit off, null the minimum Sharpe."""
    return here.sessions.get(session).trading


@router.put("/trading", responses=COMMAND)
async def change(here: Here, body: ChangeSettings, session: SessionId = None) -> TradingSettings:
    """Change some of them, from the next candle on: tighter ones at once, looser ones with the typed sentence."""
    replica, values = here.sessions.get(session), body.model_dump(exclude_unset=True)
    confirm = values.pop("confirm", None)
    if values:
        await here.link.command("limits", replica.id, values=values, **({"confirm": confirm} if confirm else {}))
    return replica.trading
