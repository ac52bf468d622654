"""Swings by hand, with two bars on each side."""

from collections.abc import Sequence

import numpy as np
import pytest

from triplane.kernel.patterns.swings import SWING_HIGH, SWING_LOW, SWINGS, swings_init, swings_step

Found = list[tuple[int, float, int, int]]


def run(highs: Sequence[float], lows: Sequence[float] | None = None, left: int = 2, right: int = 2) -> Found:
    """Return (side, price, formed_at, confirmed_at) of each swing, in the order of the events."""
    state = np.zeros(1, SWINGS)
    s = state[0]
    swings_init(s, left, right)
    found: Found = []
    for i, high in enumerate(highs):
        # without lows: ever higher ones, so that there is no swing low
        low = lows[i] if lows is not None else i * 1e-3
        n = swings_step(s, i, i * 1000, float(high), float(low))
        for e in s.events[:n]:
            assert (e.formed_time, e.confirmed_time) == (e.formed_at * 1000, i * 1000)
            found.append((int(e.side), float(e.price), int(e.formed_at), int(e.confirmed_at)))
    return found


#   highs        3
#              2   2
#            1       1
#   bar      0 1 2 3 4    swing at 2, known at 4
def test_a_peak_is_known_after_the_bars_on_its_right() -> None:
    assert run([1, 2, 3, 2]) == []
    assert run([1, 2, 3, 2, 1]) == [(SWING_HIGH, 3, 2, 4)]


def test_lows_mirror_highs() -> None:
    assert run([9, 9, 9, 9, 9], [3, 2, 1, 2, 3]) == [(SWING_LOW, 1, 2, 4)]


def test_one_bar_may_be_both_and_the_high_comes_first() -> None:
    assert run([1, 2, 3, 2, 1], [3, 2, 1, 2, 3]) == [(SWING_HIGH, 3, 2, 4), (SWING_LOW, 1, 2, 4)]


@pytest.mark.parametrize(
    ("highs", "formed"),
    [
        ([1, 1, 3, 3, 1, 1], [2]),  # the first of equal highs wins
        ([1, 1, 3, 1, 3, 1, 1], [2]),  # equal at the end of the right side: still the first
        ([1, 1, 3, 1, 1, 3, 1, 1], [2, 5]),  # one bar further they do not see each other
        ([3, 1, 3, 1, 1], []),  # equal at the end of the left side forbids it, and the first has too few bars before it
        ([3, 3, 3, 3, 3, 3], []),
        ([1, 2, 3, 4, 5, 6], []),
    ],
)
def test_equal_highs(highs: list[float], formed: list[int]) -> None:
    assert [p for _, _, p, _ in run(highs)] == formed


def test_there_must_be_enough_bars_before() -> None:
    assert run([2, 3, 2, 1, 1]) == []


def test_the_ring_goes_round() -> None:
    highs = [1.0 + (i % 10 == 5) for i in range(400)]
    assert [p for _, _, p, _ in run(highs, left=60, right=5)] == []
    assert [p for _, _, p, _ in run(highs)] == list(range(5, 396, 10))
    far = [1.0] * 400
    far[200] = 2.0
    assert run(far, left=60, right=60) == [(SWING_HIGH, 2.0, 200, 260)]


@pytest.mark.parametrize(("left", "right"), [(0, 5), (5, 0), (64, 64)])
def test_sides_out_of_range(left: int, right: int) -> None:
    with pytest.raises(ValueError, match="at least 1 and together less than 128"):
        swings_init(np.zeros(1, SWINGS)[0], left, right)
