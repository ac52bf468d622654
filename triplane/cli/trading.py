"""From ``--mode`` and ``--venue`` to a venue that may be traded on, or a sentence that says what stands in the way."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass

from triplane.cli.config import Config
from triplane.cli.serving import BoxServer, listen
from triplane.data.binance import Place
from triplane.data.clock import Clock
from triplane.errors import BadInput, TriplaneError
from triplane.exchange.opening import open_exchange
from triplane.exchange.pace import Pace
from triplane.execution.remote import RemoteRouter
from triplane.execution.router import Router
from triplane.venues.base import Venue
from triplane.venues.binance.usdm import Urls
from triplane.venues.catalogue import open_venue

BOX_KEYS = "box-key:box-secret"


async def _start_box(config: Config, clock: Clock) -> BoxServer:
    """An exchange of its own for this session, on a free port."""
    account = f"{BOX_KEYS}:{config.balance}"
    x = await asyncio.to_thread(open_exchange, config.source, config.symbols, [account], clock=clock)
    box = BoxServer(Pace(x, float(config.speed.removesuffix("x"))), listen(0))
    await box.start()
    return box


@dataclass
class Trading:
    """What a session trades on.

    Attributes
    ----------
    venue
        None on paper.
    source
        Name of the market data's source.
    place
        Where that is served.
    """

    venue: Venue | None
    source: str
    place: Place | None
    box: BoxServer | None = None
    begin: int = 0  # when the box was started, ms

    @property
    def name(self) -> str:
        """For people, and part of a session's identity: a box is another one each time it is started."""
        return f"box {self.begin}" if self.box else self.source

    async def close(self) -> None:
        """Let go of the venue, and end the box."""
        if self.venue is not None:
            await self.venue.close()
        if self.box is not None:
            await self.box.stop()


def check(config: Config) -> None:
    """Raise BadInput when mode and venue do not go together."""
    if config.mode != "paper" and config.venue is None:
        raise BadInput(f"mode is {config.mode}; it needs a venue: binance, binance-spot, mexc or box")
    if config.venue == "box" and config.mode == "live":
        raise BadInput("mode is live; on the exchange in a box it must be paper or testnet")
    if config.venue == "box" and config.speed == "max":
        raise BadInput("speed is max; on the exchange in a box it must be a number, such as 60")
    if config.venue == "mexc" and config.mode == "testnet":
        raise BadInput("mode is testnet; MEXC has none, it must be paper or live")
    if config.venue not in (None, "box") and config.source not in ("demo", config.venue):
        raise BadInput(f"source is {config.source}; with venue {config.venue} the data comes from there too")


async def open_trading(config: Config, clock: Clock) -> Trading:
    """Open what the configuration names.

    Raises
    ------
    BadInput
        Keys that are missing, placeholders, or may withdraw; a mode that does not fit.
    TriplaneError
        The account is not in a state that can be traded in.
    """
    check(config)
    if config.venue is None:
        return Trading(None, config.source, None)
    box = await _start_box(config, clock) if config.venue == "box" else None
    place = Place(config.mode == "testnet")
    if box is not None:
        place = Place(rest=box.rest, sockets=box.sockets, speed=float(config.speed.removesuffix("x")))
    name = "binance" if config.venue == "box" else config.venue
    trading = Trading(None, name, place, box, clock.now_ms())
    try:
        if config.mode != "paper":
            trading.venue = venue = _router(config, box, clock)
            await venue.open()
            await venue.check_keys()
    except BaseException:
        await trading.close()
        raise
    return trading


def _router(config: Config, box: BoxServer | None, clock: Clock) -> Venue:
    """What orders leave by: a router in this process, or the service of one."""
    if config.router is not None:
        token = os.environ.get("TRIPLANE_ROUTER_TOKEN", "")
        if not token:
            raise BadInput("TRIPLANE_ROUTER_TOKEN is not set; it must hold the token of the router's service")
        return RemoteRouter(config.router, token, clock)
    if box is not None:
        where = Urls(box.rest, box.sockets, box.rest)
        return Router(open_venue("box", config.mode, urls=where, clock=clock))
    name = str(config.venue)
    return Router(open_venue(name, config.mode, clock=clock), config.data_dir / "router" / f"{name}-{config.mode}")


async def prepare(trading: Trading, symbols: Sequence[str], leverage: int, *, resume: bool) -> None:
    """Set modes and leverage; raises TriplaneError with everything that stands in the way.

    ``resume``: open positions and orders are expected, for a session goes on.
    """
    if trading.venue is not None:
        problems = await trading.venue.prepare(symbols, leverage, resume=resume)
        if problems:
            raise TriplaneError("The account cannot be traded on: " + " ".join(problems))
