"""The detectors, the indicators and a whole pipeline beside ``smartmoneyconcepts`` and TA-Lib, in one run.

Everything runs on the same generated one-minute candles, on one core, compiled before. What takes longer than
``LIMIT_S`` is stopped and reported as at least that long, with the ratio that follows from it.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import talib

import triplane
from benchmarks.core import loop
from benchmarks.patterns import run_all, wilder_atr
from benchmarks.timing import best, rate, table
from triplane.data.generator import generate
from triplane.kernel.features import FEATURE_ROW, FEATURES
from triplane.kernel.patterns.detectors import DETECTORS, detectors_init
from triplane.kernel.records import CANDLE
from triplane.research.analysis import AnalysisParams, collect, compiled
from triplane.research.analysis_loop import LOG, SERIES, TABLES

os.environ.setdefault("SMC_CREDIT", "0")
from smartmoneyconcepts import smc

START = 1_735_689_600_000
YEAR_15M, YEAR_1M, LONG = 35_040, 525_600, 10_000_000
WINDOW = 500
LENGTH = 5
LIMIT_S = 60.0


def detectors(candles: Any) -> None:
    """Every detector; what is over is written to the log, and the log thrown away when it is full."""
    collector = collect(AnalysisParams())
    log, at = np.zeros(1, LOG), 0
    while at < len(candles):
        at = collector.module.run(collector.state, candles, log, at)
        for name in TABLES:
            log[f"n_{name}"] = 0


def steps(candles: Any) -> Callable[[], None]:
    """Every detector's step, and nothing kept of what it says."""
    atr = wilder_atr(candles)
    state = np.zeros(1, DETECTORS)

    def work() -> None:
        detectors_init(state[0])
        run_all(state, candles, atr)

    work()
    return work


def features(candles: Any) -> Callable[[], None]:
    """Every indicator, rows written."""
    rows, state = np.zeros(len(candles), FEATURE_ROW), np.zeros(1, FEATURES)
    return lambda: compiled().features(candles, rows, state)


def frames(candles: Any) -> None:
    """``triplane.analyze`` and all pattern frames of it."""
    analysis = triplane.analyze(candles)
    for name in ("swings", "structure", "order_blocks", "breakers", "fvgs", "liquidity"):
        getattr(analysis, name)


def classic(candles: Any) -> Callable[[], None]:
    """Seven indicators in TA-Lib's batch."""
    high, low, close = (np.ascontiguousarray(candles[name]) for name in ("high", "low", "close"))

    def seven() -> None:
        for period in (20, 50, 200):
            talib.EMA(close, period)
        talib.RSI(close, 14)
        talib.MACD(close, 12, 26, 9)
        talib.ATR(high, low, close, 14)
        talib.BBANDS(close, 20, 2, 2)

    return seven


def theirs(candles: Any) -> dict[str, Callable[[], object]]:
    """The five detectors of ``smartmoneyconcepts``."""
    frame = pd.DataFrame({name: np.ascontiguousarray(candles[name]) for name in CANDLE.names or ()})
    swings = smc.swing_highs_lows(frame, LENGTH)
    return {
        "swings": lambda: smc.swing_highs_lows(frame, LENGTH),
        "fair value gaps": lambda: smc.fvg(frame),
        "BOS and CHoCH": lambda: smc.bos_choch(frame, swings),
        "order blocks": lambda: smc.ob(frame, swings),
        "liquidity": lambda: smc.liquidity(frame, swings),
    }


def limited(work: Callable[[], object], limit: float) -> tuple[float, bool]:
    """Seconds of one call, in a process of its own, and whether it came to its end."""
    context = multiprocessing.get_context("fork")
    begin = time.perf_counter()
    process = context.Process(target=work)
    process.start()
    process.join(limit)
    done = not process.is_alive()
    if not done:
        process.terminate()
        process.join()
    return time.perf_counter() - begin, done


def compare(candles: Any, limit: float) -> None:
    """One table: ours, and theirs with the ratio to all of ours together."""
    n = len(candles)
    ours = best(lambda: detectors(candles), 3)
    rows: list[tuple[object, ...]] = []

    def row(label: str, seconds: float, done: bool = True) -> None:
        more, less = ("", "") if done else ("> ", "< ")
        rows.append((label, f"{more}{seconds:.4g} s", less + rate(n, seconds), f"{more}{seconds / ours:,.1f} ×"))

    row("all detectors, what is over kept", ours)
    row("all detectors, the steps alone", best(steps(candles), 3))
    row("all indicators, rows written", best(features(candles), 3))
    row("triplane.analyze and all pattern frames", best(lambda: frames(candles), 3))
    run, last = loop("ict_blocks", candles, 0, 60_000)
    run()
    row("ict_blocks with risk and broker", best(run, 3))
    print(f"({last['trades']} trades in that last one)", file=sys.stderr)
    row("TA-Lib, seven indicators in batch", best(classic(candles), 3))
    total, complete = 0.0, True
    for name, work in theirs(candles).items():
        seconds, done = limited(work, limit)
        row(f"smartmoneyconcepts, {name}", seconds, done)
        total, complete = total + seconds, complete and done
    row("smartmoneyconcepts, its five detectors", total, complete)
    table(
        f"{n:,} one-minute candles (smartmoneyconcepts: one run of each, stopped after {limit:g} s)",
        ("what", "time", "candles", "against the first"),
        rows,
    )


def live(candles: Any) -> None:
    """What one more candle costs."""
    collector = collect(AnalysisParams())
    collector.push(candles[:WINDOW])
    rest = candles[WINDOW : WINDOW + 10_000]

    def stream() -> None:
        for i in range(len(rest)):
            collector.push(rest[i : i + 1])

    one = best(stream, 3) / len(rest)
    again = theirs(candles[:WINDOW])
    them = best(lambda: [work() for work in again.values()], 5)
    table(
        "One more candle, live",
        ("what", "time"),
        [
            ("Triplane, all detectors, called from Python", f"{one * 1e6:.1f} µs"),
            (f"smartmoneyconcepts, five detectors over a window of {WINDOW}", f"{them * 1e3:.1f} ms"),
            ("ratio", f"{them / one:,.0f} ×"),
        ],
    )


def length(candles: Any) -> None:
    """The same work on more candles."""
    memory = f"{(SERIES.itemsize + LOG.itemsize) / 2**20:.1f} MB"
    rows = []
    for n in (YEAR_15M, YEAR_1M, LONG):
        many = np.tile(candles, n // len(candles) + 1)[:n]
        many["open_time"] = START + 60_000 * np.arange(n)
        seconds = best(lambda many=many: detectors(many), 3)
        rows.append((f"{n:,}", f"{seconds / n * 1e9:.1f} ns", memory))
    table("All detectors by the number of candles", ("candles", "a candle", "state and log"), rows)


def main(limit: float = LIMIT_S) -> None:
    """Print the tables."""
    compiled()
    year = np.ascontiguousarray(generate(seed=1, start_ms=START, n=YEAR_1M)).view(CANDLE)
    compare(year[:YEAR_15M], limit)
    compare(year, limit)
    live(year)
    length(year)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else LIMIT_S)
