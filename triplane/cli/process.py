"""One process of ``triplane up``: ``python -m triplane.cli.process NAME``; ``processes.py`` says who is told what."""

import asyncio
import gc
import json
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from triplane.cli.logs import configure_logs
from triplane.cli.output import errors, exit_code, one_sentence
from triplane.flow import child
from triplane.flow.lifetime import work_until

Told = Mapping[str, Any]


def _listener(told: Told) -> socket.socket:
    return socket.socket(fileno=told["fd"])


async def engine(told: Told) -> None:
    """Sessions, their journals, their facts."""
    from triplane.cli.building import build, chosen, start_options  # noqa: PLC0415 - each process loads only what it needs
    from triplane.cli.config import Config  # noqa: PLC0415
    from triplane.data.clock import SystemClock  # noqa: PLC0415
    from triplane.engine.app import EngineApp, Hosted  # noqa: PLC0415
    from triplane.engine.disk import DiskSpace  # noqa: PLC0415
    from triplane.engine.remembered import Remembered  # noqa: PLC0415
    from triplane.flow.server import FlowServer  # noqa: PLC0415

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
    app.server = FlowServer(_listener(told), told["secret"], app.handle)
    await app.server.start()
    try:
        await work_until(child.parent_gone(), app.watch(), start())
    finally:
        if session is not None:  # one that was started since the last beat is remembered too
            remembered.write(list(app.wanted.values()))
        await app.stop()
        await app.server.stop()


async def page(told: Told) -> None:
    """What people see."""
    from triplane.api.main import serve  # noqa: PLC0415

    await serve(told)


async def subscribers(told: Told) -> None:
    """Alerts, and processors of the user."""
    from triplane.alerts.main import serve  # noqa: PLC0415

    await work_until(child.parent_gone(), serve(told), child.beat())


async def router(told: Told) -> None:
    """The only one with exchange keys."""
    from triplane.cli.config import Config  # noqa: PLC0415
    from triplane.cli.router import serve_child  # noqa: PLC0415

    await serve_child(Config.model_validate(told["config"]), _listener(told), told["token"])


async def box(told: Told) -> None:
    """An exchange of its own."""
    from triplane.cli.config import Config  # noqa: PLC0415
    from triplane.cli.exchange import serve  # noqa: PLC0415

    await serve(Config.model_validate(told["config"]), _listener(told))


PROCESSES: Final[dict[str, Callable[[Told], Awaitable[None]]]] = {
    "engine": engine,
    "page": page,
    "subscribers": subscribers,
    "router": router,
    "box": box,
}


def main(name: str) -> None:
    """Run the process of this name until its supervisor is gone."""
    configure_logs()
    child.prepare()
    told = json.loads(child.read_config())
    told["data_dir"] = Path(told["data_dir"])
    with exit_code(), one_sentence():
        asyncio.run(PROCESSES[name](told))  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1])
