"""``triplane analyze``: a table for people, one JSON document, a chart, one sentence for an error."""

import json
from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

import triplane
from triplane.cli.analyze import analyze
from triplane.data.generator import generate

app = typer.Typer()
app.command()(analyze)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "BTCUSDT-1m.parquet"
    pd.DataFrame(generate(seed=3, start_ms=1_735_689_600_000, n=900)).to_parquet(path)
    return path


def test_json_is_what_is_alive_at_the_bar(market: Path) -> None:
    done = CliRunner().invoke(app, ["--data", str(market), "--json", "--at", "500", "--set", "left=3"])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    then = triplane.analyze(pd.read_parquet(market), left=3).at(500)
    assert (result["symbol"], result["timeframe"], result["bars"]) == ("BTCUSDT", "1m", 501)
    assert result["found"]["swings"] == len(then.swings)
    alive = then.order_blocks[then.order_blocks["invalid_at"] < 0]
    assert [zone["price_lo"] for zone in result["live"]["order_blocks"]] == alive["price_lo"].tolist()
    assert all(zone["confirmed_at"] <= 500 for zone in result["live"]["fvgs"])


def test_people_get_the_nearest_zones_and_a_chart(market: Path, tmp_path: Path) -> None:
    chart = tmp_path / "chart.html"
    done = CliRunner().invoke(app, ["--data", str(market), "--timeframe", "5m", "--html", str(chart)])
    assert done.exit_code == 0, done.output
    assert "BTCUSDT, 5m" in done.stdout
    assert "live zones" in done.stdout
    assert "BTCUSDT 5m · 180 bars" in chart.read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--set", "lft=3"], "--set lft is no parameter of a detector; there is left, right"),
        (["--set", "timeframe=5m"], "--set timeframe is no parameter"),
        (["--set", "left=0"], "left is '0'"),
        (["--at", "900"], "the bar must be 0 to 899"),
    ],
)
def test_what_cannot_be_is_one_sentence(market: Path, words: list[str], sentence: str) -> None:
    done = CliRunner().invoke(app, ["--data", str(market), *words])
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert done.stderr.strip().count("\n") == 0
