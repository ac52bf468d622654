"""A whole ``triplane.backtest(frame, "ema_cross")``, from a pandas frame to a result, beside vectorbt in the same run.

vectorbt runs in an environment of its own (``make peers``): its two calls, from signals that are there already (which
Triplane works out itself). Another process tells what a first call costs from nothing, machine code loaded from the
cache.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import triplane
from benchmarks.timing import best, rate, table
from triplane.data.generator import generate

YEAR = 525_600
START = 1_735_689_600_000
PROCESS = """
import re, sys
import numpy as np
import triplane
triplane.backtest(np.load(sys.argv[1]), "ema_cross").metrics
print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024)
"""
"""Its own peak: that of ``getrusage`` begins with what the process had that started it."""


def beside(file: Path) -> tuple[str, str, str]:
    """The row of vectorbt, run by the Python that ``PEERS`` names."""
    command = [os.environ.get("PEERS") or sys.executable, Path(__file__).with_name("vectorbt_calls.py"), file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return "vectorbt", "not measured", (done.stderr.strip().splitlines() or ["?"])[-1]
    version, seconds, _ = done.stdout.split()
    named = f"vectorbt {version}, from_signals and stats"
    return named, rate(YEAR, float(seconds)), f"{float(seconds) * 1e3:.0f} ms"


def alone(file: Path) -> tuple[str, str, str]:
    """The row of a process that does nothing else, its start and end included."""
    command = [sys.executable, "-c", PROCESS, file]
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        times.append(time.perf_counter() - begin)
    return "a process with one, from nothing", "", f"{min(times):.2f} s, {peak} MB"


def main() -> None:
    """Print the table."""
    candles = generate(seed=1, start_ms=START, n=YEAR)
    frame = pd.DataFrame(candles)
    frame["open_time"] = pd.to_datetime(frame["open_time"], unit="ms", utc=True)

    def run(**more):
        return triplane.backtest(frame, "ema_cross", **more)

    run()
    rows = [
        (label, rate(YEAR, seconds), f"{seconds * 1e3:.0f} ms")
        for label, call in (
            ("triplane.backtest, all defaults", run),
            ("the same, and its metrics", lambda: run().metrics),
            ("with a fixed quantity", lambda: run(quantity=1.0, balance=1e9)),
            ("the same, and its metrics", lambda: run(quantity=1.0, balance=1e9).metrics),
        )
        for seconds in (best(call, 9),)
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "candles.npy"
        np.save(file, candles)
        rows += [beside(file), alone(file)]
    table("A whole backtest, 525,600 one-minute candles", ("what", "candles", "time"), rows)


if __name__ == "__main__":
    main()
