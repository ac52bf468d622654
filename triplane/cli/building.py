"""From the configuration to a session that is ready to run: the one place where everything is put together."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from triplane.cli.config import Config, parse_speed
from triplane.cli.guards import agenda, regime_data
from triplane.cli.output import errors, progress
from triplane.cli.trading import Trading, open_trading, prepare
from triplane.data.candles import choose_timeframe
from triplane.data.clock import SystemClock
from triplane.engine.allowed import check_source, check_strategy
from triplane.engine.app import Hosted
from triplane.engine.emitter import Consumer
from triplane.engine.golive import paper_record, require
from triplane.engine.opening import Options, open_runner
from triplane.engine.portfolio import all_symbols, sleeves_of
from triplane.engine.session import Observer
from triplane.engine.setup import Setup
from triplane.engine.sources import WARM_UP, Source, open_source
from triplane.errors import BadInput
from triplane.execution.messages import Finding
from triplane.execution.remote import RemoteRouter
from triplane.model.money import price
from triplane.model.settings import SleeveSettings
from triplane.research.check import check_once
from triplane.strategies.base import AnyStrategy
from triplane.strategies.compiler import Core, compile_strategies
from triplane.strategies.registry import find, names, source_of
from triplane.venues.catalogue import fees, with_data

STALE_AFTER = 30.0


def chosen(config: Config, wanted: Mapping[str, Any]) -> Config:
    """The configuration of a session that was asked for: what was not said is inherited.

    Another strategy comes with its own timeframe and parameters, not with those of the configured one; and only what
    is registered, or lies in a folder set aside for it, may be named. Beside the configured mode there is only paper:
    the router sends to where it was configured for, whatever a session calls itself. What a person typed to go live
    without a record was typed for the configured strategy alone.
    """
    changes = {name: value for name, value in wanted.items() if value is not None}
    if changes.get("mode", config.mode) not in (config.mode, "paper"):
        raise BadInput(f"mode is {changes['mode']}; beside a configuration for {config.mode} it must be {config.mode}"
                       f"{' or paper' if config.mode != 'paper' else ''}")  # fmt: skip
    for name, check, kept in (("strategy", check_strategy, "strategies"), ("source", check_source, "data")):
        if name in changes and changes[name] != getattr(config, name):
            changes[name] = check(str(changes[name]), [config.data_dir / kept, *config.session_folders])
    if "portfolio" in changes:
        if "strategy" in changes:
            raise BadInput(f"strategy is {changes['strategy']}; in a portfolio each sleeve has its own")
        folders = [config.data_dir / "strategies", *config.session_folders]
        changes["portfolio"] = [
            {**dict(one), "strategy": check_strategy(str(dict(one).get("strategy")), folders)}
            for one in changes["portfolio"]
        ]
        changes = {"timeframe": None, "params": {}, "symbols": []} | changes
    elif "strategy" in changes:
        changes["portfolio"] = []
    if "parameters" in changes:
        changes["params"] = changes.pop("parameters")
    if changes.get("strategy", config.strategy) != config.strategy:
        changes = {"timeframe": None, "params": {}} | changes
    if changes.keys() & {"strategy", "params", "portfolio"}:
        changes["override_gate"] = None
    return config.changed(changes) if changes else config


def start_options(config: Config) -> dict[str, Any]:
    """What a session can be started with beside the configured one, and what is inherited from that."""

    def found(kept: str) -> list[Path]:
        folders = (config.data_dir / kept, *config.session_folders)
        return [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]

    files = [path.stem for path in found("strategies") if path.suffix == ".py"]
    recorded = [path.name for path in found("data") if path.suffix != ".py"]
    return {
        "strategies": sorted({config.strategy, *names(), *files}),
        "sources": list(dict.fromkeys((config.source, "demo", *with_data(), *recorded))),
        "modes": list(dict.fromkeys((config.mode, "paper"))),
        "configured": config.model_dump(
            mode="json", include={"strategy", "symbols", "timeframe", "source", "mode", "balance"}
        ),
    }


async def build(
    config: Config,
    *,
    router_token: str = "",
    once: bool = False,
    consumers: Sequence[Consumer] = (),
    observers: Sequence[Observer] = (),
    quiet: bool = False,
) -> Hosted:
    """Everything between the configuration and a session that is ready to run."""
    clock, sleeves = SystemClock(), config.sleeves()
    for one in sleeves:
        await asyncio.to_thread(check_once, one.strategy, one.params, progress(quiet))
    async with AsyncExitStack() as undo:
        trading = await open_trading(config, clock, router_token)
        undo.push_async_callback(trading.close)
        frames = [choose_timeframe(60_000, one.timeframe or config.timeframe, find(one.strategy).timeframe)
                  for one in sleeves]  # fmt: skip
        source = await open_source(
            trading.source, all_symbols(sleeves, config.symbols), clock, parse_speed(config.speed),
            once=once, warmup_ms=WARM_UP * max(frames), place=trading.place,
        )  # fmt: skip
        _warn(source, quiet)
        symbols = [i.symbol for i in source.instruments]
        commands = agenda(config.news, config.news_minutes, config.funding, config.funding_limit, symbols)
        setup = await _setup(config, trading, source, sleeves)
        parts = [(find(name), source_of(name)) for name in setup.strategies]
        core = await asyncio.to_thread(compile_strategies, parts, progress(quiet), apart=True)
        overridden = await _go_live(config, setup, core)
        options = Options(
            live=source.live, stale_after=STALE_AFTER if source.live else None, facts=not once, whole=once,
            consumers=consumers, observers=observers, agenda=commands, guards=config.guards,
        )  # fmt: skip
        opened = await asyncio.to_thread(
            open_runner, config.data_dir, setup, core, source.make_feed, options=options, clock=clock,
            venue=trading.venue,
        )  # fmt: skip
        runner, venue = opened.runner, trading.venue
        undo.callback(runner.session.close)
        if isinstance(venue, RemoteRouter):
            rows = {row.instrument.symbol: k for k, row in enumerate(setup.rows)}
            venue.reference = lambda symbol: price(runner.price(rows[symbol]))
        await prepare(trading, setup.symbols, int(config.costs.leverage), resume=opened.continued)
        undo.pop_all()
    for problem in overridden:
        runner.found(Finding("gate_overridden", f"Live in spite of the gate: {problem}", severity="CRITICAL"))
    if opened.notice:
        runner.found(Finding("account", opened.notice, severity="INFO"))
    if not quiet:
        how = "Continuing the interrupted session" if opened.continued else "Session"
        text = f"{how} {runner.session.id} on account {runner.session.setup.account}. {opened.notice}".rstrip()
        errors.print(text, highlight=False, soft_wrap=True)
    return Hosted(
        runner=runner,
        facts=opened.log,
        close=trading.close,
        speed=parse_speed(config.speed),
        venue=None if venue is None else trading.name,
        continued=opened.continued,
        notice=opened.notice,
    )


async def _setup(config: Config, trading: Trading, source: Source, portfolio: Sequence[SleeveSettings]) -> Setup:
    """What the session is started with; the venue's own trading rules win over the source's."""
    instruments = source.instruments
    symbols = [i.symbol for i in instruments]
    if trading.venue is not None:
        instruments = tuple(await trading.venue.instruments(symbols))

    def data(strategy: AnyStrategy) -> dict[str, Any]:
        if len(portfolio) > 1 and getattr(strategy, "prepare", None) is None:
            return {}
        return regime_data(strategy, config.regime, config.data_dir)

    setup = Setup.of(
        sleeves_of(portfolio, symbols, source.base_ms, config.timeframe, data),
        instruments,
        source.base_ms,
        balance=config.balance,
        source=trading.name,
        mode=config.mode,
        hold=source.live,
        trading=config.trading,
        costs=config.costs.charged(fees(trading.source, instruments[0].market)),
        account=config.account,
    )
    markets = [row.instrument.symbol for row in setup.rows]
    shared = next((symbol for symbol in markets if markets.count(symbol) > 1), None)
    if trading.venue is not None and shared is not None:
        raise BadInput(f"symbols name {shared} in two sleeves; at a venue each market has one sleeve, because its "
                       "orders and stops work on one position there. On paper several may share it.")  # fmt: skip
    return setup


async def _go_live(config: Config, setup: Setup, core: Core) -> list[str]:
    """Refuse real money without a record; gives what was overridden by the typed confirmation."""
    if config.mode != "live":
        return []
    record = await asyncio.to_thread(paper_record, config.data_dir, setup, core.source_hash, with_data())
    return require(config.go_live, record, config.override_gate)


def _warn(source: Source, quiet: bool) -> None:
    for symbol, report in source.reports.items():
        if not quiet and report.sentences:
            errors.print(
                f"[dim]Data of {symbol}: grade {report.grade}. {' '.join(report.sentences)}[/]", soft_wrap=True
            )
