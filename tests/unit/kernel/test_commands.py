"""What a person may ask between candles: manual signals, orders at market, amendments, debug signals, a reset."""

import pytest

from triplane.kernel.codes import Check, CommandKind, Reason, SignalStatus
from triplane.strategies.base import Close, Enter

FLAT = (100.0, 100.0, 100.0, 100.0)
LONG = Enter(1, stop=95.0, targets=[110.0])
LIMIT = Enter(1, entry=98.0, entry_type="limit", stop=95.0, targets=[110.0])


def statuses(run):
    return [SignalStatus.labels[r["status"]] for r in run.of("signal")]


def test_in_manual_mode_a_signal_waits(play, candles):
    run = play(candles([FLAT] * 3), {0: LONG}, execution_mode="manual")

    assert statuses(run) == ["pending"]
    assert run.fills == []


def test_a_pending_signal_is_executed_at_the_price_of_the_moment(play, candles):
    execute = {"kind": CommandKind.EXECUTE, "decision": 1, "price": 100.4}
    run = play(candles([FLAT] * 3), {0: LONG}, execution_mode="manual", commands={0: execute})

    assert statuses(run) == ["pending", "executed"]
    assert [f[1] for f in run.fills] == [100.4]
    assert run.of("place")[0]["decision"] == 1


def test_a_pending_signal_expires_by_hand_or_by_age(play, candles):
    by_hand = play(
        candles([FLAT] * 2),
        {0: LONG},
        execution_mode="manual",
        commands={0: {"kind": CommandKind.EXPIRE, "decision": 1}},
    )
    by_age = play(candles([FLAT] * 6), {0: LONG}, execution_mode="manual", signal_ttl_bars=3)

    assert statuses(by_hand) == statuses(by_age) == ["pending", "expired"]
    assert by_age.of("signal")[1]["time"] == 4 * 60_000


def test_the_oldest_gives_way_when_too_many_wait(play, candles):
    run = play(candles([FLAT] * 6), dict.fromkeys(range(5), LONG), execution_mode="manual", signal_ttl_bars=50)

    assert statuses(run) == ["pending"] * 4 + ["expired", "pending"]
    assert run.of("signal")[4]["decision"] == 1


def test_another_number_executes_nothing(play, candles):
    run = play(
        candles([FLAT] * 2),
        {0: LONG},
        execution_mode="manual",
        commands={0: {"kind": CommandKind.EXECUTE, "decision": 7}},
    )

    assert statuses(run) == ["pending"]


def test_a_pending_entry_is_executed_at_market(play, candles):
    run = play(candles([FLAT] * 3), {0: LIMIT}, commands={1: {"kind": CommandKind.MARKET, "price": 100.2}})

    assert [f[1] for f in run.fills] == [100.2]
    assert len({int(r["decision"]) for r in run.of("place")}) == 1
    assert len(run.of("cancel")) == 1


def test_a_pending_entry_is_cancelled(play, candles):
    run = play(candles([FLAT, FLAT, (98.0, 98.0, 90.0, 91.0)]), {0: LIMIT}, commands={1: {"kind": CommandKind.CANCEL}})

    assert run.fills == []
    assert run.states_passed[-1] == "SCANNING"


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (CommandKind.MARKET, {"price": 99.0}),
        (CommandKind.CANCEL, {}),
        (CommandKind.CLOSE, {"price": 99.0}),
        (CommandKind.AMEND, {"stop": 99.0}),
        (CommandKind.EXECUTE, {"price": 99.0}),
        (CommandKind.EXPIRE, {}),
    ],
)
def test_a_command_with_nothing_to_act_on_changes_nothing(play, candles, kind, fields):
    run = play(candles([FLAT] * 3), {}, commands={1: {"kind": kind, **fields}})

    assert [r["kind"] for r in run.rows] == [6]  # BOOTSTRAP is left, that is all


def test_after_a_resume_with_an_open_position_no_other_entry_touches_it(play, candles):
    """It goes on as a position: an opposite signal neither nets it nor leaves its target behind to open a short."""
    script = {0: LONG, **{bar: Enter(-1, stop=105.0, targets=[95.0]) for bar in range(4, 7)}}
    commands = {2: {"kind": CommandKind.HALT, "reason": Reason.KILL_SWITCH}, 3: {"kind": CommandKind.RESUME}}
    run = play(candles([FLAT] * 7 + [(100.0, 111.0, 100.0, 110.5)] * 3), script, commands=commands)

    assert run.states_passed[-5:] == ["HALTED", "BOOTSTRAP", "IN_POSITION", "COOLDOWN", "SCANNING"]
    assert run.trades == [(100.0, 110.0, "target")]
    assert run.account["open_positions"] == 0
    assert run.states[0]["core"]["position"]["lots"] == 0


def test_what_is_reduce_only_is_not_filled_without_a_position(play, candles):
    """A close by hand, and the exit that the strategy asked for on the same bar: one of them finds nothing left."""
    commands = {2: {"kind": CommandKind.CLOSE, "price": 101.0}}
    run = play(candles([FLAT] * 5), {0: LONG, 2: Close()}, commands=commands)

    assert [f[2] for f in run.fills] == [1000, -1000]
    assert run.states[0]["core"]["position"]["lots"] == 0


@pytest.mark.parametrize("wrong", [
    {"stop": float("inf")}, {"stop": float("nan")}, {"targets": [float("inf")]}, {"trail_distance": float("nan")},
    {"stop": -5.0},
])  # fmt: skip
def test_a_signal_that_makes_no_sense_is_refused_and_counted(play, candles, wrong):
    run = play(candles([FLAT] * 3), {0: Enter(**{"side": 1, "stop": 95.0, "targets": [110.0], **wrong})})

    assert run.fills == []
    assert [Check.labels[row["check"]] for row in run.of("reject")] == ["bad_signal"]


def test_a_debug_signal_goes_through_risk_like_any_other(play, candles):
    accepted = play(candles([FLAT] * 3), {}, quantity=None, commands={0: {"kind": CommandKind.SIMULATE, "side": 1}})
    refused = play(
        candles([FLAT] * 3), {}, quantity=None, commands={0: {"kind": CommandKind.SIMULATE, "side": 1, "stop": 105.0}}
    )

    assert accepted.fills == [(1, 100.0, 10_000)]
    assert [Check.labels[r["check"]] for r in refused.of("reject")] == ["bad_stop"]


def test_stop_and_targets_are_amended(play, candles):
    amend = {"kind": CommandKind.AMEND, "stop": 97.0, "targets": (103.0, 0.0, 0.0)}
    stopped = play(candles([FLAT, FLAT, (99.0, 99.0, 96.0, 98.0)]), {0: LONG}, commands={1: amend})
    reached = play(candles([FLAT, FLAT, (101.0, 104.0, 100.0, 102.0)]), {0: LONG}, commands={1: amend})

    assert stopped.trades == [(100.0, 97.0, "manual")]
    assert reached.trades == [(100.0, 103.0, "target")]


def test_a_stop_cannot_be_moved_beyond_the_price(play, candles):
    run = play(candles([FLAT, FLAT, FLAT]), {0: LONG}, commands={1: {"kind": CommandKind.AMEND, "stop": 101.0}})

    assert len(run.of("amend")) == 0


def test_the_paper_account_starts_again_only_when_flat(play, candles):
    flat = play(candles([FLAT] * 3), {}, commands={1: {"kind": CommandKind.RESET, "balance": 500.0}})
    busy = play(candles([FLAT] * 3), {0: LONG}, commands={1: {"kind": CommandKind.RESET, "balance": 500.0}})

    assert flat.account["balance"] == flat.account["peak_equity"] == 500.0
    assert busy.account["balance"] == 10_000.0


def test_the_loss_limit_comes_before_the_count_of_trades(play, candles):
    market = candles([FLAT, FLAT, (99.0, 99.0, 94.0, 95.0), FLAT, FLAT])
    run = play(market, {0: LONG, 3: LONG}, quantity=None, cooldown_bars=0, max_trades_day=1, quality_gate=False,
               daily_loss_quote=10.0, daily_loss_share=0, max_drawdown=0)  # fmt: skip

    assert run.states_passed[-1] == "HALTED"  # the loss of 50 came before the count of trades
    assert run.trades == [(100.0, 95.0, "stop")]
