"""From rows to facts: exact decimals, words, ids, and what follows from what."""

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triplane.data.instruments import Instrument
from triplane.engine.decode import Decoder, Spoken, seen_values
from triplane.engine.heads import Heads
from triplane.kernel.codes import Check, Leg, OrderEnd, OrderType, Reason, RowKind, SignalStatus, State
from triplane.kernel.rows import OUTPUT, VIEWS
from triplane.model.facts import (
    Decision,
    Fact,
    Fill,
    Order,
    Position,
    RiskAlert,
    Signal,
    StateChange,
    TakeProfit,
    TpLevels,
    Trade,
)
from triplane.model.money import money, money_text, price, price_text
from triplane.model.sentences import entry

BTC = Instrument("BTCUSDT", Decimal("0.1"), Decimal("0.001"))


class Spec:
    name = "up_down"
    reasons = ("Up.", "Down.", "Strong.")
    sees = ("fast", "slow")


class Rows:
    """Makes rows one after the other and decodes them at once."""

    def __init__(self) -> None:
        self.decoder = Decoder(Heads("S"), [Spoken(BTC, Spec())], leverage=2.0)
        self.seq = 0

    def __call__(self, kind: RowKind, **fields: Any) -> list[Fact]:
        self.seq += 1
        row = np.zeros(1, OUTPUT)
        row["seq"], row["time"], row["kind"] = self.seq, 60_000 * self.seq, kind
        view = row.view(VIEWS[kind])
        for name, value in fields.items():
            view[name] = value
        return self.decoder.decode(row)

    def signal(self, **fields: Any) -> list[Fact]:
        values = {
            "decision": 4, "side": 1, "reasons": 0b101, "status": SignalStatus.EXECUTED, "price": 100.0, "entry": 100.0,
            "stop": 99.0, "targets": (101.0, 103.0, 0.0), "confidence": 0.7, "quantity": 0.02,
            "seen": (1.5, float("nan"), 0, 0, 0, 0, 0, 0),
        }  # fmt: skip
        return self(RowKind.SIGNAL, **values | fields)

    def entry(self, **fields: Any) -> list[Fact]:
        values = {"decision": 4, "order": 9, "leg": Leg.ENTRY, "side": 1, "quantity_lots": 20, "reference": 100.0}
        return self(RowKind.PLACE, **values | fields)


def one(facts: list[Fact], kind: type[Any]) -> Any:
    (found,) = [fact for fact in facts if isinstance(fact, kind)]
    return found


def said(facts: list[Fact]) -> list[str]:
    return [line.text for line in map(entry, facts) if line is not None]


@given(
    st.decimals("0.00000001", "1000", places=8).filter(bool)
    | st.sampled_from([Decimal(5), Decimal("0.25"), Decimal("1E+2")]),
    st.integers(-(10**15), 10**15),
)
def test_the_texts_of_an_instrument_are_exact(step: Decimal, n: int) -> None:
    instrument = Instrument("X", step, step)

    assert instrument.price(n) == instrument.quantity(n) == n * step
    for text in (instrument.price_text(n), instrument.quantity_text(n)):
        assert Decimal(text) == n * step
        assert text == format(instrument.price(n), "f")


@given(st.floats(-1e9, 1e9))
def test_money_has_eight_decimals_and_no_tail(value: float) -> None:
    text = str(money(value))

    assert abs(float(text) - value) <= 0.5e-8 + abs(value) * 1e-15
    assert "." not in text or not text.endswith("0")
    assert text != "-0"
    assert Decimal(money_text(value)) == money(value)
    assert "E" not in money_text(value)


@given(st.floats(1e-12, 1e9))
def test_a_price_keeps_its_digits_however_small_it_is(value: float) -> None:
    assert float(price_text(value)) == pytest.approx(value, rel=1e-8)
    assert Decimal(price_text(value)) == price(value)
    assert "E" not in price_text(value)


def test_a_regime_is_shown_by_its_name() -> None:
    seen = seen_values(("regime", "regime_confidence"), (1.0, 0.75))
    assert seen == {"regime": "trending_high_vol", "regime_confidence": 0.75}
    assert seen_values(("regime",), (3.0,)) == {"regime": "volatile_choppy"}
    for unknown in (-1.0, float("nan")):
        assert seen_values(("regime",), (unknown,)) == {"regime": None}


def test_an_executed_signal_becomes_a_decision_with_its_order() -> None:
    rows = Rows()
    assert rows.signal() == []  # not complete before its order is placed
    facts = rows.entry()
    signal, decision, order = one(facts, Signal), one(facts, Decision), one(facts, Order)

    assert [type(fact) for fact in facts] == [Signal, Decision, Order]
    assert [fact.seq for fact in facts] == [1, 2, 3]
    assert (signal.status, signal.order_id, signal.executed_at) == ("executed", order.order_id, 120_000)
    assert (signal.tp_levels, signal.risk_reward_ratio) == (TpLevels(101.0, 103.0), 3.0)
    assert (signal.agent, signal.confidence_level, signal.execution_latency_ms) == ("up_down", "high", 60_000)
    assert signal.indicators == {"regime": None, "regime_confidence": None, "fast": 1.5, "slow": None}
    assert signal.reasons == ["Up.", "Strong."]
    assert (signal.capped, signal.simulated) == (False, False)
    assert msgspec.structs.asdict(decision.risk) == pytest.approx(
        {"position_value": 2.0, "risk_amount": 0.02, "risk_reward": 3.0}
    )
    assert [(step.price, step.qty) for step in decision.tp_ladder] == [(101.0, None), (103.0, None)]
    assert (order.quantity, order.type, order.client_order_id) == ("0.020", "market", "S.0.4.e.9")
    assert said(facts) == ["Buy 0.02 BTCUSDT at about 100, stop 99, targets 101, 103."]


def test_a_signal_says_when_a_limit_made_it_smaller_and_when_a_person_made_it_up() -> None:
    rows = Rows()
    rows.decoder.simulated.add(5)
    rows.signal(capped=1)
    assert one(rows.entry(), Signal).capped
    rows.signal(decision=5)
    signal = one(rows.entry(decision=5), Signal)
    assert (signal.capped, signal.simulated) == (False, True)


def test_the_only_target_takes_the_whole_size() -> None:
    rows = Rows()
    rows.signal(targets=(101.0, 0.0, 0.0))
    (step,) = one(rows.entry(), Decision).tp_ladder
    assert (step.price, step.qty) == (101.0, "0.020")


def test_a_refused_signal_names_its_check() -> None:
    rows = Rows()
    assert rows.signal(status=SignalStatus.REJECTED) == []
    facts = rows(RowKind.REJECT, value=5, limit=5, decision=4, side=1, check=Check.MAX_TRADES_DAY)
    signal, alert = one(facts, Signal), one(facts, RiskAlert)

    assert (signal.status, signal.reject_reason) == ("rejected", "max_trades_day")
    assert (signal.reject_value, signal.reject_limit) == (5.0, 5.0)
    assert (alert.severity, alert.alert_type) == ("WARNING", "max_trades_day")
    assert alert.details == {"value": 5.0, "limit": 5.0, "signal_id": signal.id}
    assert alert.message == "No buy of BTCUSDT: 5 trades were opened today, and 5 are allowed."


def test_a_closed_gate_is_only_information() -> None:
    rows = Rows()
    rows.signal(status=SignalStatus.REJECTED)
    assert one(rows(RowKind.REJECT, decision=4, side=1, check=Check.NEWS_BLACKOUT), RiskAlert).severity == "INFO"


def test_a_pending_signal_is_expired_or_executed_later() -> None:
    rows = Rows()
    pending = one(rows.signal(status=SignalStatus.PENDING), Signal)
    gone = {"entry": 0.0, "stop": 0.0, "targets": 0.0, "price": 100.5}
    expired = one(rows.signal(status=SignalStatus.EXPIRED, **gone), Signal)
    assert (pending.status, pending.pending_at) == ("pending", 60_000)
    assert (expired.id, expired.status, expired.entry_price) == (pending.id, "expired", 100.0)

    first = one(rows.signal(status=SignalStatus.PENDING, decision=5), Signal)
    rows.signal(decision=5)
    executed = one(rows.entry(decision=5), Signal)
    assert first.status == "pending"  # what was published does not change
    assert (executed.id, executed.status) == (first.id, "executed")
    assert (executed.generated_at, executed.pending_at) == (first.generated_at, first.pending_at)
    assert executed.executed_at > first.generated_at


def open_position(rows: Rows) -> None:
    rows.signal()
    rows.entry()
    rows(RowKind.FILL, fee=0.04, reference=100.0, position_lots=20, filled_at=30_000, order=9, decision=4,
         leg=Leg.ENTRY, side=1, price_ticks=1001, quantity_lots=20, done=1)  # fmt: skip
    rows(RowKind.PLACE, decision=4, order=10, leg=Leg.STOP, type=OrderType.STOP_MARKET, side=-1, trigger_ticks=990,
         quantity_lots=20, reduce_only=1)  # fmt: skip


def test_a_position_from_its_fills_to_its_trade() -> None:
    rows = Rows()
    open_position(rows)
    target = rows(RowKind.PLACE, decision=4, order=11, leg=Leg.TP1, type=OrderType.TAKE_PROFIT_MARKET, side=-1,
                  trigger_ticks=1010, quantity_lots=8, reduce_only=1)  # fmt: skip
    position = one(target, Position)
    assert (position.side, position.size, position.entry_price) == ("LONG", "0.020", "100.1")
    assert (position.entry_time, position.stop_loss, position.leverage) == (30_000, "99.0", "2")
    assert position.take_profits == [TakeProfit(price="101.0", quantity="0.008", filled=False)]

    facts = rows(RowKind.FILL, fee=0.01, position_lots=12, order=11, decision=4, leg=Leg.TP1, side=-1, price_ticks=1010,
                 quantity_lots=8, done=1, reason=Reason.TARGET)  # fmt: skip
    fill = one(facts, Fill)
    assert (fill.filled_at, fill.fee, fill.reason, fill.maker) == (facts[0].time, "0.01", "target", False)
    assert (one(facts, Position).size, one(facts, Position).take_profits[0].filled) == ("0.012", True)
    moved = rows(RowKind.AMEND, order=10, decision=4, leg=Leg.STOP, trigger_ticks=1001, quantity_lots=12,
                 reason=Reason.BREAK_EVEN)  # fmt: skip
    assert said(moved) == ["Moved the stop of BTCUSDT to break-even: 100.1."]
    assert one(moved, Order).trigger_price == one(moved, Position).stop_loss == "100.1"
    rows(RowKind.FILL, position_lots=0, order=10, decision=4, leg=Leg.STOP, side=-1, price_ticks=1001, quantity_lots=12,
         done=1, reason=Reason.STOP)  # fmt: skip
    closed = rows(RowKind.TRADE, decision=4, side=1, quantity_lots=20, reason=Reason.STOP, entry_price=100.1,
                  exit_price=100.5, pnl=0.0076, fees=0.05, entry_time=30_000, exit_time=420_000,
                  r_multiple=float("nan"), mae=0.5, mfe=0.9, slippage=0.25, funding=-0.125, balance_after=1000.01,
                  bars_held=7)  # fmt: skip
    trade = one(closed, Trade)

    assert one(closed, Position).status == "closed"
    assert msgspec.structs.asdict(trade) == {
        "session_id": "S", "seq": trade.seq, "time": trade.time, "symbol": "BTCUSDT", "sleeve": "",
        "decision": 4, "id": position.id, "position_id": position.id, "side": "LONG", "quantity": "0.020",
        "entry_time": 30_000, "exit_time": 420_000,
        "entry_price": "100.1", "exit_price": "100.5", "pnl": "0.0076", "fees": "0.05", "funding": "-0.125",
        "slippage": "0.25", "balance_after": "1000.01", "r_multiple": None, "mae": 0.5, "mfe": 0.9,
        "exit_reason": "stop", "bars_held": 7, "stop_loss": "100.1", "simulated": False,
    }  # fmt: skip


def test_an_entry_in_two_fills_has_their_average() -> None:
    rows = Rows()
    rows.signal()
    rows.entry(quantity_lots=3)
    first = rows(RowKind.FILL, position_lots=1, order=9, decision=4, side=1, price_ticks=1000, quantity_lots=1)
    second = rows(RowKind.FILL, position_lots=3, order=9, decision=4, side=1, price_ticks=1001, quantity_lots=2, done=1,
                  slippage=0.1)  # fmt: skip

    assert one(first, Order).status == "partially_filled"
    order = one(second, Order)
    assert (order.status, order.filled_quantity, order.slippage) == ("filled", "0.003", "0.0666666666667")
    assert order.slippage_percent == pytest.approx(0.2 / 3)
    assert order.filled_price == one(second, Position).entry_price == "100.06666667"


def test_a_trade_in_a_tiny_price_adds_up() -> None:
    rows = Rows()
    rows.signal()
    rows.entry(reference=1.2375e-9)
    rows(RowKind.FILL, position_lots=20, order=9, decision=4, side=1, price_ticks=1000, quantity_lots=20, done=1)
    trade = one(rows(RowKind.TRADE, decision=4, side=1, entry_price=1.2375e-9, exit_price=1.23456789012e-9), Trade)
    assert (trade.entry_price, trade.exit_price) == ("0.0000000012375", "0.00000000123456789012")


def test_orders_that_end_without_a_fill() -> None:
    rows = Rows()
    rows.signal()
    rows.entry(type=OrderType.LIMIT, price_ticks=995, expires_at=600_000)
    facts = rows(RowKind.ORDER, order=9, decision=4, end=OrderEnd.EXPIRED, reason=Reason.ENTRY_EXPIRED)
    order = one(facts, Order)
    assert (order.status, order.reason, order.price, order.expires_at) == ("expired", "entry_expired", "99.5", 600_000)
    signal = one(facts, Signal)
    assert (signal.status, signal.order_id, signal.decision) == ("expired", order.order_id, 4)
    assert said(facts) == [
        "The entry order of BTCUSDT expired unfilled.",
        "Buy 0.02 BTCUSDT at about 100, stop 99, targets 101, 103. Its entry was not filled in time.",
    ]
    assert rows(RowKind.CANCEL, order=9, decision=4, reason=Reason.ENTRY_CANCELLED) == []


@pytest.mark.parametrize(("filled", "reason"), [(1, Reason.ENTRY_EXPIRED), (0, Reason.ENTRY_CANCELLED)])
def test_a_signal_that_was_filled_in_part_or_called_back_has_not_expired(filled: int, reason: Reason) -> None:
    rows = Rows()
    rows.signal()
    rows.entry(type=OrderType.LIMIT, price_ticks=995, expires_at=600_000)
    if filled:
        rows(RowKind.FILL, position_lots=1, order=9, decision=4, side=1, price_ticks=995, quantity_lots=1)
    facts = rows(RowKind.ORDER, order=9, decision=4, end=OrderEnd.EXPIRED, reason=reason)
    assert not [fact for fact in facts if isinstance(fact, Signal)]


def test_an_order_that_a_venue_confirms() -> None:
    rows = Rows()
    rows.signal()
    rows.entry()
    (order,) = rows.decoder.confirmed(9, "S.0.4.e.9", "8842", 12, 180_000)
    assert (order.exchange_order_id, order.latency_ms, order.time) == ("8842", 12, 180_000)
    assert rows.decoder.confirmed(77, "x", "y", 1, 180_000) == []


def test_a_cancellation_that_waits_for_the_venue_says_nothing() -> None:
    rows = Rows()
    rows.signal()
    rows.entry()
    assert rows(RowKind.CANCEL, order=9, decision=4, unconfirmed=1) == []
    assert one(rows(RowKind.CANCEL, order=9, decision=4), Order).status == "cancelled"


def test_a_halt_is_a_critical_alert() -> None:
    rows = Rows()
    open_position(rows)
    facts = rows(RowKind.STATE, to_state=State.HALTED, from_state=State.IN_POSITION, reason=Reason.DRAWDOWN, decision=4,
                 order=9)  # fmt: skip
    change, alert = one(facts, StateChange), one(facts, RiskAlert)

    assert (change.from_state, change.to_state, change.reason) == ("IN_POSITION", "HALTED", "drawdown")
    assert (change.order_id, change.position_id is not None) == ("S.9", True)
    assert (alert.severity, alert.alert_type) == ("CRITICAL", "drawdown")
    assert (alert.symbol, alert.message) == ("", "Halted, the drawdown limit was reached. No entries until resumed.")
    again = rows(RowKind.STATE, to_state=State.HALTED, from_state=State.SCANNING, reason=Reason.DRAWDOWN)
    assert [type(fact) for fact in again] == [StateChange]  # the account halts once, however many symbols say so
    rows(RowKind.STATE, to_state=State.SCANNING, from_state=State.HALTED, reason=Reason.RESUME)
    assert one(rows(RowKind.STATE, to_state=State.HALTED, from_state=State.SCANNING), RiskAlert).severity == "CRITICAL"
