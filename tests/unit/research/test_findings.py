"""A backtest says what it was made of: period, gaps, impossible candles, what the market itself did; where trading
stopped, and what became of the signals.
"""

from typing import Any

import numpy as np
import pytest
from msgspec.structs import asdict

from triplane.data.generator import generate
from triplane.kernel.codes import Reason, RowKind, State
from triplane.kernel.rows import of_kind
from triplane.model.conduct import Conduct
from triplane.model.settings import PLAIN, CostSettings, TradingSettings
from triplane.research.backtest import Backtest, simulate

START = 1_735_689_600_000
DAY = 86_400_000


@pytest.fixture(scope="module")
def market() -> Any:
    return generate(seed=8, start_ms=START, n=2880)


def metrics(candles: Any) -> dict[str, Any]:
    return simulate(candles, strategy="ema_cross", symbol="X", timeframe="1m").metrics


def test_the_period_and_what_the_market_did(market: Any) -> None:
    found = metrics(market)
    assert (found["first"], found["last"]) == ("2025-01-01 00:00:00", "2025-01-03 00:00:00")
    assert (found["days"], found["bars"], found["missing_bars"], found["data_grade"]) == (2.0, 2880, 0, "A")
    assert found["data"] == ["100.000% of 2880 expected candles are usable."]
    assert found["buy_and_hold_pct"] == pytest.approx(100 * (market["close"][-1] / market["open"][0] - 1), abs=1e-12)


def test_two_days_four_months_apart_are_not_2880_bars_in_a_row(market: Any) -> None:
    apart = market.copy()
    apart["open_time"][1440:] += 120 * DAY
    found = metrics(apart)
    assert (found["days"], found["bars"], found["missing_bars"], found["data_grade"]) == (122.0, 2880, 172_800, "F")
    assert found["data"][0] == "1 gap, 172800 candles missing; the longest is 172800 from 2025-01-02 00:00:00."


def test_a_high_below_the_low_is_told(market: Any) -> None:
    bad = market.copy()
    bad["high"][700], bad["low"][700] = bad["low"][700], bad["high"][700] + 1.0
    found = metrics(bad)
    assert found["data_grade"] == "D"
    assert found["data"][0] == "1 candle with a price outside low to high, the first at 2025-01-01 11:40:00."


def test_one_candle_is_a_period_too(market: Any) -> None:
    found = metrics(np.ascontiguousarray(market[:1]))
    assert (found["bars"], found["days"], found["missing_bars"]) == (1, 1 / 1440, 0)


@pytest.fixture(scope="module")
def month() -> Any:
    return generate(seed=3, start_ms=START, n=30 * 1440)


def traded(candles: Any, **more: Any) -> Backtest:
    settings = TradingSettings(daily_loss_share=0.002, max_drawdown=0.0, risk_per_trade=0.01, max_trades_day=100)
    return simulate(candles, strategy="ema_cross", symbol="X", timeframe="1m", settings=settings, **more)


def test_a_run_that_stopped_trading_says_so(month: Any) -> None:
    result = traded(month)
    halts = of_kind(result.rows, RowKind.STATE)
    at = int(halts["time"][halts["to_state"] == State.HALTED][0])
    found = result.metrics
    assert len(found["halts"]) == 1
    assert found["halts"][0].startswith("daily loss at 2025-01-0")
    assert found["halts"][0].endswith("until the end")
    assert found["halted_pct"] == pytest.approx(100 * (START + 30 * DAY - at) / (30 * DAY))
    assert found["reasons"]["sharpe"].endswith("days until trading stopped")
    assert found["trades_per_day"] > found["trades"] / 30


def test_with_resume_next_day_trading_goes_on_at_midnight(month: Any) -> None:
    result = traded(month, resume_next_day=True)
    states = of_kind(result.rows, RowKind.STATE)
    resumed = states[states["from_state"] == State.HALTED]
    assert len(resumed) >= 3
    assert (resumed["time"] % DAY == 0).all()
    assert set(resumed["reason"]) == {Reason.RESUME}
    halted = states[states["to_state"] == State.HALTED]
    assert (resumed["time"] // DAY == halted["time"][: len(resumed)] // DAY + 1).all()
    assert "sharpe" not in result.metrics["reasons"] or len(halted) > len(resumed)
    assert result.metrics["trades"] > traded(month).metrics["trades"]


def test_without_a_halt_resume_next_day_changes_nothing(month: Any) -> None:
    free = TradingSettings(daily_loss_share=0.0, max_drawdown=0.0)
    runs = [
        simulate(month, strategy="ema_cross", symbol="X", timeframe="1m", settings=free, resume_next_day=resume)
        for resume in (False, True)
    ]
    assert runs[0].decisions_sha256 == runs[1].decisions_sha256
    assert runs[0].metrics["halts"] == []


def test_a_drawdown_is_not_resumed_from(month: Any) -> None:
    limits = TradingSettings(daily_loss_share=0.0, max_drawdown=0.003, max_trades_day=100)
    result = simulate(month, strategy="ema_cross", symbol="X", timeframe="1m", settings=limits, resume_next_day=True)
    assert [text.split(" at ")[0] for text in result.metrics["halts"]] == ["drawdown"]


def test_the_funnel_names_the_limit_that_refused_most_signals(month: Any) -> None:
    result = simulate(month, strategy="ema_cross", symbol="X", timeframe="1m")
    found = result.metrics["funnel"]
    assert found["check"]["max_trades_day"] > 100
    refused = sum(found["gate"].values()) + sum(found["check"].values())
    assert found["signals"] == refused + found["orders"] + found["not_executed"]
    assert found["orders"] == found["filled"] + sum(found["not_filled"].values())
    assert found["filled"] == found["trades"]
    assert 0 < found["capped"] <= found["orders"]  # a stop so near asks for more than a tenth of the balance
    told = Conduct()
    for fact in result.facts:
        told.hear(fact)
    assert asdict(told.funnel()) == found  # a session that runs is told the same


def test_a_lost_account_ends_the_run(month: Any) -> None:
    result = simulate(
        month, strategy="ema_cross", symbol="X", timeframe="1m", quantity=1, balance=1000.0, costs=CostSettings(**PLAIN)
    )
    found = result.metrics
    assert found["halts"][0].startswith("bankrupt at ")
    assert found["reasons"]["cagr_pct"] == "needs at least 10 daily returns, over the 1.0 days until trading stopped"
    lost = int(np.argmax(result.equity_curve <= 0.0))
    assert result.equity_curve[lost] <= 0.0 < result.equity_curve[:lost].min()
    assert len(set(result.equity_curve[lost + 1 :])) == 1
