"""The log of what became known, read back as of an earlier bar, and filled in pieces of any size."""

import numpy as np
import pytest

from triplane.data.generator import generate
from triplane.kernel.codes import LiquidityKind, ZonePart, ZoneState
from triplane.kernel.patterns.liquidity import LIQUIDITY
from triplane.kernel.patterns.zones import NONE, ZONE
from triplane.research.analysis import AnalysisParams, collect
from triplane.research.analysis_log import Tables, Zones
from triplane.research.analysis_loop import CHANGE, LEVEL_CHANGE


def zones() -> Zones:
    """Two zones: the first is touched at 4, filled further at 6 and ends at 8; the second appears at 7."""
    rows = np.zeros(2, ZONE)
    rows["serial"], rows["confirmed_at"] = (1, 2), (3, 7)
    rows["first_touched_at"], rows["mitigated_at"], rows["invalid_at"] = (4, NONE), (8, NONE), (8, NONE)
    rows["filled_at"], rows["state"], rows["ended_time"] = NONE, (1, ZoneState.LIVE), (800, NONE)
    rows["parts"][:, 0] = 2.0
    changes = np.zeros(4, CHANGE)
    changes["bar"], changes["serial"] = (3, 4, 6, 7), (1, 1, 1, 2)
    changes["touches"], changes["filled_percent"] = (0, 1, 1, 0), (0.0, 10.0, 60.0, 0.0)
    changes["fvg"] = (0.0, 1.5, 1.5, 0.0)
    return Zones(rows, changes)


@pytest.mark.parametrize(
    ("bar", "touches", "filled", "touched_at", "invalid_at"),
    [(3, [0], [0.0], [NONE], [NONE]), (5, [1], [10.0], [4], [NONE]), (8, [1, 0], [60.0, 0.0], [4, NONE], [8, NONE])],
)
def test_what_came_later_is_taken_back(
    bar: int, touches: list[int], filled: list[float], touched_at: list[int], invalid_at: list[int]
) -> None:
    then = zones().as_of(bar)
    assert then["touches"].tolist() == touches
    assert then["filled_percent"].tolist() == filled
    assert then["first_touched_at"].tolist() == touched_at
    assert then["invalid_at"].tolist() == invalid_at
    alive = then["invalid_at"] == NONE
    assert (then["state"][alive] == ZoneState.LIVE).all()
    assert (then["ended_time"][alive] == NONE).all()


def test_strength_is_the_sum_of_what_was_earned_by_then() -> None:
    early, late = zones().as_of(3)[0], zones().as_of(6)[0]
    assert (early["parts"][ZonePart.FVG], early["parts"][ZonePart.UNTOUCHED], early["strength"]) == (0.0, 1.0, 3.0)
    assert (late["parts"][ZonePart.FVG], late["parts"][ZonePart.UNTOUCHED], late["strength"]) == (1.5, 0.0, 3.5)


def test_before_anything_is_known_there_is_nothing() -> None:
    assert len(zones().as_of(2)) == 0


def test_the_newest_row_of_a_level_counts_and_pools_number_themselves() -> None:
    rows = np.zeros(4, LEVEL_CHANGE)
    rows["bar"] = (1, 2, 5, 6)
    level = np.zeros(4, LIQUIDITY)
    equal = LiquidityKind.EQUAL
    level["serial"], level["kind"], level["count"] = 1, (equal, equal + 1, equal, equal), (2, 1, 3, 4)
    rows["level"] = level
    empty = Zones(np.zeros(0, ZONE), np.zeros(0, CHANGE))
    tables = Tables(empty, empty, np.zeros(0), np.zeros(0), rows)
    assert tables.levels_as_of(5)["count"].tolist() == [3, 1]
    assert tables.levels_as_of(6)["count"].tolist() == [4, 1]
    assert tables.levels_as_of(0)["count"].tolist() == []


def test_pieces_of_any_size_give_the_same_log() -> None:
    candles = generate(seed=6, start_ms=1_735_689_600_000, n=1200)
    whole, pieces = collect(AnalysisParams()), collect(AnalysisParams())
    whole.push(candles)
    for part in np.array_split(candles, 37):
        pieces.push(part)
    one, other = whole.tables(), pieces.tables()
    for name in ("swings", "breaks", "levels"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    for name in ("blocks", "gaps"):
        assert getattr(one, name).rows.tobytes() == getattr(other, name).rows.tobytes()
        assert getattr(one, name).changes.tobytes() == getattr(other, name).changes.tobytes()
