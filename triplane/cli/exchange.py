"""``triplane exchange``: an exchange in a box, for whatever trades on Binance USDⓈ-M futures."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, cast

import orjson
import typer
import uvicorn

from triplane.cli.config import parse_speed
from triplane.cli.output import Json, console, one_sentence
from triplane.data.clock import SystemClock
from triplane.data.replay import Speed
from triplane.errors import BadInput
from triplane.exchange.faults import parse
from triplane.exchange.opening import open_exchange
from triplane.exchange.pace import Pace
from triplane.exchange.server import App


class _Server(uvicorn.Server):
    """A server that leaves the signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield


def _listen(port: int) -> socket.socket:
    # with the protocol named, or asyncio would not switch Nagle's algorithm off and every answer took 40 ms
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
    except (OSError, OverflowError) as error:
        listener.close()
        raise BadInput(f"port {port} on 127.0.0.1 cannot be used ({error}); choose another with --port") from None
    return listener


async def _serve(pace: Pace, listener: socket.socket, json: bool) -> None:
    app = App(pace)
    config = uvicorn.Config(
        app, log_level="critical", access_log=False, lifespan="on", ws="websockets-sansio",
        ws_ping_interval=180.0, ws_ping_timeout=600.0, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = _Server(config)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await app.ready.wait()
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    urls = {"rest": f"http://{address}", "ws": f"ws://{address}"}
    if json:
        sys.stdout.write(orjson.dumps(urls).decode() + "\n")
        sys.stdout.flush()
    else:
        symbols, key = ", ".join(pace.exchange.markets), next(iter(pace.exchange.accounts))
        console.print(f"\n  An exchange in a box trades {symbols}.\n\n    REST     {urls['rest']}")
        console.print(f"    sockets  {urls['ws']}\n    key      {key}\n\n  Ctrl-C stops it.", highlight=False)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.should_exit = True
    await serving


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
    """Run an exchange in a box that clients of Binance USDⓈ-M futures trade on."""
    with one_sentence():
        names = [name.strip().upper() for name in symbols.split(",") if name.strip()]
        x = open_exchange(source, names, account or (), clock=SystemClock(), seed=seed, limits=not no_limits)
        if faults is not None:
            try:
                x.add_faults(parse(orjson.loads(faults.read_bytes())))
            except (OSError, orjson.JSONDecodeError) as error:
                raise BadInput(f"faults is {faults}, which cannot be read ({error})") from None
        listener = _listen(port)
        with asyncio.Runner(loop_factory=uvicorn.Config("", loop="auto").get_loop_factory()) as runner:
            runner.run(_serve(Pace(x, cast("Speed", parse_speed(speed))), listener, json))
