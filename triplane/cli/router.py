"""``triplane router``: the only process that holds exchange keys, and the only one that orders leave by."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from triplane.api.router import Ceiling, create_router_app
from triplane.cli.config import Config
from triplane.cli.logs import configure_logs
from triplane.cli.options import DATA_DIR
from triplane.cli.output import Json, console, never_block, one_sentence, print_json
from triplane.cli.serving import serve_while
from triplane.cli.trading import box_addresses
from triplane.data.instruments import decimal
from triplane.errors import BadInput
from triplane.execution.risk import SLACK
from triplane.execution.router import Router
from triplane.flow import child
from triplane.flow.lifetime import stop_signal
from triplane.flow.limits import end_within
from triplane.flow.listening import listen
from triplane.flow.token import load_token
from triplane.venues.adapter import Urls
from triplane.venues.catalogue import open_venue, with_data


async def serve(
    router: Router,
    token: str,
    listener: socket.socket,
    work: Callable[[str], Awaitable[None]],
    ceiling: Ceiling,
) -> None:
    """Serve until the work returns, which is given the address."""
    port = listener.getsockname()[1]
    try:
        await router.open()
        await router.check_keys()
        app = create_router_app(router, token, port=port, ceiling=ceiling)
        await serve_while(work(f"http://127.0.0.1:{port}"), app, listener, log_level="warning")
    finally:
        listener.close()
        await router.close()


async def serve_child(told: Mapping[str, Any]) -> None:
    """Serve as a process of ``triplane up``, until its supervisor is gone."""
    config, listener = Config.model_validate(told["config"]), socket.socket(fileno=told["fd"])
    router = _open(str(config.venue), config.mode, config.data_dir, config.box_rest, config.box_ws)
    limits = config.trading
    share = decimal("max_position_share", str(limits.max_position_share * SLACK))
    ceiling = Ceiling(decimal("max_position_quote", str(limits.max_position_quote * SLACK)), share)
    await serve(router, told["token"], listener, lambda url: child.serve(router=url), ceiling)


def _open(venue: str, mode: str, data_dir: Path, rest: str, sockets: str) -> Router:
    adapter = open_venue(venue, mode, environment=os.environ, urls=_addresses(venue, rest, sockets))
    return Router(adapter, data_dir / "router" / f"{venue}-{mode}")


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
    data_dir: Annotated[Path, typer.Option(help="Where orders, the kill switch and the token are kept.")] = DATA_DIR,
    max_notional: Annotated[str, typer.Option(help="Largest entry, quote currency; 0 = no bound.")] = "0",
    max_share: Annotated[str, typer.Option(help="Largest entry, fraction of the wallet; 0 = no bound.")] = "0",
    box_rest: Annotated[str, typer.Option(help="With --venue box: its REST address.")] = "",
    box_ws: Annotated[str, typer.Option(help="With --venue box: its socket address.")] = "",
    json: Json = False,
) -> None:
    """Run the router as a process of its own, the only one with exchange keys."""
    with one_sentence():
        configure_logs()
        never_block()
        for name, value in (("max-notional", max_notional), ("max-share", max_share)):
            if decimal(name, value) < 0:
                raise BadInput(f"{name} is {value}; it must be 0 or more")
        ceiling = Ceiling(decimal("max-notional", max_notional), decimal("max-share", max_share))
        if venue == "box" and mode == "live":
            raise BadInput("mode is live; at the exchange in a box it must be testnet")
        own = _open(venue, mode, data_dir, box_rest, box_ws)
        where = f"with real money at {venue}" if mode == "live" else f"at {venue}, without real money"

        async def until_stopped(url: str) -> None:
            stop = stop_signal()
            _announce(own, url, data_dir / "token", where, json)
            try:
                await stop.wait()
            finally:
                end_within()

        async def run() -> None:
            with closing(listen(port)) as listener:
                await serve(own, load_token(data_dir), listener, until_stopped, ceiling)

        asyncio.run(run())


def _announce(router: Router, url: str, token: Path, where: str, json: bool) -> None:
    if json:
        print_json({"url": url, "token_file": str(token), "venue": router.name})
        return
    console.print(f"\n  The router trades {where}.\n\n    address  {url}\n    token    in {token}", highlight=False)
    if router.records.kill.active:
        console.print("\n  [bold red]The kill switch is on:[/] no entries until it is taken back.", highlight=False)
    console.print("\n  Ctrl-C stops it.", highlight=False)
