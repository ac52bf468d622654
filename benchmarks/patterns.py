"""Candles a second of each pattern detector, and of all together, on a year of generated one-minute candles.

Run ``python benchmarks/patterns.py [CANDLES] [--json]``. Each figure is the best of five runs after a first one that
compiles. The candles are a seeded random walk with volatility that comes in clusters, so that zones of all ages pile
up.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from triplane.kernel.jit import Arr, njit
from triplane.kernel.patterns.detectors import DETECTORS, detectors_init, detectors_step
from triplane.kernel.patterns.fair_value_gaps import gaps_step
from triplane.kernel.patterns.liquidity import pools_step
from triplane.kernel.patterns.order_blocks import blocks_step
from triplane.kernel.patterns.ranges import levels_step, range_step
from triplane.kernel.patterns.structure import structure_step
from triplane.kernel.patterns.swings import swings_step
from triplane.kernel.records import CANDLE

YEAR = 525_600


def generate(n: int, seed: int = 7) -> Any:
    """Return ``n`` one-minute candles as a ``CANDLE`` array; prices have one decimal, opens are the close before."""
    rng = np.random.default_rng(seed)
    level = np.zeros(n)
    for i in range(1, n):
        level[i] = 0.995 * level[i - 1] + 0.1 * rng.standard_normal()
    close = 30_000 * np.exp(np.cumsum(6e-4 * np.exp(level / 2) * rng.standard_normal(n)))
    close = np.round(close, 1)
    candles = np.zeros(n, CANDLE)
    candles["open_time"] = 1_672_531_200_000 + 60_000 * np.arange(n)
    candles["open"] = np.concatenate(([close[0]], close[:-1]))
    candles["close"] = close
    wick = close * 3e-4 * np.exp(level / 2)
    candles["high"] = np.round(np.maximum(candles["open"], close) + wick * rng.exponential(size=n), 1)
    candles["low"] = np.round(np.minimum(candles["open"], close) - wick * rng.exponential(size=n), 1)
    candles["volume"] = np.round(rng.lognormal(2.0, 1.0, n), 3)
    return candles


def wilder_atr(candles: Any, period: int = 14) -> Any:
    """ATR with Wilder's smoothing, NaN until warm."""
    before = candles["close"][:-1]
    spread = np.maximum(candles["high"][1:], before) - np.minimum(candles["low"][1:], before)
    atr = np.full(len(candles), np.nan)
    value = spread[:period].mean()
    atr[period] = value
    for i in range(period + 1, len(candles)):
        value = (value * (period - 1) + spread[i - 1]) / period
        atr[i] = value
    return atr


@njit
def run_all(state: Arr, candles: Arr, atr: Arr) -> None:
    """Every detector."""
    s = state[0]
    for i in range(len(candles)):
        c = candles[i]
        detectors_step(s, i, c.open_time, c.open, c.high, c.low, c.close, c.volume, atr[i])


@njit
def run_blocks(state: Arr, candles: Arr, atr: Arr) -> None:
    """Displacement blocks with breakers and their life."""
    s = state[0].blocks
    for i in range(len(candles)):
        c = candles[i]
        blocks_step(s, i, c.open_time, c.open, c.high, c.low, c.close, c.volume, atr[i])


@njit
def run_gaps(state: Arr, candles: Arr, atr: Arr) -> None:
    """Fair value gaps and their life."""
    s = state[0].gaps
    for i in range(len(candles)):
        c = candles[i]
        gaps_step(s, i, c.open_time, c.open, c.high, c.low, c.close, c.volume, atr[i])


@njit
def run_swings(state: Arr, candles: Arr, atr: Arr) -> None:  # noqa: ARG001 - one signature
    """Swings alone."""
    s = state[0].swings
    for i in range(len(candles)):
        c = candles[i]
        swings_step(s, i, c.open_time, c.high, c.low)


@njit
def run_structure(state: Arr, candles: Arr, atr: Arr) -> None:  # noqa: ARG001 - one signature
    """Swings, BOS and CHoCH."""
    s = state[0]
    for i in range(len(candles)):
        c = candles[i]
        swings_step(s.swings, i, c.open_time, c.high, c.low)
        structure_step(s.structure, s.swings, i, c.open_time, c.high, c.low, c.close, c.volume)


@njit
def run_pools(state: Arr, candles: Arr, atr: Arr) -> None:
    """Swings, equal highs and lows, and sweeps."""
    s = state[0]
    for i in range(len(candles)):
        c = candles[i]
        swings_step(s.swings, i, c.open_time, c.high, c.low)
        pools_step(s.pools, s.swings, i, c.open_time, c.high, c.low, c.close, atr[i])


@njit
def run_ranges(state: Arr, candles: Arr, atr: Arr) -> None:  # noqa: ARG001 - one signature
    """Levels of day, week and sessions; premium, discount, OTE (with its swings)."""
    s = state[0]
    for i in range(len(candles)):
        c = candles[i]
        swings_step(s.swings, i, c.open_time, c.high, c.low)
        levels_step(s.levels, i, c.open_time, c.high, c.low, c.close)
        range_step(s.range, s.swings, c.close)


RUNS: dict[str, Callable[[Any, Any, Any], None]] = {
    "swings": run_swings,
    "structure (with swings)": run_structure,
    "order blocks": run_blocks,
    "fair value gaps": run_gaps,
    "liquidity (with swings)": run_pools,
    "levels and range (with swings)": run_ranges,
    "all detectors": run_all,
}


def measure(candles: Any) -> dict[str, float]:
    """Return candles a second of each run."""
    atr = wilder_atr(candles)
    state = np.zeros(1, DETECTORS)
    speeds = {}
    for name, run in RUNS.items():
        seconds = []
        for attempt in range(6):
            detectors_init(state[0])
            start = time.perf_counter()
            run(state, candles, atr)
            if attempt:
                seconds.append(time.perf_counter() - start)
        speeds[name] = len(candles) / min(seconds)
    return speeds


def main() -> None:
    """Print the table, or JSON with ``--json``."""
    arguments = [a for a in sys.argv[1:] if a != "--json"]
    n = int(arguments[0]) if arguments else YEAR
    speeds = measure(generate(n))
    if "--json" in sys.argv:
        print(json.dumps({"candles": n, "candles_per_second": speeds}))
        return
    print(f"{n:,} candles, state {DETECTORS.itemsize:,} bytes")
    for name, speed in speeds.items():
        print(f"{name:32}{speed:14,.0f} candles/s{1e9 / speed:9.1f} ns")


if __name__ == "__main__":
    main()
