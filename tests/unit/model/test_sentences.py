"""What a person reads of each fact."""

from collections.abc import Callable
from typing import Any

import pytest

from triplane.kernel.codes import Check, Reason
from triplane.model import facts as f
from triplane.model.sentences import (
    CHECK_TEXTS,
    HALT_TEXTS,
    LogEntry,
    alert_text,
    amount,
    check_text,
    entry,
    exact,
)

HEAD: dict[str, Any] = {"session_id": "s", "seq": 7, "time": 9, "symbol": "BTCUSDT", "decision": 17}


def signal(status: str = "pending", **more: Any) -> f.Signal:
    fields: dict[str, Any] = {
        "id": "g", "agent": "a", "action": "enter", "signal_type": "buy", "status": status, "confidence": 0.7,
        "confidence_level": "high", "price": 87_690.1, "entry_price": 87_690.1, "stop_loss": 87_420.0,
        "tp_levels": f.TpLevels(88_010.0, 88_280.0), "position_size": 0.011, "risk_reward_ratio": 1.0,
        "indicators": {}, "reasons": ["Price came back."], "generated_at": 9,
    }  # fmt: skip
    return f.Signal(**HEAD, **(fields | more))


def order(**more: Any) -> f.Order:
    fields: dict[str, Any] = {
        "order_id": "o", "client_order_id": "c", "leg": "entry", "type": "limit", "side": "buy", "quantity": "1",
        "price": None, "trigger_price": "57208.60", "requested_price": None, "reduce_only": False, "created_at": 9,
        "expires_at": None,
    }  # fmt: skip
    return f.Order(**HEAD, **(fields | more))


def fill(**more: Any) -> f.Fill:
    fields: dict[str, Any] = {
        "fill_id": "x", "order_id": "o", "filled_at": 9, "leg": "entry", "side": "buy", "price": "59082.10",
        "quantity": "0.01691515", "fee": "0", "slippage": "0", "maker": False, "reason": None,
    }  # fmt: skip
    return f.Fill(**HEAD, **(fields | more))


def trade(**more: Any) -> f.Trade:
    fields: dict[str, Any] = {
        "id": "t", "position_id": "t", "side": "LONG", "quantity": "1", "entry_time": 1, "exit_time": 9,
        "entry_price": "1", "exit_price": "1", "pnl": "6.7801", "fees": "0", "funding": "0", "slippage": "0",
        "balance_after": "1", "r_multiple": 1.52, "mae": None, "mfe": None, "exit_reason": "target", "bars_held": 1,
        "stop_loss": None,
    }  # fmt: skip
    return f.Trade(**HEAD, **(fields | more))


def state(to: str, reason: str = "warm") -> f.StateChange:
    return f.StateChange(**HEAD, from_state="X", to_state=to, reason=reason, order_id=None, position_id=None)


def alert(kind: str, message: str = "", severity: str = "WARNING", **details: Any) -> f.RiskAlert:
    return f.RiskAlert(**HEAD, alert_id="a", severity=severity, alert_type=kind, message=message, details=details)


def error(severity: str) -> f.Error:
    return f.Error(**HEAD, code="c", message="The strategy raised.", severity=severity)


CASES: list[tuple[Callable[[], f.Fact], str, str, str]] = [
    (
        signal,
        "signal",
        "Buy 0.011 BTCUSDT at about 87,690.1, stop 87,420, targets 88,010, 88,280. It waits for a person.",
        "info",
    ),
    (
        lambda: signal("executed", tp_levels=f.TpLevels(88_010.0)),
        "signal",
        "Buy 0.011 BTCUSDT at about 87,690.1, stop 87,420, target 88,010.",
        "good",
    ),
    (
        lambda: signal("expired", position_size=None, entry_price=None, stop_loss=None, tp_levels=f.TpLevels()),
        "signal",
        "Buy BTCUSDT. Nobody executed it in time.",
        "info",
    ),
    (
        lambda: signal("executed", action="close", signal_type="sell"),
        "signal",
        "Close the BTCUSDT position at about 87,690.1.",
        "info",
    ),
    (
        lambda: signal("rejected", reject_reason="max_open_positions", reject_value=3.0, reject_limit=3.0),
        "reject",
        "No buy of BTCUSDT: 3 positions are open, and 3 are allowed.",
        "bad",
    ),
    (fill, "fill", "Bought 0.01691515 BTCUSDT at 59,082.1.", "info"),
    (lambda: fill(side="sell", reason="stop"), "fill", "Sold 0.01691515 BTCUSDT at 59,082.1 (stopped out).", "info"),
    (lambda: order(status="expired"), "order", "The entry order of BTCUSDT expired unfilled.", "info"),
    (lambda: order(status="cancelled"), "order", "The entry order of BTCUSDT was cancelled.", "info"),
    (lambda: order(status="rejected", leg="tp1"), "order", "The tp1 order of BTCUSDT was rejected.", "info"),
    (
        lambda: order(leg="stop", reason="break_even"),
        "amend",
        "Moved the stop of BTCUSDT to break-even: 57,208.6.",
        "info",
    ),
    (trade, "trade", "BTCUSDT long closed, target reached: gain of 6.7801 (+1.52 R).", "good"),
    (
        lambda: trade(pnl="-120.555", r_multiple=None, exit_reason="kill_switch", side="SHORT"),
        "trade",
        "BTCUSDT short closed, closed by the kill switch: loss of 120.56.",
        "bad",
    ),
    (lambda: state("SCANNING"), "state", "BTCUSDT: looking for entries.", "info"),
    (
        lambda: state("HALTED", "kill_switch"),
        "state",
        "BTCUSDT: halted, the kill switch was thrown. No entries until resumed.",
        "bad",
    ),
    (lambda: alert("order_refused", "The venue refused an order."), "risk", "The venue refused an order.", "bad"),
    (lambda: alert("gap", "Repaired.", "INFO"), "risk", "Repaired.", "info"),
    (lambda: error("CRITICAL"), "error", "The strategy raised.", "bad"),
    (lambda: error("INFO"), "error", "The strategy raised.", "info"),
    (lambda: f.Settings(**HEAD, values={}), "settings", "The settings were changed.", "info"),
    (
        lambda: f.SessionEnd(**HEAD, decisions_sha256=""),
        "end",
        "The data has ended, and so has the session.",
        "info",
    ),
]


@pytest.mark.parametrize(("make", "kind", "text", "level"), CASES)
def test_entries(make: Callable[[], f.Fact], kind: str, text: str, level: str) -> None:
    fact = make()
    reasons = fact.reasons if isinstance(fact, f.Signal) else []
    assert entry(fact) == LogEntry(seq=7, time=9, symbol="BTCUSDT", kind=kind, text=text, reasons=reasons, level=level)


@pytest.mark.parametrize(
    "fact",
    [
        order(),
        order(status="filled"),
        order(status="cancelled", leg="stop"),
        order(leg="stop"),
        order(leg="tp1", reason="manual"),
        state("ENTRY_PENDING"),
        alert("max_open_positions", "told by the signal already"),
        alert("drawdown", "told by the change of state already", "CRITICAL"),
    ],
)
def test_what_another_sentence_tells(fact: f.Fact) -> None:
    assert entry(fact) is None


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (alert("x", "Its own words."), "Its own words."),
        (alert("no_stop"), "BTCUSDT: no entry, it has no stop."),
        (
            alert("below_minimum", value=0.001, limit=None),
            "BTCUSDT: no entry, the size of 0.001 is below the smallest order, ?.",
        ),
        (
            alert("drawdown", severity="CRITICAL"),
            "BTCUSDT: halted, the drawdown limit was reached. No entries until resumed.",
        ),
    ],
)
def test_alerts(made: f.RiskAlert, text: str) -> None:
    assert alert_text(made) == text


def test_every_check_and_every_halt_of_the_core_has_words() -> None:
    assert {check.label for check in Check} - {"ok"} <= set(CHECK_TEXTS)
    halts = (Reason.DAILY_LOSS, Reason.DRAWDOWN, Reason.KILL_SWITCH, Reason.ERROR, Reason.HISTORY_FAILED)
    assert {reason.label for reason in halts} <= set(HALT_TEXTS)
    for check in CHECK_TEXTS:
        assert "{" not in check_text(check, 1.0, 2.0)
    assert check_text("something_new", None, None) == "something new"


@pytest.mark.parametrize(
    ("value", "text"), [(123_456.789, "123,456.79"), (1.23456, "1.2346"), (0.00001234, "0.00001234"), ("1000", "1,000")]
)
def test_amounts_have_no_more_digits_than_matter(value: float | str, text: str) -> None:
    assert amount(value) == text


def test_prices_have_every_digit() -> None:
    assert [exact(text) for text in ("57208.60", "0.00000001", "1234567", "100.000")] == [
        "57,208.6", "0.00000001", "1,234,567", "100",
    ]  # fmt: skip
