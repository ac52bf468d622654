"""The running engine: from a candle coming in to its decision being published, and what the journal's fsync costs.

The session is the real one: journal on disk, decisions decoded into facts and handed to the log. Only candles that led
to a decision are counted, up to the moment at which its facts were handed on. ``fsync`` is batched and runs beside the
loop, so it is timed apart.
"""

import asyncio
import gc
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.timing import peak_memory_mb, table
from triplane.data.clock import SystemClock
from triplane.data.generator import generate
from triplane.data.instruments import Instrument
from triplane.data.replay import ReplayFeed
from triplane.engine.opening import Options, open_runner
from triplane.engine.setup import Setup
from triplane.strategies.compiler import compile_strategy
from triplane.strategies.registry import find, source_of

CANDLES = 100_000
START = 1_735_689_600_000


def run(name: str, timeframe_ms: int, folder: Path):
    """Run a session with its facts to the end of a generated market; returns its runner and outcome."""
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
    opened = open_runner(
        folder,
        setup,
        core,
        strategy,
        lambda known: ReplayFeed({"BTCUSDT": candles}, SystemClock(), "max", known),
        options=Options(facts=True),
    )
    gc.collect()
    gc.freeze()  # as `triplane up` does

    async def go():
        opened.log.go_live(asyncio.get_running_loop().call_soon)
        return await opened.runner.run()

    outcome = asyncio.run(go())
    opened.log.close()
    return opened.runner, outcome


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
            runner, outcome = run(name, timeframe, Path(folder))
            figures = runner.decided.to_dict()
            rate = f"{outcome.candles / outcome.seconds:,.0f} /s"
            rows.append((label, figures["count"], *(f"{figures[f'p{p}_us']} µs" for p in (50, 99, 99.9)), rate))
    header = ("session", "decisions", "p50", "p99", "p99.9", "candles with journal and facts")
    table("Candle in → decision published, without fsync", header, rows)
    with tempfile.TemporaryDirectory() as folder:
        times = fsync_times(Path(folder))
    print(f"\nJournal fsync, batched every 0.2 s beside the loop: p50 {np.percentile(times, 50):.2f} ms, "
          f"p99 {np.percentile(times, 99):.2f} ms. Peak memory {peak_memory_mb():.0f} MB.")  # fmt: skip


if __name__ == "__main__":
    main()
