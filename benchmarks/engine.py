"""The running engine: from a candle coming in to its decision being published, and what the journal's fsync costs.

The session is the real one: journal on disk, decisions decoded into events, published on the bus, shown to the replica.
Only candles that led to a decision are counted, up to its event on the bus. ``fsync`` is batched and runs beside the
loop, so it is timed apart.
"""

import asyncio
import gc
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from triplane.engine.live import Options, open_engine

from benchmarks.timing import peak_memory_mb, table
from triplane.data.clock import SystemClock
from triplane.data.generator import generate
from triplane.data.instruments import Instrument
from triplane.data.replay import ReplayFeed
from triplane.engine.setup import Setup
from triplane.strategies.compiler import compile_strategy
from triplane.strategies.registry import find, source_of

CANDLES = 100_000
START = 1_735_689_600_000


def run(name: str, timeframe_ms: int, folder: Path):
    """Run a session with a page to the end of a generated market; returns its engine and outcome."""
    strategy = find(name)
    core = compile_strategy(strategy, source_of(name))
    candles = generate(seed=1, start_ms=START, n=CANDLES)
    setup = Setup(
        strategy=name,
        params=strategy.resolve({}),
        instruments=(Instrument.research("BTCUSDT"),),
        base_ms=60_000,
        timeframe_ms=timeframe_ms,
        source="benchmark",
    )
    engine = open_engine(
        folder,
        setup,
        core,
        strategy,
        lambda known: ReplayFeed({"BTCUSDT": candles}, SystemClock(), "max", known),
        options=Options(page=True),
    )
    gc.collect()
    gc.freeze()  # as `triplane up` does
    return engine, asyncio.run(engine.run())


def fsync_times(folder: Path, runs: int = 200) -> np.ndarray:
    """Milliseconds of an fsync after 4 KB were appended."""
    times = []
    with (folder / "probe").open("ab", buffering=0) as file:
        for _ in range(runs):
            file.write(b"x" * 4096)
            begin = time.perf_counter()
            os.fsync(file.fileno())
            times.append((time.perf_counter() - begin) * 1000)
    return np.array(times)


def main() -> None:
    """Print the tables."""
    rows = []
    for label, name, timeframe in (("ema_cross 1m", "ema_cross", 60_000), ("ict_blocks 1m", "ict_blocks", 60_000)):
        with tempfile.TemporaryDirectory() as folder:
            engine, outcome = run(name, timeframe, Path(folder))
            figures = engine.runner.latency.to_dict()
            rate = f"{outcome.candles / outcome.seconds:,.0f} /s"
            rows.append((label, figures["count"], *(f"{figures[f'p{p}_us']} µs" for p in (50, 99, 99.9)), rate))
    header = ("session", "decisions", "p50", "p99", "p99.9", "candles with page and journal")
    table("Candle in → decision published, without fsync", header, rows)
    with tempfile.TemporaryDirectory() as folder:
        times = fsync_times(Path(folder))
    print(f"\nJournal fsync, batched every 0.2 s beside the loop: p50 {np.percentile(times, 50):.2f} ms, "
          f"p99 {np.percentile(times, 99):.2f} ms. Peak memory {peak_memory_mb():.0f} MB.")  # fmt: skip


if __name__ == "__main__":
    main()
