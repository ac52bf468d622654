"""``triplane up``: sessions, live on a page or to the end of recorded data without one."""

import asyncio
import secrets
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from triplane.api.auth import load_token
from triplane.cli.backtest import parse_set
from triplane.cli.config import Config, load, resolve
from triplane.cli.logs import configure_logs
from triplane.cli.output import Json, console, one_sentence, print_json
from triplane.cli.processes import Processes
from triplane.cli.trading import check
from triplane.engine.sources import LIVE
from triplane.errors import BadInput

DATABASE = "triplane.sqlite"
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
    """Without a page and without other processes, to the end of the data."""
    if config.venue is not None or config.source in LIVE:
        raise BadInput(f"--once needs data that ends; {config.venue or config.source} does not end")

    raise NotImplementedError


async def _serve(config: Config, json: bool) -> None:
    """Start the processes and watch them."""
    check(config)
    data_dir = _data_dir(config.data_dir)
    processes = Processes(config, load_token(data_dir), secrets.token_urlsafe(32))
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        session = await processes.start(stop)
        if session is not None:
            _announce(config, processes.url, processes.port, session, json)
            await processes.watch(stop)
    finally:
        await processes.stop()
    if processes.failed is not None:
        raise processes.failed


def _announce(config: Config, url: str, port: int, session: str, json: bool) -> None:
    if json:
        print_json({"url": url, "port": port, "session": session})
        return
    where = "on paper" if config.mode == "paper" else f"with {MONEY[config.mode]} at {config.venue}"
    title = f"\n  Triplane runs session [bold]{session}[/] {where}. Open\n"
    console.print(f"{title}\n    [link={url}]{url}[/link]\n", highlight=False, soft_wrap=True)
    console.print("  Ctrl-C stops it; the same command continues where it was.", highlight=False)


def up(
    mode: Annotated[str | None, typer.Option(help="paper, testnet, or live: real money.")] = None,
    venue: Annotated[
        str | None,
        typer.Option(help="Where to trade: binance, binance-spot, mexc; box: an exchange on this computer."),
    ] = None,
    router: Annotated[
        str | None, typer.Option(help="Address of a router's service; its token in TRIPLANE_ROUTER_TOKEN.")
    ] = None,
    box_rest: Annotated[str | None, typer.Option(help="With --venue box: REST address of one that runs.")] = None,
    box_ws: Annotated[str | None, typer.Option(help="With --venue box: its socket address.")] = None,
    source: Annotated[
        str | None, typer.Option(help="demo, binance, binance-spot, mexc, or a file or folder of recorded candles.")
    ] = None,
    symbols: Annotated[str | None, typer.Option(help="Markets, separated by commas.")] = None,
    timeframe: Annotated[str | None, typer.Option(help="Bars to decide on. Default: the strategy's own.")] = None,
    strategy: Annotated[str | None, typer.Option(help="Name of a strategy, or path of a strategy file.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Parameter of the strategy, key=value.")] = None,
    speed: Annotated[str | None, typer.Option(help="Of a replay: 60 = sixty times real time, or max.")] = None,
    regime: Annotated[str | None, typer.Option(help="Regime model: a parameter set's name or a JSON file.")] = None,
    news: Annotated[str | None, typer.Option(help="News calendar, ICS or CSV: no entries around its events.")] = None,
    funding: Annotated[str | None, typer.Option(help="Funding rates: no entries before dear ones.")] = None,
    leverage: Annotated[float | None, typer.Option(help="Of futures positions, isolated.")] = None,
    override_gate: Annotated[
        str | None, typer.Option(help="To go live without the paper record: the sentence that is asked for.")
    ] = None,
    balance: Annotated[float | None, typer.Option(help="Paper money to start with, quote currency.")] = None,
    port: Annotated[int | None, typer.Option(help="Of the page, on 127.0.0.1; 0 = any free one.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where sessions and the database are kept.")] = None,
    config: Annotated[Path | None, typer.Option(help="Configuration file; default ./triplane.yaml.")] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Without a page, to the end of the data, then a summary.")
    ] = False,
    json: Json = False,
) -> None:
    """Trade: on paper, at a testnet or with real money; live on a page, or with --once to the end of recorded data."""
    with one_sentence():
        configure_logs()
        given: dict[str, Any] = {
            "override_gate": override_gate, "mode": mode, "venue": venue, "router": router, "box_rest": box_rest,
            "box_ws": box_ws,
            "source": source, "timeframe": timeframe, "strategy": strategy, "speed": speed, "balance": balance,
            "regime": regime, "news": news, "funding": funding, "port": port, "data_dir": data_dir,
            "params": parse_set(set_) if set_ else None,
            "symbols": [s.strip().upper() for s in symbols.split(",")] if symbols else None,
        }  # fmt: skip
        if leverage is not None:
            given["costs"] = {**load(config).get("costs", {}), "leverage": leverage}
        chosen = resolve(config, given)
        asyncio.run(_once(chosen, json) if once else _serve(chosen, json))
