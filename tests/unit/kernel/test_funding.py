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
