"""A histogram of durations with fixed memory: 16 steps to each doubling, so percentiles are within 5 %."""

from typing import Any

import numpy as np

STEPS = 16


class Latency:
    """Durations in nanoseconds."""

    def __init__(self) -> None:
        self.counts: np.ndarray[Any, np.dtype[np.int64]] = np.zeros(48 * STEPS, np.int64)
        self.total = 0
        self.count = 0

    def add(self, nanoseconds: int) -> None:
        value = max(nanoseconds, 1)
        doubling = value.bit_length() - 1
        step = ((value - (1 << doubling)) * STEPS) >> doubling
        self.counts[min(doubling * STEPS + step, len(self.counts) - 1)] += 1
        self.total += value
        self.count += 1

    def percentile(self, percent: float) -> float | None:
        """The duration that ``percent`` of all do not exceed, ns; None when there is none."""
        if self.count == 0:
            return None
        rank = max(int(np.ceil(self.count * percent / 100.0)), 1)
        at = int(np.searchsorted(np.cumsum(self.counts), rank))
        return float((1 << at // STEPS) * (1 + (at % STEPS + 1) / STEPS))

    def to_dict(self) -> dict[str, float | int | None]:
        """Percentiles in microseconds."""
        figures: dict[str, float | int | None] = {"count": self.count}
        for percent in (50, 99, 99.9):
            value = self.percentile(percent)
            figures[f"p{percent}_us"] = None if value is None else round(value / 1000, 1)
        return figures
