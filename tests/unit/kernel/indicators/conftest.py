"""Candles for the indicator tests: generated ones, and real ones where they are present."""

from pathlib import Path

import numba
import numpy as np
import pandas as pd
import pytest

from triplane.kernel.records import CANDLE

REAL = Path(__file__).parents[5] / "shared/data/klines/spot/BTCUSDT-15m.parquet"
COMPILED = not numba.config.DISABLE_JIT
QUARTER = 900_000


def generate(n: int, seed: int = 7, level: float = 30_000.0) -> np.ndarray:
    """A random walk with volatility clusters, flat stretches, gaps between candles and volumes of all sizes."""
    rng = np.random.default_rng(seed)
    sigma = 1e-3 * np.exp(np.repeat(rng.normal(size=n // 50 + 1), 50)[:n])
    sigma[rng.random(n) < 0.02] = 0.0
    close = level * np.exp(np.cumsum(rng.normal(size=n) * sigma))
    candles = np.zeros(n, CANDLE)
    candles["open_time"] = 1_640_995_200_000 + QUARTER * np.arange(n)
    candles["close"] = close
    candles["open"] = np.concatenate([[level], close[:-1]]) * (1 + rng.normal(size=n) * 1e-5)
    body_high = np.maximum(candles["open"], close)
    body_low = np.minimum(candles["open"], close)
    candles["high"] = body_high * (1 + np.abs(rng.normal(size=n)) * sigma)
    candles["low"] = body_low * (1 - np.abs(rng.normal(size=n)) * sigma)
    candles["volume"] = np.exp(rng.normal(size=n) * 2)
    return candles


def load_real() -> np.ndarray:
    frame = pd.read_parquet(REAL)
    candles = np.zeros(len(frame), CANDLE)
    for name in CANDLE.names:
        candles[name] = frame[name]
    return candles if COMPILED else candles[:3_000]


@pytest.fixture(scope="session", params=["generated", "real"])
def candles(request: pytest.FixtureRequest) -> np.ndarray:
    """Candles of a quarter of an hour."""
    if request.param == "generated":
        return generate(100_000 if COMPILED else 2_000)
    if not REAL.exists():
        pytest.skip("the real candles are not here")
    return load_real()


@pytest.fixture(scope="session")
def long_walk() -> np.ndarray:
    """A million closes at a high level, to see rounding errors pile up."""
    return generate(1_000_000 if COMPILED else 2_000, seed=3, level=1e5)["close"]
