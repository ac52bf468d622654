"""The engine's process of ``triplane up``: sessions, their journals, their facts."""

import asyncio
import gc
import socket
from collections.abc import Mapping
from typing import Any

from triplane.cli.building import build, chosen, start_options
from triplane.cli.config import Config
from triplane.cli.output import errors
from triplane.data.clock import SystemClock
from triplane.engine.app import EngineApp, Hosted
from triplane.engine.disk import DiskSpace
from triplane.engine.remembered import Remembered
from triplane.flow import child
from triplane.flow.lifetime import work_until
from triplane.flow.server import FlowServer


async def serve(told: Mapping[str, Any]) -> None:
    """Run the sessions until the supervisor is gone."""
    config = Config.model_validate(told["config"])
    remembered = Remembered(config.data_dir, told["config"])

    async def make(wanted: Mapping[str, Any]) -> Hosted:
        return await build(chosen(config, wanted), router_token=told["router_token"])

    session: str | None = None

    def beat(_health: Any) -> None:
        if session is None:  # it reads journals, however long that takes
            child.tell({"beat": True, "starting": True})
        else:
            wanted = list(app.wanted.values())
            remembered.write(wanted)
            child.tell({"beat": True, "session": session, "wanted": wanted})

    async def start() -> None:
        nonlocal session
        wanted, again = told.get("wanted"), "wanted" in told
        if wanted is None:
            further, notice = remembered.read()
            wanted = [{}, *further]
            if notice:
                errors.print(notice, highlight=False, soft_wrap=True)
        session = await app.open(wanted, again=again)
        gc.collect()
        gc.freeze()  # what is loaded by now stays: the collector need not look at it again while trading
        await asyncio.Event().wait()

    disk = DiskSpace(config.data_dir)
    app = EngineApp(make, config.data_dir, SystemClock(), disk.look, beat, lambda: start_options(config))
    app.server = FlowServer(socket.socket(fileno=told["fd"]), told["secret"], app.handle)
    await app.server.start()
    try:
        await work_until(child.parent_gone(), app.watch(), start())
    finally:
        if session is not None:  # one that was started since the last beat is remembered too
            remembered.write(list(app.wanted.values()))
        await app.stop()
        await app.server.stop()
