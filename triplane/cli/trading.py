"""From ``--mode`` and ``--venue`` to a venue that may be traded on, or a sentence that says what stands in the way."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triplane.cli.config import Config
from triplane.data.binance import Place
from triplane.data.clock import Clock
from triplane.errors import BadInput, TriplaneError
from triplane.execution.remote import RemoteRouter
from triplane.venues.adapter import Urls
from triplane.venues.base import Venue
from triplane.venues.catalogue import find, with_data

ROUTER_TOKEN = "TRIPLANE_ROUTER_TOKEN"  # noqa: S105 - the name of a variable


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
    name
        For people, and part of a session's identity: a box of this process is another one each time.
    """

    venue: Venue | None
    source: str
    place: Place | None
    name: str

    async def close(self) -> None:
        """Let go of the venue."""
        if self.venue is not None:
            await self.venue.close()


def router_token() -> str:
    """The token of a router that runs elsewhere; raises BadInput when it is not set."""
    token = os.environ.get(ROUTER_TOKEN, "")
    if not token:
        raise BadInput(f"{ROUTER_TOKEN} is not set; it must hold the token of the router's service")
    return token


def check(config: Config) -> None:
    """Raise BadInput when mode and venue do not go together."""
    if config.mode != "paper" and config.venue is None:
        raise BadInput(f"mode is {config.mode}; it needs a venue: {', '.join(with_data())} or box")
    if config.venue == "box" and config.mode == "live":
        raise BadInput("mode is live; on the exchange in a box it must be paper or testnet")
    if config.venue == "box" and config.speed == "max":
        raise BadInput("speed is max; on the exchange in a box it must be a number, such as 60")
    if config.venue != "box" and (config.box_rest or config.box_ws):
        raise BadInput(f"--box-rest and --box-ws are for --venue box, not {config.venue or 'none'}")
    if config.venue not in (None, "box") and config.mode not in ("paper", *(modes := find(config.venue).keys)):
        raise BadInput(
            f"mode is {config.mode}; {config.venue.upper()} has none, it must be paper or {' or '.join(modes)}"
        )
    if config.venue not in (None, "box") and config.source not in ("demo", config.venue):
        raise BadInput(f"source is {config.source}; with venue {config.venue} the data comes from there too")


def _called(source: str) -> str:
    """What a source is called: recorded candles by their real path, however it was typed."""
    return source if source == "demo" or source in with_data() else str(Path(source).resolve())


async def open_trading(config: Config, clock: Clock, router_token: str) -> Trading:
    """Open what the configuration names; orders leave by a router in another process.

    Raises
    ------
    BadInput
        Keys that are missing, placeholders, or may withdraw; a mode that does not fit.
    TriplaneError
        The account is not in a state that can be traded in.
    """
    check(config)
    if config.venue is None:
        return Trading(None, config.source, None, _called(config.source))
    place, label = Place(config.mode == "testnet"), str(config.venue)
    if config.venue == "box":
        place = await _place(box_addresses(config.box_rest, config.box_ws))
        label = f"box {place.rest}"
    name = "binance" if config.venue == "box" else config.venue
    trading = Trading(None, name, place, label)
    try:
        if config.mode != "paper":
            trading.venue = venue = RemoteRouter(str(config.router), router_token, clock)
            await venue.open()
            await venue.check_keys()
    except BaseException:
        await trading.close()
        raise
    return trading


async def _place(urls: Urls) -> Place:
    """Where a running box serves its data, and how fast its time goes: it is asked."""
    import aiohttp  # noqa: PLC0415 - it takes a while, and only sessions at a venue need it

    async with aiohttp.ClientSession() as session:
        try:
            async with session.get(f"{urls.rest}/box/clock", timeout=aiohttp.ClientTimeout(10)) as answer:
                speed = (await answer.json())["speed"]
        except (aiohttp.ClientError, TimeoutError, KeyError, ValueError) as error:
            raise BadInput(
                f"--box-rest is {urls.rest}; no exchange in a box answers there ({type(error).__name__})"
            ) from None
    if not isinstance(speed, int | float):
        raise BadInput("the exchange in a box runs at speed max; to be traded on it needs a number, such as 60")
    return Place(rest=urls.rest, sockets=urls.stream, speed=float(speed))


def box_addresses(rest: str, sockets: str) -> Urls:
    """The addresses of a running box; raises BadInput for what is none."""
    for name, value, scheme in (("--box-rest", rest, "http"), ("--box-ws", sockets, "ws")):
        if not value.startswith((f"{scheme}://", f"{scheme}s://")):
            raise BadInput(f"{name} is {value!r}; it must be the address of the exchange, {scheme}://127.0.0.1:PORT")
    return Urls(rest.rstrip("/"), sockets.rstrip("/"), rest.rstrip("/"))


async def prepare(trading: Trading, symbols: Sequence[str], leverage: int, *, resume: bool) -> None:
    """Set modes and leverage; raises TriplaneError with everything that stands in the way.

    ``resume``: open positions and orders are expected, for a session goes on.
    """
    if trading.venue is not None:
        problems = await trading.venue.prepare(symbols, leverage, resume=resume)
        if problems:
            raise TriplaneError("The account cannot be traded on: " + " ".join(problems))
