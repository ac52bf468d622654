"""Settings and their sources; ``triplane config`` writes a file that works, and says where a wrong one is wrong."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from triplane.cli.config import Config, resolve
from triplane.cli.main import make_app
from triplane.errors import BadInput


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder without a setting in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRIPLANE_PORT", raising=False)
    return tmp_path


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
        ("params: {fast: true}\n", ["fast", "must be a number, not true or false"]),
        ("trading: {max_open_positions: true}\n", ["trading.max_open_positions is True", "must be a number"]),
        ("costs: {leverage: yes}\n", ["costs.leverage is True", "must be a number"]),
        ("go_live: {days: false}\n", ["go_live.days is False", "must be a number"]),
        ("port: true\n", ["port is True", "must be a number"]),
        ("speed: fast\n", ["speed", "fast", "max"]),
        ("timeframe: 7m\n", ["7m"]),
        ("symbols: BTCUSDT\n", ["symbols", "BTCUSDT"]),
        ("[1, 2]\n", ["names and values"]),
        ("a: [\n", ["YAML", "line"]),
        ("alerts: [env:NOT_SET_ANYWHERE]\n", ["NOT_SET_ANYWHERE"]),
        ("alerts: ['foo://bar1']\n", ["Alert target foo", "not the address of a service that Apprise knows"]),
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


def test_init_explains_every_setting(tmp_path):
    file = tmp_path / "triplane.yaml"
    call("init", file)
    lines = file.read_text().splitlines()
    settings = [n for n, line in enumerate(lines) if ":" in line and not line.lstrip().startswith("#")]

    assert len(settings) > 40
    assert all(lines[n - 1].lstrip().startswith("# ") for n in settings)


def test_command_line_then_environment_then_file_then_defaults(monkeypatch):
    Path("triplane.yaml").write_text(
        "port: 1\nspeed: 1\nstrategy: ema_cross\nparams: {fast: 3, slow: 9}\n"
        "trading: {max_drawdown: 0.1, min_sharpe: 1}\n"
    )
    monkeypatch.setenv("TRIPLANE_PORT", "2")
    monkeypatch.setenv("TRIPLANE_SPEED", "2")
    monkeypatch.setenv("TRIPLANE_TRADING__MAX_OPEN_POSITIONS", "7")
    monkeypatch.setenv("TRIPLANE_TRADING__MIN_SHARPE", "none")
    monkeypatch.setenv("TRIPLANE_SYMBOLS", "btcusdt, ETHUSDT")
    monkeypatch.setenv("TRIPLANE_PARAMS__SLOW", "20")
    monkeypatch.setenv("TRIPLANE_NEWS", "")
    config = resolve(None, {"port": "3", "trading": {"risk_per_trade": "0.02"}})

    assert (config.port, config.speed, config.strategy, config.source) == (3, "2", "ema_cross", "demo")
    assert config.params == {"fast": 3, "slow": 20}
    assert config.symbols == ["BTCUSDT", "ETHUSDT"]
    assert config.news is None
    trading = config.trading
    assert (trading.risk_per_trade, trading.max_open_positions, trading.max_drawdown, trading.min_sharpe) == (
        0.02, 7, 0.1, None,
    )  # fmt: skip
    assert trading.max_trades_day == 5


def test_a_file_is_checked_without_the_environment(monkeypatch):
    monkeypatch.setenv("TRIPLANE_PORT", "none of your business")
    Path("triplane.yaml").write_text("speed: max\n")

    assert call("check").exit_code == 0


def test_settings_made_by_hand_are_what_they_are_given(monkeypatch):
    Path("triplane.yaml").write_text("port: 1\n")
    monkeypatch.setenv("TRIPLANE_PORT", "2")

    assert Config().port == Config.model_validate({}).port == 8000


def test_changes_replace_whole_settings():
    config = resolve(None, {"strategy": "ema_cross", "params": {"fast": 3}, "trading": {"max_drawdown": 0.1}})
    changed = config.changed({"strategy": "ict_blocks", "params": {"trend": 50}})

    assert (changed.strategy, changed.params, changed.trading) == ("ict_blocks", {"trend": 50}, config.trading)
    with pytest.raises(BadInput, match="port is -1; it must be at least 0"):
        config.changed({"port": -1})
    with pytest.raises(BadInput, match="fats"):
        config.changed({"params": {"fats": 1}})


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("TRIPLANE_PORT", "tcp://10.0.0.1:8000", "TRIPLANE_PORT is 'tcp://10.0.0.1:8000'; it must be a whole number"),
        ("TRIPLANE_TRADING__MAX_DRAWDOWN", "9", "TRIPLANE_TRADING__MAX_DRAWDOWN is '9'; it must be at most 1"),
        (
            "TRIPLANE_TRADING__MAX_DRAWDON",
            "9",
            "TRIPLANE_TRADING__MAX_DRAWDON is not a setting; did you mean max",
        ),
        ("TRIPLANE_TRADNIG__MAX_DRAWDOWN", "9", "TRIPLANE_TRADNIG__MAX_DRAWDOWN is not a setting; there is no group"),
        ("TRIPLANE_TRADING", "abc", "TRIPLANE_TRADING is 'abc'; it must hold names and values"),
        ("TRIPLANE_PARAMS__FAST", "abc", "TRIPLANE_PARAMS__FAST is 'abc'; it must be a number"),
        ("TRIPLANE_SPEED", "slow", "TRIPLANE_SPEED is 'slow'; it must be max or a factor"),
    ],
)
def test_a_wrong_variable_is_named_as_it_stands(monkeypatch, name, value, sentence):
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInput) as caught:
        resolve(None, {})
    assert str(caught.value).startswith(sentence)


def test_a_value_in_a_file_is_named_with_the_file():
    Path("triplane.yaml").write_text("trading: {break_even: perhaps}\n")
    with pytest.raises(
        BadInput, match=r"file triplane.yaml: trading.break_even is 'perhaps'; it must be true or false"
    ):
        resolve(None, {"port": "3"})


PORTFOLIO = "portfolio: [{strategy: ema_cross, symbols: [BTCUSDT]}, {strategy: ema_cross, name: b}]\n"


def test_a_strategy_that_is_typed_takes_the_place_of_a_portfolio_in_the_file(folder, monkeypatch):
    Path("triplane.yaml").write_text(PORTFOLIO)
    assert [one.strategy for one in resolve(None, {}).sleeves()] == ["ema_cross", "ema_cross"]
    assert [one.strategy for one in resolve(None, {"strategy": "confluence"}).sleeves()] == ["confluence"]
    monkeypatch.setenv("TRIPLANE_STRATEGY", "ict_blocks")
    assert [one.strategy for one in resolve(None, {}).sleeves()] == ["ict_blocks"]


def test_a_portfolio_that_stands_higher_takes_the_place_of_a_strategy(folder, monkeypatch):
    Path("triplane.yaml").write_text("strategy: confluence\n")
    monkeypatch.setenv("TRIPLANE_PORTFOLIO", '[{"strategy": "ema_cross"}, {"strategy": "ict_blocks"}]')
    assert [one.strategy for one in resolve(None, {}).sleeves()] == ["ema_cross", "ict_blocks"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"strategy: confluence\n{PORTFOLIO}", "strategy and .*portfolio are both given"),
        (f"params: {{fast: 3}}\n{PORTFOLIO}", "in a portfolio each sleeve has its own"),
        ("portfolio: [{strategy: ema_cross, timeframe: 9q}, {strategy: ema_cross}]", "timeframe of ema_cross is 9q"),
        ("portfolio: [{strategy: ema_cross, name: a}, {strategy: ema_cross, name: a}]", "name is a in two sleeves"),
    ],
)
def test_a_portfolio_is_checked_with_the_file(folder, text, sentence):
    Path("triplane.yaml").write_text(text)
    with pytest.raises(BadInput, match=sentence):
        resolve(None, {})
