"""The venues by name: their addresses, their keys, and one rate budget for each of their addresses."""

import importlib
import os
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple, cast

from triplane.data.clock import Clock
from triplane.errors import BadInput
from triplane.venues.base import Venue
from triplane.venues.budget import Budget
from triplane.venues.keys import Credentials, credentials, protect_logs

MODES: Final = ("testnet", "live")
BOX_KEYS: Final = ("box-key", "box-secret")


class _CatalogueEntry(NamedTuple):
    """Where an adapter is, and where the environment keeps its keys, by mode; an empty mode is not offered."""

    module: str
    adapter: str
    budget: str  # what makes its rate budget
    testnet: str
    live: str


_CATALOGUE: Final = {
    "binance": _CatalogueEntry("binance.usdm", "BinanceUsdm", "Budget", "BINANCE_TESTNET", "BINANCE_MAINNET"),
    "binance-spot": _CatalogueEntry("binance.spot", "BinanceSpot", "spot_budget", "BINANCE_TESTNET", "BINANCE_MAINNET"),
    "mexc": _CatalogueEntry("mexc.adapter", "MexcFutures", "mexc_budget", "", "MEXC"),
}
NAMES: Final = (*_CATALOGUE, "box")


@cache
def _budget(name: str, mode: str) -> Budget:  # noqa: ARG001 - each mode has addresses of its own
    """One for all adapters of a venue in this process, for the venue counts by address."""
    place = _CATALOGUE[name]
    return cast("Budget", getattr(_module(place), place.budget)())


def _module(place: _CatalogueEntry) -> Any:
    return importlib.import_module(f"triplane.venues.{place.module}")  # half a second that only sessions there pay


def open_venue(
    name: str, mode: str, *, environment: Mapping[str, str] = os.environ, urls: Any = None, clock: Clock | None = None
) -> Venue:
    """The adapter of a venue, not opened yet. From here on no log shows a secret.

    Parameters
    ----------
    name
        One of :data:`NAMES`; ``box`` is Binance USDⓈ-M in an exchange in a box.
    mode
        ``testnet`` or ``live``.
    environment
        Where the keys are, see :func:`triplane.venues.keys.credentials`.
    urls
        Other addresses than the venue's own, as the adapter's module defines them; a box needs them.
    clock
        For tests.

    Raises
    ------
    BadInput
        Unknown name or mode, keys that are missing or placeholders.
    """
    protect_logs()
    if name not in NAMES:
        raise BadInput(f"venue must be one of {', '.join(NAMES)}, not {name!r}")
    if mode not in MODES:
        raise BadInput(f"mode of a venue must be testnet or live, not {mode!r}")
    boxed, place = name == "box", _CATALOGUE["binance" if name == "box" else name]
    if boxed and urls is None:
        raise BadInput("urls must say where the exchange in a box is")
    prefix = place.live if mode == "live" else place.testnet
    if not prefix:
        raise BadInput(f"{name} has no testnet; mode must be live")
    keys = Credentials(*BOX_KEYS) if boxed else credentials(prefix, environment)
    module = _module(place)
    own = module.MAINNET if mode == "live" else module.TESTNET
    budget = Budget() if boxed else _budget(name, mode)
    return cast("Venue", getattr(module, place.adapter)(keys, urls or own, clock, budget=budget))
