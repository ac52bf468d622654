"""The curve as it grows gives the figures of the whole curve, and stays small."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triplane.api.replica import record as records
from triplane.api.replica.record import EquityCurve, Record
from triplane.api.replica.session import SessionReplica
from triplane.model.conduct import Halt
from triplane.model.performance import OF_TIME, Curve, performance

from ..streams import DAY, MINUTE, START, Stream

STEPS = st.lists(
    st.tuples(st.integers(1, 40) | st.just(300), st.floats(50, 150), st.integers(1, 3)), max_size=120
)  # half hours on, equity, how many symbols share the time


@given(STEPS)
def test_figures_of_the_growing_curve_are_those_of_the_whole(steps: list[tuple[int, float, int]]) -> None:
    curve, time = EquityCurve(100.0), START
    times: list[int] = []
    equity: list[float] = []
    for hours, value, symbols in steps:
        time += hours * 30 * MINUTE
        for _ in range(symbols):
            curve.add(time, 1.0)
        curve.correct(value)
        times.append(time)
        equity.append(value)
        found = curve.summary()
        expected = Curve.of(np.array(times), np.array(equity), 100.0)
        assert found[:3] == expected[:3]
        assert (found.days, found.span_ms) == (expected.days, expected.span_ms)
        assert found.returns.tolist() == expected.returns.tolist()
    assert [(one.time, one.equity) for one in curve.points(10_000, 0)] == list(zip(times, equity, strict=True))


def test_nothing_was_earned_yet() -> None:
    curve = EquityCurve(100.0)
    curve.correct(7.0)
    assert curve.points(10, MINUTE) == []
    found = curve.summary()
    assert (found.final, found.depth, found.length, found.span_ms, found.returns.tolist()) == (100.0, 0.0, 0, 0.0, [])


def test_points_are_chosen_evenly_and_carry_the_time_of_the_close() -> None:
    curve = EquityCurve(100.0)
    for number in range(100):
        curve.add(START + number * MINUTE, float(number))
    few = curve.points(7, MINUTE)
    assert len(few) <= 7
    assert (few[-1].time, few[-1].equity) == (START + 100 * MINUTE, 99.0)
    assert {b.time - a.time for a, b in pairwise(few)} == {15 * MINUTE}


def test_a_long_curve_is_thinned_out_and_its_figures_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "POINTS", 100)
    curve = EquityCurve(100.0)
    rng = np.random.default_rng(1)
    equity = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 5000)))
    times = START + np.arange(5000) * 10 * MINUTE
    for time, value in zip(times.tolist(), equity.tolist(), strict=True):
        curve.add(time, value)
        assert len(curve._times) <= 101
    shown = curve.points(5000, 0)
    assert shown[-1].time == times[-1]
    assert {b.time - a.time for a, b in pairwise(shown[:-1])} == {64 * 10 * MINUTE}
    assert curve.summary()[:3] == Curve.of(times, equity, 100.0)[:3]


def test_the_figures_are_those_of_a_backtest() -> None:
    stream, record = Stream(), Record(1000.0)
    columns: dict[str, list[float]] = {name: [] for name in records.COLUMNS}
    times, equity = [], []
    for number in range(40):
        stream.now += 8 * 60 * MINUTE
        trade = stream.trade(f"t{number}", pnl=str((number % 7) - 3), r_multiple=None if number % 5 else 0.5, mae=0.25)
        record.curve.add(stream.now - MINUTE, 1000.0)
        record.add(trade)
        value = 1000.0 + sum(columns["pnl"]) + float(trade.pnl)
        record.curve.correct(value)
        times.append(stream.now - MINUTE)
        equity.append(value)
        for name, column in columns.items():
            given_: Any = getattr(trade, name)
            column.append(float("nan") if given_ is None else float(given_))
    found = record.performance("s", stream.now)
    expected = performance(columns, np.array(times), np.array(equity), 1000.0)
    assert found.trades == 40
    for name, value in expected.items():
        shown = getattr(found, name)
        assert (float(shown) if isinstance(shown, str) else shown) == value, name
    assert found.sharpe is not None
    assert set(expected) | {"session_id", "halts", "halted_pct", "funnel"} == set(found.__struct_fields__)


def test_what_is_a_rate_of_time_ends_where_trading_did() -> None:
    stream, times, equity = Stream(), [], []
    for number in range(60):  # three candles a day; it is halted for good in the middle of the 16th day
        times.append(stream.now)
        stream.candle(at=stream.now)
        if number == 46:
            stream.trade("t", pnl="46")
        halted = {"halted": True, "halt_reason": "drawdown"} if number >= 46 else {}
        equity.append(10_000.0 + (number if number < 47 else 46) * (-1) ** (number % 4 == 1))
        stream.account(equity=equity[-1], **halted)
        stream.now = times[-1] + DAY // 3
    replica = SessionReplica(stream.facts[0])
    replica.take(stream.rest)
    found, stop = replica.performance(), times[46] + MINUTE
    columns = {
        name: np.array([float(value)])
        for name, value in {
            "entry_time": times[46], "exit_time": stop, "quantity": 0.5, "entry_price": 100, "pnl": 46, "fees": 0.04,
            "slippage": 0.01, "funding": 0, "r_multiple": 0.75, "mae": 0.5, "mfe": 3.5,
        }.items()
    }  # fmt: skip
    expected = performance(columns, np.array(times), np.array(equity), 10_000.0, stop)
    assert found.sharpe != performance(columns, np.array(times), np.array(equity), 10_000.0)["sharpe"]
    assert {name: getattr(found, name) for name in OF_TIME} == {name: expected[name] for name in OF_TIME}
    assert found.reasons == expected["reasons"]
    assert found.reasons["sharpe"] == "over the 15.3 days until trading stopped"
    assert found.halts == [Halt("drawdown", stop)]
    assert found.halted_pct == pytest.approx(100 * (times[59] - times[46]) / (times[59] + MINUTE - times[0]))

    stream.account()
    replica.take(stream.facts[-1:])
    assert replica.performance().halts == [Halt("drawdown", stop, stream.now)]
    assert "sharpe" not in replica.performance().reasons


def test_today_begins_at_midnight_utc_by_the_markets_time() -> None:
    stream, record = Stream(), Record(1000.0)
    record.roll(START + DAY)  # the last candle of the first day closes at midnight
    record.add(stream.trade("a", pnl="-2.5", time=START + DAY))
    day = record.today(997.5, 1000.0, 3)
    assert (day.since, day.pnl, day.start_equity, day.opened) == (START, "-2.5", "1000", 3)
    assert (day.closed, day.won, day.realized) == (1, 0, "-2.5")
    assert day.pnl_pct == pytest.approx(-0.25)
    record.roll(START + DAY + MINUTE)
    record.add(stream.trade("b", pnl="4", time=START + DAY + MINUTE))
    day = record.today(1001.5, 997.5, 1)
    assert (day.since, day.closed, day.won, day.realized, day.pnl) == (START + DAY, 1, 1, "4", "4")
    assert Record(0.0).today(0.0, 0.0, 0).pnl_pct is None
