"""Gathers live candles of one time, which come symbol by symbol, into one batch.

Limits and the choice among entries look at all symbols at once, so their candles of one time must be taken together. A
moment is handed on as soon as every symbol has brought its candle or a later one; when that takes longer than a short
grace it goes on without those that are missing, which are a moment of their own when they come. What was taken together
is in the journal, so a replay decides the same.
"""

from collections import deque

import numpy as np

from triplane.data.candles import Candles
from triplane.data.feed import CandleBatch


class Moments:
    """Candles that wait for those of other symbols.

    Parameters
    ----------
    symbols
        How many there are.
    grace
        Seconds that the first candle of a time waits for the others.
    """

    def __init__(self, symbols: int, grace: float) -> None:
        self._waiting: list[deque[Candles]] = [deque() for _ in range(symbols)]
        self._newest = [-1] * symbols
        self._grace = grace
        self._heard: dict[int, float] = {}  # when the first candle of a time came

    def add(self, batch: CandleBatch, now: float) -> None:
        """Take candles of one symbol, in order; ``now`` is monotonic, in seconds."""
        k = int(batch.which[0])
        for i, opened in enumerate(batch.candles["open_time"].tolist()):
            self._waiting[k].append(batch.candles[i : i + 1])
            self._heard.setdefault(opened, now)
            self._newest[k] = opened

    @property
    def due(self) -> float:
        """When the oldest moment goes on in any case; infinity when none waits."""
        opened = self._oldest()
        return float("inf") if opened is None else self._heard[opened] + self._grace

    def ready(self, now: float, *, every: bool = False) -> CandleBatch | None:
        """The moments that are complete or have waited long enough, or ``every`` one; None when there is none."""
        which: list[int] = []
        candles: list[Candles] = []
        while (opened := self._oldest()) is not None:
            if not (every or min(self._newest) >= opened or now >= self._heard[opened] + self._grace):
                break
            for k, waiting in enumerate(self._waiting):
                if waiting and waiting[0]["open_time"].item() == opened:
                    which.append(k)
                    candles.append(waiting.popleft())
            del self._heard[opened]
        return CandleBatch(np.array(which), np.concatenate(candles)) if which else None

    def _oldest(self) -> int | None:
        times: list[int] = [waiting[0]["open_time"].item() for waiting in self._waiting if waiting]
        return min(times, default=None)
