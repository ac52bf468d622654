"""Indicators in candles a second: each step, all features together, TA-Lib's batch and talipp's stream in the same run.

Run ``python benchmarks/indicators.py [candles]``. Times are the best of several runs on one core, compiled before.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import talib
import talipp.indicators as streaming
from talipp.ohlcv import OHLCV

from triplane.kernel.features import FEATURE_ROW, FEATURES, features_init, features_run
from triplane.kernel.indicators import moving, oscillators, returns, trend, volatility, volume
from triplane.kernel.jit import njit
from triplane.kernel.records import CANDLE
from triplane.kernel.timeframes import AGG, agg_init, agg_push

STREAMED = 5_000
"""Candles for talipp, whose stream is four orders of magnitude slower."""


def closes(step: Any) -> Any:
    """Adapt a step that takes the close to one that takes a candle."""
    return njit(lambda s, c: step(s, c.close))


def ranges(step: Any) -> Any:
    """Adapt a step that takes high, low and close."""
    return njit(lambda s, c: step(s, c.high, c.low, c.close))


def channels(step: Any) -> Any:
    """Adapt a step that takes high and low."""
    return njit(lambda s, c: step(s, c.high, c.low))


def volumes(step: Any) -> Any:
    """Adapt a step that takes the volume."""
    return njit(lambda s, c: step(s, c.volume))


STEPS: list[tuple[str, Any, Any, tuple[float, ...], Any]] = [
    ("EMA 20", moving.EMA, moving.ema_init, (20,), closes(moving.ema_step)),
    ("SMA 20", moving.SMA, moving.sma_init, (20,), closes(moving.sma_step)),
    ("average and deviation 20", moving.DEVIATION, moving.deviation_init, (20,), closes(moving.deviation_step)),
    ("RSI 14", oscillators.RSI, oscillators.rsi_init, (14,), closes(oscillators.rsi_step)),
    ("StochRSI 14/14/3/3", oscillators.STOCH_RSI, oscillators.stoch_rsi_init, (14, 14, 3, 3),
     closes(oscillators.stoch_rsi_step)),
    ("MACD 12/26/9", oscillators.MACD, oscillators.macd_init, (12, 26, 9), closes(oscillators.macd_step)),
    ("ATR 14", volatility.ATR, volatility.atr_init, (14,), ranges(volatility.atr_step)),
    ("ATR percentile 100", volatility.ATR_RANK, volatility.atr_rank_init, (100, 25.0, 75.0, 95.0),
     closes(volatility.atr_rank_step)),
    ("Bollinger 20", volatility.BOLLINGER, volatility.bollinger_init, (20, 2.0), closes(volatility.bollinger_step)),
    ("realised volatility 20", volatility.REALIZED, volatility.realized_init, (20,), closes(volatility.realized_step)),
    ("session VWAP", volume.VWAP, volume.vwap_init, (2.0,), volume.vwap_step),
    ("volume ratio 5/20", volume.VOLUME_RATIO, volume.volume_ratio_init, (5, 20), volumes(volume.volume_ratio_step)),
    ("ADX 14", trend.ADX, trend.adx_init, (14,), ranges(trend.adx_step)),
    ("Donchian 20", trend.DONCHIAN, trend.donchian_init, (20,), channels(trend.donchian_step)),
    ("return 20", returns.RETURN, returns.return_init, (20,), closes(returns.return_step)),
    ("1m to 15m", AGG, agg_init, (60_000, 900_000), agg_push),
]  # fmt: skip


def market(n: int) -> np.ndarray:
    """Make a random walk of one-minute candles."""
    rng = np.random.default_rng(1)
    candles = np.zeros(n, CANDLE)
    candles["open_time"] = 1_700_006_400_000 + 60_000 * np.arange(n)
    candles["close"] = 30_000 * np.exp(np.cumsum(rng.normal(size=n) * 5e-4))
    candles["open"] = np.concatenate([[30_000], candles["close"][:-1]])
    candles["high"] = np.maximum(candles["open"], candles["close"]) * (1 + np.abs(rng.normal(size=n)) * 2e-4)
    candles["low"] = np.minimum(candles["open"], candles["close"]) * (1 - np.abs(rng.normal(size=n)) * 2e-4)
    candles["volume"] = np.exp(rng.normal(size=n))
    return candles


def best(work: Callable[[], object], repeats: int = 5) -> float:
    """Seconds of the fastest of ``repeats`` runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def report(name: str, seconds: float, n: int) -> None:
    """Print one line."""
    print(f"{name:32} {seconds / n * 1e9:12,.1f} ns a candle {n / seconds:16,.0f} candles/s")


def time_step(candles: np.ndarray, dtype: Any, init: Any, parameters: tuple[float, ...], step: Any) -> float:
    """Seconds for one indicator alone over all candles."""

    @njit
    def run(S: Any, candles: Any) -> None:
        for i in range(candles.size):
            step(S[0], candles[i])

    S = np.zeros(1, dtype)
    init(S[0], *parameters)
    run(S, candles[:1])
    return best(lambda: run(S, candles))


def time_features(candles: np.ndarray) -> float:
    """Seconds for everything together, rows written."""
    S = np.zeros(1, FEATURES)
    rows = np.zeros(len(candles), FEATURE_ROW)
    features_init(S[0])
    features_run(S, candles[:1], rows)
    return best(lambda: features_run(S, candles, rows))


def time_talib(candles: np.ndarray) -> tuple[float, float]:
    """Seconds for TA-Lib's batch: seven classic indicators, and all of ours that it has."""
    high, low, close = (np.ascontiguousarray(candles[name]) for name in ("high", "low", "close"))

    def seven() -> None:
        talib.EMA(close, 20)
        talib.EMA(close, 50)
        talib.EMA(close, 200)
        talib.RSI(close, 14)
        talib.MACD(close, 12, 26, 9)
        talib.ATR(high, low, close, 14)
        talib.BBANDS(close, 20, 2, 2)

    def everything() -> None:
        seven()
        talib.STOCHRSI(close, 14, 14, 3)
        talib.ADX(high, low, close, 14)
        talib.PLUS_DI(high, low, close, 14)
        talib.MINUS_DI(high, low, close, 14)
        talib.MAX(high, 20)
        talib.MIN(low, 20)
        talib.ROCP(close, 20)

    return best(seven), best(everything)


def time_talipp(candles: np.ndarray) -> float:
    """Seconds for the same seven indicators, candle by candle, in talipp."""

    def seven() -> None:
        of_close = [streaming.EMA(20), streaming.EMA(50), streaming.EMA(200), streaming.RSI(14),
                    streaming.MACD(12, 26, 9), streaming.BB(20, 2)]  # fmt: skip
        atr = streaming.ATR(14)
        for c in candles:
            for indicator in of_close:
                indicator.add(float(c["close"]))
            atr.add(OHLCV(float(c["open"]), float(c["high"]), float(c["low"]), float(c["close"])))

    return best(seven, 1)


def main() -> None:
    """Print the table."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    candles = market(n)
    for name, *subject in STEPS:
        report(name, time_step(candles, *subject), n)
    report("all features together", time_features(candles), n)
    seven, everything = time_talib(candles)
    report("TA-Lib batch, seven of them", seven, n)
    report("TA-Lib batch, those it has", everything, n)
    report("talipp stream, seven of them", time_talipp(candles[:STREAMED]), min(n, STREAMED))


if __name__ == "__main__":
    main()
