"""What a perpetual pays at its funding times: who pays, how much, when nobody can know, and that the books hold."""

from decimal import Decimal

import numpy as np
import pytest

from triplane.data.instruments import Instrument
from triplane.kernel.codes import CommandKind
from triplane.strategies.base import Close, Enter

FLAT = (100.0, 100.0, 100.0, 100.0)
HOURS_8 = 8 * 60
LONG = {0: Enter(1, stop=50.0, targets=[200.0]), 2: Close()}
SHORT = {0: Enter(-1, stop=150.0, targets=[50.0]), 2: Close()}


def funding(rate, mark=0.0):
    return {"kind": CommandKind.FUNDING_RATE, "rate": rate, "mark": mark}


@pytest.mark.parametrize(("script", "rate", "received"), [
    (LONG, 0.001, -0.105), (LONG, -0.001, 0.105), (SHORT, 0.001, 0.105), (SHORT, -0.001, -0.105),
])  # fmt: skip
def test_a_long_pays_a_positive_rate_and_a_short_receives_it(play, candles, script, rate, received):
    """One base unit at a mark of 105 is a notional of 105; a thousandth of that is 0.105."""
    market = candles([FLAT, (100.0, 106.0, 100.0, 106.0), (106.0, 106.0, 104.0, 104.0), (104.0, 104.0, 104.0, 104.0)])
    run = play(market, script, commands={1: funding(rate, mark=105.0)})
    (trade,) = run.of("trade")

    assert float(trade["funding"]) == pytest.approx(received)
    assert float(run.account["funding"]) == pytest.approx(received)
    gross = 4.0 if script is LONG else -4.0
    assert float(trade["pnl"]) == pytest.approx(gross + received)
    assert float(run.account["balance"]) == pytest.approx(10_000 + gross + received)


def test_without_a_mark_price_the_newest_close_is_the_mark(play, candles):
    market = candles([FLAT, (100.0, 108.0, 100.0, 108.0), FLAT, FLAT])
    run = play(market, LONG, commands={1: funding(0.01)})

    assert float(run.of("trade")[0]["funding"]) == pytest.approx(-1.08)


def test_no_position_pays_nothing_and_equity_is_the_sum_of_its_parts(play, candles):
    market = candles([FLAT] * 3 + [(100.0, 103.0, 100.0, 103.0)])
    script = {1: Enter(1, stop=50.0, targets=[200.0])}
    run = play(market, script, commands={0: funding(0.01), 2: funding(0.01)}, costs={"taker_fee": 0.001})
    account = run.account

    assert float(account["funding"]) == pytest.approx(-1.0)  # the second one, of a notional of 100
    fees, unrealized = 0.1, 3.0
    assert float(account["equity"]) == pytest.approx(10_000 + unrealized - fees - 1.0, abs=1e-9)


@pytest.mark.parametrize(("told", "known"), [
    ({}, False),  # nobody says anything
    ({1: 0.001}, True),
    ({0: 0.001}, True),  # the last one was before the entry, and the next is not due yet
])  # fmt: skip
def test_a_trade_whose_funding_nobody_told_of_does_not_say_zero(play, candles, told, known):
    run = play(candles([FLAT] * 4), LONG, commands={at: funding(rate) for at, rate in told.items()})

    assert np.isnan(run.of("trade")[0]["funding"]) != known
    assert np.isfinite(run.of("trade")[0]["pnl"])


@pytest.mark.parametrize(("gap", "known"), [(HOURS_8, True), (HOURS_8 + 60, False)])
def test_a_funding_that_was_left_out_is_noticed(play, candles, gap, known):
    """Fundings at the end of candle 0 and ``gap`` minutes later: more than eight hours hide one."""
    times = [0, 60_000, gap * 60_000, (gap + 1) * 60_000]
    market = candles([FLAT] * 4, times)
    run = play(market, LONG, commands={0: funding(0.001), 2: funding(0.001)})

    assert np.isnan(run.of("trade")[0]["funding"]) != known


def test_spot_has_no_funding(play, candles):
    spot = Instrument(
        "BTCUSDT", Decimal("0.1"), Decimal("0.001"), market="spot", can_short=False, maintenance_margin=0.0
    )
    run = play(candles([FLAT] * 4), LONG, commands={1: funding(0.001)}, instrument=spot)

    assert float(run.of("trade")[0]["funding"]) == 0.0
    assert float(run.account["balance"]) == 10_000.0


def test_a_funding_that_is_told_twice_is_charged_once(play, candles):
    """By a file and by the venue, a few milliseconds apart."""
    told = {1: funding(0.001) | {"due": 120_000}, 2: funding(0.001) | {"due": 120_007}}
    run = play(candles([FLAT] * 4), {0: LONG[0]}, commands=told)

    assert float(run.account["funding"]) == pytest.approx(-0.1)


def test_a_funding_that_is_told_late_is_not_paid_by_who_came_later(play, candles):
    run = play(candles([FLAT] * 4), {0: LONG[0]}, commands={2: funding(0.001) | {"due": 60_000}})

    assert float(run.account["funding"]) == 0.0


# ------------------------------------------------------------------------------------------------ inside a long candle
HOUR = 3_600_000
DAY = 24 * HOUR
TWO_DAYS = {0: Enter(1, stop=50.0, targets=[200.0]), 1: Close()}
"""Bought at the open of day 1, sold at that of day 2."""


def due(hour):
    """A funding of a tenth a unit, three milliseconds after a full hour, as venues stamp them; told when it is due."""
    time = hour * HOUR + 3
    return funding(0.001, mark=100.0) | {"due": time, "time": time}


@pytest.fixture
def days(play, candles):
    """Daily candles; a funding is told before the candle that it falls into has closed."""

    def run(script, hours, rows):
        market = candles([FLAT, *rows], [i * DAY for i in range(len(rows) + 1)])
        return play(market, script, commands={hour // 24 - 1: due(hour) for hour in hours}, base_ms=DAY)

    return run


@pytest.mark.parametrize(("hour", "paid"), [(24, 0.0), (32, 0.1), (40, 0.1), (48, 0.1), (56, 0.0)])
def test_a_funding_inside_a_candle_is_paid_by_who_held_then(days, hour, paid):
    """From 24:00 to 48:00 one unit is held: who buys at a funding time does not pay, who sells then does."""
    run = days(TWO_DAYS, [hour], [FLAT] * 3)

    assert float(run.account["funding"]) == pytest.approx(-paid)


def test_what_fills_inside_a_candle_counts_from_its_open(days):
    """A limit of day 1 pays the funding at 08:00 of it; what a stop closes on day 2 does not pay the one of day 2."""
    script = {0: Enter(1, entry=98.0, entry_type="limit", stop=90.0, targets=[200.0])}
    dip, crash = (100.0, 100.0, 97.0, 99.0), (99.0, 99.0, 80.0, 85.0)
    run = days(script, [32, 56], [dip, crash, FLAT])
    (trade,) = run.of("trade")

    assert (trade["entry_time"], trade["exit_time"]) == (DAY, 2 * DAY)
    assert float(run.account["funding"]) == pytest.approx(-0.1)


def test_a_close_by_hand_pays_what_was_due_before_it(play, candles):
    """Funding at 08:00 of day 2, closed at 10:00; what comes at 16:00 of the same candle is paid by nobody."""
    closed = {"kind": CommandKind.CLOSE, "price": 100.0, "time": 58 * HOUR}
    commands = {1: [due(56), closed, due(64)]}
    run = play(candles([FLAT] * 3, [0, DAY, 2 * DAY]), {0: LONG[0]}, commands=commands, base_ms=DAY)

    assert float(run.account["funding"]) == pytest.approx(-0.1)
    assert float(run.of("trade")[0]["balance_after"]) == pytest.approx(10_000 - 0.1)
    assert run.states[0]["core"]["due_count"] == 0


def test_more_fundings_than_there_is_room_for_are_all_charged(play, candles):
    """Hourly ones of a candle of a week: 167 of a tenth each."""
    week = 168
    commands = {1: [due(2 * week + hour) for hour in range(1, week)]}
    market = candles([FLAT] * 3, [i * week * HOUR for i in range(3)])
    run = play(market, {0: LONG[0]}, commands=commands, base_ms=week * HOUR)

    assert float(run.account["funding"]) == pytest.approx(-16.7)


def test_equity_knows_what_was_charged_inside_a_candle(days):
    run = days({0: LONG[0]}, [32, 56], [FLAT, FLAT])

    assert float(run.account["equity"]) == pytest.approx(10_000 - 0.2)
    assert float(run.account["balance"]) == pytest.approx(10_000 - 0.2)
