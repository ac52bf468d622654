"""``triplane router`` refuses what it cannot do in one sentence."""

import re
import shlex
from pathlib import Path

import pytest
import structlog
import typer
from typer.testing import CliRunner

from triplane.cli.main import make_app
from triplane.venues.catalogue import NAMES

KEYS = {
    f"BINANCE_{net}_API_{part}": f"planted-{net}-{part}-0123456789".lower()
    for net in ("TESTNET", "MAINNET")
    for part in ("KEY", "SECRET")
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    def run(*words, **environment):
        for name in KEYS:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("COLUMNS", "300")
        return CliRunner().invoke(make_app(["router", "up"]), ["router", *words], env=environment)

    yield run
    structlog.reset_defaults()  # it was set up for the runner's standard error


@pytest.mark.parametrize(("words", "says"), [
    (["--venue", "kraken"], "venue must be one of binance, binance-spot, mexc, box, not 'kraken'"),
    (["--venue", "binance", "--mode", "paper"], "mode of a venue must be testnet or live, not 'paper'"),
    (["--venue", "binance"], "BINANCE_TESTNET_API_KEY is not set"),
    (["--venue", "binance-spot", "--mode", "live"], "BINANCE_MAINNET_API_KEY is not set"),
    (["--venue", "mexc"], "mexc has no testnet; mode must be live"),
    (["--venue", "binance", "--max-notional", "lots"], "max-notional must be a number, not 'lots'"),
    (["--venue", "binance", "--max-notional", "-1"], "max-notional is -1; it must be 0 or more"),
    (["--venue", "binance", "--box-rest", "http://127.0.0.1:1"], "are for --venue box, not binance"),
    (["--venue", "box"], "--box-rest is ''; it must be the address of the exchange, http://127.0.0.1:PORT"),
    (["--venue", "box", "--box-rest", "http://127.0.0.1:1", "--box-ws", "http://x"], "--box-ws is 'http://x'"),
    (["--venue", "box", "--mode", "live"], "mode is live; at the exchange in a box it must be testnet"),
])  # fmt: skip
def test_what_it_cannot_do(run, words, says):
    done = run(*words)
    assert done.exit_code == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("placeholder", ["your_api_key_here", "xxx", "placeholder", "<key>"])
def test_live_refuses_placeholders(run, placeholder):
    keys = {**KEYS, "BINANCE_MAINNET_API_SECRET": placeholder}
    done = run("--venue", "binance", "--mode", "live", **keys)
    assert done.exit_code == 2
    assert "BINANCE_MAINNET_API_SECRET still holds a placeholder" in done.stderr
    assert not any(value in done.output + done.stderr for value in KEYS.values())


def test_a_port_that_is_taken(run):
    done = run("--venue", "binance", "--port", "99999999", **KEYS)
    assert done.exit_code == 2
    assert "choose another with --port" in done.stderr


def test_a_folder_that_cannot_be_written(run, tmp_path):
    (tmp_path / "file").touch()
    done = run("--venue", "binance", "--data-dir", "file", **KEYS)
    assert done.exit_code == 1
    assert "The router's folder file/router/binance-testnet cannot be used" in done.stderr


def test_the_commands_of_its_page_can_be_typed():
    page = (Path(__file__).parents[3] / "docs" / "router.md").read_text()
    found = re.findall(r"^triplane router (.*)$", page, re.MULTILINE)
    assert len(found) == 2
    command = typer.main.get_command(make_app(["router", "up"])).commands["router"]
    for words in found:
        asked = command.make_context("router", shlex.split(words)).params
        assert asked["venue"] in NAMES
