"""The bracket follows the fills: default stop, ladder, break-even, trailing."""

from triplane.strategies.base import Enter

FLAT = (100.0, 100.0, 100.0, 100.0)


def test_a_position_without_a_stop_gets_the_default(play, candles):
    run = play(candles([FLAT, FLAT]), {0: Enter(1)}, quantity=None)

    assert [int(r["trigger_ticks"]) for r in run.of("place") if r["leg"] == 1] == [980]
    assert [int(r["trigger_ticks"]) for r in run.of("place") if r["leg"] == 2] == [1060]


def test_the_ladder_adds_up_to_the_position(play, candles):
    script = {0: Enter(1, stop=95.0, targets=[101.0, 102.0, 103.0], fractions=[0.333, 0.333, 0.334])}
    run = play(candles([FLAT, (100.0, 103.5, 99.0, 103.0)]), script, quantity="0.100", break_even=False)

    assert run.fills == [(1, 100.0, 100), (1, 101.0, -33), (1, 102.0, -33), (1, 103.0, -34)]
    assert len(run.trades) == 1


def test_after_the_first_target_the_stop_moves_to_break_even(play, candles):
    script = {0: Enter(1, stop=95.0, targets=[101.0, 110.0], fractions=[0.5, 0.5])}
    market = candles([FLAT, FLAT, (100.5, 101.5, 100.4, 101.0), (101.0, 101.0, 99.0, 99.5)])
    run = play(market, script, quantity="0.002")

    assert run.fills == [(1, 100.0, 2), (2, 101.0, -1), (3, 100.0, -1)]
    assert run.trades[0][2] == "break_even"


def test_a_trailing_stop_follows_the_best_price_and_never_retreats(play, candles):
    script = {0: Enter(1, stop=95.0, trail_distance=2.0)}
    market = candles(
        [FLAT, FLAT, (100.0, 106.0, 99.9, 105.0), (105.0, 105.5, 104.5, 105.0), (105.0, 105.0, 103.0, 103.5)]
    )
    run = play(market, script)

    assert [r["trigger_ticks"] for r in run.of("amend")] == [980, 1040]
    assert run.trades == [(100.0, 104.0, "trailing")]
