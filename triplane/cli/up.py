"""``triplane up``: sessions, live on a page or to the end of recorded data without one."""

import asyncio
import json as jsons
import signal
from pathlib import Path
from typing import Annotated

import typer

from triplane.cli.building import build
from triplane.cli.config import Config, configured
from triplane.cli.logs import configure_logs
from triplane.cli.output import Json, print_figures, print_funnel, print_json, result_alone
from triplane.cli.processes import DATABASE, become
from triplane.cli.trading import check, router_token
from triplane.engine.tally import Tally
from triplane.errors import BadInput, TriplaneError
from triplane.flow.token import load_token
from triplane.venues.catalogue import with_data


def _data_dir(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
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

    if config.venue is not None or config.source in with_data():
        raise BadInput(f"--once needs data that ends; {config.venue or config.source} does not end")
    collector, tally = Collector(), Tally()
    store = Store(_data_dir(config.data_dir) / DATABASE)
    with result_alone(json):
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
        "account": session.setup.account,
        "finished": outcome.finished,
        "strategy": session.setup.strategy,
        "symbols": list(session.setup.symbols),
        "bars": session.candles,
        **tally.performance(session.setup.start_equity),
        "decisions_sha256": session.decisions.hexdigest(),
        "seconds": round(outcome.seconds, 6),
        "bars_per_second": round(outcome.candles / outcome.seconds) if outcome.seconds > 0 else None,
    }
    if json:
        print_json(summary)
    else:
        print_figures(f"Session {session.id}", summary)
        if "funnel" in summary:
            print_funnel(summary["funnel"])
    if runner.error is not None:
        raise TriplaneError(f"{runner.error} ({runner.error_line})" if runner.error_line else runner.error)
    if not outcome.finished:
        raise TriplaneError(f"Session {session.id} was stopped before the end; the same command continues it")


def _serve(config: Config, json: bool) -> None:
    """Become the process that supervises all others."""
    settings = jsons.loads(config.model_dump_json(exclude={"alerts", "processors"}))
    settings["data_dir"] = str(_data_dir(config.data_dir).resolve())
    elsewhere = config.router is not None and config.mode != "paper"
    become(
        {
            "config": settings,
            "token": load_token(config.data_dir),
            "router_token": router_token() if elsewhere else None,
            "alerts": [target.plain() for target in config.alerts],
            "processors": config.processors,
            "json": json,
        }
    )


@configured
def up(
    config: Config,
    *,
    once: Annotated[
        bool,
        typer.Option(
            "--once", help="Without a page, to the end of the data, then a summary; at speed max unless told otherwise."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Trade: on paper, at a testnet or with real money; live on a page, or with --once to the end of recorded data.

    Every option can also stand in the configuration file (triplane config init writes one), or in the environment as
    TRIPLANE_PORT or TRIPLANE_TRADING__MAX_DRAWDOWN. The command line comes first, then the environment, then the file.
    """
    configure_logs()
    check(config)
    if once:
        unhurried = "speed" in config.model_fields_set
        asyncio.run(_once(config if unhurried else config.model_copy(update={"speed": "max"}), json))
    else:
        _serve(config, json)
