"""Parameter sets: versions that never change, one active at a time, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from triplane.errors import BadInput
from triplane.research.parameter_sets import ParameterSets, regime_values
from triplane.strategies.regime_model import built_in_model


@pytest.fixture
def sets(tmp_path: Path) -> ParameterSets:
    return ParameterSets(tmp_path / "sets")


def test_versions_count_up_and_keep_where_they_came_from(sets: ParameterSets) -> None:
    first = sets.create("ema_cross", "fast", {"fast": "10"}, data_sha256="ab", train_from=1, train_to=2, now_ms=3)
    second = sets.create("ema_cross", "fast", {"fast": 12, "slow": 60}, note="slower")

    assert (first.version, second.version) == (1, 2)
    assert first.values == {"fast": 10}
    assert sets.get("ema_cross", "fast", 1) == first
    assert sets.get("ema_cross", "fast", 2) == second
    assert [(s.name, s.version) for s in sets.list()] == [("fast", 1), ("fast", 2)]
    assert first.summary() == {
        "kind": "ema_cross", "name": "fast", "version": 1, "created_at": 3, "data_sha256": "ab", "train_from": 1,
        "train_to": 2, "note": "", "active": False,
    }  # fmt: skip


def test_diff_names_what_changed(sets: ParameterSets) -> None:
    sets.create("ema_cross", "x", {"fast": 10, "slow": 50})
    sets.create("ema_cross", "x", {"fast": 11, "stop_atr": 3})
    model = built_in_model(60_000)
    sets.create("regime", "x", model)
    sets.create("regime", "x", {**model, "min_dwell": 5, "fits": [{**model["fits"][0], "valid_from": 7}]})

    assert sets.diff("ema_cross", "x", 1, 2) == {"fast": (10, 11), "slow": (50, None), "stop_atr": (None, 3.0)}
    assert sets.diff("regime", "x", 1, 2) == {"min_dwell": (3, 5), "fits[0].valid_from": (0, 7)}
    assert sets.diff("regime", "x", 2, 2) == {}


def test_activate_and_roll_back(sets: ParameterSets) -> None:
    for fast in (10, 11, 12):
        sets.create("ema_cross", "x", {"fast": fast})
    with pytest.raises(BadInput, match="No version of parameter set x is active; there are: 1, 2, 3"):
        sets.get("ema_cross", "x")
    for version in (1, 3, 3, 2):
        assert sets.activate("ema_cross", "x", version).active

    assert sets.get("ema_cross", "x").version == 2
    assert sets.roll_back("ema_cross", "x").version == 3
    assert sets.roll_back("ema_cross", "x").version == 1
    with pytest.raises(BadInput, match="cannot be rolled back: nothing was active before"):
        sets.roll_back("ema_cross", "x")
    assert [s.version for s in sets.list("ema_cross", "x") if s.active] == [1]


@pytest.mark.parametrize(
    ("kind", "name", "values", "sentence"),
    [
        ("ema_cross", "x", {"fast": 0}, "Parameter fast of strategy ema_cross is 0"),
        ("nothing", "x", {}, "Unknown strategy nothing"),
        ("regime", "x", {}, "Regime model: vol_window is None"),
        ("ema_cross", "../x", {}, r"name is '../x'; it must be 1 to 64 letters"),
        ("..", "x", {}, r"kind is '..'; it must be"),
    ],
)
def test_bad_sets_are_not_stored(sets: ParameterSets, kind: str, name: str, values: Any, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        sets.create(kind, name, values)
    assert not list(sets.folder.rglob("*.json"))


def test_what_is_not_there_is_said(sets: ParameterSets) -> None:
    sets.create("ema_cross", "x", {})
    with pytest.raises(BadInput, match="There is no parameter set y of kind ema_cross; there are: x"):
        sets.get("ema_cross", "y")
    with pytest.raises(BadInput, match="has no version 9; there are: 1"):
        sets.activate("ema_cross", "x", 9)


def test_a_number_that_is_taken_is_not_overwritten(sets: ParameterSets, monkeypatch: pytest.MonkeyPatch) -> None:
    sets.create("ema_cross", "x", {"fast": 10})
    real, calls = sets._versions, []

    def late(kind: str, name: str) -> list[int]:  # as if another process had written version 1 after we looked
        calls.append(name)
        return [] if len(calls) == 1 else real(kind, name)

    monkeypatch.setattr(sets, "_versions", late)

    assert sets.create("ema_cross", "x", {"fast": 11}).version == 2
    assert sets.get("ema_cross", "x", 1).values == {"fast": 10}
    assert not list(sets.folder.rglob("*.tmp"))


def test_a_regime_by_name_version_file_or_value(sets: ParameterSets, tmp_path: Path) -> None:
    model = built_in_model(60_000)
    other = {**model, "min_dwell": 9}
    sets.create("regime", "btc", model)
    sets.create("regime", "btc", other)
    sets.activate("regime", "btc", 2)
    plain = tmp_path / "plain.json"
    plain.write_text(json.dumps(model))

    assert regime_values("btc", sets.folder) == other
    assert regime_values("btc@1", sets.folder) == model
    assert regime_values(plain, sets.folder) == model
    assert regime_values(sets.folder / "regime" / "btc" / "2.json", sets.folder) == other
    assert regime_values(other, sets.folder) is other
    with pytest.raises(BadInput, match="regime is 'btc@new'; it must be a name"):
        regime_values("btc@new", sets.folder)
    with pytest.raises(BadInput, match=r"none\.json cannot be read"):
        regime_values(tmp_path / "none.json", sets.folder)
