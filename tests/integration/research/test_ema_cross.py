"""``ema_cross`` through core and broker, against its rule written down plainly, trade by trade."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import triplane
from triplane.data.generator import generate
from triplane.kernel.records import CANDLE

DATA = Path(__file__).parents[4] / "shared" / "data"


def ema(values, period):
    out = np.full(len(values), np.nan)
    out[period - 1] = np.mean(values[:period])
    for i in range(period, len(values)):
        out[i] = out[i - 1] + (values[i] - out[i - 1]) * 2.0 / (period + 1)
    return out


def atr(c, period=14):
    previous = c["close"][:-1]
    ranges = np.maximum(c["high"][1:], previous) - np.minimum(c["low"][1:], previous)
    out = np.full(len(c), np.nan)
    out[period] = np.mean(ranges[:period])
    for i in range(period + 1, len(c)):
        out[i] = (out[i - 1] * (period - 1) + ranges[i - 1]) / period
    return out


def reference(c, fee):
    """The rule, one candle after the other: (entry index, exit index, entry, exit, why)."""
    fast, slow, ranges = ema(c["close"], 20), ema(c["close"], 50), atr(c)
    trades, position, order = [], None, None
    for t in range(len(c)):
        o, high, low = c["open"][t], c["high"][t], c["low"][t]
        if order == "exit" and position:
            trades.append((position[0], t, position[1], o, "signal"))
            position = None
        elif order and order != "exit":
            position = (t, o, o - 2 * order[1], o + 3 * order[1])
        order = None
        if position:
            start, entry, stop, target = position
            if low <= stop:
                trades.append((start, t, entry, min(o, stop), "stop"))
                position = None
            elif high >= target:
                trades.append((start, t, entry, max(o, target), "target"))
                position = None
        above = fast[t] > slow[t]
        before = t > 0 and fast[t - 1] > slow[t - 1]
        if t >= 100 and above and not before and not position:
            order = ("enter", ranges[t])
        elif t >= 100 and before and not above and position:
            order = "exit"
    if position:
        trades.append((position[0], len(c) - 1, position[1], c["close"][-1], "end"))
    return trades


def compare(c, fee):
    expected = reference(c, fee)
    result = triplane.backtest(
        pd.DataFrame(c), "ema_cross", symbol="BTCUSDT", timeframe="1m", quantity=1.0, fee=fee, slippage=0.0, balance=1e6
    )
    got = result.trades
    assert list(got["exit_reason"]) == [t[4] for t in expected]
    opened = pd.to_datetime(c["open_time"], unit="ms", utc=True)
    assert list(got["entry_time"]) == [opened[t[0]] for t in expected]
    assert list(got["exit_time"]) == [opened[t[1]] for t in expected]
    assert np.array(got["entry_price"]) == pytest.approx([t[2] for t in expected], abs=1e-7)
    assert np.array(got["exit_price"]) == pytest.approx([t[3] for t in expected], abs=1e-7)
    pnl = sum((t[3] - t[2]) - fee * (t[2] + t[3]) for t in expected)
    assert result.metrics["net_pnl"] == pytest.approx(pnl, abs=1e-4)
    assert result.equity_curve[-1] == pytest.approx(1e6 + pnl, abs=1e-4)
    return len(expected)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_equals_the_rule_on_generated_markets(seed):
    candles = generate(seed=seed, start_ms=1_700_000_040_000, n=20_000)

    assert compare(candles, 0.0004) > 50


@pytest.mark.skipif(not DATA.exists(), reason="the shared market data is not here")
def test_the_year_on_which_other_systems_were_timed_has_5197_trades():
    sys.path.insert(0, str(DATA))
    try:
        import gen_year
    finally:
        sys.path.pop(0)
    ts, *prices, volume = gen_year.generate()
    candles = np.zeros(len(ts), CANDLE)
    candles["open_time"] = ts
    for name, ticks in zip(("open", "high", "low", "close"), prices, strict=True):
        candles[name] = ticks / 10.0
    candles["volume"] = volume / 1000.0

    assert compare(candles, 0.0) == 5197


@pytest.mark.skipif(not DATA.exists(), reason="the shared market data is not here")
def test_equals_the_rule_on_a_real_market():
    from triplane.data.recorded import open_recorded

    candles = open_recorded(DATA / "klines" / "usdm" / "1m_2025-05" / "BTCUSDT-1m.parquet").candles

    assert compare(candles, 0.0004) > 100
