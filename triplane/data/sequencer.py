"""Puts a live stream of closed candles into order: every candle once, none before the one before it.

Streams repeat candles, deliver them late, and lose them while a connection is down. The sequencer holds back what comes
early, drops repeats, and takes in what its owner has fetched. It does no I/O and has no clock, so every kind of fault
can be tested.

A delivered candle is never changed: decisions were made on it. When the same candle comes again with other
values that is reported as a conflict.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from triplane.data.candles import Candles
from triplane.kernel.records import CANDLE

MEMORY: Final = 1500
"""Delivered candles that are kept to compare repeats with."""


@dataclass(frozen=True, slots=True)
class Range:
    """Missing candles, open times of the first and the last one, milliseconds."""

    first_ms: int
    last_ms: int


@dataclass(slots=True)
class Sequenced:
    """What one call made possible.

    ``candles`` follow on what was delivered before. ``duplicates`` were seen before and are the same; ``conflicts``
    are open times of candles that came again with other values; ``late`` are too old to tell; ``absent`` are open times
    of candles that the venue does not have, over which the sequence goes on; ``misaligned`` do not open on the grid.
    """

    candles: Candles = field(default_factory=lambda: np.empty(0, dtype=CANDLE))
    duplicates: int = 0
    conflicts: list[int] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
    absent: list[int] = field(default_factory=list)
    misaligned: list[int] = field(default_factory=list)


class Sequencer:
    """Order for one symbol's candles.

    Parameters
    ----------
    interval_ms
        Length of a candle.
    last_ms
        Open time of the last candle that is already known. Without it the first candle that comes begins the sequence.
    """

    def __init__(self, interval_ms: int, last_ms: int | None = None) -> None:
        self._interval = interval_ms
        self._next: int | None = None if last_ms is None else last_ms + interval_ms
        self._early: dict[int, Any] = {}
        self._absent: set[int] = set()
        self._done: OrderedDict[int, Any] = OrderedDict()

    @property
    def next_ms(self) -> int | None:
        """Open time of the candle that comes next; None before the first."""
        return self._next

    def push(self, candles: Candles) -> Sequenced:
        """Take closed candles in, in any order."""
        result = Sequenced()
        for candle in candles:
            self._take(candle.copy(), result)
        self._drain(result)
        return result

    def fill(self, asked: Range, candles: Candles) -> Sequenced:
        """Take the answer to the question for a range; what it lacks does not exist and is passed over."""
        result = Sequenced()
        for candle in candles:
            self._take(candle.copy(), result)
        start = asked.first_ms if self._next is None else max(asked.first_ms, self._next)
        for time in range(start, asked.last_ms + 1, self._interval):
            if time not in self._early:
                self._absent.add(time)
        self._drain(result)
        return result

    def _take(self, candle: Any, result: Sequenced) -> None:
        time = int(candle["open_time"])
        if self._next is None:
            self._next = time
        if (time - self._next) % self._interval:
            result.misaligned.append(time)
            return
        known = self._early.get(time) if time >= self._next else self._done.get(time)
        if known is not None:
            if known == candle:
                result.duplicates += 1
            else:
                result.conflicts.append(time)
                if time >= self._next:  # not delivered yet: the later value counts
                    self._early[time] = candle
        elif time < self._next:
            result.late.append(time)
        else:
            self._early[time] = candle

    def _drain(self, result: Sequenced) -> None:
        out = []
        while self._next is not None and (self._next in self._early or self._next in self._absent):
            candle = self._early.pop(self._next, None)
            self._absent.discard(self._next)
            if candle is None:
                result.absent.append(self._next)
            else:
                out.append(candle)
                self._done[self._next] = candle
            self._next += self._interval
        while len(self._done) > MEMORY:
            self._done.popitem(last=False)
        if out:
            result.candles = np.array(out, dtype=CANDLE)
