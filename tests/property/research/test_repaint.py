"""Nothing is repainted: a pattern appears at the close of its ``confirmed_at``, stays, and only grows.

Each prefix is analysed on its own here, as a program would that starts again on every candle.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triplane.data.generator import generate
from triplane.research.analysis import analyze

IDENTITY = {
    "swings": ["kind", "price", "formed_at", "confirmed_at"],
    "structure": ["kind", "level", "ref_at", "confirmed_at", "block_at"],
    "order_blocks": ["kind", "side", "price_lo", "price_hi", "formed_at", "confirmed_at", "strength_displacement"],
    "breakers": ["side", "price_lo", "price_hi", "formed_at", "confirmed_at", "strength_displacement"],
    "fvgs": ["side", "price_lo", "price_hi", "formed_at", "confirmed_at", "strength_volume"],
    "liquidity": ["kind", "side", "level", "formed_at", "confirmed_at"],
}
GROWS = ["touches", "filled_percent", "last_touched_at", "deepest_at"]
STAMPED = ["first_touched_at", "mitigated_at", "filled_at", "invalid_at", "swept_at", "ended_at"]


def frames(candles: Any) -> dict[str, pd.DataFrame]:
    """Every pattern frame, with left = right = 3 so that much happens."""
    analysis = analyze(candles, left=3, right=3, min_gap_percent=0.0)
    return {name: getattr(analysis, name) for name in IDENTITY}


def assert_grown(before: pd.DataFrame, now: pd.DataFrame, bar: int) -> None:
    """Of the rows that were known: counts did not shrink, and stamps were set on this bar or stay."""
    for name in set(GROWS) & set(now.columns):
        assert (now[name] >= before[name]).all(), name
    for name in set(STAMPED) & set(now.columns):
        changed = now[name] != before[name]
        assert (before[name][changed] == -1).all(), name
        assert (now[name][changed] == bar).all(), name


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**31), first=st.integers(5, 400))
def test_patterns_appear_on_their_bar_and_stay(seed: int, first: int) -> None:
    candles = pd.DataFrame(generate(seed=seed, start_ms=1_735_689_600_000, n=first + 60))
    known = frames(candles.iloc[:first])
    for bar in range(first, len(candles)):
        now = frames(candles.iloc[: bar + 1])
        for name, columns in IDENTITY.items():
            before, after = known[name], now[name]
            pd.testing.assert_frame_equal(after[columns].iloc[: len(before)], before[columns], check_exact=True)
            assert (after["confirmed_at"].iloc[len(before) :] == bar).all()
            assert_grown(before, after.iloc[: len(before)], bar)
        known = now


@pytest.mark.parametrize("name", ["order_blocks", "fvgs", "liquidity", "structure", "swings"])
def test_there_is_enough_to_repaint(name: str) -> None:
    found = frames(pd.DataFrame(generate(seed=1, start_ms=1_735_689_600_000, n=900)))[name]
    assert np.unique(found["confirmed_at"]).size > 5
