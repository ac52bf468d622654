"""``triplane up``: a session, live on a page or to the end of recorded data without one."""

import asyncio
import gc
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from triplane.api.app import create_app
from triplane.api.auth import load_token
from triplane.api.ports import EngineView
from triplane.cli.config import Config, configured, parse_speed
from triplane.cli.guards import agenda, regime_data
from triplane.cli.logs import configure_logs
from triplane.cli.output import Json, console, errors, print_figures, print_json, progress
from triplane.cli.serving import listen, make_server
from triplane.cli.trading import Trading, open_trading, prepare
from triplane.data.clock import Clock, SystemClock
from triplane.data.replay import Speed
from triplane.engine.decode import money
from triplane.engine.desk import Desk
from triplane.engine.golive import paper_record, require
from triplane.engine.live import Engine, Options, open_engine
from triplane.engine.setup import Setup
from triplane.engine.sources import LIVE, WARM_UP, Source, open_source
from triplane.engine.storing import StoreSink
from triplane.errors import BadInput, TriplaneError
from triplane.execution.messages import Finding
from triplane.execution.remote import RemoteRouter
from triplane.research.backtest import choose_timeframe
from triplane.store import Store
from triplane.strategies.compiler import compile_strategy
from triplane.strategies.registry import find, source_of

DATABASE = "triplane.sqlite"
STALE_AFTER = 30.0
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


async def build(config: Config, store: Store, *, once: bool = False, quiet: bool = False) -> Engine:
    """Everything between the configuration and an engine that is ready to run."""
    clock = SystemClock()
    trading = await open_trading(config, clock)
    try:
        engine = await _build(config, store, trading, clock, once=once, quiet=quiet)
    except BaseException:
        await trading.close()
        raise
    engine.on_end = trading.close
    return engine


async def _build(
    config: Config, store: Store, trading: Trading, clock: Clock, *, once: bool = False, quiet: bool = False
) -> Engine:
    strategy = find(config.strategy)
    params = strategy.resolve(config.params)
    speed = cast("Speed", parse_speed(config.speed))
    wanted_ms = choose_timeframe(60_000, config.timeframe, strategy.timeframe)
    source = await open_source(
        trading.source, config.symbols, clock, speed, once=once, warmup_ms=WARM_UP * wanted_ms, place=trading.place
    )
    venue, instruments = trading.venue, source.instruments
    if venue is not None:
        instruments = tuple(await venue.instruments([i.symbol for i in instruments]))
    _warn(source, quiet)
    core = await asyncio.to_thread(compile_strategy, strategy, source_of(config.strategy), progress(quiet), apart=True)
    overridden: list[str] = []
    if config.mode == "live":
        sessions = config.data_dir / "sessions"
        record = await asyncio.to_thread(paper_record, sessions, config.strategy, params, LIVE, core)
        overridden = require(config.go_live, record, config.override_gate)
    setup = Setup(
        strategy=config.strategy,
        params=params,
        instruments=instruments,
        base_ms=source.base_ms,
        timeframe_ms=choose_timeframe(source.base_ms, config.timeframe, strategy.timeframe),
        balance=config.balance,
        source=trading.name,
        mode=config.mode,
        hold=source.live,
        trading=config.trading,
        costs=config.costs,
        data=regime_data(strategy, config.regime, config.data_dir),
    )
    options = Options(
        page=not once,
        live=source.live,
        speed=speed,
        stale_after=STALE_AFTER if source.live else None,
        agenda=agenda(config.news, config.news_minutes, config.funding, config.funding_limit),
    )
    sink = StoreSink(store)
    engine = await asyncio.to_thread(
        open_engine,
        config.data_dir,
        setup,
        core,
        strategy,
        source.make_feed,
        options=options,
        sink=sink,
        clock=clock,
        venue=venue,
    )
    try:
        if isinstance(venue, RemoteRouter):
            venue.reference = lambda symbol: money(engine.runner.price(setup.symbols.index(symbol)))
        await prepare(trading, setup.symbols, int(config.costs.leverage), resume=engine.continued)
    except BaseException:
        engine.session.close()
        raise
    for problem in overridden:
        engine.runner.found(Finding("gate_overridden", f"Live in spite of the gate: {problem}", severity="CRITICAL"))
    if not quiet and (engine.continued or engine.notice):
        text = engine.notice or f"Continuing the interrupted session {engine.session.id}."
        errors.print(text, highlight=False, soft_wrap=True)
    return engine


def _warn(source: Source, quiet: bool) -> None:
    for symbol, report in source.reports.items():
        if not quiet and report.sentences:
            errors.print(
                f"[dim]Data of {symbol}: grade {report.grade}. {' '.join(report.sentences)}[/]", soft_wrap=True
            )


async def _once(config: Config, json: bool) -> None:
    if config.venue is not None or config.source in LIVE:
        raise BadInput(f"--once needs data that ends; {config.venue or config.source} does not end")
    store = Store(_data_dir(config.data_dir) / DATABASE)
    engine = await build(config, store, once=True, quiet=json)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, engine.stop)
    outcome = await engine.run()
    store.close()
    summary = engine.summary(outcome)
    if json:
        print_json(summary)
    else:
        print_figures(f"Session {summary['session']}", summary)
    if not outcome.finished:
        raise TriplaneError(f"Session {summary['session']} was stopped before the end; the same command continues it")


async def _serve(config: Config, json: bool) -> None:
    data_dir = _data_dir(config.data_dir)
    listener = listen(config.port)
    port = listener.getsockname()[1]
    store = Store(data_dir / DATABASE)
    token = load_token(data_dir)

    async def make(wanted: Mapping[str, Any]) -> Engine:
        changes = {name: value for name, value in wanted.items() if value is not None}
        if "parameters" in changes:
            changes["params"] = changes.pop("parameters")
        return await build(config.changed(changes) if changes else config, store, quiet=json)

    desk = Desk(make)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    engine = await desk.start({})
    gc.freeze()  # what is loaded by now stays: the collector need not look at it again while trading
    app = create_app(cast("EngineView", desk), store, token, port=port)
    server = make_server(app, log_level="warning")
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    url = f"http://127.0.0.1:{port}/?token={token}"
    if json:
        print_json({"url": url, "port": port, "session": engine.session.id})
    else:
        where = "on paper" if config.mode == "paper" else f"with {MONEY[config.mode]} at {config.venue}"
        title = f"\n  Triplane runs session [bold]{engine.session.id}[/] {where}. Open\n"
        console.print(f"{title}\n    [link={url}]{url}[/link]\n", highlight=False, soft_wrap=True)
        console.print("  Ctrl-C stops it; the same command continues where it was.", highlight=False)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
    await desk.close()
    server.should_exit = True
    await serving
    store.close()
    if desk.failed is not None:
        raise TriplaneError(f"The session ended with an error: {desk.failed}")


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
