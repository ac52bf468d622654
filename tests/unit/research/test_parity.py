"""How the trades of paper and venue are paired and classed, on hand-made rows; the runs are an integration test."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from triplane.kernel.codes import Leg, OrderEnd, Reason, RowKind, State
from triplane.kernel.records import CANDLE
from triplane.kernel.rows import OUTPUT, VIEWS
from triplane.research.parity import ComparedTrade, LegExecutions, _Comparison, trades_of

MINUTE = 60_000
T = 1_700_000_040_000


def row(kind: RowKind, **fields: Any) -> Any:
    made = np.zeros(1, OUTPUT)
    made["kind"] = kind
    for name, value in fields.items():
        made.view(VIEWS[kind])[name] = value
    return made


def signal(decision: int = 1, time: int = T, side: int = 1, **more: Any) -> Any:
    return row(RowKind.SIGNAL, decision=decision, time=time, side=side, **more)


def fill(leg: Leg, ticks: int, time: int, lots: int = 10, decision: int = 1) -> Any:
    times = {"time": time, "filled_at": time}
    return row(RowKind.FILL, decision=decision, leg=leg, price_ticks=ticks, quantity_lots=lots, **times)


def closed(reason: Reason = Reason.STOP, decision: int = 1) -> Any:
    return row(RowKind.TRADE, decision=decision, reason=reason, pnl=-3.5)


def joined(*rows: Any) -> Any:
    return np.concatenate(rows)


def test_a_decision_and_what_became_of_it() -> None:
    rows = joined(
        signal(), fill(Leg.ENTRY, 100, T), fill(Leg.ENTRY, 104, T + 5, lots=30), fill(Leg.STOP, 90, T + MINUTE, 40),
        closed(), signal(2, T + MINUTE, -1), signal(3, closing=1),
    )  # fmt: skip
    found = trades_of(rows)
    assert set(found) == {(0, T, 1), (0, T + MINUTE, -1)}
    trade = found[0, T, 1]
    assert (trade.legs["entry"].ticks, trade.legs["entry"].lots, trade.legs["entry"].time) == (103.0, 40, T)
    assert (trade.closed, trade.reason, trade.pnl) == (True, "stop", -3.5)


def test_an_entry_that_the_venue_refused() -> None:
    rows = joined(signal(), row(RowKind.ORDER, decision=1, leg=Leg.ENTRY, end=OrderEnd.REJECTED))
    assert trades_of(rows)[0, T, 1].refused
    rows = joined(signal(), row(RowKind.ORDER, decision=1, leg=Leg.STOP, end=OrderEnd.REJECTED))
    assert not trades_of(rows)[0, T, 1].refused


def compare(paper: Any, real: Any, high: float = 110.0, low: float = 90.0) -> Any:
    """Class both runs' rows on a market whose candles all have this range."""
    candles = np.zeros(5, CANDLE)
    candles["open_time"], candles["high"], candles["low"] = T // MINUTE * MINUTE + MINUTE * np.arange(5), high, low
    session = SimpleNamespace(A={"balance": [1000.0]}, setup=SimpleNamespace(balance=1000.0))
    market = SimpleNamespace(tick=1, symbol="BTCUSDT", price=lambda ticks: ticks)
    run: Any = SimpleNamespace(
        rows=lambda: [paper, real], markets=[market], paper=session, live=session,
        candles=[[c[None] for c in candles]],
    )  # fmt: skip
    return _Comparison(run).all()


def trade(entry: int = 100, stop: int = 95, at: int = T + 2 * MINUTE) -> Any:
    return joined(signal(), fill(Leg.ENTRY, entry, T), fill(Leg.STOP, stop, at), closed())


@pytest.mark.parametrize(
    ("real", "verdict"),
    [
        (trade(), "same"),
        (trade(entry=101), "same"),  # a tick
        (trade(stop=88), "path"),  # further, but inside the candle's range
        (trade(stop=60), "apart"),
        (joined(signal(), row(RowKind.ORDER, decision=1, leg=Leg.ENTRY, end=OrderEnd.REJECTED)), "refused"),
        (joined(signal(), fill(Leg.ENTRY, 100, T)), "open"),
        (joined(signal(), fill(Leg.ENTRY, 100, T), fill(Leg.TP1, 103, T + 2 * MINUTE), closed(Reason.TARGET)), "order"),
    ],
)
def test_the_class_of_a_pair(real: Any, verdict: str) -> None:
    result = compare(trade(), real)
    assert dict(result.classes) == {verdict: 1}
    assert result.agree == (verdict != "apart")
    assert [d["class"] for d in result.differences] == ([] if verdict == "same" else [verdict])


def test_a_trade_without_a_partner_is_alone() -> None:
    result = compare(trade(), signal(9, T + 4 * MINUTE))
    assert (dict(result.classes), result.agree) == ({"alone": 1}, False)
    assert result.fills["only_paper"] == 2


def test_it_waits_while_the_other_takes_its_entry_out() -> None:
    leaving = row(RowKind.CANCEL, time=T, leg=Leg.ENTRY)
    assert dict(compare(trade(), leaving).classes) == {"waits": 1}


def test_it_follows_when_they_had_parted_and_the_other_was_busy() -> None:
    later = joined(
        row(RowKind.STATE, time=T - 1, to_state=State.IN_POSITION),
        signal(5, T - MINUTE), fill(Leg.ENTRY, 100, T - MINUTE, decision=5),
    )  # fmt: skip
    assert compare(trade(), later).classes["follows"] == 1


def test_prices_are_in_basis_points_and_worse_is_positive() -> None:
    found = compare(trade(), trade(entry=101, stop=94)).to_dict()["price_difference_bps"]
    assert found["best"] == pytest.approx(100, abs=1)  # bought a tick higher: one percent of 100 ticks
    assert found["worst"] == pytest.approx(1e4 / 95, abs=1)  # sold a tick lower


def test_a_leg_has_its_average_price() -> None:
    assert LegExecutions(lots=4, value=402.0).ticks == 100.5
    assert not ComparedTrade(0, 1, T).closed
