"""``triplane strategies``: the list, one strategy with its parameters, and a name that does not exist."""

import json
from typing import Any

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
