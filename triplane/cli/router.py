"""``triplane router``: the only process that holds exchange keys, and the only one that orders leave by."""

import asyncio
import os
import signal
import socket
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from triplane.api.router import create_router_app
from triplane.api.server import make_server
from triplane.cli.config import Config
from triplane.cli.logs import configure_logs
from triplane.cli.output import Json, console, never_block, one_sentence, print_json
from triplane.cli.trading import box_addresses
from triplane.data.instruments import decimal
from triplane.errors import BadInput
from triplane.execution.router import Router
from triplane.flow import child
from triplane.flow.limits import end_within
from triplane.flow.listening import listen
from triplane.flow.token import load_token
from triplane.venues.adapter import Urls
from triplane.venues.catalogue import open_venue, with_data


async def _serve(router: Router, data_dir: Path, port: int, max_notional: Decimal, where: str, json: bool) -> None:
    listener = listen(port)
    try:
        token = load_token(data_dir)
        await router.open()
        await router.check_keys()
    except BaseException:
        listener.close()
        await router.close()
        raise
    port = listener.getsockname()[1]
    app = create_router_app(router, token, port=port, max_notional=max_notional)
    server = make_server(app, log_level="warning")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    url, path = f"http://127.0.0.1:{port}", data_dir / "token"
    if json:
        print_json({"url": url, "token_file": str(path), "venue": router.name})
    else:
        console.print(f"\n  The router trades {where}.\n\n    address  {url}\n    token    in {path}", highlight=False)
        if router.records.kill.active:
            console.print("\n  [bold red]The kill switch is on:[/] no entries until it is taken back.", highlight=False)
        console.print("\n  Ctrl-C stops it.", highlight=False)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    end_within()
    server.should_exit = True
    await serving
    await router.close()


async def serve(config: Config, listener: socket.socket, token: str) -> None:
    """Serve as a process of ``triplane up``, until its supervisor is gone."""
    venue, mode = str(config.venue), config.mode
    adapter = open_venue(venue, mode, environment=os.environ, urls=_addresses(venue, config.box_rest, config.box_ws))
    router = Router(adapter, config.data_dir / "router" / f"{venue}-{mode}")
    try:
        await router.open()
        await router.check_keys()
        port = listener.getsockname()[1]
        app = create_router_app(router, token, port=port, max_notional=Decimal(0))
        server = make_server(app, log_level="warning")
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        beating = asyncio.create_task(child.beat(router=f"http://127.0.0.1:{port}"))
        await child.parent_gone()
        beating.cancel()
        server.should_exit = True
        await serving
    finally:
        await router.close()


def _addresses(venue: str, rest: str, sockets: str) -> Urls | None:
    """Where the exchange in a box is; None for a venue of its own address."""
    if venue == "box":
        return box_addresses(rest, sockets)
    if rest or sockets:
        raise BadInput(f"--box-rest and --box-ws are for --venue box, not {venue}")
    return None


def router(
    venue: Annotated[str, typer.Option(help=f"{', '.join(with_data())}; box: an exchange on this computer.")],
    mode: Annotated[str, typer.Option(help="testnet, or live: real money.")] = "testnet",
    port: Annotated[int, typer.Option(help="On 127.0.0.1; 0 = any free one.")] = 8001,
    data_dir: Annotated[Path, typer.Option(help="Where orders, the kill switch and the token are kept.")] = Path(
        "triplane-data"
    ),
    max_notional: Annotated[str, typer.Option(help="Largest entry, quote currency; 0 = no bound.")] = "0",
    box_rest: Annotated[str, typer.Option(help="With --venue box: its REST address.")] = "",
    box_ws: Annotated[str, typer.Option(help="With --venue box: its socket address.")] = "",
    json: Json = False,
) -> None:
    """Run the router as a process of its own, the only one with exchange keys."""
    with one_sentence():
        configure_logs()
        never_block()
        bound = decimal("max-notional", max_notional)
        if bound < 0:
            raise BadInput(f"max-notional is {max_notional}; it must be 0 or more")
        if venue == "box" and mode == "live":
            raise BadInput("mode is live; at the exchange in a box it must be testnet")
        adapter = open_venue(venue, mode, environment=os.environ, urls=_addresses(venue, box_rest, box_ws))
        own = Router(adapter, data_dir / "router" / f"{venue}-{mode}")
        where = f"with real money at {venue}" if mode == "live" else f"at {venue}, without real money"
        asyncio.run(_serve(own, data_dir, port, bound, where, json))
