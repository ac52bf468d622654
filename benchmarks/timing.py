"""Small tools that the benchmarks share."""

import resource
import time
from collections.abc import Callable, Iterable


def best(call: Callable[[], object], runs: int = 5) -> float:
    """Seconds of the fastest of several runs: the one that was disturbed least."""
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def table(title: str, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print a Markdown table."""
    lines = [list(map(str, header)), *[list(map(str, row)) for row in rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    print(f"\n### {title}\n")
    for number, line in enumerate(lines):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


def rate(candles: int, seconds: float) -> str:
    """Candles a second, for people."""
    value = candles / seconds
    return f"{value / 1e6:,.1f} M/s" if value >= 1e6 else f"{value:,.0f} /s"
