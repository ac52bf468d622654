"""The simulated broker's rules inside one candle, each on a few hand-made candles.

Candles are (open, high, low, close); minute 0 carries the signal, so a market entry fills at the open of minute 1.
"""

import pytest

from triplane.kernel.codes import Check, CommandKind, OrderEnd
from triplane.strategies.base import Close, Enter

MINUTE = 60_000
FLAT = (100.0, 100.0, 100.0, 100.0)
LONG = {0: Enter(1, stop=95.0, targets=[110.0])}
SHORT = {0: Enter(-1, stop=105.0, targets=[90.0])}


def test_a_market_order_fills_at_the_next_open(play, candles):
    run = play(candles([FLAT, (101.0, 102.0, 100.5, 101.5)]), LONG)

    assert run.fills == [(1, 101.0, 1000)]


def test_a_stop_fills_at_its_level(play, candles):
    run = play(candles([FLAT, FLAT, (99.0, 99.0, 94.0, 98.0)]), LONG)

    assert run.trades == [(100.0, 95.0, "stop")]


def test_a_gap_through_the_stop_fills_at_the_open(play, candles):
    run = play(candles([FLAT, FLAT, (93.0, 96.0, 92.0, 96.0)]), LONG)

    assert run.trades == [(100.0, 93.0, "stop")]


def test_a_gap_through_the_target_fills_at_the_open(play, candles):
    run = play(candles([FLAT, FLAT, (112.0, 113.0, 111.0, 112.0)]), LONG)

    assert run.trades == [(100.0, 112.0, "target")]


def test_exact_touch_triggers_stop_and_target(play, candles):
    assert play(candles([FLAT, FLAT, (99.0, 99.0, 95.0, 98.0)]), LONG).trades == [(100.0, 95.0, "stop")]
    assert play(candles([FLAT, FLAT, (101.0, 110.0, 101.0, 102.0)]), LONG).trades == [(100.0, 110.0, "target")]


def test_a_candle_with_both_is_a_stop(play, candles):
    wide = (100.0, 111.0, 94.0, 105.0)

    assert play(candles([FLAT, FLAT, wide]), LONG).trades == [(100.0, 95.0, "stop")]
    assert play(candles([FLAT, FLAT, (100.0, 106.0, 89.0, 95.0)]), SHORT).trades == [(100.0, 105.0, "stop")]


def test_stop_and_target_live_from_the_entry_candle_on(play, candles):
    assert play(candles([FLAT, (100.0, 111.0, 99.0, 105.0)]), LONG).trades == [(100.0, 110.0, "target")]
    assert play(candles([FLAT, (100.0, 101.0, 94.0, 99.0)]), LONG).trades == [(100.0, 95.0, "stop")]


def test_an_entry_that_gaps_beyond_its_own_stop_is_out_at_once(play, candles):
    run = play(candles([FLAT, (94.0, 96.0, 93.0, 95.5)]), LONG)

    assert run.trades == [(94.0, 94.0, "stop")]


def test_distances_are_measured_from_the_fill(play, candles):
    script = {0: Enter(1, stop_distance=2.0, target_distances=[3.0])}
    run = play(candles([FLAT, (101.0, 104.0, 100.0, 103.0)]), script)

    assert run.trades == [(101.0, 104.0, "target")]


LIMIT = {0: Enter(1, entry=98.0, entry_type="limit", stop=95.0, targets=[99.0], ttl_bars=2)}


def test_a_limit_needs_a_trade_through_it_by_a_tick(play, candles):
    touched = play(candles([FLAT, (100.0, 100.0, 98.0, 99.0), FLAT]), LIMIT)
    through = play(candles([FLAT, (100.0, 100.0, 97.9, 98.5), FLAT]), LIMIT)

    assert touched.fills == []
    assert through.fills[0] == (1, 98.0, 1000)


@pytest.mark.parametrize(("ttl_bars", "bars"), [(0, 24), (2, 2), (40, 40)])
def test_a_limit_waits_so_many_bars(play, candles, ttl_bars, bars):
    """The signal is of the first bar, so the order sees the next ``bars`` and no more."""
    script = {0: Enter(1, entry=98.0, entry_type="limit", stop=95.0, targets=[99.0], ttl_bars=ttl_bars)}
    dip = (100.0, 100.0, 97.0, 100.0)
    in_time = play(candles([FLAT] * bars + [dip, FLAT]), script)
    too_late = play(candles([FLAT] * (bars + 1) + [dip, FLAT]), script)

    assert in_time.fills[0] == (bars, 98.0, 1000)
    assert too_late.fills == []
    assert len(too_late.of("order")) == 1


def test_an_entry_that_shall_wait_for_ever_does(play, candles):
    script = {0: Enter(1, entry=98.0, entry_type="limit", stop=95.0, targets=[99.0], ttl_bars=-1)}
    run = play(candles([FLAT] * 500 + [(100.0, 100.0, 97.0, 100.0)]), script)

    assert run.fills[0] == (500, 98.0, 1000)


def test_through_ticks_zero_fills_on_touch(play, candles):
    run = play(candles([FLAT, (100.0, 100.0, 98.0, 98.5)]), LIMIT, costs={"through_ticks": 0})

    assert run.fills == [(1, 98.0, 1000)]


def test_a_resting_limit_that_the_open_jumped_over_fills_at_its_own_price_as_maker(play, candles):
    run = play(candles([FLAT, (97.0, 97.5, 96.5, 97.0)]), LIMIT, costs={"maker_fee": 0.001, "taker_fee": 0.002})

    assert run.fills == [(1, 98.0, 1000)]
    assert run.of("fill")["maker"].tolist() == [1]


def test_a_limit_that_the_market_had_reached_already_fills_at_the_open_as_taker(play, candles):
    script = {0: Enter(1, entry=101.0, entry_type="limit", stop=95.0, targets=[110.0])}
    run = play(candles([FLAT, (99.0, 99.5, 98.5, 99.0)]), script)

    assert run.fills == [(1, 99.0, 1000)]
    assert run.of("fill")["maker"].tolist() == [0]


def test_an_entry_that_expired_in_a_gap_does_not_fill_behind_it(play, candles):
    market = candles([FLAT, FLAT, (97.0, 97.5, 96.5, 97.0)], times=[0, MINUTE, 60 * MINUTE])
    run = play(market, LIMIT)

    assert run.fills == []
    assert [row["end"] for row in run.of("order")] == [OrderEnd.EXPIRED]


def test_a_stop_that_a_fill_moved_is_judged_by_the_close_alone(play, candles):
    """99.5 came before the first target at 102, or after: only the close would prove it."""
    script = {0: Enter(1, stop=95.0, targets=[102.0, 120.0], fractions=[0.5])}
    kept = play(candles([FLAT, FLAT, (100.0, 102.5, 99.5, 101.0), (101.0, 101.5, 100.5, 101.0)]), script)
    proven = play(candles([FLAT, FLAT, (100.0, 102.5, 99.5, 99.8)]), script)

    assert kept.trades == []
    assert proven.trades[0][2] == "break_even"


def test_excursions_begin_at_the_fill(play, candles):
    """The candle of a limit entry goes to 110 before it falls to 98: nobody's excursion."""
    entry = {0: Enter(1, entry=98.0, entry_type="limit", stop=90.0, targets=[150.0])}
    run = play(candles([FLAT, (100.0, 110.0, 97.0, 99.0), (99.0, 101.0, 98.5, 100.0)]), entry)

    position = run.states[0]["core"]["position"]
    assert (position["best"], position["worst"]) == (101.0, 98.0)


def test_a_trailing_stop_never_lies_beyond_the_market(play, candles):
    script = {0: Enter(1, stop=90.0, trail_distance=1.0)}
    run = play(candles([FLAT, FLAT, (100.0, 110.0, 99.5, 104.0), (104.0, 104.0, 103.0, 103.5)]), script)

    assert [row["trigger_ticks"] / 10 for row in run.of("amend")] == [99.0, 104.0]
    assert run.trades == [(100.0, 104.0, "trailing")]


def test_after_a_limit_entry_the_high_of_that_candle_is_no_target(play, candles):
    """100 ── up to 100, down to 97.9 (entry 98), close 98.5: the high of 100 came before the entry, or may have."""
    run = play(candles([FLAT, (99.5, 100.0, 97.9, 98.5), (98.5, 98.9, 98.2, 98.4)]), LIMIT)

    assert run.trades == []


def test_after_a_limit_entry_a_close_beyond_the_target_is_certain(play, candles):
    run = play(candles([FLAT, (99.5, 100.0, 97.9, 99.2)]), LIMIT)

    assert run.trades == [(98.0, 99.0, "target")]


def test_a_limit_entry_and_its_stop_in_one_candle_is_a_loss(play, candles):
    run = play(candles([FLAT, (99.5, 100.0, 94.0, 99.9)]), LIMIT)

    assert run.trades == [(98.0, 95.0, "stop")]


def test_a_limit_expires_after_its_bars(play, candles):
    run = play(candles([FLAT, FLAT, FLAT, (97.0, 97.0, 96.0, 96.0)]), LIMIT)

    assert run.fills == []
    assert [int(r["time"]) for r in run.of("order")] == [3 * 60_000]
    assert run.states_passed == ["SCANNING", "ENTRY_PENDING", "SCANNING"]


def test_a_limit_fills_in_the_last_candle_of_its_life(play, candles):
    run = play(candles([FLAT, FLAT, (99.0, 99.0, 97.0, 98.5)]), LIMIT)

    assert run.fills == [(2, 98.0, 1000)]


def test_a_stop_entry_fills_at_its_level_or_the_gap(play, candles):
    script = {0: Enter(1, entry=102.0, entry_type="stop_market", stop=95.0, targets=[120.0])}

    assert play(candles([FLAT, (100.0, 102.0, 99.0, 101.0)]), script).fills == [(1, 102.0, 1000)]
    assert play(candles([FLAT, (103.0, 104.0, 102.5, 103.0)]), script).fills == [(1, 103.0, 1000)]


def test_a_signal_closes_at_the_next_open(play, candles):
    run = play(candles([FLAT, FLAT, (102.0, 103.0, 101.0, 102.0)]), {**LONG, 1: Close()})

    assert run.trades == [(100.0, 102.0, "signal")]


def test_the_open_comes_before_the_stop_of_the_same_candle(play, candles):
    run = play(candles([FLAT, FLAT, (96.0, 96.0, 90.0, 91.0)]), {**LONG, 1: Close()})

    assert run.trades == [(100.0, 96.0, "signal")]


def test_slippage_is_against_us_and_rounded_to_the_worse_tick(play, candles):
    market = candles([FLAT, (100.03, 100.1, 99.9, 100.0), (99.0, 99.0, 94.0, 94.0)])
    run = play(market, LONG, costs={"slippage": 0.001})

    # 100.03 × 1.001 = 100.13003 → 100.2; 95 × 0.999 = 94.905 → 94.9
    assert run.trades == [(pytest.approx(100.2), pytest.approx(94.9), "stop")]


def test_a_stop_beyond_the_liquidation_price_is_refused(play, candles):
    run = play(candles([FLAT, FLAT]), {0: Enter(1, stop=90.4, targets=[150.0])}, costs={"leverage": 10})

    assert [Check.labels[row["check"]] for row in run.of("reject")] == ["stop_beyond_liquidation"]


def test_a_stop_nearer_than_the_liquidation_comes_first(play, candles):
    script = {0: Enter(1, stop=95.0, targets=[150.0])}
    run = play(candles([FLAT, FLAT, (99.0, 99.0, 80.0, 85.0)]), script, costs={"leverage": 10})

    assert run.trades == [(100.0, 95.0, "stop")]


def test_a_short_is_the_mirror_image(play, candles):
    assert play(candles([FLAT, FLAT, (99.0, 99.0, 90.0, 91.0)]), SHORT).trades == [(100.0, 90.0, "target")]
    assert play(candles([FLAT, FLAT, (107.0, 108.0, 106.0, 107.0)]), SHORT).trades == [(100.0, 107.0, "stop")]


def test_an_exit_inside_a_candle_leaves_its_close_free_to_signal(play, candles):
    script = {0: Enter(1, stop=95.0, targets=[110.0]), 2: Enter(1, stop=90.0, targets=[110.0])}
    run = play(candles([FLAT, FLAT, (99.0, 99.0, 94.0, 96.0), (96.0, 97.0, 95.0, 96.0)]), script)

    assert run.fills == [(1, 100.0, 1000), (2, 95.0, -1000), (3, 96.0, 1000)]


def test_the_end_closes_at_the_last_close(play, candles):
    run = play(candles([FLAT, FLAT, (101.0, 102.0, 100.0, 101.5)]), LONG, commands={2: {"kind": CommandKind.END}})

    assert run.trades == [(100.0, 101.5, "end")]


def test_a_manual_close_fills_at_the_price_of_the_moment(play, candles):
    run = play(candles([FLAT, FLAT]), LONG, commands={1: {"kind": CommandKind.CLOSE, "price": 100.7}})

    assert run.trades == [(100.0, 100.7, "manual")]
    assert run.states[0]["core"]["book_count"] == 0


def test_finer_candles_settle_what_a_bar_cannot(play, candles):
    """A 2-minute bar holding stop and target: its minutes show that the target came first."""
    minutes = [FLAT, FLAT, FLAT, (100.0, 110.5, 99.0, 105.0), (105.0, 105.0, 94.0, 96.0), FLAT]
    run = play(candles(minutes), {0: Enter(1, stop=95.0, targets=[110.0])}, timeframe_ms=120_000)

    assert run.trades == [(100.0, 110.0, "target")]


# ------------------------------------------------------------------------------------------------- what rests
REACHED = {0: Enter(1, entry=100.5, entry_type="limit", stop=90.0, targets=[120.0])}
AWAY = (102.0, 102.2, 101.8, 102.0)
BELOW = (97.0, 97.5, 96.8, 97.0)
FEES = {"maker_fee": 0.001, "taker_fee": 0.002}


def test_a_limit_that_the_market_has_left_untouched_rests_and_fills_at_its_price(play, candles):
    run = play(candles([FLAT, AWAY, BELOW]), REACHED, costs=FEES)

    assert run.fills == [(2, 100.5, 1000)]
    assert run.of("fill")["maker"].tolist() == [1]


def test_a_limit_that_was_still_on_its_way_rests_where_it_finds_the_market(play, candles):
    """It is there from minute 2 on: after a close of 102 it rests, after one of 97 it takes the open."""
    late = FEES | {"latency_ms": MINUTE}
    rested = play(candles([FLAT, AWAY, BELOW]), REACHED, costs=late)
    taken = play(candles([AWAY, BELOW, (96.0, 96.5, 95.0, 96.0)]), REACHED, costs=late)

    assert [rested.fills, rested.of("fill")["maker"].tolist()] == [[(2, 100.5, 1000)], [1]]
    assert [taken.fills, taken.of("fill")["maker"].tolist()] == [[(2, 96.0, 1000)], [0]]


# ------------------------------------------------------------------------------------------- no more than the margin
@pytest.mark.parametrize(("side", "impact", "price"), [
    (1, 0.0, 95.6), (1, 0.1, 95.3), (1, 1.0, 95.0), (-1, 0.0, 104.4), (-1, 0.1, 104.7), (-1, 1.0, 105.0),
])  # fmt: skip
def test_a_stop_loses_at_most_the_margin(play, candles, side, impact, price):
    """Leverage 20 of 100: five away the margin is gone, and the venue takes the position over at that price.

    The candle's range is 3 / 97 or 3 / 106 of its high, which moves 95.6 to 95.3 and 104.4 to 104.7 with a tenth of it.
    """
    wide = (97.0, 97.0, 94.0, 96.0) if side > 0 else (103.0, 106.0, 103.0, 104.0)
    script = {0: Enter(side, stop=100 - 4.4 * side, targets=[100 + 50 * side])}
    run = play(candles([FLAT, FLAT, wide]), script, costs={"leverage": 20, "impact": impact, "taker_fee": 0.001})
    (trade,) = run.of("trade")

    assert run.trades == [(100.0, price, "stop")]
    assert float(trade["pnl"] + trade["fees"]) == pytest.approx(-abs(100.0 - price))


@pytest.mark.parametrize("side", [1, -1])
def test_a_close_by_hand_loses_at_most_the_margin(play, candles, side):
    close = {1: {"kind": CommandKind.CLOSE, "price": 100 - 10.0 * side}}
    script = {0: Enter(side, stop=100 - 4.4 * side, targets=[100 + 50 * side])}
    run = play(candles([FLAT, FLAT]), script, costs={"leverage": 20}, commands=close)

    assert run.trades == [(100.0, 100 - 5.0 * side, "manual")]
