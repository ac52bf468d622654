"""All detectors of a series as one state and one step."""

import numpy as np

from triplane.kernel.indicators.volatility import ATR, atr_init, atr_step
from triplane.kernel.patterns.detectors import DETECTORS, detectors_init, detectors_step


def test_all_detectors_take_the_same_candles():
    """Two hundred candles of a zigzag: every detector finds something, and the states only grow."""
    states, averages = np.zeros(1, DETECTORS), np.zeros(1, ATR)
    detectors_init(states[0])
    atr_init(averages[0], 14)
    swings = breaks = 0
    for i in range(200):
        base = 100.0 + 8.0 * np.sin(i / 6.0) + 0.05 * i
        close = base + (1.5 if i % 3 else -1.5)
        high, low = max(base, close) + 0.5, min(base, close) - 0.5
        atr = atr_step(averages[0], high, low, close)
        detectors_step(states[0], i, i * 900_000, base, high, low, close, 10.0 + i % 7, atr)
        swings += int(states[0]["swings"]["n_events"])
        breaks += int(states[0]["structure"]["n_events"])

    assert swings >= 8
    assert breaks > 3
    assert states[0]["blocks"]["book"]["serial"] >= 3
