"""Size, the checks before an entry in their order, halts, and the state machine."""

import pytest

from triplane.kernel.codes import Check, CommandKind, Gate, Reason, State
from triplane.strategies.base import Close, Enter

FLAT = (100.0, 100.0, 100.0, 100.0)
LONG = Enter(1, stop=95.0, targets=[110.0])
STOPPED = (99.0, 99.0, 94.0, 95.0)


def rejected(run):
    return [Check.labels[r["check"]] for r in run.of("reject")]


def moves(run):
    rows = [(r["from_state"], r["to_state"], r["reason"]) for r in run.of("state")]
    return [(State.labels[begin], State.labels[end], Reason.labels[why]) for begin, end, why in rows]


def test_size_is_risk_over_distance_cut_by_the_largest_position(play, candles):
    """10,000 × 1 % / 5 = 20, but 10 % of the balance at 100 is 10."""
    free = {"max_symbol_share": 1, "max_margin_use": 1}

    assert play(candles([FLAT, FLAT]), {0: LONG}, quantity=None, **free).fills == [(1, 100.0, 10_000)]
    assert play(candles([FLAT, FLAT]), {0: LONG}, quantity=None, max_position_share=0.5, **free).fills == [
        (1, 100.0, 20_000)
    ]


def test_size_is_rounded_down_to_the_lot(play, candles):
    run = play(candles([(99.0, 99.0, 99.0, 99.0), FLAT]), {0: Enter(1, stop=90.0)}, quantity=None)

    assert run.fills == [(1, 100.0, 10_101)]  # 1,000 / 99 = 10.10101


def test_a_position_without_a_stop_gets_the_default(play, candles):
    run = play(candles([FLAT, FLAT]), {0: Enter(1)}, quantity=None)

    assert [int(r["trigger_ticks"]) for r in run.of("place") if r["leg"] == 1] == [980]
    assert [int(r["trigger_ticks"]) for r in run.of("place") if r["leg"] == 2] == [1060]


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


def test_the_daily_loss_halts_and_a_position_keeps_its_stop(play, candles):
    wide = Enter(1, stop=60.0, targets=[200.0])
    market = candles([FLAT, FLAT, (80.0, 80.0, 70.0, 70.0), (70.0, 70.0, 59.0, 60.0), FLAT])
    run = play(market, {0: wide, 3: LONG, 4: LONG}, quantity=None, risk_per_trade=0.1, daily_loss_share=0.02)

    assert moves(run)[-1] == ("IN_POSITION", "HALTED", "daily_loss")
    assert run.trades == [(100.0, 60.0, "stop")]
    assert len(run.of("fill")) == 2


def test_the_drawdown_halts(play, candles):
    wide = Enter(1, stop=60.0, targets=[200.0])
    market = candles([FLAT, FLAT, (80.0, 80.0, 70.0, 70.0)])
    run = play(market, {0: wide}, quantity=None, risk_per_trade=0.1, daily_loss_share=0, max_drawdown=0.02)

    assert moves(run)[-1] == ("IN_POSITION", "HALTED", "drawdown")


def test_halted_is_left_by_resume_alone(play, candles):
    market = candles([FLAT] * 5)
    script = dict.fromkeys(range(5), LONG)
    halted = play(
        market,
        script,
        quantity=None,
        commands={0: {"kind": CommandKind.HALT, "reason": Reason.KILL_SWITCH}},
    )
    resumed = play(
        market,
        script,
        quantity=None,
        commands={
            0: {"kind": CommandKind.HALT, "reason": Reason.KILL_SWITCH},
            1: {"kind": CommandKind.RESUME},
        },
    )

    assert halted.fills == []
    assert moves(halted)[-1] == ("ENTRY_PENDING", "HALTED", "kill_switch")
    assert moves(resumed)[3:5] == [("HALTED", "BOOTSTRAP", "resume"), ("BOOTSTRAP", "SCANNING", "warm")]
    assert resumed.fills == [(3, 100.0, 10_000)]


def test_a_halt_with_flatten_closes_the_position(play, candles):
    halt = {"kind": CommandKind.HALT, "reason": Reason.KILL_SWITCH, "close": 1, "price": 99.5}
    run = play(candles([FLAT, FLAT, FLAT]), {0: LONG}, commands={1: halt})

    assert run.trades == [(100.0, 99.5, "kill_switch")]
    assert run.states[0]["core"]["book_count"] == 0


def test_no_gate_stops_an_exit(play, candles):
    gates = {1: {"kind": CommandKind.GATE, "gate": Gate.STALE_FEED, "closed": 1}}
    run = play(candles([FLAT, FLAT, FLAT, FLAT]), {0: LONG, 2: Close(), 3: LONG}, commands=gates)

    assert run.trades == [(100.0, 100.0, "signal")]
    assert rejected(run) == ["stale_feed"]


def test_the_cool_down_counts_closed_candles(play, candles):
    market = candles([FLAT, FLAT, STOPPED, FLAT, FLAT, FLAT, FLAT])
    script = {0: LONG, 3: LONG, 4: LONG, 5: LONG}
    run = play(market, script, quantity=None, cooldown_bars=4)

    assert [int(r["time"] // 60_000) - 1 for r in run.of("state") if r["to_state"] == State.SCANNING] == [0, 5]
    assert run.fills[-1] == (6, 100.0, 9_950)  # a tenth of the 9,950 that are left


def test_the_whole_life_of_the_state_machine(play, candles):
    run = play(candles([FLAT, FLAT, STOPPED, FLAT, FLAT]), {0: LONG}, quantity=None, cooldown_bars=2)

    assert moves(run) == [
        ("BOOTSTRAP", "SCANNING", "warm"),
        ("SCANNING", "ENTRY_PENDING", "entry_placed"),
        ("ENTRY_PENDING", "IN_POSITION", "entry_filled"),
        ("IN_POSITION", "COOLDOWN", "stop"),
        ("COOLDOWN", "SCANNING", "cooldown_over"),
    ]


def test_bad_data_stops_entries(play, candles):
    impossible = (100.0, 99.0, 101.0, 100.0)
    run = play(candles([FLAT, impossible, FLAT]), {1: LONG}, quantity=None)

    assert rejected(run) == ["data_quality"]


def test_missing_candles_stop_entries(play, candles):
    times = [i * 60_000 for i in (0, 1, 2, 3, 9, 10)]
    run = play(candles([FLAT] * 6, times), {4: LONG}, quantity=None)

    assert rejected(run) == ["data_quality"]


def test_history_is_loaded_before_anything_is_traded(play, candles):
    script = {0: LONG, 1: LONG, 2: LONG}
    run = play(candles([FLAT] * 4), script, hold=True, commands={1: {"kind": CommandKind.READY}})

    assert moves(run)[0] == ("BOOTSTRAP", "SCANNING", "warm")
    assert run.fills == [(3, 100.0, 1000)]
