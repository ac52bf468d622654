"""``triplane exchange``: an exchange in a box, for whatever trades on Binance or MEXC."""

import asyncio
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
import uvicorn

from triplane.cli.config import Config, parse_speed
from triplane.cli.options import parse_list
from triplane.cli.output import Json, console, one_sentence
from triplane.cli.serving import serve_box
from triplane.data.clock import SystemClock
from triplane.errors import BadInput
from triplane.exchange.faults import parse
from triplane.exchange.market_clock import MarketClock
from triplane.exchange.opening import open_exchange
from triplane.flow import child
from triplane.flow.lifetime import stop_signal
from triplane.flow.listening import listen

BOX_KEYS = "box-key:box-secret"


def _announce(market_clock: MarketClock, rest: str, sockets: str, json: bool) -> None:
    if json:
        sys.stdout.write(orjson.dumps({"rest": rest, "ws": sockets}).decode() + "\n")
        sys.stdout.flush()
    else:
        symbols, key = ", ".join(market_clock.exchange.markets), next(iter(market_clock.exchange.accounts))
        console.print(f"\n  An exchange in a box trades {symbols}.\n\n    REST     {rest}")
        console.print(f"    sockets  {sockets}\n    key      {key}\n\n  Ctrl-C stops it.", highlight=False)


async def serve_child(told: Mapping[str, Any]) -> None:
    """Serve as a process of ``triplane up``, until its supervisor is gone."""
    config, listener = Config.model_validate(told["config"]), socket.socket(fileno=told["fd"])
    account = f"{BOX_KEYS}:{config.balance}"
    x = await asyncio.to_thread(open_exchange, config.source, config.symbols, [account], clock=SystemClock())
    market_clock = MarketClock(x, parse_speed(config.speed))
    await serve_box(market_clock, listener, lambda rest, sockets: child.serve(box_rest=rest, box_ws=sockets))


def exchange(
    source: Annotated[str, typer.Option(help="demo, or a file or folder of recorded candles.")] = "demo",
    symbols: Annotated[str, typer.Option(help="Markets, separated by commas.")] = "",
    speed: Annotated[str, typer.Option(help="Market seconds in a second: 1 = real time, or max.")] = "1",
    port: Annotated[int, typer.Option(help="On 127.0.0.1; 0 = any free one.")] = 0,
    faults: Annotated[Path | None, typer.Option(help="Script of faults, a JSON list of {when, what, times}.")] = None,
    account: Annotated[
        list[str] | None, typer.Option(help="Key, secret and USDT, separated by colons; as often as needed.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the demo market, of ids, and of faults by chance.", min=0)] = 1,
    no_limits: Annotated[bool, typer.Option("--no-limits", help="Count requests, but refuse none.")] = False,
    json: Json = False,
) -> None:
    """Run an exchange in a box that clients of Binance USDⓈ-M futures, Binance spot and MEXC futures trade on."""
    with one_sentence():
        names, pace = parse_list(symbols.upper()), parse_speed(speed)
        x = open_exchange(source, names, account or (), clock=SystemClock(), seed=seed, limits=not no_limits)
        if faults is not None:
            try:
                x.add_faults(parse(orjson.loads(faults.read_bytes())))
            except (OSError, orjson.JSONDecodeError) as error:
                raise BadInput(f"faults is {faults}, which cannot be read ({error})") from None
        market_clock, listener = MarketClock(x, pace), listen(port)

        async def until_stopped(rest: str, sockets: str) -> None:
            stop = stop_signal()
            _announce(market_clock, rest, sockets, json)
            await stop.wait()

        with asyncio.Runner(loop_factory=uvicorn.Config("", loop="auto").get_loop_factory()) as runner:
            runner.run(serve_box(market_clock, listener, until_stopped))
