"""Instrument rules are exact, written without exponents and agree with the kernel's arithmetic."""

import gzip
import json
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triplane.data.candles import Candles
from triplane.data.generator import demo_instrument
from triplane.data.instruments import Instrument, parse_instrument, plain, rules_for
from triplane.errors import BadInput
from triplane.kernel.records import CANDLE

TIERS = Path("../shared/data/protocol/exchange_info/freqtrade_binance_leverage_tiers_2025-07.json.gz")
BTC = Instrument("BTCUSDT", Decimal("0.10"), Decimal("0.001"), Decimal("0.001"), Decimal(100), 0.004)


def test_prices_and_quantities_are_exact() -> None:
    assert BTC.price(3) == Decimal("0.3")
    assert BTC.quantity(1700) == Decimal("1.7")
    assert BTC.price(9_000_000_000_000_000_001) == Decimal("900000000000000000.1")


def test_ticks_round_as_told() -> None:
    assert BTC.ticks("100.04") == 1000
    assert BTC.ticks("100.04", ROUND_CEILING) == 1001
    assert BTC.ticks(Decimal("100.09"), ROUND_FLOOR) == 1000
    assert BTC.lots("0.0019999999999999999999999999999999999999") == 1


@pytest.mark.parametrize(
    ("tick", "numerator", "scale"),
    [("0.1", 1, 10), ("0.05", 5, 100), ("2.50", 25, 10), ("10", 10, 1), ("1E-8", 1, 10**8)],
)
def test_the_record_holds_the_grid_as_a_fraction(tick: str, numerator: int, scale: int) -> None:
    record = Instrument("X", Decimal(tick), Decimal("0.001"), Decimal("0.0025")).to_record()[0]
    assert (record["tick_num"], record["price_scale"]) == (numerator, scale)
    assert (record["lot_num"], record["quantity_scale"]) == (1, 1000)
    assert record["min_quantity_lots"] == 3
    assert record["can_short"] == 1


def test_research_defaults_are_fine_and_free() -> None:
    rules = Instrument.research("ABC")
    assert plain(rules.tick_size) == plain(rules.lot_size) == "0.00000001"
    assert (rules.min_quantity, rules.min_notional) == (0, 0)
    assert rules.can_short


@pytest.mark.parametrize(
    ("price", "tick", "lot"),
    [
        (95_336.69, "0.00000001", "0.00000001"),
        (1.0, "0.00000001", "0.00000001"),
        (0.15, "0.000000001", "0.0000001"),
        (1e-12, "0.00000000000000000001", "10000"),
        (1e13, "1", "0.0000000000000001"),
    ],
)
def test_a_grid_follows_the_price(price: float, tick: str, lot: str) -> None:
    rules = Instrument.research("ABC", price)
    assert (plain(rules.tick_size), plain(rules.lot_size)) == (tick, lot)


def market(*closes: float) -> Candles:
    candles = np.zeros(len(closes), CANDLE)
    for name in ("open", "high", "low", "close"):
        candles[name] = closes
    return candles


def test_a_known_symbol_has_the_rules_of_its_exchange_if_its_prices_do() -> None:
    known = rules_for("BTCUSDT", market(95_336.7, 95_340.0))
    assert (known.tick_size, known.lot_size, known.min_notional) == (Decimal("0.1"), Decimal("0.001"), 100)
    assert known == demo_instrument("BTCUSDT")
    assert rules_for("BTCUSDT", market(95_336.7, 95_340.01)) == Instrument.research("BTCUSDT", 95_336.7)
    assert rules_for("BTCUSDT", market(0.1, 0.2)) == Instrument.research("BTCUSDT", 0.1)
    assert rules_for("NOBODY", market(95_336.7)) == Instrument.research("NOBODY", 95_336.7)


def test_json_round_trip_without_exponents() -> None:
    rules = Instrument("PEPE", Decimal("1E-7"), Decimal("1E+3"), Decimal("1E+3"), Decimal("5.0"), 0.02, "spot", False)
    data = rules.to_dict()
    assert data["tick_size"] == "0.0000001"
    assert data["lot_size"] == "1000"
    assert Instrument.from_dict(data) == rules


def test_rules_from_text() -> None:
    rules = parse_instrument("tick=0.1, lot=0.001,min_notional=100", symbol="BTCUSDT")
    assert rules.tick_size == Decimal("0.1")
    assert rules.min_notional == 100
    assert rules.symbol == "BTCUSDT"
    assert rules.can_short
    assert not parse_instrument("market=spot").can_short
    assert parse_instrument("maintenance_margin=0.01").maintenance_margin == 0.01
    assert parse_instrument("") == Instrument.research("UNKNOWN")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tick", "key=value"),
        ("step=1", "tick, lot, min_quantity"),
        ("tick=1,tick=2", "each once"),
        ("tick=abc", "tick must be a number, not 'abc'"),
        ("tick=nan", "not 'nan'"),
        ("tick=0", "tick_size must be positive"),
        ("lot=-1", "lot_size must be positive"),
        ("lot=0.00000000000000000000001", "at most 22 decimals"),
        ("min_quantity=-1", "min_quantity must be zero or more"),
        ("market=coinm", "spot or usdm"),
        ("maintenance_margin=2", "fraction from 0 to 1"),
    ],
)
def test_bad_rules_are_named(text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        parse_instrument(text)


def test_floats_and_lacking_fields_are_refused() -> None:
    with pytest.raises(BadInput, match="float"):
        Instrument("X", 0.1, Decimal(1))
    with pytest.raises(BadInput, match="symbol"):
        Instrument("", Decimal(1), Decimal(1))
    with pytest.raises(BadInput, match="can_short"):
        Instrument("X", Decimal(1), Decimal(1), market="spot")
    data = BTC.to_dict()
    del data["lot_size"]
    with pytest.raises(BadInput, match="lot_size"):
        Instrument.from_dict(data)


@pytest.mark.parametrize("tiers", [((0.0, 0.01),), ((5.0, 0.01), (4.0, 0.02)), ((5.0, 0.001),), ((5.0, 1.0),)])
def test_tiers_rise(tiers: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(BadInput, match="tiers must be up to 20 rising notionals and fractions below 1"):
        Instrument("X", Decimal(1), Decimal(1), maintenance_margin=0.004, tiers=tiers)


@pytest.mark.parametrize("more", [{"levels": ((5.0, 0.01), (4.0, 0.02))}, {"levels": ((0.0, 0.01),)}, {
    "levels": ((5.0, 0.01),), "tiers": ((5.0, 0.01),)}])  # fmt: skip
def test_levels_rise_and_are_not_beside_tiers(more: Any) -> None:
    with pytest.raises(BadInput, match="levels must be"):
        Instrument("X", Decimal(1), Decimal(1), maintenance_margin=0.004, **more)


def test_levels_are_told_and_read_again() -> None:
    rules = Instrument("X", Decimal(1), Decimal(1), maintenance_margin=0.004, levels=((5.0, 0.01), (7.0, 0.02)))
    assert Instrument.from_dict(json.loads(json.dumps(rules.to_dict()))) == rules
    record = rules.to_record()[0]
    assert (record["tier_count"], record["tiers"]["amount"].tolist()) == (2, [0.0] * 20)
    assert record["tiers"][:2].tolist() == [(5.0, 0.01, 0.0), (7.0, 0.02, 0.0)]


@pytest.mark.skipif(not TIERS.exists(), reason="the shared market data is not here")
def test_the_amounts_of_the_tiers_are_those_that_the_venue_publishes() -> None:
    with gzip.open(TIERS) as file:
        markets = json.load(file)
    assert len(markets) == 528
    for name, rows in markets.items():
        (_, least), *tiers = [(row["minNotional"], row["maintenanceMarginRate"]) for row in rows]
        rules = Instrument("X", Decimal(1), Decimal(1), maintenance_margin=least, tiers=tuple(tiers))
        record = rules.to_record()[0]
        published = [float(row["info"]["cum"]) for row in rows[1:]]
        assert Instrument.from_dict(json.loads(json.dumps(rules.to_dict()))) == rules
        assert record["tier_count"] == len(published)
        assert record["tiers"]["amount"][: len(published)].tolist() == pytest.approx(published, abs=0.01), name
