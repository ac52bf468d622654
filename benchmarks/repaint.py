"""How much of what a detector shows is taken back later, and how much is known on the bar it is stamped with.

Every detector is run on each prefix of one series, as a live program would. A signal counts once, by its stamp, its
kind and its side; it is *erased* when a later prefix does not show it any more, and *known on its bar* when the prefix
that ends with the bar it is stamped with shows it. ``smartmoneyconcepts`` is stamped by the row it writes to, Triplane
by ``confirmed_at``. Recorded candles are used when they lie beside the repository, else generated ones.
"""

import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import triplane
from benchmarks.timing import table
from triplane.data.generator import generate

os.environ.setdefault("SMC_CREDIT", "0")
from smartmoneyconcepts import smc

RECORDED = Path(__file__).parents[2] / "shared" / "data" / "klines" / "spot" / "BTCUSDT-15m.parquet"
BARS = 1000
WARM = 100
LENGTH = 5

Signals = set[tuple[Any, ...]]
"""What a detector shows: (bar of the stamp, what)."""


def market(bars: int) -> tuple[pd.DataFrame, str]:
    """Candles to look at, and what they are."""
    if RECORDED.exists():
        return pd.read_parquet(RECORDED).iloc[:bars], "BTCUSDT 15m, recorded"
    return pd.DataFrame(generate(seed=1, start_ms=1_735_689_600_000, n=bars)), "generated 1m"


def by_row(column: str) -> Callable[[pd.DataFrame], Signals]:
    """Signals of a frame with one row a candle."""

    def signals(frame: pd.DataFrame) -> Signals:
        values = frame[column].to_numpy()
        return {(int(bar), float(values[bar])) for bar in np.flatnonzero(~np.isnan(values))}

    return signals


def theirs(candles: pd.DataFrame) -> dict[str, Signals]:
    """What ``smartmoneyconcepts`` shows at the end of these candles."""
    swings = smc.swing_highs_lows(candles, LENGTH)
    structure = smc.bos_choch(candles, swings)
    last = len(candles) - 1
    shown = by_row("HighLow")(swings)
    return {
        "swings": shown,
        "swings but the one it puts on the last bar": {signal for signal in shown if signal[0] != last},
        "fair value gaps": by_row("FVG")(smc.fvg(candles)),
        "BOS": by_row("BOS")(structure),
        "CHoCH": by_row("CHOCH")(structure),
        "order blocks": by_row("OB")(smc.ob(candles, swings)),
        "liquidity": by_row("Liquidity")(smc.liquidity(candles, swings)),
    }


def ours(candles: pd.DataFrame) -> dict[str, Signals]:
    """What Triplane shows at the end of these candles, with everything that must never change in the key."""
    analysis = triplane.analyze(candles, left=LENGTH, right=LENGTH)
    structure = analysis.structure
    choch = structure["kind"].str.startswith("CHOCH")

    def keys(frame: pd.DataFrame, *columns: str) -> Signals:
        return set(frame[["confirmed_at", "formed_at", *columns]].itertuples(index=False, name=None))

    return {
        "swings": keys(analysis.swings, "kind", "price"),
        "fair value gaps": keys(analysis.fvgs, "side", "price_lo", "price_hi"),
        "BOS": keys(structure[~choch], "kind", "level"),
        "CHoCH": keys(structure[choch], "kind", "level"),
        "order blocks": keys(analysis.order_blocks, "kind", "side", "price_lo", "price_hi"),
        "liquidity": keys(analysis.liquidity, "kind", "side", "level"),
    }


def watch(look: Callable[[pd.DataFrame], dict[str, Signals]], candles: pd.DataFrame) -> dict[str, tuple[Any, ...]]:
    """For each detector: signals ever shown, percent erased, percent known on their bar, median delay in bars."""
    first: dict[str, dict[tuple[Any, ...], int]] = {}
    erased: dict[str, Signals] = {}
    for size in range(WARM, len(candles) + 1):
        for name, shown in look(candles.iloc[:size].reset_index(drop=True)).items():
            known = first.setdefault(name, {})
            erased.setdefault(name, set()).update(known.keys() - shown)
            for signal in shown - known.keys():
                known[signal] = size - 1
    result = {}
    for name, known in first.items():
        # what the first prefix shows was there before anyone looked
        watched = {signal: bar for signal, bar in known.items() if bar >= WARM}
        delays = [bar - signal[0] for signal, bar in watched.items()]
        count = max(len(watched), 1)
        result[name] = (
            len(watched),
            100 * len(erased[name] & watched.keys()) / count,
            100 * sum(delay == 0 for delay in delays) / count,
            statistics.median(delays) if delays else 0,
        )
    return result


def main(bars: int = BARS) -> None:
    """Print the table."""
    candles, name = market(bars)
    candles = candles[["open_time", "open", "high", "low", "close", "volume"]]
    rows = []
    for who, look in (("smartmoneyconcepts", theirs), ("Triplane", ours)):
        for detector, (count, gone, at_once, delay) in watch(look, candles).items():
            rows.append((who, detector, count, f"{gone:.1f} %", f"{at_once:.1f} %", f"{delay:g}"))
    table(
        f"Repainting, {name}, bars {WARM} to {len(candles)}, swings of {LENGTH} bars",
        ("library", "detector", "signals ever shown", "later erased", "known on their bar", "median delay, bars"),
        rows,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else BARS)
