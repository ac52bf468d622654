"""``triplane strategies``: the list, one strategy with its parameters, and a name that does not exist."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from triplane.cli.main import make_app
from triplane.strategies.registry import find, names


def call(*words: str) -> Any:
    return CliRunner().invoke(make_app(["strategies", "up"]), ["strategies", *words], env={"COLUMNS": "200"})


def test_all_are_listed() -> None:
    shown = call().stdout
    listed = json.loads(call("--json").stdout)
    assert [one["name"] for one in listed] == list(names())
    for one in listed:
        assert one["name"] in shown
        assert one["timeframe"] == find(one["name"]).timeframe


def test_one_with_its_parameters() -> None:
    one = json.loads(call("ema_cross", "--json").stdout)
    assert [p["name"] for p in one["params"]] == [p.name for p in find("ema_cross").params]
    fast = one["params"][0]
    assert fast["low"] <= fast["default"] <= fast["high"]
    assert one["file"].endswith("ema_cross.py")
    shown = call("ema_cross").stdout
    assert all(p["text"] in shown for p in one["params"])


def test_an_unknown_name_is_one_sentence() -> None:
    done = call("nope")
    assert done.exit_code == 2
    assert "nope" in done.stderr
    assert "ema_cross" in done.stderr
    assert done.stderr.strip().count("\n") == 0


def test_a_file_that_cannot_be_loaded_does_not_hide_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.py").write_text("STRATEGY = [1, 2\n")
    (tmp_path / "helper.py").write_text("HALF = 0.5\n")
    (tmp_path / "leaves.py").write_text("raise SystemExit(0)\nSTRATEGY = 1\n")
    monkeypatch.setenv("TRIPLANE_STRATEGIES", str(tmp_path))
    done = call("--json")
    listed = {one["name"]: one.get("error", "") for one in json.loads(done.stdout)}
    assert done.exit_code == 0
    assert "SyntaxError: '[' was never closed" in listed.pop("broken")
    assert "SystemExit: 0" in listed.pop("leaves")
    assert not any(listed.values())
    assert "helper" not in listed
    assert "ema_cross" in listed
    assert "'[' was never closed" in call().stdout
    assert "helper" not in call("nope").stderr
