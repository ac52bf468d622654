"""From rows to events: exact decimals, words, ids, and what follows from what."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triplane.data.instruments import Grid, Instrument
from triplane.engine.decode import Decoder, money
from triplane.engine.events import (
    Decision,
    Event,
    Fill,
    LogLine,
    Order,
    Position,
    RiskAlert,
    Signal,
    StateChange,
    Trade,
)
from triplane.kernel import records as r

BTC = Instrument("BTCUSDT", Decimal("0.1"), Decimal("0.001"))


class Spec:
    reasons = ("Up.", "Down.", "Strong.")
    sees = ("fast", "slow")


class Rows:
    """Makes rows one after the other and decodes them at once."""

    def __init__(self) -> None:
        self.decoder = Decoder("S", [BTC], Spec(), leverage=2.0)
        self.seq = 0

    def __call__(self, kind: int, x: dict[int, float] | None = None, **fields: int) -> list[Event]:
        self.seq += 1
        row = np.zeros(1, r.OUTPUT)
        row["seq"], row["time"], row["kind"] = self.seq, 60_000 * self.seq, kind
        for name, value in fields.items():
            row[name] = value
        for i, number in (x or {}).items():
            row["x"][0, i] = number
        return self.decoder.decode(row)

    def signal(self, **fields: int) -> list[Event]:
        x: dict[int, float] = {
            0: 100.0,
            1: 100.0,
            2: 99.0,
            3: 101.0,
            4: 103.0,
            6: 0.7,
            7: 0.02,
            8: 1.5,
            9: float("nan"),
        }
        return self(r.ROW_SIGNAL, x, **{"decision": 4, "side": 1, "bits": 0b101, "code": r.SIGNAL_EXECUTED} | fields)

    def entry(self, **fields: int) -> list[Event]:
        values = {"decision": 4, "order": 9, "leg": r.ENTRY, "side": 1, "quantity_lots": 20} | fields
        return self(r.ROW_PLACE, {0: 100.0}, **values)


def one(events: list[Event], kind: type[Any]) -> Any:
    (found,) = [e for e in events if isinstance(e, kind)]
    return found


@given(
    st.decimals("0.00000001", "1000", places=8).filter(bool)
    | st.sampled_from([Decimal(5), Decimal("0.25"), Decimal("1E+2")]),
    st.integers(-(10**15), 10**15),
)
def test_the_grid_is_as_exact_as_the_instrument(step: Decimal, n: int) -> None:
    instrument = Instrument("X", step, step)
    grid = Grid(instrument)

    assert grid.price(n) == instrument.price(n) == n * step
    assert "E" not in format(grid.quantity(n), "f")


@given(st.floats(-1e9, 1e9))
def test_money_has_eight_decimals_and_no_tail(value: float) -> None:
    text = str(money(value))

    assert abs(float(text) - value) <= 0.5e-8 + abs(value) * 1e-15
    assert "." not in text or not text.endswith("0")
    assert text != "-0"


def test_an_executed_signal_becomes_a_decision_with_its_order() -> None:
    rows = Rows()
    assert rows.signal() == []  # not complete before its order is placed
    events = rows.entry()
    signal, decision, order = one(events, Signal), one(events, Decision), one(events, Order)

    assert [type(e) for e in events] == [Signal, Decision, LogLine, Order]
    assert (signal.status, signal.order_id, signal.executed_at) == ("executed", order.order_id, 120_000)
    assert signal.payload()["tp_levels"] == {"tp1": 101.0, "tp2": 103.0, "tp3": None}
    assert signal.payload()["risk_reward_ratio"] == 3.0
    assert signal.payload()["confidence_level"] == "high"
    assert signal.indicators == {"regime": None, "regime_confidence": None, "fast": 1.5, "slow": None}
    assert signal.reasons == ("Up.", "Strong.")
    assert decision.payload()["risk"] == pytest.approx({"position_value": 2.0, "risk_amount": 0.02, "risk_reward": 3.0})
    assert [step["qty"] for step in decision.payload()["tp_ladder"]] == [None, None]
    assert (order.quantity, order.created, order.client_order_id) == (Decimal("0.020"), True, "S.0.4.e.9")
    assert one(events, LogLine).sentence == "Buy 0.02 BTCUSDT at about 100, stop 99, targets 101, 103."


def test_a_refused_signal_names_its_check() -> None:
    rows = Rows()
    assert rows.signal(code=r.SIGNAL_REJECTED) == []
    events = rows(r.ROW_REJECT, {0: 5, 1: 5}, decision=4, side=1, code=r.CHECKS.index("max_trades_day"))
    alert = one(events, RiskAlert)

    assert one(events, Signal).payload()["reject_reason"] == "max_trades_day"
    assert (alert.severity, alert.alert_type) == ("WARNING", "max_trades_day")
    assert alert.message == "No buy of BTCUSDT: 5 trades were opened today, and 5 are allowed."
    assert one(events, LogLine).level == "bad"


def test_a_pending_signal_is_expired_or_executed_later() -> None:
    rows = Rows()
    pending = one(rows.signal(code=r.SIGNAL_PENDING), Signal)
    expired = one(rows(r.ROW_SIGNAL, {0: 100.5}, decision=4, side=1, code=r.SIGNAL_EXPIRED), Signal)
    assert (pending.status, pending.pending_at) == ("pending", 60_000)
    assert (expired.id, expired.status, expired.entry_price) == (pending.id, "expired", 100.0)

    first = one(rows.signal(code=r.SIGNAL_PENDING, decision=5), Signal)
    rows.signal(decision=5)
    executed = one(rows.entry(decision=5), Signal)
    assert first.status == "pending"  # what was published does not change
    assert (executed.id, executed.status) == (first.id, "executed")
    assert (executed.generated_at, executed.pending_at) == (first.generated_at, first.pending_at)
    assert executed.executed_at > first.generated_at


def open_position(rows: Rows) -> None:
    rows.signal()
    rows.entry()
    rows(r.ROW_FILL, {0: 0.04, 1: 100.0, 3: 20, 4: 30_000}, order=9, decision=4, leg=0, side=1, price_ticks=1001,
         quantity_lots=20, code2=1)  # fmt: skip
    rows(
        r.ROW_PLACE,
        decision=4,
        order=10,
        leg=r.STOP,
        type=r.STOP_MARKET,
        side=-1,
        trigger_ticks=990,
        quantity_lots=20,
        flag=1,
    )


def test_a_position_from_its_fills_to_its_trade() -> None:
    rows = Rows()
    open_position(rows)
    target = rows(r.ROW_PLACE, decision=4, order=11, leg=r.TP1, type=r.TAKE_PROFIT_MARKET, side=-1, trigger_ticks=1010,
                  quantity_lots=8, flag=1)  # fmt: skip
    position = one(target, Position)
    assert (position.side, position.size, position.entry_price) == ("LONG", Decimal("0.020"), Decimal("100.1"))
    assert (position.entry_time, position.stop_loss) == (30_000, Decimal("99.0"))
    assert position.payload()["take_profits"] == [{"price": "101.0", "quantity": "0.008", "filled": False}]

    events = rows(r.ROW_FILL, {0: 0.01, 3: 12}, order=11, decision=4, leg=r.TP1, side=-1, price_ticks=1010,
                  quantity_lots=8, code2=1, code=r.WHY_TARGET)  # fmt: skip
    assert one(events, Fill).filled_at == events[0].time
    assert (one(events, Position).size, one(events, Position).take_profits[0].filled) == (Decimal("0.012"), True)
    moved = rows(
        r.ROW_AMEND, order=10, decision=4, leg=r.STOP, trigger_ticks=1001, quantity_lots=12, code=r.WHY_BREAK_EVEN
    )
    assert one(moved, LogLine).sentence == "Moved the stop of BTCUSDT to break-even: 100.1."
    assert one(moved, Order).trigger_price == one(moved, Position).stop_loss == Decimal("100.1")
    rows(r.ROW_FILL, {3: 0}, order=10, decision=4, leg=r.STOP, side=-1, price_ticks=1001, quantity_lots=12, code2=1,
         code=r.WHY_STOP)  # fmt: skip
    values = {0: 100.1, 1: 100.5, 2: 0.0076, 3: 0.05, 4: 30_000, 5: 420_000, 6: float("nan"), 11: 1000.01, 12: 7}
    closed = rows(r.ROW_TRADE, values, decision=4, side=1, quantity_lots=20, code=r.WHY_STOP)
    trade = one(closed, Trade)

    assert one(closed, Position).status == "closed"
    assert trade.payload()["pnl"] == "0.0076"
    assert (trade.position_id, trade.stop_loss) == (position.id, Decimal("100.1"))
    assert (trade.r_multiple, trade.exit_reason, trade.entry_time) == (None, "stop", 30_000)
    assert rows.decoder.working_orders() == []


def test_an_entry_in_two_fills_has_their_average() -> None:
    rows = Rows()
    rows.signal()
    rows.entry(quantity_lots=3)
    first = rows(r.ROW_FILL, {3: 1}, order=9, decision=4, side=1, price_ticks=1000, quantity_lots=1)
    second = rows(r.ROW_FILL, {3: 3}, order=9, decision=4, side=1, price_ticks=1001, quantity_lots=2, code2=1)

    assert one(first, Order).status == "partially_filled"
    assert (one(second, Order).status, one(second, Order).filled_quantity) == ("filled", Decimal("0.003"))
    assert one(second, Order).filled_price == one(second, Position).entry_price == Decimal("100.06666667")


def test_orders_that_end_without_a_fill() -> None:
    rows = Rows()
    rows.signal()
    rows.entry(type=r.LIMIT, price_ticks=995, expires_at=600_000)
    events = rows(r.ROW_ORDER, order=9, decision=4, code=r.EXPIRED, code2=r.WHY_ENTRY_EXPIRED)
    assert (one(events, Order).status, one(events, Order).reason) == ("expired", "entry_expired")
    assert one(events, Order).payload()["price"] == "99.5"
    assert one(events, LogLine).sentence == "The entry order of BTCUSDT expired unfilled."
    assert rows(r.ROW_CANCEL, order=9, decision=4, code=r.WHY_ENTRY_CANCELLED) == []


def test_a_halt_is_a_critical_alert() -> None:
    rows = Rows()
    open_position(rows)
    events = rows(r.ROW_STATE, code=r.HALTED, code2=r.IN_POSITION, flag=r.WHY_DRAWDOWN, decision=4, order=9)
    change, alert = one(events, StateChange), one(events, RiskAlert)

    assert change.payload() == {
        "from_state": "IN_POSITION",
        "to_state": "HALTED",
        "reason": "drawdown",
        "order_id": "S.9",
        "position_id": change.position_id,
    }
    assert change.position_id is not None
    assert (alert.severity, alert.alert_type) == ("CRITICAL", "drawdown")
    assert alert.message == "BTCUSDT: halted, the drawdown limit was reached. No entries until resumed."
