"""vectorbt's two calls over the same closes, in an environment of its own (``make peers``).

``python benchmarks/vectorbt_calls.py FILE``: a file of ``numpy.save`` with the columns of candles; prints vectorbt's
version, the seconds of the fastest of several runs, and the trades. The signals are there already, without stops.
"""

import sys
import time

import numpy as np
import pandas as pd
import vectorbt

RUNS = 5


def main() -> None:
    """Print the figures."""
    candles = np.load(sys.argv[1])
    # without a zone: with one vectorbt makes an object of every time, which takes it a hundred times as long
    close = pd.Series(candles["close"], pd.to_datetime(candles["open_time"], unit="ms"))
    fast, slow = (close.ewm(span=span, adjust=False).mean() for span in (20, 50))
    above = fast > slow
    entries, exits = above & ~above.shift(fill_value=False), ~above & above.shift(fill_value=False)
    times, stats = [], None
    for _ in range(RUNS + 1):
        begin = time.perf_counter()
        stats = vectorbt.Portfolio.from_signals(close, entries, exits, fees=0.0004, freq="1min").stats()
        times.append(time.perf_counter() - begin)
    print(vectorbt.__version__, min(times[1:]), stats["Total Trades"])


if __name__ == "__main__":
    main()
