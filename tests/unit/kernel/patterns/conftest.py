"""Feeding hand-made candles to a detector of zones, one step at a time."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from triplane.kernel.codes import ZoneState
from triplane.kernel.patterns.fair_value_gaps import GAPS, gaps_init, gaps_step
from triplane.kernel.patterns.order_blocks import BLOCKS, blocks_init, blocks_step

Candles = Sequence[tuple[float, float, float, float]]
ZoneRun = Callable[..., list[Any]]


def feed(
    step: Callable[..., int], state: Any, candles: Candles, volumes: Sequence[float] = (), atr: float = 1.0
) -> Any:
    """Feed (open, high, low, close) candles of one minute; returns every zone that ever was, by its serial."""
    zones: dict[int, Any] = {}
    for i, (o, h, lo, c) in enumerate(candles):
        volume = volumes[i] if volumes else 1.0
        before = int(state.book.serial)
        # floats always: a whole number would be another signature, to be compiled again
        n = step(state, i, i * 60_000, float(o), float(h), float(lo), float(c), float(volume), float(atr))
        assert n == state.book.serial - before
        for z in state.book.retired[: state.book.n_retired]:
            assert z.invalid_at == i
            assert z.ended_time == i * 60_000
            zones[int(z.serial)] = z.copy()
    for side in state.book.sides:
        for z in side.zones:
            if z.state == ZoneState.LIVE:
                zones[int(z.serial)] = z.copy()
    return [zones[serial] for serial in sorted(zones)]


@pytest.fixture
def blocks() -> ZoneRun:
    """Runs candles through the order blocks and returns the zones."""

    def run(
        candles: Candles,
        *,
        ratio: float = 0.7,
        touches: int = 3,
        age: int = 500,
        breakers: int = 0,
        volumes: Sequence[float] = (),
        atr: float = 1.0,
    ) -> Any:
        state = np.zeros(1, BLOCKS)
        blocks_init(state[0], ratio, touches, age, breakers)
        return feed(blocks_step, state[0], candles, volumes, atr)

    return run


@pytest.fixture
def gaps() -> ZoneRun:
    """Runs candles through the fair value gaps and returns the zones."""

    def run(
        candles: Candles, *, percent: float = 0.1, age: int = 0, volumes: Sequence[float] = (), atr: float = 1.0
    ) -> Any:
        state = np.zeros(1, GAPS)
        gaps_init(state[0], percent, age)
        return feed(gaps_step, state[0], candles, volumes, atr)

    return run
