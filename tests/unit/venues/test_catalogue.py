"""Venues by name."""

import asyncio
import sys

import pytest

from triplane.data.clock import SystemClock
from triplane.engine.sources import open_source
from triplane.errors import BadInput, TriplaneError
from triplane.venues import catalogue
from triplane.venues.adapter import Urls
from triplane.venues.binance.usdm import MAINNET, TESTNET, BinanceUsdm
from triplane.venues.catalogue import NAMES, fees, open_venue

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


def test_fees_are_the_venues_own_where_it_is_known():
    assert fees("binance", "usdm") == (0.0002, 0.0005)
    assert fees("binance-spot", "spot") == (0.001, 0.001)
    assert fees("mexc", "usdm") == (0.0001, 0.0004)
    assert fees("demo", "usdm") == fees("candles.parquet", "usdm") == (0.0004, 0.0004)


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


PACKAGE = """
from decimal import Decimal

from triplane.data.instruments import Instrument
from triplane.venues.base import Capabilities
from triplane.venues.catalogue import VenueKind


class Venue:
    name, capabilities = "mine", Capabilities()

    def __init__(self, keys, mode, clock):
        self.opened_with = keys.key, mode

    async def open(self): ...
    close = check_keys = instruments = prepare = place = cancel = order = fills = funding = snapshot = open
    def now_ms(self): return 1
    def events(self): ...


class Feed:
    def __init__(self, symbols, place, clock):
        self.symbols, self.demo, self.behind = symbols, place.demo, None

    async def open(self):
        self.instruments = tuple(Instrument(symbol, Decimal("0.1"), Decimal("0.001")) for symbol in self.symbols)

    def start_after(self, known):
        self.behind = known


MINE = VenueKind(adapter=Venue, feed=Feed, keys={"live": "MINE"}, symbol="MINEUSD")
HALF = VenueKind(adapter=lambda keys, mode, clock: object(), feed=Feed, keys={"live": "MINE"})
ODD = "a venue"
"""
MINE = {"MINE_API_KEY": "k1234567", "MINE_API_SECRET": "s1234567"}


def install(site, package, points):
    info = site / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = "".join(f"{name} = {target}\n" for name, target in points.items())
    (info / "entry_points.txt").write_text(f"[{catalogue.GROUP}]\n{lines}")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the path with a package that offers venues."""
    (tmp_path / "mine_venue.py").write_text(PACKAGE)
    (tmp_path / "broken_venue.py").write_text("import nowhere_to_be_found\n")
    points = {"mine": "MINE", "half": "HALF", "odd": "ODD", "gone": "GONE", "mexc": "MINE", "box": "MINE"}
    install(tmp_path, "mine-venue", {name: f"mine_venue:{attribute}" for name, attribute in points.items()})
    install(tmp_path, "broken-venue", {"broken": "broken_venue:MINE"})
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("mine_venue", None)


class TestOfAPackage:
    """Venues that installed packages offer."""

    def test_it_is_opened_by_its_name_with_its_own_keys(self, site):
        assert open_venue("mine", "live", environment=MINE).opened_with == ("k1234567", "live")
        assert catalogue.names() == ["binance", "binance-spot", "mexc", "broken", "gone", "half", "mine", "odd", "box"]
        with pytest.raises(BadInput, match="MINE_API_SECRET is not set"):
            open_venue("mine", "live", environment={"MINE_API_KEY": "k1234567"})
        with pytest.raises(BadInput, match="mine has no testnet; mode must be live"):
            open_venue("mine", "testnet", environment=MINE)

    def test_its_data_is_a_source(self, site):
        source = asyncio.run(open_source("mine", [], SystemClock(), "max"))
        assert (source.name, source.live) == ("mine", True)
        assert [rules.symbol for rules in source.instruments] == ["MINEUSD"]
        feed = source.make_feed({"MINEUSD": 60_000})
        assert (feed.behind, feed.demo) == ({"MINEUSD": 60_000}, False)

    @pytest.mark.parametrize(
        ("name", "error", "text"),
        [
            ("mexc", BadInput, "the package mine-venue offers a venue called mexc, and so is a built-in venue"),
            ("box", BadInput, "the package mine-venue offers a venue called box, and so is a built-in venue"),
            ("broken", TriplaneError, "Venue broken of the package broken-venue cannot be loaded: ModuleNotFoundError"),
            ("gone", TriplaneError, "Venue gone of the package mine-venue cannot be loaded: AttributeError"),
            ("odd", BadInput, "it must be a VenueKind"),
            ("half", BadInput, "the adapter of venue half lacks name, capabilities, open"),
            ("kraken", BadInput, "venue must be one of binance, binance-spot, mexc, broken"),
        ],
    )
    def test_what_cannot_be_used_is_said(self, site, name, error, text):
        with pytest.raises(error, match=text):
            open_venue(name, "live", environment=MINE | ENVIRONMENT)

    def test_two_packages_with_one_name(self, site):
        install(site, "third-venue", {"mine": "mine_venue:MINE"})
        with pytest.raises(BadInput, match="and so is a venue of another package"):
            catalogue.find("mine")
