"""MEXC futures count contracts; what comes out counts base units, with the venue's own exact steps."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from triplane.data.mexc import contract_rules, make_exchange, mexc_feed
from triplane.errors import BadInput

DETAIL = {
    "symbol": "BTC_USDT", "contractSize": "0.0001", "volUnit": 1, "minVol": 2, "priceUnit": "0.1",
    "maintenanceMarginRate": 0.004,
}  # fmt: skip


class FakeMexc:
    """A ccxt exchange with one market and two candles of a thousand contracts."""

    def __init__(self) -> None:
        entry = {"id": "BTC_USDT", "symbol": "BTC/USDT:USDT", "swap": True, "linear": True, "contractSize": 0.0001}
        self.markets = {entry["symbol"]: {**entry, "info": DETAIL}}
        self.options: dict[str, Any] = {}

    async def load_markets(self, reload: bool = False) -> Any:
        return self.markets

    async def fetch_time(self) -> int:
        return 1_700_000_000_000

    async def close(self) -> None:
        return None

    def market(self, symbol: str) -> Any:
        return self.markets[symbol]

    async def fetch_ohlcv(self, symbol: str, timeframe: str, since: int | None, limit: int | None) -> Any:
        return [[0, 1.0, 2.0, 0.5, 1.5, 1000.0], [60_000, 1.0, 2.0, 0.5, 1.5, 2000.0]]

    watch_ohlcv = fetch_ohlcv


def test_a_contract_becomes_a_lot_of_base_units() -> None:
    rules = contract_rules(DETAIL)
    assert (rules.symbol, rules.tick_size, rules.lot_size) == ("BTC_USDT", Decimal("0.1"), Decimal("0.0001"))
    assert (rules.min_quantity, rules.min_notional, rules.maintenance_margin) == (Decimal("0.0002"), 0, 0.004)
    assert (rules.market, rules.can_short) == ("usdm", True)


GROWING = {"riskBaseVol": 10_000, "riskIncrVol": 10_000, "riskIncrMmr": 0.004, "riskLevelLimit": 3}
CUSTOM = {
    "riskBaseVol": 4_500_000, "riskIncrVol": 0, "riskIncrMmr": 0, "riskLevelLimit": 1, "riskLimitMode": "CUSTOM",
    "riskLimitType": "BY_VOLUME", "riskLimitCustom": [
        {"level": 2, "maxVol": 310_000, "mmr": 0.0025, "imr": 0.005, "maxLeverage": 200},
        {"level": 1, "maxVol": 50_000, "mmr": 0.001, "imr": 0.002, "maxLeverage": 500},
    ],
}  # fmt: skip


@pytest.mark.parametrize(("row", "least", "levels"), [
    ({}, 0.004, ()),
    ({"riskLevelLimit": 1, "riskBaseVol": 9_000, "riskIncrVol": 9_000, "riskIncrMmr": 0.005}, 0.004, ()),
    (GROWING, 0.004, ((1.0, 0.008), (2.0, 0.012))),  # a contract is 0.0001 base units
    (CUSTOM, 0.001, ((5.0, 0.0025),)),
    ({**CUSTOM, "riskLimitType": "BY_VALUE"}, 0.001, ()),
])  # fmt: skip
def test_risk_levels_are_counted_in_base_units(row: Any, least: float, levels: Any) -> None:
    rules = contract_rules({**DETAIL, **row})
    assert rules.maintenance_margin == least
    assert rules.levels == levels


def test_of_too_many_levels_some_are_put_together_and_none_is_cheaper() -> None:
    rules = contract_rules({**DETAIL, **GROWING, "riskLevelLimit": 100})
    assert len(rules.levels) == 20
    for number in range(2, 101):  # its position is one contract more than the level before allows
        size = (number - 1) * 1.0 + 0.0001
        charged = [rate for above, rate in rules.levels if size > above][-1]
        assert 0.004 * number <= charged + 1e-12 <= 0.004 * (number + 4) + 1e-9


def test_candles_count_base_units(monkeypatch: pytest.MonkeyPatch) -> None:
    import ccxt.pro

    monkeypatch.setattr(ccxt.pro, "mexc", lambda _: FakeMexc())
    exchange = make_exchange()
    rows = asyncio.run(exchange.fetch_ohlcv("BTC/USDT:USDT", "1m", None, None))
    assert [row[5] for row in rows] == [pytest.approx(0.1), pytest.approx(0.2)]
    assert rows[0][:5] == [0, 1.0, 2.0, 0.5, 1.5]
    assert asyncio.run(exchange.fetch_time()) == 1_700_000_000_000


def test_symbols_are_found_or_refused_with_a_close_name() -> None:
    feed = mexc_feed(["BTC_USDT"], exchange=FakeMexc())
    asyncio.run(feed.open())
    assert feed.instruments == (contract_rules(DETAIL),)
    with pytest.raises(BadInput, match="'BTC_USDC' is not traded at MEXC futures; did you mean BTC_USDT"):
        asyncio.run(mexc_feed(["BTC_USDC"], exchange=FakeMexc()).open())


def test_only_linear_swaps_are_traded() -> None:
    exchange = FakeMexc()
    exchange.markets["BTC/USDT:USDT"]["linear"] = False
    with pytest.raises(BadInput, match="is not traded at MEXC futures"):
        asyncio.run(mexc_feed(["BTC_USDT"], exchange=exchange).open())
