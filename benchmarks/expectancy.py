"""Expectancy of built-in strategies on 15-minute bars, settled on 1-minute candles and on the bars themselves.

What a candle cannot tell is taken pessimistically, so coarser candles may only look worse, and by little: where they
look very different, fills are made of what was not known. Real BTCUSDT of 18 months where the recorded market is
there, else a seeded year. The size is fixed and small, so that limits and the cap on the volume change nothing.
"""

from pathlib import Path

import numpy as np

from benchmarks.timing import table
from triplane.data.generator import generate
from triplane.data.recorded import open_recorded
from triplane.model.settings import PLAIN, CostSettings
from triplane.research.backtest import simulate

REAL = Path(__file__).parents[2] / "shared" / "data" / "klines" / "spot" / "BTCUSDT-1m.parquet"
STRATEGIES = ("ict_blocks", "smc_heuristic", "regime_trend")
BAR = 900_000
COSTS = {
    "none": CostSettings(**PLAIN, maker_fee=0.0, taker_fee=0.0),
    "default": CostSettings(),
}


def market():
    """1-minute candles, and what they are."""
    if REAL.exists():
        return open_recorded(REAL).candles, "BTCUSDT spot, 2022-07 to 2023-12"
    return generate(seed=1, start_ms=1_735_689_600_000, n=525_600), "a seeded year"


def coarse(candles):
    """The same market as 15-minute candles."""
    bars = candles["open_time"] // BAR
    first = np.flatnonzero(np.diff(bars, prepend=-1))
    out = candles[first].copy()
    out["open_time"] = bars[first] * BAR
    out["high"] = np.maximum.reduceat(candles["high"], first)
    out["low"] = np.minimum.reduceat(candles["low"], first)
    out["close"] = candles["close"][np.append(first[1:], len(candles)) - 1]
    out["volume"] = np.add.reduceat(candles["volume"], first)
    return out


def main() -> None:
    """Print the table."""
    fine, what = market()
    rows = []
    for name in STRATEGIES:
        for label, costs in COSTS.items():
            results = [
                simulate(candles, strategy=name, symbol="BTCUSDT", timeframe="15m", quantity="0.01", costs=costs)
                for candles in (fine, coarse(fine))
            ]
            figures = [result.metrics for result in results]
            shown = [f"{f['expectancy_r']:+.3f} R" for f in figures]
            rows.append((name, label, figures[0]["trades"], shown[0], figures[1]["trades"], shown[1]))
    table(
        f"15-minute strategies on {what}",
        ("strategy", "costs", "trades, 1m", "expectancy, 1m", "trades, 15m", "expectancy, 15m"),
        rows,
    )


if __name__ == "__main__":
    main()
