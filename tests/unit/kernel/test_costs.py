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


# --------------------------------------------------------------------------------------------- hardly any volume
def test_a_candle_without_trades_fills_nothing_even_the_first_order_of_all(play, traded):
    """The candles before it say how much was traded, long before there is anything to trade."""
    rows = [(FLAT, 10.0), (FLAT, 0.0), (FLAT, 0.0), (FLAT, 0.0), (FLAT, 100.0)]
    run = play(traded(*rows), {2: LONG[0]}, costs=TENTH)

    assert run.fills == [(4, 100.0, 1000)]


DIP = (100.0, 100.0, 94.9, 100.0)


@pytest.mark.parametrize("volume", [0.009, 0.0])
@pytest.mark.parametrize("side", [1, -1])
def test_a_stop_is_triggered_at_any_volume_and_fills_when_there_is_one(play, traded, volume, side):
    """A tenth of 0.009 is less than a lot. The market is back at 100 when there is something to fill it with."""
    dip = (DIP if side > 0 else (100.0, 105.1, 100.0, 100.0), volume)
    rows = [(FLAT, 100.0), (FLAT, 100.0), dip, (FLAT, 4.0), (FLAT, 100.0)]
    run = play(traded(*rows), {0: Enter(side, stop=100.0 - 5 * side, targets=[100.0 + 10 * side])}, costs=TENTH)

    assert run.fills == [(1, 100.0, 1000 * side), (3, 100.0, -400 * side), (4, 100.0, -600 * side)]
    assert run.trades == [(100.0, 100.0, "stop")]
    assert run.of("fill")["reference"].tolist() == [100.0, 100.0 - 5 * side, 100.0 - 5 * side]


def test_a_stop_that_was_triggered_in_a_thin_candle_lets_no_more_of_the_entry_fill(play, traded):
    rows = [(FLAT, 100.0), (FLAT, 4.0), (DIP, 0.001), (FLAT, 100.0)]
    run = play(traded(*rows), LONG, costs=TENTH)

    assert run.fills == [(1, 100.0, 400), (3, 100.0, -400)]


def test_a_stop_entry_is_triggered_in_a_thin_candle_too(play, traded):
    script = {0: Enter(1, entry=103.0, entry_type="stop_market", stop=95.0, targets=[150.0], ttl_bars=5)}
    run = play(traded((FLAT, 100.0), ((100.0, 103.0, 100.0, 100.0), 0.001), (FLAT, 100.0)), script, costs=TENTH)

    assert run.fills == [(2, 100.0, 1000)]


def test_a_limit_in_a_thin_candle_waits_for_another_trade(play, traded):
    script = {0: Enter(1, entry=98.0, entry_type="limit", stop=90.0, targets=[150.0])}
    thin = ((100.0, 100.0, 97.0, 99.0), 0.001)
    run = play(traded((FLAT, 100.0), thin, (FLAT, 100.0), (thin[0], 100.0)), script, costs=TENTH)

    assert run.fills == [(3, 98.0, 1000)]


def test_a_candle_with_both_is_a_stop_also_where_it_fills_in_part(play, traded):
    """100 → 111 → 94: the stop sells a part, and what is left of it the rest; no target fills beside it."""
    both = (100.0, 111.0, 94.0, 100.0)
    for volume, first in ((4.0, [(2, 95.0, -400)]), (0.001, [])):
        rows = [(FLAT, 100.0), (FLAT, 100.0), (both, volume), (FLAT, 100.0)]
        run = play(traded(*rows), LONG, costs=TENTH)
        rest = -1000 - sum(lots for _, _, lots in first)
        assert run.fills[1:] == [*first, (3, 100.0, rest)]
        assert run.trades[0][2] == "stop"


def test_a_stop_that_found_no_volume_is_liquidated_where_the_market_goes_on(play, traded):
    """Leverage 10 of 100: the margin is gone at 90, and the stop at 95 was triggered but sold nothing."""
    rows = [(FLAT, 100.0), (FLAT, 100.0), (DIP, 0.001), ((88.0,) * 4, 100.0)]
    run = play(traded(*rows), LONG, costs=TENTH | {"leverage": 10})

    assert run.trades == [(100.0, 90.0, "liquidation")]


# --------------------------------------------------------------------------------------------- how far size moves
def test_impact_is_a_fraction_of_the_price(play, traded):
    """A candle from 100 to 5 has a range of 95 % of its high: 0.5 × 0.95 × √(1 / 25) = 9.5 % of 8, not of 95."""
    crash = (100.0, 100.0, 5.0, 50.0)
    script = {0: Enter(1, stop=8.0, targets=[150.0])}
    run = play(traded((FLAT, 25.0), (FLAT, 25.0), (crash, 25.0)), script, costs={"impact": 0.5})

    assert run.fills[1] == (2, 7.2, -1000)  # 8 × 0.905 = 7.24, to the worse tick


@pytest.mark.parametrize("kind", [CommandKind.CLOSE, CommandKind.END])
@pytest.mark.parametrize("volume", [0.001, 0.0])
def test_between_candles_no_size_is_more_than_the_whole_volume(play, traded, kind, volume):
    """1 unit against a volume of 0.001 or none: 0.4 × (101 - 99) / 101 of 100 is 0.792."""
    last = (100.0, 101.0, 99.0, 100.0)
    close = {2: {"kind": kind} | ({"price": 100.0} if kind == CommandKind.CLOSE else {})}
    market = traded((FLAT, 100.0), (FLAT, 100.0), (last, volume))
    run = play(market, LONG, costs={"impact": 0.4}, commands=close)

    assert run.fills[1][1:] == (99.2, -1000)


def test_impact_is_at_most_the_range_of_the_candle(play, traded):
    """10 × √(1 / 4) would be five ranges; one is (104 - 100) / 104 of 100, 3.85."""
    market = traded((FLAT, 4.0), ((100.0, 104.0, 100.0, 102.0), 4.0))
    run = play(market, {0: Enter(1, stop=80.0, targets=[150.0])}, costs={"impact": 10})

    assert run.fills == [(1, 103.9, 1000)]


def test_no_price_is_below_a_tick(play, candles):
    low = (0.2, 0.2, 0.1, 0.1)
    run = play(candles([(0.2,) * 4, (0.2,) * 4, low]), {0: Enter(1, stop=0.1, targets=[1.0])}, costs={"slippage": 0.45})

    assert run.fills[1] == (2, 0.1, -1000)
