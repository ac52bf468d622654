"""The way of a candle through the core: the state machine, halts by limits and by hand, and what they leave alone."""

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


def test_history_is_loaded_before_anything_is_traded(play, candles):
    script = {0: LONG, 1: LONG, 2: LONG}
    run = play(candles([FLAT] * 4), script, hold=True, commands={1: {"kind": CommandKind.READY}})

    assert moves(run)[0] == ("BOOTSTRAP", "SCANNING", "warm")
    assert run.fills == [(3, 100.0, 1000)]


def test_a_lost_account_closes_what_is_open_and_trades_no_more(play, candles):
    crash = candles([FLAT, FLAT, (100.0, 100.0, 84.0, 84.0), (85.0, 85.0, 85.0, 85.0), FLAT, FLAT])
    script = {0: Enter(1, stop=50.0, targets=[200.0]), 4: LONG, 5: LONG}
    resume = {4: {"kind": CommandKind.RESUME}}
    run = play(crash, script, balance=10.0, commands=resume)  # a whole coin at 100, and 10 to lose

    assert run.trades == [(100.0, 85.0, "bankrupt")]
    assert moves(run)[-1] == ("IN_POSITION", "HALTED", "bankrupt")
    assert run.account["equity"] == pytest.approx(-5.0)
    assert len(run.of("place")) == 4  # entry, stop, target, exit
    assert run.states[0]["core"]["book_count"] == 0


def test_an_account_that_is_worth_nothing_is_lost_and_one_of_a_cent_is_not(play, candles):
    def falls(low):
        return candles([FLAT, FLAT, (100.0, 100.0, low, low), FLAT])

    script = {0: Enter(1, stop=50.0, targets=[200.0])}
    assert moves(play(falls(90.0), script, balance=10.0))[-1][2] == "bankrupt"
    assert moves(play(falls(90.1), script, balance=10.0))[-1][2] == "entry_filled"


def test_a_bad_day_is_acknowledged_without_forgetting_the_peak(play, candles):
    script = {0: Enter(1, stop=50.0, targets=[200.0])}
    market = candles([FLAT, FLAT, (100.0, 100.0, 60.0, 60.0), (60.0,) * 4, (60.0,) * 4])
    resume = {2: {"kind": CommandKind.RESUME}}
    day = {"quantity": None, "max_position_share": 0.5, "max_symbol_share": 1.0, "risk_per_trade": 0.5}
    bad_day = play(market, script, commands=resume, daily_loss_share=0.1, max_drawdown=0.5, **day)
    assert [move[2] for move in moves(bad_day)][-3:] == ["daily_loss", "resume", "warm"]
    assert (bad_day.account["peak_equity"], bad_day.account["day_equity"]) == (10_000.0, 8_000.0)
    deep = play(market, script, commands=resume, daily_loss_share=0.0, max_drawdown=0.15, **day)
    assert (deep.account["peak_equity"], deep.account["day_equity"]) == (8_000.0, 8_000.0)
