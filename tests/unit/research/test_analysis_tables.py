"""The tables of an analysis: every pattern once, in the order in which it became known, however the candles came."""

from typing import Any

import numpy as np
import pytest

from triplane.data.generator import generate
from triplane.kernel.codes import LiquidityKind, LiquidityState, ZoneState
from triplane.research.analysis import AnalysisParams, collect
from triplane.research.analysis_loop import TABLES


@pytest.fixture(scope="module")
def candles() -> Any:
    return generate(seed=6, start_ms=1_735_689_600_000, n=1800)


@pytest.fixture(scope="module")
def tables(candles: Any) -> Any:
    whole = collect(AnalysisParams())
    whole.push(candles)
    return whole.tables()


def test_pieces_of_any_size_give_the_same_tables(candles: Any, tables: Any) -> None:
    pieces = collect(AnalysisParams())
    for part in np.array_split(candles, 37):
        pieces.push(part)
    other = pieces.tables()
    assert list(other) == list(TABLES)
    for name, rows in tables.items():
        assert rows.tobytes() == other[name].tobytes()


@pytest.mark.parametrize("name", TABLES)
def test_the_order_is_that_of_becoming_known(tables: Any, name: str) -> None:
    assert len(tables[name]) > 10
    assert (np.diff(tables[name]["confirmed_at"]) >= 0).all()


@pytest.mark.parametrize("name", ["blocks", "gaps"])
def test_every_zone_is_there_once_whether_it_lives_or_not(tables: Any, name: str) -> None:
    zones = tables[name]
    assert zones["serial"].tolist() == list(range(1, len(zones) + 1))
    assert ((zones["state"] == ZoneState.LIVE) == (zones["invalid_at"] < 0)).all()
    assert 0 < (zones["state"] == ZoneState.LIVE).sum() < len(zones)


def test_pools_and_levels_number_themselves(tables: Any) -> None:
    levels = tables["levels"]
    pools = levels["kind"] == LiquidityKind.EQUAL
    for some in (levels[pools], levels[~pools]):
        assert sorted(some["serial"].tolist()) == list(range(1, len(some) + 1))
        assert ((some["state"] == LiquidityState.LIVE) == (some["ended_at"] < 0)).all()


def test_before_the_first_candle_there_is_nothing() -> None:
    assert all(len(rows) == 0 for rows in collect(AnalysisParams()).tables().values())
