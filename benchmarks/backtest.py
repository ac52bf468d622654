"""A whole ``triplane.backtest(frame, "ema_cross")``, from a pandas frame to a result, beside vectorbt in the same run.

vectorbt is measured when it is installed: its two calls, from signals that are there already (which Triplane works out
itself). A process of its own tells what a first call costs from nothing, machine code loaded from the cache.
"""

import subprocess
import sys
import time

import pandas as pd

import triplane
from benchmarks.timing import best, rate, table
from triplane.data.generator import generate

try:
    import vectorbt
except ImportError:
    vectorbt = None

YEAR = 525_600
START = 1_735_689_600_000
PROCESS = """
import resource
from triplane.research.backtest import simulate
from triplane.data.generator import generate
result = simulate(generate(seed=1, start_ms={start}, n={n}), strategy="ema_cross", symbol="BTCUSDT", timeframe="1m")
result.metrics
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def crossings(close):
    """Entries and exits of the same rule, without its stops."""
    fast, slow = (close.ewm(span=span, adjust=False).mean() for span in (20, 50))
    above = fast > slow
    return above & ~above.shift(fill_value=False), ~above & above.shift(fill_value=False)


def main() -> None:
    """Print the table."""
    frame = pd.DataFrame(generate(seed=1, start_ms=START, n=YEAR))
    frame["open_time"] = pd.to_datetime(frame["open_time"], unit="ms", utc=True)

    def run(**more):
        return triplane.backtest(frame, "ema_cross", timeframe="1m", balance=1e9, **more)

    run()
    rows = [
        (label, rate(YEAR, seconds), f"{seconds * 1e3:.0f} ms")
        for label, call in (
            ("triplane.backtest, fixed quantity", lambda: run(quantity=1.0)),
            ("triplane.backtest, default risk profile", run),
            ("the same, and its metrics", lambda: run().metrics),
        )
        for seconds in (best(call, 9),)
    ]
    if vectorbt is None:
        rows.append(("vectorbt", "not installed", ""))
    else:
        close = frame.set_index("open_time")["close"]
        entries, exits = crossings(close)

        def two():
            return vectorbt.Portfolio.from_signals(close, entries, exits, fees=0.0004, freq="1min").stats()

        two()
        seconds = best(two)
        rows.append(("vectorbt, from_signals and stats", rate(YEAR, seconds), f"{seconds * 1e3:.0f} ms"))
    begin = time.perf_counter()
    peak = subprocess.run(
        [sys.executable, "-c", PROCESS.format(start=START, n=YEAR)], capture_output=True, text=True, check=True
    ).stdout.strip()
    rows.append(("a process with one, from nothing", "", f"{time.perf_counter() - begin:.2f} s, {peak} MB"))
    table("A whole backtest, 525,600 one-minute candles", ("what", "candles", "time"), rows)


if __name__ == "__main__":
    main()
