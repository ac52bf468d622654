"""The venues by name, built in or of an installed package: their keys, and one rate budget for each address.

A package offers a venue as an entry point of the group ``triplane.venues``: its name is what ``venue`` is set to, its
object a :class:`VenueKind`. The engine imports the same module for the market data, so what only trades is better
imported by ``adapter`` itself.
"""

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Protocol, cast

from triplane.data.binance import Place, binance_feed
from triplane.data.clock import Clock
from triplane.data.feed import Feed
from triplane.data.mexc import mexc_feed
from triplane.errors import BadInput, TriplaneError
from triplane.model.settings import FEES, Fees
from triplane.venues.base import Venue
from triplane.venues.budget import Budget
from triplane.venues.keys import Credentials, credentials, protect_logs

GROUP: Final = "triplane.venues"
MODES: Final = ("testnet", "live")
BOX_KEYS: Final = ("box-key", "box-secret")
_PARTS: Final = (*Venue.__annotations__, *(name for name in vars(Venue) if not name.startswith("_")))
"""What every adapter offers."""


class VenueFeed(Feed, Protocol):
    """Candles of one minute as they happen; :class:`triplane.data.live.LiveFeed` makes one of what ccxt knows."""

    def start_after(self, known: Mapping[str, int]) -> None:
        """Begin behind these open times (ms), by symbol; called once, after :meth:`open`."""
        ...


@dataclass(frozen=True, kw_only=True)
class VenueKind:
    """A venue that can be traded at.

    Parameters
    ----------
    adapter
        Makes a :class:`triplane.venues.base.Venue` of the keys, the mode (``testnet`` or ``live``) and a clock (None =
        the computer's). Only the router calls it.
    feed
        Makes the market data of some symbols: gets the symbols, where they are served (``demo``: at the venue's demo),
        and a clock.
    keys
        Where the environment keeps the keys, by mode: with ``{"live": "MINE"}`` they are in ``MINE_API_KEY`` and
        ``MINE_API_SECRET``, and there is no testnet.
    symbol
        What is traded when nothing is said.
    fees
        Maker and taker fee of an account that has no discount; None = those of the market elsewhere.
    """

    adapter: Callable[..., Venue]
    feed: Callable[[Sequence[str], Place, Clock], VenueFeed]
    keys: Mapping[str, str]
    symbol: str = "BTCUSDT"
    fees: Fees | None = None


@cache
def _budget(make: Callable[[], Budget], mode: str) -> Budget:  # noqa: ARG001 - each mode has addresses of its own
    """One for all adapters of a venue in this process, for the venue counts by address."""
    return make()


def _built_in(
    module: str, adapter: str, budget: str, keys: Credentials, mode: str, clock: Clock | None, urls: Any = None
) -> Venue:
    made = importlib.import_module(f"triplane.venues.{module}")  # half a second that only sessions there pay
    make = getattr(made, budget)
    own = made.MAINNET if mode == "live" else made.TESTNET
    shared = make() if urls is not None else _budget(make, f"{module} {mode}")
    return cast("Venue", getattr(made, adapter)(keys, urls or own, clock, budget=shared))


_BINANCE_KEYS: Final = {"testnet": "BINANCE_TESTNET", "live": "BINANCE_MAINNET"}
_BUILT_IN: Final = {
    "binance": VenueKind(
        adapter=partial(_built_in, "binance.usdm", "BinanceUsdm", "Budget"),
        feed=lambda symbols, place, clock: binance_feed(symbols, place=place, clock=clock),
        keys=_BINANCE_KEYS,
        fees=(0.0002, 0.0005),
    ),
    "binance-spot": VenueKind(
        adapter=partial(_built_in, "binance.spot", "BinanceSpot", "spot_budget"),
        feed=lambda symbols, place, clock: binance_feed(symbols, market="spot", place=place, clock=clock),
        keys=_BINANCE_KEYS,
        fees=(0.001, 0.001),
    ),
    "mexc": VenueKind(
        adapter=partial(_built_in, "mexc.adapter", "MexcFutures", "mexc_budget"),
        feed=lambda symbols, place, clock: mexc_feed(symbols, place=place, clock=clock),
        keys={"live": "MEXC"},
        symbol="BTC_USDT",
        fees=(0.0001, 0.0004),
    ),
}
NAMES: Final = (*_BUILT_IN, "box")
"""Those that are always there; ``box`` is Binance USDⓈ-M in an exchange in a box."""


def with_data() -> list[str]:
    """Names of the venues with market data."""
    offered = sorted(point.name for point in entry_points(group=GROUP) if point.name not in NAMES)
    return [*_BUILT_IN, *dict.fromkeys(offered)]


def names() -> list[str]:
    """Names of the venues that can be traded at."""
    return [*with_data(), "box"]


def find(name: str) -> VenueKind:
    """The venue called ``name``.

    Raises
    ------
    BadInput
        There is none, or a package offers one under a name that is taken.
    TriplaneError
        The package cannot be loaded.
    """
    offered = list(entry_points(group=GROUP, name=name))
    if offered and (name in NAMES or len(offered) > 1):
        other = "a built-in venue" if name in NAMES else "a venue of another package"
        raise BadInput(
            f"{_package(offered[0])} offers a venue called {name}, and so is {other}; one of them must be renamed"
        )
    if name in NAMES:
        return _BUILT_IN["binance" if name == "box" else name]
    if not offered:
        raise BadInput(f"venue must be one of {', '.join(names())}, not {name!r}")
    try:
        kind = offered[0].load()
    except Exception as error:  # another package's code may raise anything
        text = f"Venue {name} of {_package(offered[0])} cannot be loaded: {type(error).__name__}: {error}"
        raise TriplaneError(text) from error
    if not isinstance(kind, VenueKind):
        raise BadInput(f"Venue {name} of {_package(offered[0])} is {kind!r}; it must be a VenueKind")
    return kind


def fees(source: str, market: str) -> Fees:
    """The fees where market data comes from: the venue's own, or what is usual in the market."""
    own = find(source).fees if source in with_data() else None
    return own or FEES[market]


def _package(point: EntryPoint) -> str:
    return f"the package {point.dist.name if point.dist else point.module}"


def open_venue(
    name: str, mode: str, *, environment: Mapping[str, str] = os.environ, urls: Any = None, clock: Clock | None = None
) -> Venue:
    """The adapter of a venue, not opened yet. From here on no log shows a secret.

    Parameters
    ----------
    name
        One of :func:`names`.
    mode
        ``testnet`` or ``live``.
    environment
        Where the keys are, see :func:`triplane.venues.keys.credentials`.
    urls
        Other addresses than the built-in venue's own, as the adapter's module defines them; a box needs them.
    clock
        For tests.

    Raises
    ------
    BadInput
        Unknown name or mode, keys that are missing or placeholders, an adapter that is incomplete.
    """
    protect_logs()
    boxed, kind = name == "box", find(name)
    if mode not in MODES:
        raise BadInput(f"mode of a venue must be testnet or live, not {mode!r}")
    if boxed and urls is None:
        raise BadInput("urls must say where the exchange in a box is")
    if mode not in kind.keys:
        raise BadInput(f"{name} has no {mode}; mode must be {' or '.join(kind.keys)}")
    keys = Credentials(*BOX_KEYS) if boxed else credentials(kind.keys[mode], environment)
    venue = kind.adapter(keys, mode, clock, **({} if urls is None else {"urls": urls}))
    lacking = [part for part in _PARTS if not hasattr(venue, part)]
    if lacking:
        raise BadInput(f"the adapter of venue {name} lacks {', '.join(lacking)}; see triplane.venues.base.Venue")
    return venue
