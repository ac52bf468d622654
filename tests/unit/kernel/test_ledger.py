"""The books: fees, margin, and what a liquidation costs at most."""

import pytest

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
