"""What a strategy may do with its position and its entry: size, part of it, stop, targets, second thoughts."""

import numpy as np
import pytest

from triplane.kernel.codes import Check, CommandKind, Leg, RowKind
from triplane.kernel.records import NO_TARGET
from triplane.strategies.base import BadInput, Cancel, Close, Enter, Manage, Reduce

FLAT = (100.0, 100.0, 100.0, 100.0)
LONG = Enter(1, stop=95.0, targets=[110.0])
SHORT = Enter(-1, stop=105.0, targets=[90.0])
LADDER = Enter(1, stop=95.0, targets=[105.0, 110.0, 120.0], fractions=[0.5, 0.3])


def working(run):
    """Lots and prices of the legs that work, by name."""
    legs = run.states[0]["core"]["legs"]
    return {
        Leg.labels[k]: (int(legs[k]["quantity_lots"]), legs[k]["trigger_ticks"] / 10)
        for k in range(6)
        if legs[k]["order"]
    }


def checks(run):
    return [Check(r["check"]) for r in run.of("reject")]


# ------------------------------------------------------------------------------------------------------------ size
@pytest.mark.parametrize(("weight", "lots"), [(0.0, 20_000), (1.0, 20_000), (0.5, 10_000), (0.013, 260)])
def test_a_weight_is_a_share_of_the_risk(play, candles, weight, lots):
    """1 % of 10,000 at a distance of 5 is 20 units."""
    entry = Enter(1, stop=95.0, targets=[110.0], weight=weight)
    run = play(candles([FLAT] * 2), {0: entry}, quantity=None, max_position_share=10, max_symbol_share=10,
               max_margin_use=1, costs={"leverage": 10})  # fmt: skip
    assert run.fills == [(1, 100.0, lots)]


@pytest.mark.parametrize(("weight", "lots"), [(0.0, 10_000), (1.0, 10_000), (0.5, 5_000), (0.1, 1_000)])
def test_a_weight_is_a_share_of_what_the_limits_allow(play, candles, weight, lots):
    """10 % of 10,000 at 100 are 10 units, less than the 50 of the risk: half the weight is half of the 10."""
    run = play(candles([FLAT] * 2), {0: Enter(1, stop=98.0, weight=weight)}, quantity=None)
    assert run.fills == [(1, 100.0, lots)]
    assert run.of("signal")["capped"].tolist() == [1]


@pytest.mark.parametrize(("quantity", "lots"), [(0.0, 1_000), (0.25, 250), (7.0, 1_000), (0.0129, 12)])
def test_a_quantity_is_never_more_than_the_limits_allow(play, candles, quantity, lots):
    """10 % of 10,000 at 100 are 10 units; here 1 % of them are allowed."""
    entry = Enter(1, stop=99.0, targets=[110.0], quantity=quantity)
    run = play(candles([FLAT] * 2), {0: entry}, quantity=None, max_position_share=0.01)
    assert run.fills == [(1, 100.0, lots)]


@pytest.mark.parametrize("field", [{"weight": 1.01}, {"weight": -0.1}, {"weight": float("nan")}, {"quantity": -1.0},
                                   {"quantity": float("inf")}])  # fmt: skip
def test_a_size_that_makes_no_sense_is_refused(play, candles, field):
    run = play(candles([FLAT] * 2), {0: Enter(1, stop=95.0, **field)})
    assert checks(run) == [Check.BAD_SIGNAL]
    assert run.fills == []


@pytest.mark.parametrize(
    "field",
    [
        {"targets": [99.0]},  # it would be taken at once
        {"targets": [100.0]},
        {"targets": [110.0], "target_distances": [10.0]},
        {"target_distances": [5.0, 10.0], "fractions": [0.9, 0.9]},
        {"entry": 99.0},  # at market
        {"entry_type": "limit"},
        {"entry_type": "stop_market"},
        {"confidence": 1.01},
        {"confidence": -0.01},
        {"confidence": float("nan")},
    ],
)
@pytest.mark.parametrize("side", [1, -1])
def test_what_does_not_fit_together_is_refused(play, candles, side, field):
    targets = [100.0 + side * (price - 100.0) for price in field.get("targets", ())]
    run = play(candles([FLAT] * 2), {0: Enter(side, stop_distance=5.0, **{**field, "targets": targets})})
    assert checks(run) == [Check.BAD_SIGNAL]
    assert run.fills == []


@pytest.mark.parametrize(
    "field",
    [
        {"entry": 99.0, "entry_type": "limit", "targets": [99.5]},  # below the market, and above the entry
        {"target_distances": [1.0, 2.0, 3.0], "fractions": [0.33, 0.56, 0.11]},  # 1 and a rounding error
        {"target_distances": [5.0, 10.0], "fractions": [0.1, 0.1]},  # the last takes the rest
        {"confidence": 1.0},
        {"confidence": 0.0},
    ],
)
def test_what_fits_together_is_not(play, candles, field):
    assert checks(play(candles([FLAT] * 2), {0: Enter(1, stop=95.0, **field)})) == []


def test_a_quantity_below_the_smallest_order_is_refused(play, candles):
    run = play(candles([FLAT] * 2), {0: Enter(1, stop=95.0, quantity=0.0001)})
    assert checks(run) == [Check.BELOW_MINIMUM]


# --------------------------------------------------------------------------------------------------------- targets
def test_a_strategy_may_want_no_target(play, candles):
    none = play(candles([FLAT] * 2), {0: Enter(1, stop=95.0, targets=[NO_TARGET])})
    default = play(candles([FLAT] * 2), {0: Enter(1, stop=95.0)})
    second = play(candles([FLAT] * 2), {0: Enter(1, stop=95.0, targets=[NO_TARGET, 112.0])})

    assert working(none) == {"stop": (1000, 95.0)}
    assert working(default) == {"stop": (1000, 95.0), "tp1": (1000, 115.0)}
    assert working(second) == {"stop": (1000, 95.0), "tp2": (1000, 112.0)}


# ---------------------------------------------------------------------------------------------------------- reduce
def test_a_part_is_closed_at_the_next_open_and_the_rest_stays_protected(play, candles):
    run = play(candles([FLAT] * 4), {0: LONG, 1: Reduce(0.3)})

    assert run.fills == [(1, 100.0, 1000), (2, 100.0, -300)]
    assert working(run) == {"stop": (700, 95.0), "tp1": (700, 110.0)}
    assert run.trades == []


def test_targets_are_never_more_than_what_is_left(play, candles):
    run = play(candles([FLAT] * 4), {0: LADDER, 1: Reduce(0.6)})

    assert working(run) == {"stop": (400, 95.0), "tp1": (400, 105.0)}
    rest = play(candles([FLAT] * 4 + [(100.0, 106.0, 100.0, 106.0)]), {0: LADDER, 1: Reduce(0.6)})
    assert rest.fills[-1] == (4, 105.0, -400)
    assert working(rest) == {}
    assert len(rest.trades) == 1


def test_a_part_of_a_short_position(play, candles):
    run = play(candles([FLAT] * 4), {0: SHORT, 1: Reduce(0.25)})

    assert run.fills == [(1, 100.0, -1000), (2, 100.0, 250)]
    assert working(run) == {"stop": (750, 105.0), "tp1": (750, 90.0)}


def test_the_whole_is_a_close_and_less_than_a_lot_is_nothing(play, candles):
    whole = play(candles([FLAT] * 4), {0: LONG, 1: Reduce(1.0)})
    nothing = play(candles([FLAT] * 4), {0: LONG, 1: Reduce(0.0009)})

    assert whole.trades == [(100.0, 100.0, "signal")]
    assert working(whole) == {}
    assert nothing.fills == [(1, 100.0, 1000)]


def test_part_by_part_adds_up_to_one_trade(play, candles):
    run = play(candles([FLAT] * 7), {0: LONG, 1: Reduce(0.5), 2: Reduce(0.5), 3: Close()})

    assert [lots for _, _, lots in run.fills] == [1000, -500, -250, -250]
    (trade,) = run.of("trade")
    assert (trade["quantity_lots"], trade["exit_price"]) == (1000, 100.0)
    assert run.account["open_positions"] == 0


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5, float("nan")])
def test_a_share_that_makes_no_sense_is_refused_where_it_is_written(share):
    with pytest.raises(BadInput, match="share must be above 0 and at most 1"):
        Reduce(share).write(None)


# ---------------------------------------------------------------------------------------------------------- manage
def test_stop_and_targets_move(play, candles):
    run = play(candles([FLAT] * 4), {0: LADDER, 2: Manage(stop=97.0, targets=[104.0, 0.0, 130.0])})

    assert working(run) == {
        "stop": (1000, 97.0), "tp1": (500, 104.0), "tp2": (300, 110.0), "tp3": (200, 130.0),
    }  # fmt: skip


@pytest.mark.parametrize("entry", [LONG, SHORT])
def test_the_stop_may_go_back_to_the_first_one_and_no_further(play, candles, entry):
    side = entry.side
    moves = {2: Manage(stop=100.0 - 2 * side), 3: Manage(stop=100.0 - 6 * side), 4: Manage(stop=100.0 - 4 * side)}
    run = play(candles([FLAT] * 4), {0: entry, **moves})
    assert working(run)["stop"] == (1000, 100.0 - 2 * side)
    back = play(candles([FLAT] * 6), {0: entry, **moves})
    assert working(back)["stop"] == (1000, 100.0 - 4 * side)


class Written(Manage):
    """As a compiled strategy may write it: nobody has looked at the numbers."""

    def __post_init__(self):
        pass


@pytest.mark.parametrize(
    "nonsense", [Manage(stop=100.0), Manage(stop=101.0), Manage(targets=[99.0]), Written(targets=[float("inf")]),
                 Written(stop=float("nan")), Written(targets=[-1.0, -5.0])]
)  # fmt: skip
def test_what_lies_beyond_the_market_or_is_no_price_moves_nothing(play, candles, nonsense):
    run = play(candles([FLAT] * 4), {0: LONG, 2: nonsense})
    assert working(run) == {"stop": (1000, 95.0), "tp1": (1000, 110.0)}


def test_without_a_position_there_is_nothing_to_manage(play, candles):
    run = play(candles([FLAT] * 4), {0: Manage(stop=99.0), 1: Reduce(0.5), 2: Cancel(), 3: Close()})
    assert [RowKind.labels[kind] for kind in set(run.rows["kind"].tolist())] == ["state"]


def test_a_stop_that_was_moved_is_hit_where_it_is(play, candles):
    dip = (100.0, 100.0, 96.0, 96.0)
    run = play(candles([FLAT] * 3 + [dip]), {0: LONG, 2: Manage(stop=97.0)})
    assert run.trades == [(100.0, 97.0, "signal")]


# ---------------------------------------------------------------------------------------------------------- cancel
def test_an_entry_is_called_back(play, candles):
    limit = Enter(1, entry=98.0, entry_type="limit", stop=95.0, targets=[110.0])
    run = play(candles([FLAT, FLAT, (100.0, 100.0, 97.0, 97.0), FLAT]), {0: limit, 1: Cancel()})

    assert run.fills == []
    assert run.account["pending_entries"] == 0
    assert run.states_passed[-1] == "SCANNING"


# ------------------------------------------------------------------------------------------------------------ view
def test_a_strategy_sees_its_position_and_the_account(play, candles):
    up = (100.0, 104.0, 100.0, 104.0)
    run = play(candles([FLAT, FLAT, up]), {0: LONG})
    view = run.states[0]["core"]["shown"]

    assert (view["stop"], view["unrealized"]) == (95.0, 4.0)
    assert (view["balance"], view["equity"], view["day_pnl"]) == (10_000.0, 10_004.0, 4.0)
    assert (view["open_positions"], view["pending_entries"]) == (1, 0)


# ------------------------------------------------------------------------------------------- what has filled in part
def traded(candles, *rows):
    market = candles([prices for prices, _ in rows])
    market["volume"] = [volume for _, volume in rows]
    return market


HALVES = Enter(1, stop=90.0, targets=[103.0, 110.0], fractions=[0.5])
TOUCHED = (100.0, 103.0, 100.0, 102.0)
ABOVE = (102.0, 102.0, 102.0, 102.0)
TENTH = {"participation": 0.1}


def test_a_target_that_has_filled_in_part_sells_no_more_than_its_rest(play, candles):
    """500 lots, of which 200 fill at once; the rest is a triggered order, sold at market wherever it is moved to."""
    market = traded(candles, (FLAT, 100), (FLAT, 100), (TOUCHED, 2), (ABOVE, 20), (ABOVE, 20), (ABOVE, 20))
    by_hand = {2: {"kind": CommandKind.AMEND, "targets": [103.5, 0.0, 0.0]}}
    moved = play(market, {0: HALVES, 2: Manage(targets=[103.5])}, costs=TENTH)
    told = play(market, {0: HALVES}, costs=TENTH, commands=by_hand)

    for run in (moved, told):
        assert run.fills == [(1, 100.0, 1000), (2, 103.0, -200), (3, 102.0, -300)]
        assert working(run) == {"stop": (500, 100.0), "tp2": (500, 110.0)}  # break-even


def test_a_part_that_is_closed_leaves_a_half_filled_target_as_it_is(play, candles):
    """400 of the first target's 500 are sold; a fifth of the 600 that are left is 120, and 100 + 380 cover the rest."""
    still = play(traded(candles, (FLAT, 100), (FLAT, 100), (TOUCHED, 4), (ABOVE, 0)), {0: HALVES}, costs=TENTH)
    assert working(still) == {"stop": (600, 90.0), "tp1": (100, 103.0), "tp2": (500, 110.0)}

    market = traded(candles, (FLAT, 100), (FLAT, 100), (TOUCHED, 4), (ABOVE, 1.2))
    run = play(market, {0: HALVES, 2: Reduce(0.2)}, costs=TENTH)
    assert [lots for _, _, lots in run.fills] == [1000, -400, -120, -100]
    assert working(run) == {"stop": (380, 100.0), "tp2": (380, 110.0)}


@pytest.mark.parametrize("costs", [TENTH, {"latency_ms": 60_000}])
def test_a_close_takes_over_from_a_part_that_is_still_being_closed(play, candles, costs):
    """1,000 lots; half of them are to go, in candles that have room for 100 at a time, when all of them shall go."""
    market = traded(candles, *[(FLAT, 100)] * 3, *[(FLAT, 1)] * 2, *[(FLAT, 100)] * 4)
    run = play(market, {0: Enter(1, stop=90.0, targets=[150.0]), 2: Reduce(0.5), 3: Close(), 4: Close()}, costs=costs)

    assert sum(lots for _, _, lots in run.fills) == 0
    assert [row["closing"] for row in run.of("signal")] == [0, 1]
    assert len(run.of("trade")) == 1
    assert run.states[0]["core"]["book_count"] == 0


def test_a_stop_that_was_triggered_cannot_be_moved_any_more(play, candles):
    """400 of 1,000 are sold at 95; the rest goes at the next open, 96, and slips by 1 a unit from the 95 asked for."""
    market = traded(candles, (FLAT, 100), (FLAT, 100), ((99.0, 99.0, 94.0, 96.0), 4), ((96.0,) * 4, 100))
    run = play(market, {0: LONG, 2: Manage(stop=95.5)}, costs=TENTH)

    assert run.fills[1:] == [(2, 95.0, -400), (3, 96.0, -600)]
    assert [r["reference"] for r in run.of("fill")] == [100.0, 95.0, 95.0]
    assert run.trades == [(100.0, pytest.approx(95.6), "stop")]


# -------------------------------------------------------------------------------- an entry that fills in several parts
PIECES = [(FLAT, 100), (FLAT, 4), ((96.0,) * 4, 100), ((96.0,) * 4, 100), ((93.0, 93.0, 91.0, 92.0), 100)]


def test_the_stop_of_an_entry_in_parts_moves_no_further_than_the_first_one(play, candles):
    """400 at 100 and 600 at 96 are 97.6; the first stop is 95, not 97.6 - 5."""
    market = traded(candles, *PIECES[:4], ((96.0,) * 4, 100))
    run = play(market, {0: LONG, 3: Manage(stop=93.0)}, costs=TENTH)
    assert working(run)["stop"] == (1000, 95.0)
    back = play(market, {0: LONG, 2: Manage(stop=95.9), 3: Manage(stop=95.0)}, costs=TENTH)
    assert working(back)["stop"] == (1000, 95.0)


def test_r_is_measured_from_what_the_whole_entry_cost(play, candles):
    """97.6 on average against a first stop at 95 risks 2.6 a unit; sold at 93, a loss of 4.6, or 1.769 R."""
    run = play(traded(candles, *PIECES), {0: LONG}, costs=TENTH)
    (trade,) = run.of("trade")

    assert (float(trade["entry_price"]), float(trade["exit_price"])) == (pytest.approx(97.6), 93.0)
    assert float(trade["r_multiple"]) == pytest.approx(-4.6 / 2.6)
    assert float(run.account["return_sum"]) == pytest.approx(-4.6 / 2.6)


def test_an_entry_at_its_own_stop_has_risked_nothing_to_measure_by(play, candles):
    """100 at 95.9 and 900 at 94.9 are 95.0 but for the last bit of a float, and the stop is at 95.0."""
    market = traded(candles, (FLAT, 100), ((95.9,) * 4, 1), ((94.9,) * 4, 100))
    run = play(market, {0: LONG}, costs=TENTH)
    (trade,) = run.of("trade")

    assert float(trade["entry_price"]) == pytest.approx(95.0)
    assert np.isnan(trade["r_multiple"])
    assert float(run.account["return_sum"]) == 0.0
