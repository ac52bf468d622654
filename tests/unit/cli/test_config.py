"""``triplane config``: the file that is written can be used, and a wrong one says where it is wrong."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from triplane.cli.main import make_app


def call(*arguments):
    return CliRunner().invoke(make_app(), ["config", *map(str, arguments)])


def test_what_init_writes_is_valid_and_complete(tmp_path):
    file = tmp_path / "triplane.yaml"

    assert call("init", file).exit_code == 0
    assert yaml.safe_load(file.read_text())["trading"]["risk_per_trade"] == 0.01
    checked = call("check", file, "--json")
    assert checked.exit_code == 0
    assert json.loads(checked.stdout)["config"]["strategy"] == "ict_blocks"


def test_init_does_not_overwrite(tmp_path):
    file = tmp_path / "triplane.yaml"
    file.write_text("port: 9000\n")
    result = call("init", file)

    assert result.exit_code == 2
    assert file.read_text() == "port: 9000\n"
    assert call("init", file, "--force").exit_code == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port: 99999\n", ["port", "99999", "65535"]),
        ("trading: {risk_per_trade: 7}\n", ["trading.risk_per_trade", "7"]),
        ("tradign: {}\n", ["tradign"]),
        ("strategy: nope\n", ["nope", "ict_blocks"]),
        ("params: {fats: 1}\n", ["fats"]),
        ("speed: fast\n", ["speed", "fast", "max"]),
        ("timeframe: 7m\n", ["7m"]),
        ("symbols: BTCUSDT\n", ["symbols", "BTCUSDT"]),
        ("[1, 2]\n", ["names and values"]),
        ("a: [\n", ["YAML", "line"]),
        ("alerts: [env:NOT_SET_ANYWHERE]\n", ["NOT_SET_ANYWHERE"]),
        ("processors: [none.py]\n", ["none.py"]),
    ],
)
def test_a_wrong_file(tmp_path, text, words):
    file = tmp_path / "triplane.yaml"
    file.write_text(text)
    result = call("check", file)

    assert result.exit_code == 2
    for word in words:
        assert word in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_no_address_of_an_alert_target_is_shown(tmp_path):
    file = tmp_path / "triplane.yaml"
    file.write_text("alerts: ['discord://123456/T0ken0fMine12345']\n")
    result = call("check", file, "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["config"]["alerts"][0]["severity"] == "info"
    assert "T0ken" not in result.stdout


def test_a_missing_file(tmp_path):
    result = call("check", tmp_path / "none.yaml")

    assert result.exit_code == 2
    assert "none.yaml" in result.stderr
