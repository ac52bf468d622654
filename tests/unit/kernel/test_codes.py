"""Codes: their numbers and words are in journals and events and never change; compiled code sees plain integers."""

import json

import numpy as np
import orjson
import pytest

from triplane.kernel import codes
from triplane.kernel.codes import Code, Gate, Leg, Reason, RowKind, State
from triplane.kernel.jit import njit, record

WORDS = {
    "Leg": "entry stop tp1 tp2 tp3 exit",
    "OrderType": "market limit stop_market take_profit_market",
    "OrderEnd": "working expired cancelled rejected filled",
    "Action": "nothing enter close reduce manage cancel",
    "SignalStatus": "generated pending executed expired rejected",
    "State": "BOOTSTRAP SCANNING ENTRY_PENDING IN_POSITION COOLDOWN HALTED",
    "Reason": "none stop target signal liquidation end manual external trailing break_even warm entry_placed "
    "entry_filled entry_expired entry_cancelled entry_rejected cooldown_over daily_loss drawdown kill_switch error "
    "resume history_failed no_stop partial_exit bankrupt",
    "Check": "ok max_position_size max_open_positions concentration daily_loss_limit drawdown margin_utilisation "
    "max_trades_day volatility_ceiling min_sharpe no_stop below_minimum not_scanning halted data_quality stale_feed "
    "kill_switch no_short bad_stop expired not_reconciled operator_pause news_blackout funding_guard kill_zone regime "
    "disk_space guard bad_signal stop_beyond_liquidation",
    "Gate": "stale_feed kill_switch operator_pause not_reconciled news_blackout funding_guard kill_zone disk_space "
    "guard",
    "RowKind": "none signal reject place amend cancel state fill order trade",
    "CommandKind": "none ready halt resume close cancel market execute expire gate simulate amend limits reset end "
    "fill order_end funding balance funding_rate",
    "StructureKind": "NONE BOS_UP BOS_DN CHOCH_UP CHOCH_DN",
    "BreakOn": "close wick",
    "ZoneKind": "none displacement structure gap breaker",
    "ZoneState": "free live mitigated filled touched_out too_old displaced",
    "ZonePart": "displacement volume fvg structure untouched",
    "LiquidityKind": "none equal day week asia london new_york",
    "LiquidityState": "none live swept taken replaced displaced",
    "Regime": "trending_low_vol trending_high_vol ranging volatile_choppy",
    "Volatility": "low normal high extreme",
}


def test_every_set_is_listed_here() -> None:
    declared = {name for name, value in vars(codes).items() if isinstance(value, type) and issubclass(value, Code)}
    assert declared == {"Code", *WORDS}


@pytest.mark.parametrize("name", WORDS)
def test_numbers_and_words(name: str) -> None:
    kind = getattr(codes, name)
    words = WORDS[name].split()

    assert list(kind) == list(range(len(words)))
    assert kind.labels == tuple(words)
    for number, word in enumerate(words):
        assert kind(number).label == word
        assert kind.of(word) is kind(number)


def test_a_member_is_its_number_wherever_it_goes() -> None:
    assert {2: "a"}[Leg.TP1] == "a"
    assert f"{Leg.TP1} {Leg.TP1!s}" == "2 2"
    assert json.dumps({"leg": Leg.TP1}) == '{"leg": 2}'
    assert orjson.dumps([Leg.TP1]) == b"[2]"
    assert (np.array([1, 2, 7], "i2") <= RowKind.STATE).tolist() == [True, True, False]
    written = np.zeros(1, "i2")
    written[0] = Reason.TARGET
    assert written.tobytes() == b"\x02\x00"


ORDER = record([("leg", "i1"), ("order", "i8")])
BOOK = record([("legs", ORDER, (6,)), ("bits", "i8")])
LAST = Leg.EXIT


@njit
def _leg(book, leg):
    return book.legs[leg].order


@njit
def _mixed(book):
    """Codes as indices, in comparisons, beside fields of every width, as arguments, shifts and results."""
    book.legs[Leg.STOP].leg = Leg.TP1
    leg = Leg.STOP if book.bits else book.legs[Leg.STOP].leg
    book.bits |= (book.bits == 0) << Gate.KILL_SWITCH
    if book.legs[Leg.STOP].leg in (Leg.TP1, LAST) and max(leg, State.SCANNING) == Leg.TP1:
        book.legs[LAST].order = 5
    return _leg(book, Leg.ENTRY) + _leg(book, Leg.TP1 + 3) + _leg(book, LAST)


def test_compiled_code_sees_integers() -> None:
    book = np.zeros(1, BOOK)

    assert _mixed(book[0]) == 10
    assert book["bits"][0] == 2
    assert book["legs"]["leg"][0].tolist() == [0, 2, 0, 0, 0, 0]
