"""Size, the checks before an entry in their order, halts, and the state machine."""

from decimal import Decimal

import pytest

from triplane.data.instruments import Instrument
from triplane.kernel.codes import Check
from triplane.strategies.base import Enter

FLAT = (100.0, 100.0, 100.0, 100.0)
LONG = Enter(1, stop=95.0, targets=[110.0])
STOPPED = (99.0, 99.0, 94.0, 95.0)


def rejected(run):
    return [Check.labels[r["check"]] for r in run.of("reject")]


def test_size_is_risk_over_distance_cut_by_the_largest_position(play, candles):
    """10,000 × 1 % / 5 = 20, but 10 % of the balance at 100 is 10."""
    free = {"max_symbol_share": 1, "max_margin_use": 1}

    assert play(candles([FLAT, FLAT]), {0: LONG}, quantity=None, **free).fills == [(1, 100.0, 10_000)]
    assert play(candles([FLAT, FLAT]), {0: LONG}, quantity=None, max_position_share=0.5, **free).fills == [
        (1, 100.0, 20_000)
    ]


@pytest.mark.parametrize(
    ("settings", "lots", "capped"),
    [
        ({"risk_per_trade": 0.004}, 8_000, 0),  # 40 / 5 = 8 coins, and 10 may be held
        ({"risk_per_trade": 0.005}, 10_000, 0),
        ({"risk_per_trade": 0.006}, 10_000, 1),
        ({"risk_per_trade": 0.004, "max_position_quote": 500.0}, 5_000, 1),
        ({"quantity": "20"}, 20_000, 0),
    ],
)
def test_a_size_that_a_limit_made_smaller_is_marked(play, candles, settings, lots, capped):
    rows = play(candles([FLAT, FLAT]), {0: LONG}, **{"quantity": None, **settings}).of("signal")

    assert [(row["quantity_lots"], row["capped"]) for row in rows] == [(lots, capped)]


def test_size_is_rounded_down_to_the_lot(play, candles):
    run = play(candles([(99.0, 99.0, 99.0, 99.0), FLAT]), {0: Enter(1, stop=90.0)}, quantity=None)

    assert run.fills == [(1, 100.0, 10_101)]  # 1,000 / 99 = 10.10101


@pytest.mark.parametrize(("side", "kind", "entry", "placed"), [
    (1, "stop_market", 100.05, 100.25), (-1, "stop_market", 100.2, 100.0),
    (1, "limit", 100.2, 100.0), (-1, "limit", 100.05, 100.25),
])  # fmt: skip
def test_an_entry_is_sized_and_checked_at_the_price_of_the_grid_that_is_asked_for(
    play, candles, side, kind, entry, placed
):
    """240 % of 10,000 at leverage 3 fills the margin limit of 80 % exactly; the lot is 0.1."""
    grid = Instrument("BTCUSDT", Decimal("0.25"), Decimal("0.1"), maintenance_margin=0.005)
    at = (100.125, 100.125, 100.125, 100.125)
    run = play(
        candles([at]), {0: Enter(side, entry=entry, entry_type=kind, stop=100.125 - side * 10)}, quantity=None,
        instrument=grid, costs={"leverage": 3}, risk_per_trade=1.0, max_position_share=2.4, max_symbol_share=100,
    )  # fmt: skip
    lots = {100.25: 2394, 100.0: 2400}[placed]  # 24,000 / 100.25 = 239.4015
    assert run.of("place")["quantity_lots"].tolist() == [lots]
    assert run.account["reserved_margin"] == pytest.approx(lots * 0.1 * placed / 3)
    assert run.account["reserved_margin"] <= 8_000.0


@pytest.mark.parametrize(
    ("settings", "signal", "check"),
    [
        ({"max_position_quote": 500.0}, LONG, None),  # the size is cut, not refused
        ({"max_symbol_share": 0.05}, LONG, "concentration"),
        ({"max_margin_use": 0.05, "max_symbol_share": 1}, LONG, "margin_utilisation"),
        ({"volatility_ceiling": 0.01}, LONG, "volatility_ceiling"),  # not warm: closed
        ({}, Enter(1, stop=101.0), "bad_stop"),
        ({}, Enter(-1, stop=99.0), "bad_stop"),
        ({"risk_per_trade": 1e-9}, LONG, "below_minimum"),
        ({}, Enter(1, stop=0.09), "no_stop"),  # less than a tick: it would never be reached
        ({}, Enter(1, stop=95.0, targets=[1e15]), "bad_signal"),  # of 0.1 there are 2^53 ticks in 9.0e14
        ({}, Enter(1, stop=95.0, targets=[9e14]), None),
    ],
)
def test_checks(play, candles, settings, signal, check):
    run = play(candles([FLAT, FLAT]), {0: signal}, quantity=None, **settings)

    assert rejected(run) == ([check] if check else [])
    assert len(run.fills) == (0 if check else 1)


def test_a_rejection_keeps_value_and_limit(play, candles):
    row = play(candles([FLAT, FLAT]), {0: LONG}, quantity=None, max_symbol_share=0.05).of("reject")[0]

    assert (row["value"], row["limit"]) == (pytest.approx(1000.0), pytest.approx(500.0))


def test_spot_cannot_go_short(play, candles):
    from decimal import Decimal

    from triplane.data.instruments import Instrument

    spot = Instrument(
        "BTCUSDT", Decimal("0.1"), Decimal("0.001"), market="spot", can_short=False, maintenance_margin=0.0
    )
    run = play(candles([FLAT, FLAT]), {0: Enter(-1, stop=105.0)}, instrument=spot, quantity=None)

    assert rejected(run) == ["no_short"]


def test_trades_a_day_and_a_new_day(play, candles):
    day = 86_400_000
    times = [0, 60_000, 120_000, 180_000, day, day + 60_000]
    market = candles([FLAT, FLAT, STOPPED, FLAT, FLAT, FLAT], times)
    script = {0: LONG, 3: LONG, 4: LONG}
    run = play(market, script, quantity=None, max_trades_day=1, cooldown_bars=0, quality_gate=False)

    assert rejected(run) == ["max_trades_day"]
    assert len(run.of("fill")) == 3
