"""The figures, worked out by hand; and the same from a frame, a mapping, or a curve that was only seen going by."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triplane.model.performance import COLUMNS, DAY_MS, MIN_DAYS, daily_returns, drawdown, performance

HOUR = 3_600_000
NONE: dict[str, Any] = {name: [] for name in COLUMNS}


def trades(*pnl: float, **more: list[float]) -> dict[str, list[float]]:
    n = len(pnl)
    columns = {name: [0.0] * n for name in COLUMNS} | {"entry_price": [50.0] * n}
    times = {"entry_time": [i * HOUR for i in range(n)], "exit_time": [i * HOUR + HOUR / 2 for i in range(n)]}
    return columns | times | {"pnl": list(pnl), "r_multiple": [math.nan] * n} | more  # type: ignore[dict-item]


def test_without_trades_every_figure_has_its_reason() -> None:
    found = performance(NONE, np.zeros(0, np.int64), np.zeros(0), 100.0)
    assert (found["trades"], found["net_pnl"], found["final_equity"], found["exposure_pct"]) == (0, 0.0, 100.0, 0.0)
    empty = {name for name, value in found.items() if value is None}
    assert empty == set(found["reasons"])
    assert found["reasons"]["win_rate"] == "there were no trades"
    assert found["reasons"]["sharpe"] == f"needs at least {MIN_DAYS} daily returns"


def test_figures_of_trades() -> None:
    closed = trades(
        3.0, -1.0, 2.0, -2.0, fees=[0.1] * 4, r_multiple=[1.5, math.nan, 1.0, -1.0], mae=[1.0, 2.0, 3.0, math.nan]
    )
    found = performance(closed, np.arange(5) * HOUR, np.array([100.0, 103.0, 102.0, 104.0, 102.0]), 100.0)
    assert (found["win_rate"], found["profit_factor"], found["expectancy"]) == (0.5, 5 / 3, 0.5)
    assert (found["average_win"], found["average_loss"], found["expectancy_r"]) == (2.5, -1.5, 0.5)
    assert (found["average_mae_pct"], found["fees"]) == (4.0, pytest.approx(0.4))  # 2 on average, of 50
    assert (found["net_pnl"], found["return_pct"]) == (2.0, pytest.approx(2.0))
    assert found["max_drawdown_pct"] == pytest.approx(100 * 2 / 104)
    assert found["exposure_pct"] == 50.0
    assert performance(trades(1.0), np.arange(2), np.array([1.0, 2.0]), 1.0)["reasons"]["profit_factor"] == (
        "there was no losing trade"
    )


def test_exposure_counts_each_moment_once_and_the_notional_in_it_as_often_as_it_was_held() -> None:
    times = np.arange(11) * HOUR
    held = trades(
        0.0, 0.0, 0.0,
        entry_time=[0.0, 1.0 * HOUR, 6.0 * HOUR], exit_time=[4.0 * HOUR, 2.0 * HOUR, 7.0 * HOUR],
        quantity=[2.0, 1.0, 4.0], entry_price=[100.0, 50.0, 25.0],
    )  # fmt: skip
    found = performance(held, times, np.full(11, 1000.0), 1000.0)
    assert found["exposure_pct"] == pytest.approx(50.0)  # 4 hours and 1 of 10; the second lies within the first
    assert found["average_notional_pct"] == pytest.approx(100 * (200 * 4 + 50 * 1 + 100 * 1) / 10 / 1000)


def test_what_is_a_rate_of_time_ends_when_trading_does() -> None:
    moved = 100.0 + np.array([2.0, 1.0, 3.0, 2.0, 4.0, 3.0, 5.0, 4.0, 6.0, 5.0, 7.0, 6.0])
    times = np.arange(120) * DAY_MS
    closed = trades(6.0, entry_time=[0.0], exit_time=[6.0 * DAY_MS])
    stopped = performance(closed, times, np.append(moved, np.full(108, 106.0)), 100.0, 12 * DAY_MS)
    whole = performance(closed, times[:12], moved, 100.0)
    for name in ("sharpe", "sortino", "cagr_pct", "calmar", "exposure_pct", "average_notional_pct", "trades_per_day"):
        assert stopped[name] == whole[name]
        assert stopped["reasons"][name] == "over the 12.0 days until trading stopped"
    assert (stopped["final_equity"], stopped["max_drawdown_bars"]) == (106.0, 109)
    early = performance(NONE, times, np.full(120, 100.0), 100.0, 5 * DAY_MS)
    assert early["sharpe"] is None
    assert early["reasons"]["sharpe"] == "needs at least 10 daily returns, over the 5.0 days until trading stopped"


def test_ratios_of_days() -> None:
    equity = np.array([100.0, 102.0, 101.0, 103.0, 102.0, 104.0, 103.0, 105.0, 104.0, 106.0, 105.0])
    times = np.arange(11) * DAY_MS
    found = performance(NONE, times, equity, 100.0)
    returns = np.diff(np.concatenate([[100.0], equity])) / np.concatenate([[100.0], equity])[:-1]
    assert found["sharpe"] == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(365))
    assert found["cagr_pct"] == pytest.approx(100 * (1.05 ** (365 / 11) - 1))
    flat = performance(NONE, times, np.full(11, 100.0), 100.0)
    assert {name: flat["reasons"][name] for name in ("sharpe", "sortino", "calmar")} == {
        "sharpe": "the equity never moved", "sortino": "there was no losing day", "calmar": "there was no drawdown",
    }  # fmt: skip
    apart = performance(NONE, np.where(times < 6 * DAY_MS, times, times + 120 * DAY_MS), equity, 100.0)
    assert apart["cagr_pct"] == pytest.approx(100 * (1.05 ** (365 / 131) - 1))
    rest = np.concatenate([returns[:6], np.zeros(120), returns[6:]])
    assert apart["sharpe"] == pytest.approx(rest.mean() / rest.std(ddof=1) * math.sqrt(365))
    two = performance(NONE, np.array([0, 120 * DAY_MS]), np.array([100.0, 105.0]), 100.0)
    assert (two["cagr_pct"], two["reasons"]["cagr_pct"]) == (None, "needs at least 10 daily returns")
    lost = performance(NONE, times, np.linspace(90.0, 0.0, 11), 100.0)
    assert lost["reasons"]["cagr_pct"] == "the account was lost"


def test_drawdown_and_days() -> None:
    assert drawdown(np.array([1.0, 2.0, 1.0, 1.5, 2.0, 3.0])) == (0.5, 2)
    assert drawdown(np.zeros(0)) == (0.0, 0)
    assert drawdown(np.array([1.0, 3.0, 2.0, 2.0, 2.0])) == (pytest.approx(1 / 3), 3)
    assert daily_returns(np.array([0, 1, DAY_MS]), np.array([110.0, 120.0, 60.0]), 100.0).tolist() == pytest.approx(
        [0.2, -0.5]
    )
    assert daily_returns(np.array([0, 3 * DAY_MS]), np.array([110.0, 55.0]), 100.0).tolist() == pytest.approx(
        [0.1, 0.0, 0.0, -0.5]
    )


NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.just(math.nan))


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), *[NUMBERS] * 6), max_size=60))
def test_the_bits_are_those_of_pandas(rows: list[tuple[float, ...]]) -> None:
    """Published figures were made with pandas; they must not change in their last bit."""
    names = ("pnl", "fees", "slippage", "funding", "r_multiple", "mae", "mfe")
    columns: dict[str, Any] = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    columns |= {"quantity": [1.0] * len(rows), "entry_price": [50.0] * len(rows)}
    columns |= {"entry_time": [0.0] * len(rows), "exit_time": [1.0] * len(rows)}
    frame = pd.DataFrame(columns, dtype=float)
    found = performance(frame, np.arange(3), np.ones(3), 1.0)
    assert found == performance(columns, np.arange(3), np.ones(3), 1.0) or rows
    expected = {
        "expectancy": frame["pnl"].mean(), "average_mae_pct": 100.0 * (frame["mae"] / 50.0).mean(),
        "average_mfe_pct": 100.0 * (frame["mfe"] / 50.0).mean(),
        "expectancy_r": frame["r_multiple"].dropna().mean(), "average_win": frame["pnl"][frame["pnl"] > 0].mean(),
        "fees": frame["fees"].sum(), "slippage": frame["slippage"].sum(),
        "funding": -frame["funding"].sum(skipna=False),  # positive when it cost; unknown when one is
    }  # fmt: skip
    for name, value in expected.items():
        shown = found[name]
        assert (math.isnan(value) and (shown is None or math.isnan(shown))) or shown == value, name
