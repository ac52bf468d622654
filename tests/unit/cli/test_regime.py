"""``triplane regime``: a fit becomes a version, the active one is used, and bad input is one sentence."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from triplane.cli.regime import app
from triplane.data.generator import generate


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "BTCUSDT-1m.parquet"
    pd.DataFrame(generate(seed=3, start_ms=1_735_689_600_000, n=4500)).to_parquet(file)
    return file


def call(*arguments: object) -> Any:
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_fit_list_diff_activate_and_roll_back(path: Path, tmp_path: Path) -> None:
    shared = ("--data", path, "--timeframe", "5m", "--name", "btc", "--data-dir", tmp_path)

    first = call("fit", *shared, "--train", 500, "--step", 200, "--states", 3, "--json")
    second = call("fit", *shared, "--train", 600, "--step", 0, "--states", 3, "--no-activate")

    made = json.loads(first.stdout)
    assert first.exit_code == second.exit_code == 0
    assert (made["version"], made["active"], len(made["fits"])) == (1, True, 3)
    assert sum(made["out_of_sample_share"].values()) == pytest.approx(1.0)
    assert len(made["data_sha256"]) == 64
    assert "Not active" in second.stdout
    assert "ranging" in second.stdout
    listed = json.loads(call("list", "--data-dir", tmp_path, "--json").stdout)
    assert [(s["version"], s["active"]) for s in listed] == [(1, True), (2, False)]
    assert "btc" in call("list", "--data-dir", tmp_path).stdout
    changes = json.loads(call("diff", "btc", 1, 2, "--data-dir", tmp_path, "--json").stdout)
    assert changes["fits[0].bars"] == {"old": 401, "new": 600}
    assert "fits[0].bars" in call("diff", "btc", 1, 2, "--data-dir", tmp_path).stdout
    assert "Version 2 of btc is active." in call("activate", "btc", 2, "--data-dir", tmp_path).stdout
    assert "Version 1 of btc is active again." in call("roll-back", "btc", "--data-dir", tmp_path).stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fit", "--name", "x", "--states", "7"], "n_states is 7"),
        (["fit", "--name", "x", "--timeframe", "7m"], "timeframe '7m' is not supported"),
        (["fit", "--name", "a/b", "--train", "400", "--step", "0", "--states", "3"], "name is 'a/b'"),
        (["activate", "nothing", "1"], "There is no parameter set nothing"),
    ],
)
def test_bad_input_is_one_sentence(path: Path, tmp_path: Path, arguments: list[str], sentence: str) -> None:
    more = ["--data", path] if arguments[0] == "fit" else []
    result = call(*arguments, *more, "--data-dir", tmp_path)

    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())
