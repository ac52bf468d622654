"""Binance's markets become instruments with the venue's own exact steps."""

import gzip
import inspect
import json
from decimal import Decimal
from pathlib import Path

import ccxt
import pytest

from triplane.data.binance import binance_feed, find_market, instrument_of, make_exchange
from triplane.data.candles import TIMEFRAMES
from triplane.data.instruments import plain
from triplane.data.live import CcxtExchange
from triplane.errors import BadInput, DataError

INFO = Path("../shared/data/protocol/exchange_info/fapi_exchangeInfo_TESTNET_2025-03-06.json.gz")


def test_rules_come_from_the_filters(venue) -> None:
    rules = instrument_of(venue.markets["BTC/USDT:USDT"])
    assert rules.symbol == "BTCUSDT"
    assert (rules.tick_size, rules.lot_size) == (Decimal("0.1"), Decimal("0.001"))
    assert (rules.min_quantity, rules.min_notional) == (Decimal("0.002"), Decimal(100))
    assert rules.maintenance_margin == 0.025
    assert (rules.market, rules.can_short) == ("usdm", True)


def test_spot_has_another_notional_filter_and_no_shorts(venue) -> None:
    entry = venue.markets["BTC/USDT:USDT"]
    filters = [*entry["info"]["filters"][:2], {"filterType": "NOTIONAL", "minNotional": "5.00000000"}]
    spot = {**entry, "spot": True, "swap": False, "info": {"filters": filters}}
    rules = instrument_of(spot)
    assert (rules.market, rules.can_short, rules.maintenance_margin) == ("spot", False, 0.0)
    assert rules.min_notional == 5
    assert find_market({"BTC/USDT": spot}, "BTCUSDT", "spot") is spot


def test_lacking_filters_are_named(venue) -> None:
    entry = venue.markets["BTC/USDT:USDT"]
    without = {**entry, "info": {**entry["info"], "filters": entry["info"]["filters"][:1]}}
    with pytest.raises(DataError, match="the venue sent no LOT_SIZE for BTCUSDT"):
        instrument_of(without)


async def test_symbols_that_cannot_be_traded_are_refused(venue) -> None:
    with pytest.raises(BadInput, match="'BTCUSD' is not traded at Binance USDⓈ-M; did you mean BTCUSDT"):
        await binance_feed(["BTCUSD"], exchange=venue, clock=venue.clock).open()
    entry = venue.markets["BTC/USDT:USDT"]
    for change in (
        {"active": False},
        {"swap": False},
        {"linear": False},
        {"info": {**entry["info"], "contractType": "TRADIFI_PERPETUAL"}},
    ):
        with pytest.raises(BadInput, match="is not traded"):
            find_market({"x": {**entry, **change}}, "BTCUSDT", "usdm")
    with pytest.raises(BadInput, match="at Binance spot"):
        find_market(venue.markets, "BTCUSDT", "spot")


def test_bad_arguments_are_named(venue) -> None:
    with pytest.raises(BadInput, match="market must be usdm or spot, not 'coinm'"):
        binance_feed(["BTCUSDT"], market="coinm", exchange=venue)
    with pytest.raises(BadInput, match="timeframe '2m'"):
        binance_feed(["BTCUSDT"], "2m", exchange=venue)
    with pytest.raises(BadInput, match="at least one symbol"):
        binance_feed([], exchange=venue)


async def test_the_feed_knows_its_instruments_once_open(venue) -> None:
    feed = binance_feed(["BTCUSDT"], exchange=venue, clock=venue.clock)
    assert feed.instruments == ()
    await feed.open()
    await feed.open()
    assert [plain(rules.tick_size) for rules in feed.instruments] == ["0.1"]
    assert [what for _, what, _ in venue.requests] == ["markets", "time"]


@pytest.mark.parametrize("market", ["usdm", "spot"])
def test_the_real_exchange_has_what_is_asked_of_it(market) -> None:
    """The fake in these tests and ccxt itself must offer the same calls."""
    exchange = make_exchange(market)
    for name, asked in inspect.getmembers(CcxtExchange, inspect.isfunction):
        if not name.startswith("_"):
            offered = inspect.signature(getattr(exchange, name)).parameters
            wanted = [p for p in inspect.signature(asked).parameters if p != "self"]
            assert list(offered)[: len(wanted)] == wanted, name
    assert set(TIMEFRAMES) <= set(exchange.timeframes)


@pytest.mark.skipif(not INFO.is_file(), reason="the recorded exchange information is not on this computer")
def test_every_real_perpetual_becomes_an_instrument() -> None:
    recorded = json.loads(gzip.decompress(INFO.read_bytes()))["symbols"]
    entries = {m["symbol"]: m for m in map(ccxt.binanceusdm().parse_market, recorded) if m}
    raw = {one["symbol"]: {f["filterType"]: f for f in one["filters"]} for one in recorded}
    checked = 0
    for entry in entries.values():
        if entry["info"]["contractType"] != "PERPETUAL" or not entry["active"]:
            continue
        rules = instrument_of(find_market(entries, entry["id"], "usdm"))
        filters = raw[rules.symbol]
        assert rules.tick_size == Decimal(filters["PRICE_FILTER"]["tickSize"])
        assert rules.lot_size == Decimal(filters["LOT_SIZE"]["stepSize"])
        assert rules.to_record()[0]["min_quantity_lots"] == Decimal(filters["LOT_SIZE"]["minQty"]) / rules.lot_size
        checked += 1
    assert checked > 300
