"""The limits and settings of the running session. Every change is kept with its time."""

import time

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from triplane.api.context import COMMAND, Here
from triplane.api.schemas.control import ChangeSettings, Settings

router = APIRouter(prefix="/settings", tags=["settings"])


@router.get("/trading")
async def read(here: Here) -> Settings:
    """Give the limits and settings."""
    return Settings.model_validate(here.engine.settings())


@router.put("/trading", responses=COMMAND)
async def change(here: Here, body: ChangeSettings) -> Settings:
    """Change some of them, from the next candle on."""
    values = body.model_dump(exclude_unset=True)
    if values:
        await here.engine.command("limits", values=values)
        record = {
            "session_id": here.engine.status()["session_id"],
            "changed_at": time.time_ns() // 1_000_000,
            "changed_by": "api",
            "values": values,
        }
        await run_in_threadpool(here.store.put, "settings", [record])
    return Settings.model_validate(here.engine.settings())
