"""``triplane up``: sessions, live on a page or to the end of recorded data without one."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from triplane.cli.building import build
from triplane.cli.config import Config, configured
from triplane.cli.logs import configure_logs
from triplane.cli.output import Json, console, never_block, print_figures, print_json
from triplane.cli.processes import DATABASE, Processes
from triplane.cli.trading import check
from triplane.engine.sources import LIVE
from triplane.engine.tally import Tally
from triplane.errors import BadInput, TriplaneError
from triplane.flow.token import load_token

MONEY = {"testnet": "play money", "live": "REAL money"}


def _data_dir(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BadInput(f"data-dir is {path}; it must be a folder that can be written ({error.strerror})") from None
    return path


async def _once(config: Config, json: bool) -> None:
    """In this process alone, to the end of the data."""
    from triplane.engine.facts import Collector  # noqa: PLC0415 - the database takes a while to load
    from triplane.store import Store, project  # noqa: PLC0415

    if config.venue is not None or config.source in LIVE:
        raise BadInput(f"--once needs data that ends; {config.venue or config.source} does not end")
    collector, tally = Collector(), Tally()
    store = Store(_data_dir(config.data_dir) / DATABASE)
    hosted = await build(config, once=True, consumers=[collector], observers=[tally], quiet=json)
    runner = hosted.runner
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, runner.stop)
    outcome = await runner.run()
    project(store, collector.facts)
    store.close()
    session = runner.session
    summary = {
        "session": session.id,
        "finished": outcome.finished,
        "strategy": session.setup.strategy,
        "symbols": list(session.setup.symbols),
        "bars": session.candles,
        **tally.performance(session.setup.balance),
        "decisions_sha256": session.decisions.hexdigest(),
        "seconds": round(outcome.seconds, 6),
        "bars_per_second": round(outcome.candles / outcome.seconds) if outcome.seconds > 0 else None,
    }
    if json:
        print_json(summary)
    else:
        print_figures(f"Session {session.id}", summary)
    if runner.error is not None:
        raise TriplaneError(f"{runner.error} ({runner.error_line})" if runner.error_line else runner.error)
    if not outcome.finished:
        raise TriplaneError(f"Session {session.id} was stopped before the end; the same command continues it")


async def _serve(config: Config, json: bool) -> None:
    """Start the processes and watch them."""
    never_block()
    check(config)
    processes = Processes(config, load_token(_data_dir(config.data_dir)))
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        starting = asyncio.create_task(processes.start())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            return
        _announce(config, processes, starting.result(), json)
        await processes.watch(stop)
    finally:
        await processes.stop()


def _announce(config: Config, processes: Processes, session: str, json: bool) -> None:
    url = processes.url
    if json:
        print_json({"url": url, "port": processes.port, "session": session})
        return
    where = "on paper" if config.mode == "paper" else f"with {MONEY[config.mode]} at {config.venue}"
    title = f"\n  Triplane runs session [bold]{session}[/] {where}. Open\n"
    console.print(f"{title}\n    [link={url}]{url}[/link]\n", highlight=False, soft_wrap=True)
    console.print("  Ctrl-C stops it; the same command continues where it was.", highlight=False)


@configured
def up(
    config: Config,
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Without a page, to the end of the data, then a summary.")
    ] = False,
    json: Json = False,
) -> None:
    """Trade: on paper, at a testnet or with real money; live on a page, or with --once to the end of recorded data.

    Every option can also stand in the configuration file (triplane config init writes one), or in the environment as
    TRIPLANE_PORT or TRIPLANE_TRADING__MAX_DRAWDOWN. The command line comes first, then the environment, then the file.
    """
    configure_logs()
    asyncio.run(_once(config, json) if once else _serve(config, json))
