"""What became of the signals, and when nothing was traded: counted from rows that are written here by hand."""

from typing import Any

import numpy as np

from triplane.engine.conduct import Conduct
from triplane.kernel.codes import Check, Leg, OrderEnd, Reason, RowKind, SignalStatus, State
from triplane.kernel.rows import OUTPUT, VIEWS

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
    assert whole.funnel() == piecemeal.funnel() == expected


def test_a_cancel_that_a_venue_has_yet_to_confirm_is_no_end() -> None:
    found = Conduct()
    found.take(rows((RowKind.CANCEL, {"leg": Leg.ENTRY, "unconfirmed": 1})))
    assert found.funnel()["not_filled"] == {}


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
