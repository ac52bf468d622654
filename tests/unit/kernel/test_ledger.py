"""The books: fees, margin, and what a liquidation costs at most."""

from decimal import Decimal

import pytest

from triplane.data.instruments import Instrument
from triplane.strategies.base import Enter

FLAT = (100.0, 100.0, 100.0, 100.0)
LONG = {0: Enter(1, stop=95.0, targets=[110.0])}
LIMIT = {0: Enter(1, entry=98.0, entry_type="limit", stop=95.0, targets=[99.0], ttl_bars=2)}


def test_fees_maker_for_a_resting_limit_taker_for_the_rest(play, candles):
    costs = {"maker_fee": 0.0001, "taker_fee": 0.0005}
    run = play(candles([FLAT, (100.0, 100.0, 97.9, 98.0), (98.0, 99.5, 97.9, 99.0)]), LIMIT, costs=costs)

    assert [float(r["fee"]) for r in run.of("fill")] == pytest.approx([98.0 * 0.0001, 99.0 * 0.0005])
    assert run.account["balance"] == pytest.approx(10_000 + 1.0 - 98.0 * 0.0001 - 99.0 * 0.0005)


def test_liquidation_costs_the_whole_margin(play, candles):
    """Leverage 10: liquidated at 100 × 0.9 / 0.995 = 90.45, which a gap reaches before the stop; 90 is bankruptcy."""
    script = {0: Enter(1, stop=91.0, targets=[150.0])}
    run = play(candles([FLAT, FLAT, (90.4, 95.0, 90.0, 95.0)]), script, costs={"leverage": 10})

    assert run.trades == [(100.0, 90.0, "liquidation")]
    assert run.account["balance"] == pytest.approx(9_990.0)
    assert run.states[0]["core"]["book_count"] == 0


def test_a_gap_beyond_the_liquidation_price_loses_no_more_than_the_margin(play, candles):
    script = {0: Enter(1, stop=95.0, targets=[150.0])}
    run = play(candles([FLAT, FLAT, (70.0, 71.0, 69.0, 70.0)]), script, costs={"leverage": 10})

    assert run.trades == [(100.0, 90.0, "liquidation")]


def test_the_margin_of_a_closed_position_is_free_again(play, candles):
    run = play(candles([FLAT, FLAT, (99.0, 99.0, 94.0, 98.0)]), LONG, costs={"leverage": 3})

    assert run.account["used_margin"] == 0.0
    assert run.account["open_positions"] == 0
    assert run.account["equity"] == run.account["balance"] == pytest.approx(9_995.0)


TIERS = ((300_000, 0.005), (800_000, 0.0065), (3_000_000, 0.01), (12_000_000, 0.02))
BIG = Instrument("BTCUSDT", Decimal("0.1"), Decimal("0.001"), maintenance_margin=0.004, tiers=TIERS)


@pytest.mark.parametrize(("side", "quantity", "expected"), [
    # Binance: (margin + amount - side x quantity x entry) / (quantity x (rate - side)), entry 100, leverage 10
    (1, 50_000, (500_000 + 12_000 - 5_000_000) / (50_000 * (0.01 - 1))),  # 5 M: the tier from 3 M, 90.666
    (-1, 50_000, (500_000 + 12_000 + 5_000_000) / (50_000 * (0.01 + 1))),  # 109.149
    (1, 6_000, (60_000 + 300 - 600_000) / (6_000 * (0.005 - 1))),  # 600 k: the tier from 300 k, 90.402
    (1, 1_000, (10_000 - 100_000) / (1_000 * (0.004 - 1))),  # 100 k: the lowest, 90.361
    # 3.2 M is in the tier from 3 M, but at its liquidation 2.9 M are left: the tier from 800 k holds there
    (1, 32_000, (320_000 + 1_500 - 3_200_000) / (32_000 * (0.0065 - 1))),
])  # fmt: skip
def test_a_large_position_is_liquidated_by_its_tier(play, candles, side, quantity, expected):
    script = {0: Enter(side, stop=100.0 - side * 5, targets=[100.0 + side * 20])}
    run = play(
        candles([FLAT, FLAT]), script, costs={"leverage": 10}, instrument=BIG, quantity=str(quantity), balance=1e7
    )

    assert float(run.states[0]["core"]["position"]["liquidation"]) == pytest.approx(expected, rel=1e-12)


LEVELS = ((5_000, 0.01), (20_000, 0.03))


@pytest.mark.parametrize(("side", "quantity", "rate"), [
    (1, 5_000, 0.004), (1, 5_001, 0.01), (-1, 20_000, 0.01), (-1, 20_001, 0.03), (1, 60_000, 0.03),
])  # fmt: skip
def test_a_level_by_size_holds_for_the_whole_position(play, candles, side, quantity, rate):
    """MEXC: margin + result = rate of the level x value, so 100 x (1 - side / 10) / (1 - side x rate)."""
    rules = Instrument("BTC_USDT", Decimal("0.1"), Decimal(1), maintenance_margin=0.004, levels=LEVELS)
    script = {0: Enter(side, stop=100.0 - side * 2, targets=[100.0 + side * 20])}
    run = play(
        candles([FLAT, FLAT]), script, costs={"leverage": 10}, instrument=rules, quantity=str(quantity), balance=1e8
    )

    expected = 100.0 * (1.0 - side / 10) / (1.0 - side * rate)
    assert float(run.states[0]["core"]["position"]["liquidation"]) == pytest.approx(expected, rel=1e-12)


def test_a_part_that_is_left_is_liquidated_by_its_own_tier(play, candles):
    """10,000 of 100,000 base units are left after the first target: 1 M, the tier from 800 k."""
    script = {0: Enter(1, stop=95.0, targets=[105.0, 120.0], fractions=[0.9])}
    market = candles([FLAT, FLAT, (100.0, 105.0, 100.0, 104.0)])
    run = play(market, script, costs={"leverage": 10}, instrument=BIG, quantity="100000", balance=1e7)

    expected = (100_000 + 1_500 - 1_000_000) / (10_000 * (0.0065 - 1))
    assert float(run.states[0]["core"]["position"]["liquidation"]) == pytest.approx(expected, rel=1e-12)


def test_a_stop_behind_the_liquidation_price_of_its_size_is_refused(play, candles):
    """A stop at 90.5 is in front of 90.36, where a small position is liquidated, and behind 90.67 of a large one."""
    script = {0: Enter(1, stop=90.5, targets=[120.0])}
    for quantity, placed in (("1000", 1), ("50000", 0)):
        run = play(candles([FLAT, FLAT]), script, costs={"leverage": 10}, instrument=BIG, quantity=quantity)
        assert len(run.of("reject")) == 1 - placed
