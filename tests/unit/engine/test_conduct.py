"""What became of the signals, and when nothing was traded: counted from rows and facts written here by hand."""

from typing import Any

import numpy as np
import pytest
from msgspec.structs import asdict, replace

from triplane.engine.conduct import Conduct
from triplane.kernel.codes import Check, Gate, Leg, OrderEnd, Reason, RowKind, SignalStatus, State
from triplane.kernel.rows import OUTPUT, VIEWS
from triplane.model import facts as f
from triplane.model.conduct import GATES, Halt

DAY = 86_400_000


def rows(*told: tuple[RowKind, dict[str, Any]]) -> Any:
    made = np.zeros(len(told), OUTPUT)
    for i, (kind, columns) in enumerate(told):
        view = made[i : i + 1].view(VIEWS[kind])
        view["kind"] = kind
        for name, value in columns.items():
            view[name] = value
    return made


def signal(decision: int, status: SignalStatus, **more: int) -> tuple[RowKind, dict[str, Any]]:
    return RowKind.SIGNAL, {"decision": decision, "status": status, **more}


def refused(check: Check) -> tuple[RowKind, dict[str, Any]]:
    return RowKind.REJECT, {"check": check}


def state(time: int, begin: State, to: State, reason: Reason) -> tuple[RowKind, dict[str, Any]]:
    return RowKind.STATE, {"time": time, "from_state": begin, "to_state": to, "reason": reason}


def test_every_signal_is_counted_once_and_so_is_what_stopped_it() -> None:
    told = rows(
        signal(1, SignalStatus.REJECTED), refused(Check.MAX_TRADES_DAY),
        signal(2, SignalStatus.REJECTED), refused(Check.MAX_TRADES_DAY),
        signal(3, SignalStatus.REJECTED), refused(Check.DATA_QUALITY),
        signal(4, SignalStatus.PENDING), signal(4, SignalStatus.EXPIRED),
        signal(5, SignalStatus.PENDING), signal(5, SignalStatus.EXECUTED, capped=1),
        (RowKind.PLACE, {"order": 1, "leg": Leg.ENTRY}),
        (RowKind.FILL, {"order": 1, "leg": Leg.ENTRY}), (RowKind.FILL, {"order": 1, "leg": Leg.ENTRY, "done": 1}),
        (RowKind.PLACE, {"order": 2, "leg": Leg.STOP}), (RowKind.FILL, {"order": 2, "leg": Leg.STOP}),
        (RowKind.TRADE, {"time": 7}), signal(5, SignalStatus.EXECUTED, closing=1),
        signal(6, SignalStatus.EXECUTED), (RowKind.PLACE, {"order": 3, "leg": Leg.ENTRY}),
        (RowKind.ORDER, {"order": 3, "leg": Leg.ENTRY, "end": OrderEnd.EXPIRED}),
        signal(7, SignalStatus.EXECUTED), (RowKind.PLACE, {"order": 4, "leg": Leg.ENTRY}),
        (RowKind.CANCEL, {"order": 4, "leg": Leg.ENTRY}), (RowKind.CANCEL, {"order": 9, "leg": Leg.TP1}),
    )  # fmt: skip
    expected = {
        "signals": 7, "gate": {"data_quality": 1}, "check": {"max_trades_day": 2}, "not_executed": 1, "orders": 3,
        "capped": 1, "not_filled": {"expired": 1, "cancelled": 1}, "filled": 1, "trades": 1,
    }  # fmt: skip
    whole, piecemeal = Conduct(), Conduct()
    whole.take(told)
    for i in range(len(told)):
        piecemeal.take(told[i : i + 1])
    assert asdict(whole.funnel()) == asdict(piecemeal.funnel()) == expected


def test_an_entry_that_filled_in_part_and_then_ended_is_one_that_filled() -> None:
    part = {"order": 1, "leg": Leg.ENTRY}
    found = Conduct()
    found.take(rows((RowKind.PLACE, part), (RowKind.FILL, part), (RowKind.ORDER, part | {"end": OrderEnd.EXPIRED})))
    told = heard((ORDER, {}), (FILL, {}), (ORDER, {"status": "expired"}))
    late = heard((ORDER, {}), (ORDER, {"status": "cancelled"}), (FILL, {}))
    for one in (found.funnel(), told.funnel(), late.funnel()):
        assert (one.orders, one.filled, one.not_filled) == (1, 1, {})


def test_a_cancel_that_a_venue_has_yet_to_confirm_is_no_end() -> None:
    found = Conduct()
    found.take(rows((RowKind.CANCEL, {"leg": Leg.ENTRY, "unconfirmed": 1})))
    assert found.funnel().not_filled == {}


def test_halts_and_the_time_they_took() -> None:
    found = Conduct()
    assert found.stopped_at is None
    found.take(rows(state(DAY, State.SCANNING, State.HALTED, Reason.DAILY_LOSS)))
    found.take(rows(state(DAY, State.IN_POSITION, State.HALTED, Reason.DAILY_LOSS)))  # the same halt, another symbol
    assert found.stopped_at == DAY
    found.take(rows(state(2 * DAY, State.HALTED, State.BOOTSTRAP, Reason.RESUME)))
    assert found.stopped_at is None
    found.take(rows(state(4 * DAY, State.IN_POSITION, State.HALTED, Reason.DRAWDOWN)))
    found.take(rows((RowKind.TRADE, {"time": 5 * DAY})))
    assert found.stopped_at == 5 * DAY  # what was open then ended by itself
    figures = found.figures(0, 10 * DAY)
    assert figures["halts"] == [
        "daily loss at 1970-01-02 00:00:00, for 1.0 days",
        "drawdown at 1970-01-05 00:00:00, for 6.0 days, until the end",
    ]
    assert figures["halted_pct"] == 70.0


def test_the_gates_are_those_of_the_kernel() -> None:
    assert {gate.label for gate in Gate} | {Check.HALTED.label, Check.DATA_QUALITY.label} == GATES


HEAD: dict[str, Any] = {"session_id": "s", "seq": 1, "time": 1, "symbol": "X"}
SIGNAL = f.Signal(
    **HEAD, id="g", agent="a", action="enter", signal_type="buy", status="executed", confidence=1.0,
    confidence_level="high", price=1.0, entry_price=1.0, stop_loss=0.5, tp_levels=f.TpLevels(), position_size=1.0,
    risk_reward_ratio=None, indicators={}, reasons=[], generated_at=1,
)  # fmt: skip
ORDER = f.Order(
    **HEAD, order_id="1", client_order_id="c", leg="entry", type="limit", side="buy", quantity="1", price="1",
    trigger_price=None, requested_price="1", reduce_only=False, created_at=1, expires_at=None,
)  # fmt: skip
FILL = f.Fill(
    **HEAD, fill_id="x", order_id="1", filled_at=1, leg="entry", side="buy", price="1", quantity="1", fee="0",
    slippage="0", maker=False, reason=None,
)  # fmt: skip
TRADE = f.Trade(
    **HEAD, id="t", position_id="t", side="LONG", quantity="1", entry_time=1, exit_time=1, entry_price="1",
    exit_price="1", pnl="0", fees="0", funding=None, slippage="0", balance_after="1", r_multiple=None, mae=None,
    mfe=None, exit_reason="stop", bars_held=1, stop_loss=None,
)  # fmt: skip


def heard(*told: tuple[Any, dict[str, Any]]) -> Conduct:
    found = Conduct()
    for fact, more in told:
        found.hear(replace(fact, **more))
    return found


def test_facts_are_counted_as_their_rows_are() -> None:
    found = heard(
        (SIGNAL, {"decision": 1, "status": "rejected", "reject_reason": "max_trades_day", "capped": True}),
        (SIGNAL, {"decision": 2, "status": "rejected", "reject_reason": "data_quality"}),
        (SIGNAL, {"decision": 3, "status": "pending"}), (SIGNAL, {"decision": 3, "status": "expired"}),
        (SIGNAL, {"decision": 4, "status": "pending"}), (SIGNAL, {"decision": 4, "order_id": "1", "capped": True}),
        (ORDER, {"decision": 4}),
        (FILL, {"decision": 4}), (ORDER, {"decision": 4, "status": "partially_filled"}),
        (FILL, {"decision": 4}), (ORDER, {"decision": 4, "status": "filled"}),
        (ORDER, {"decision": 4, "order_id": "2", "leg": "stop"}), (FILL, {"order_id": "2", "leg": "stop"}),
        (TRADE, {"decision": 4}), (SIGNAL, {"decision": 5, "action": "close"}),
        (SIGNAL, {"decision": 6, "order_id": "3"}), (ORDER, {"decision": 6, "order_id": "3"}),
        (ORDER, {"decision": 6, "order_id": "3", "status": "expired"}),
        (SIGNAL, {"decision": 6, "order_id": "3", "status": "expired"}),  # its entry was not filled
    )  # fmt: skip
    assert asdict(found.funnel()) == {
        "signals": 5, "gate": {"data_quality": 1}, "check": {"max_trades_day": 1}, "not_executed": 1, "orders": 2,
        "capped": 1, "not_filled": {"expired": 1}, "filled": 1, "trades": 1,
    }  # fmt: skip


def test_what_a_person_simulated_is_in_no_count() -> None:
    found = heard(
        (SIGNAL, {"decision": 1, "simulated": True}), (ORDER, {"decision": 1}), (FILL, {"decision": 1}),
        (ORDER, {"decision": 1, "status": "filled"}), (TRADE, {"decision": 1, "simulated": True}),
        (SIGNAL, {"decision": 2, "simulated": True}), (ORDER, {"decision": 2, "order_id": "2"}),
        (ORDER, {"decision": 2, "order_id": "2", "status": "cancelled"}),
    )  # fmt: skip
    assert found.funnel() == Conduct().funnel()


def test_the_halts_of_an_account() -> None:
    account = f.Account(
        session_id="s", seq=1, time=DAY, epoch=0, start_balance=1.0, simulated=0.0, balance=1.0, equity=1.0,
        unrealized=0.0, used_margin=0.0, peak_equity=1.0, max_drawdown=0.0, day_equity=1.0, trades_today=0,
        open_positions=0, halted=False, halt_reason=None, gates=[],
    )  # fmt: skip
    halted = {"halted": True, "halt_reason": "daily_loss"}
    found = heard(
        (account, {}),
        (account, {"time": 2 * DAY, **halted}), (account, {"time": 3 * DAY, **halted}), (account, {"time": 4 * DAY}),
        (account, {"time": 9 * DAY, "halted": True, "halt_reason": "drawdown"}), (TRADE, {"time": 10 * DAY}),
    )  # fmt: skip
    assert found.halts == [Halt("daily_loss", 2 * DAY, 4 * DAY), Halt("drawdown", 9 * DAY)]
    assert found.stopped_at == 10 * DAY
    assert found.halted_pct(DAY, 11 * DAY) == pytest.approx(40.0)
