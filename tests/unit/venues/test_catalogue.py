"""Venues by name."""

import pytest

from triplane.errors import BadInput
from triplane.venues.adapter import Urls
from triplane.venues.binance.usdm import MAINNET, TESTNET, BinanceUsdm
from triplane.venues.catalogue import NAMES, open_venue

ENVIRONMENT = {
    f"{prefix}_API_{part}": f"{prefix}{part}".lower().replace("_", "")
    for prefix in ("BINANCE_TESTNET", "BINANCE_MAINNET", "MEXC")
    for part in ("KEY", "SECRET")
}


@pytest.mark.parametrize("mode", ["testnet", "live"])
@pytest.mark.parametrize("name", [name for name in NAMES if name != "box"])
def test_every_venue_can_be_made(name, mode):
    if (name, mode) == ("mexc", "testnet"):
        with pytest.raises(BadInput, match="no testnet"):
            open_venue(name, mode, environment=ENVIRONMENT)
        return
    venue = open_venue(name, mode, environment=ENVIRONMENT)
    assert venue.name == name
    for value in ENVIRONMENT.values():
        assert value not in repr(venue)


def test_modes_have_their_own_keys_and_addresses():
    live = {name: value for name, value in ENVIRONMENT.items() if "MAINNET" in name}
    test = {name: value for name, value in ENVIRONMENT.items() if "TESTNET" in name}
    assert open_venue("binance", "live", environment=live)._rest.urls == MAINNET
    assert open_venue("binance", "testnet", environment=test)._rest.urls == TESTNET
    with pytest.raises(BadInput, match="BINANCE_TESTNET_API_KEY"):
        open_venue("binance", "testnet", environment=live)
    with pytest.raises(BadInput, match="BINANCE_MAINNET_API_KEY"):
        open_venue("binance", "live", environment=test)


def test_one_budget_for_an_address():
    first, second = (open_venue("binance", "testnet", environment=ENVIRONMENT) for _ in range(2))
    other = open_venue("binance", "live", environment=ENVIRONMENT)
    assert first._rest._budget is second._rest._budget is not other._rest._budget


def test_a_box_needs_its_address_alone():
    venue = open_venue("box", "testnet", environment={}, urls=Urls("http://x", "ws://x"))
    assert isinstance(venue, BinanceUsdm)
    with pytest.raises(BadInput, match="urls"):
        open_venue("box", "testnet", environment={})


@pytest.mark.parametrize(("name", "mode", "word"), [("kraken", "live", "kraken"), ("binance", "paper", "paper")])
def test_what_there_is_not(name, mode, word):
    with pytest.raises(BadInput, match=word):
        open_venue(name, mode, environment=ENVIRONMENT)
