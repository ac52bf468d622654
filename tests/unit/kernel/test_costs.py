"""What size and time cost: impact, a cap on the share of a candle's volume, and latency, each worked out by hand.

Every order is of one base unit (1,000 lots) unless it says so; 400 lots of it are a tenth of a volume of 4.
"""

import pytest

from triplane.kernel.codes import CommandKind
from triplane.strategies.base import Close, Enter

MINUTE = 60_000
FLAT = (100.0, 100.0, 100.0, 100.0)
LONG = {0: Enter(1, stop=95.0, targets=[110.0])}
TENTH = {"participation": 0.1}


@pytest.fixture
def traded(candles):
    """Candles with a volume each."""

    def make(*rows):
        market = candles([prices for prices, _ in rows])
        market["volume"] = [volume for _, volume in rows]
        return market

    return make


@pytest.mark.parametrize(("side", "price"), [(1, 100.2), (-1, 99.8)])
def test_impact_is_the_range_times_the_root_of_the_share_of_the_volume(play, traded, side, price):
    """0.5 × (104 - 100) × √(1 / 100) = 0.2 against whoever trades."""
    market = traded((FLAT, 100.0), ((100.0, 104.0, 100.0, 102.0), 100.0))
    run = play(market, {0: Enter(side, stop=100.0 - side * 20, targets=[100.0 + side * 20])}, costs={"impact": 0.5})

    assert run.fills == [(1, price, side * 1000)]
    assert float(run.states[0]["core"]["position"]["slippage"]) == pytest.approx(0.2)


def test_impact_comes_on_top_of_the_price_and_under_the_spread(play, traded):
    """(95 - 0.5 × 10 × √(1 / 25)) × 0.999 = 94 × 0.999 = 93.906, to the worse tick 93.9."""
    market = traded((FLAT, 1.0), (FLAT, 1.0), ((99.0, 100.0, 90.0, 92.0), 25.0))
    run = play(market, LONG, costs={"impact": 0.5, "slippage": 0.001})

    assert run.fills[1] == (2, 93.9, -1000)


def test_a_resting_limit_moves_nothing(play, traded):
    script = {0: Enter(1, entry=98.0, entry_type="limit", stop=90.0, targets=[110.0])}
    run = play(traded((FLAT, 1.0), ((100.0, 100.0, 97.0, 99.0), 4.0)), script, costs={"impact": 0.5})

    assert run.fills == [(1, 98.0, 1000)]


def test_what_a_candle_has_no_volume_for_works_on_in_the_next(play, traded):
    rows = [(FLAT, 4.0), ((100.0, 101.0, 99.0, 101.0), 4.0), ((101.0, 102.0, 99.0, 102.0), 4.0)]
    run = play(traded(*rows, ((102.0, 103.0, 101.0, 103.0), 4.0)), LONG, costs=TENTH)

    assert run.fills == [(1, 100.0, 400), (2, 101.0, 400), (3, 102.0, 200)]
    assert run.of("fill")["done"].tolist() == [0, 0, 1]
    stop, target = run.of("place")[1:]
    assert (int(stop["quantity_lots"]), int(target["quantity_lots"])) == (400, 1000)  # targets when the entry is over
    assert run.of("amend")["quantity_lots"].tolist() == [800, 1000]
    assert float(run.states[0]["core"]["position"]["entry_price"]) == pytest.approx((100 * 4 + 101 * 4 + 102 * 2) / 10)


def test_a_triggered_stop_fills_the_rest_at_market(play, traded):
    """The market turns at once: what is left of the stop is sold at the opens that follow, beyond its level."""
    rows = [(FLAT, 100.0), (FLAT, 100.0), ((99.0, 99.0, 94.0, 98.0), 4.0), ((98.0, 98.0, 97.0, 97.0), 4.0)]
    run = play(traded(*rows, ((97.0, 99.0, 97.0, 99.0), 100.0)), LONG, costs=TENTH)

    assert run.fills == [(1, 100.0, 1000), (2, 95.0, -400), (3, 98.0, -400), (4, 97.0, -200)]
    assert run.trades == [(100.0, pytest.approx(0.4 * 95 + 0.4 * 98 + 0.2 * 97), "stop")]
    assert run.states[0]["core"]["book_count"] == 0


def test_a_triggered_target_fills_the_rest_at_market(play, traded):
    rows = [(FLAT, 100.0), (FLAT, 100.0), ((101.0, 110.0, 101.0, 109.0), 4.0)]
    run = play(traded(*rows, ((108.0, 109.0, 108.0, 109.0), 100.0)), LONG, costs=TENTH)

    assert run.fills[1:] == [(2, 110.0, -400), (3, 108.0, -600)]
    assert [reason for _, _, reason in run.trades] == ["target"]


def test_a_stop_ends_an_entry_that_is_still_being_filled(play, traded):
    rows = [(FLAT, 4.0), (FLAT, 4.0), ((100.0, 100.0, 94.0, 95.0), 20.0), (FLAT, 100.0)]
    run = play(traded(*rows), LONG, costs=TENTH)

    assert run.fills == [(1, 100.0, 400), (2, 100.0, 600), (2, 95.0, -1000)]
    short = [(FLAT, 4.0), (FLAT, 4.0), ((94.0, 94.0, 93.0, 93.0), 4.0), (FLAT, 100.0)]
    cut = play(traded(*short), LONG, costs=TENTH)

    assert cut.fills[0] == (1, 100.0, 400)
    assert sum(lots for _, _, lots in cut.fills) == 0  # nothing of the entry fills behind its own stop
    assert cut.states[0]["core"]["book_count"] == 0
    assert float(cut.account["used_margin"]) == 0.0


def test_who_leaves_stops_buying(play, traded):
    script = LONG | {1: Close()}
    run = play(traded((FLAT, 4.0), (FLAT, 4.0), (FLAT, 4.0), (FLAT, 4.0)), script, costs=TENTH)

    assert run.fills == [(1, 100.0, 400), (2, 100.0, -400)]
    assert len(run.of("trade")) == 1


def test_a_limit_takes_its_share_each_time_the_market_trades_through_it(play, traded):
    through, above = (99.0, 99.0, 97.0, 98.0), (99.0, 99.5, 98.5, 99.0)
    script = {0: Enter(1, entry=98.0, entry_type="limit", stop=90.0, targets=[110.0])}
    run = play(traded((FLAT, 4.0), (through, 4.0), (above, 100.0), (through, 4.0)), script, costs=TENTH)

    assert run.fills == [(1, 98.0, 400), (3, 98.0, 400)]


def test_a_candle_in_which_nothing_was_traded_fills_nothing(play, traded):
    run = play(traded((FLAT, 4.0), (FLAT, 0.0), (FLAT, 100.0)), LONG, costs=TENTH)

    assert run.fills == [(2, 100.0, 1000)]


def test_candles_that_say_no_volume_neither_cap_nor_move(play, traded):
    run = play(traded((FLAT, 0.0), ((100.0, 104.0, 98.0, 102.0), 0.0)), LONG, costs={**TENTH, "impact": 0.5})

    assert run.fills == [(1, 100.0, 1000)]


def test_a_liquidation_and_an_order_of_a_person_are_not_capped(play, traded):
    script = {0: Enter(1, stop=91.0, targets=[150.0])}
    gap = (85.0, 85.0, 84.0, 85.0)
    market = traded((FLAT, 100.0), (FLAT, 100.0), (gap, 4.0))
    assert play(market, script, costs={**TENTH, "leverage": 10}).fills[1] == (2, 90.0, -1000)
    close = {1: {"kind": CommandKind.CLOSE, "price": 100.5}}
    by_hand = play(traded((FLAT, 100.0), (FLAT, 100.0)), script, costs=TENTH | {"participation": 0.05}, commands=close)
    assert by_hand.fills[-1][2] == -1000


@pytest.mark.parametrize(("latency", "minute"), [(0, 1), (59_999, 1), (60_000, 2), (90_000, 2), (120_000, 3)])
def test_an_order_waits_as_many_candles_as_it_is_on_its_way(play, candles, latency, minute):
    run = play(candles([FLAT] * 5), LONG, costs={"latency_ms": latency})

    assert run.fills == [(minute, 100.0, 1000)]


def test_a_stop_is_on_its_way_too(play, candles):
    """Placed when the entry fills in minute 2, it is there from minute 4 on."""
    low = (100.0, 100.0, 94.0, 96.0)
    run = play(candles([FLAT, FLAT, low, low, (96.0, 97.0, 96.0, 97.0), low]), LONG, costs={"latency_ms": 60_000})

    assert run.fills == [(2, 100.0, 1000), (5, 95.0, -1000)]
