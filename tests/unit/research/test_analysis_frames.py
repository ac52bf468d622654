"""Records of the kernel become columns: codes are words, -1 is not yet, and nothing shares memory with the log."""

import numpy as np
import pytest

from triplane.kernel.codes import LiquidityKind, LiquidityState, Regime, StructureKind, ZoneKind, ZonePart, ZoneState
from triplane.kernel.patterns.liquidity import LIQUIDITY
from triplane.kernel.patterns.structure import STRUCTURE_EVENT
from triplane.kernel.patterns.swings import SWING
from triplane.kernel.patterns.zones import NONE, ZONE
from triplane.research.analysis_frames import (
    block_columns,
    fvg_columns,
    liquidity_columns,
    regime_columns,
    structure_columns,
    swing_columns,
)


def test_swings() -> None:
    rows = np.zeros(2, SWING)
    rows["side"], rows["price"], rows["formed_at"], rows["confirmed_at"] = (1, -1), (12.0, 9.0), (3, 5), (8, 10)
    columns = swing_columns(rows)
    assert columns["kind"].tolist() == ["high", "low"]
    assert (columns["price"].tolist(), columns["confirmed_at"].tolist()) == ([12.0, 9.0], [8, 10])


def test_a_break_is_drawn_from_the_swing_that_it_breaks() -> None:
    n = len(StructureKind.labels)
    rows = np.zeros(n, STRUCTURE_EVENT)
    rows["kind"], rows["side"], rows["ref_at"], rows["ref_time"] = range(n), [1, *[-1] * (n - 1)], 7, 700
    columns = structure_columns(rows)
    assert columns["kind"].tolist() == list(StructureKind.labels)
    assert columns["side"].tolist() == ["up", *["down"] * (n - 1)]
    assert columns["formed_at"].tolist() == [7] * n
    assert columns["formed_time"].tolist() == [700] * n


@pytest.mark.parametrize("make", [block_columns, fvg_columns])
def test_zones_have_their_strength_in_parts(make) -> None:
    rows = np.zeros(3, ZONE)
    rows["side"], rows["invalid_at"] = (1, -1, 1), (NONE, 4, NONE)
    rows["kind"], rows["state"] = range(3), [0, 1, 0]
    rows["parts"] = np.arange(15).reshape(3, 5)
    rows["strength"] = rows["parts"].sum(axis=1)
    columns = make(rows)
    assert columns["side"].tolist() == ["demand", "supply", "demand"]
    assert columns["invalid_at"].tolist() == [-1, 4, -1]
    assert columns["state"].tolist() == [ZoneState.labels[0], ZoneState.labels[1], ZoneState.labels[0]]
    parts = [columns[f"strength_{name}"] for name in ZonePart.labels]
    assert np.sum(parts, axis=0).tolist() == columns["strength"].tolist()
    if make is block_columns:
        assert columns["kind"].tolist() == list(ZoneKind.labels[:3])
    parts[0][:] = 99
    assert rows["parts"][:, 0].tolist() == [0, 5, 10]


def test_levels() -> None:
    rows = np.zeros(2, LIQUIDITY)
    rows["side"], rows["level"], rows["kind"], rows["state"] = (1, -1), (5.0, 4.0), (0, 1), (0, 1)
    columns = liquidity_columns(rows)
    assert columns["side"].tolist() == ["high", "low"]
    assert columns["kind"].tolist() == list(LiquidityKind.labels[:2])
    assert columns["state"].tolist() == list(LiquidityState.labels[:2])


def test_an_unknown_regime_has_a_word() -> None:
    beliefs = np.full((2, len(Regime.labels)), 0.25)
    columns = regime_columns(np.array([-1, 1]), np.array([np.nan, 0.7]), beliefs, np.array([-1, 3]))
    assert columns["regime"].tolist() == ["unknown", Regime.labels[1]]
    assert columns["volatility"].tolist() == ["unknown", "extreme"]
    assert [columns[f"p_{name}"].tolist() for name in Regime.labels] == [[0.25, 0.25]] * len(Regime.labels)
