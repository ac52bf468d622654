"""``triplane backtest`` as a user meets it: the figures, and one clear sentence for each kind of bad input."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from triplane.cli.main import make_app
from triplane.data.generator import generate

REQUIRED = {
    "bars", "trades", "net_pnl", "return_pct", "max_drawdown_pct", "sharpe", "win_rate", "fees", "decisions_sha256",
    "seconds", "bars_per_second",
}  # fmt: skip


@pytest.fixture(scope="module")
def frame():
    return pd.DataFrame(generate(seed=3, start_ms=1_700_000_100_000, n=5_000))


@pytest.fixture
def path(frame, tmp_path):
    file = tmp_path / "BTCUSDT-1m.parquet"
    frame.to_parquet(file)
    return file


def call(*arguments):
    return CliRunner().invoke(make_app(), list(map(str, arguments)))


def test_json_holds_the_figures(path):
    result = call("backtest", "ema_cross", "--data", path, "--quantity", "0.5", "--json")
    figures = json.loads(result.stdout)

    assert result.exit_code == 0
    assert set(figures) >= REQUIRED
    assert figures["bars"] == 5_000
    assert figures["trades"] > 10


def test_json_is_alone_though_a_strategy_prints(path, tmp_path):
    mine = tmp_path / "talks.py"
    mine.write_text(
        "from triplane.strategies import PythonStrategy\n\n\nclass Talks(PythonStrategy):\n    name = 'talks'\n\n"
        "    def on_bar(self, bar, view):\n        print('here I am')\n\n\nSTRATEGY = Talks\n"
    )
    done = call("backtest", mine, "--data", path, "--json")
    assert json.loads(done.stdout)["trades"] == 0
    assert "here I am" in done.stderr
    assert "here I am" in call("backtest", mine, "--data", path).stdout
    once = call("up", "--once", "--strategy", mine, "--source", path, "--data-dir", tmp_path / "d", "--json")
    assert json.loads(once.stdout)["trades"] == 0


def test_twice_the_same_decisions(path):
    one, two = (json.loads(call("backtest", "ema_cross", "--data", path, "--json").stdout) for _ in range(2))

    assert one["decisions_sha256"] == two["decisions_sha256"]


def test_parameters_change_the_decisions(path):
    one = json.loads(call("backtest", "ema_cross", "--data", path, "--json").stdout)
    two = json.loads(call("backtest", "ema_cross", "--data", path, "--set", "fast=10", "--json").stdout)

    assert two["params"]["fast"] == 10
    assert one["decisions_sha256"] != two["decisions_sha256"]


def test_people_get_a_table(path):
    result = call("backtest", "ema_cross", "--data", path)

    assert result.exit_code == 0
    assert "largest drawdown %" in result.stdout
    assert "(the funding of " in result.stdout  # nobody gave it
    assert ["participation", "0.1000"] in [line.split() for line in result.stdout.splitlines()]


def spoil(frame, how):
    bad = frame.copy()
    if how == "wrong column":
        return bad.rename(columns={"close": "last"})
    if how == "unsorted":
        return bad.iloc[::-1]
    if how == "duplicate":
        return pd.concat([bad.iloc[:10], bad.iloc[9:]])
    bad.loc[7, "close"] = np.nan
    return bad


@pytest.mark.parametrize(
    ("how", "word"), [("wrong column", "close"), ("unsorted", "increase"), ("duplicate", "twice"), ("NaN", "close")]
)
def test_candles_that_cannot_be_used(frame, tmp_path, how, word):
    file = tmp_path / "bad.parquet"
    spoil(frame, how).to_parquet(file)
    result = call("backtest", "ema_cross", "--data", file)

    assert result.exit_code == 2
    assert word in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope"], ["nope", "ema_cross"]),
        (["ema_cross", "--set", "fats=3"], ["fats", "fast"]),
        (["ema_cross", "--set", "fast=0"], ["fast", "0", "1 to 1000"]),
        (["ema_cross", "--set", "fast=2.5"], ["fast", "2.5", "whole number"]),
        (["ema_cross", "--set", "fast"], ["fast", "key=value"]),
        (["ema_cross", "--set", "fast=60"], ["fast", "slow"]),
        (["ema_cross", "--timeframe", "7m"], ["7m", "15m"]),
        (["ema_cross", "--balance", "-5"], ["balance", "-5"]),
        (["ema_cross", "--quantity", "0"], ["quantity", "0"]),
        (["ema_cross", "--quantity", "abc"], ["quantity", "abc"]),
        (["ema_cross", "--fee", "2"], ["fee", "2"]),
        (["ema_cross", "--leverage", "0"], ["leverage", "0"]),
        (["ema_cross", "--instrument", "tick=zero"], ["tick", "zero"]),
    ],
)
def test_arguments_that_cannot_be_used(path, arguments, words):
    result = call("backtest", *arguments, "--data", path)

    assert result.exit_code == 2
    for word in words:
        assert word in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_missing_file(tmp_path):
    result = call("backtest", "ema_cross", "--data", tmp_path / "none.csv")

    assert result.exit_code == 2
    assert "none.csv does not exist" in result.stderr
