"""The way of a candle through the core: the state machine, halts by limits and by hand, and what they leave alone."""

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
