"""``triplane parity``: what it prints of a result, and what cannot be compared."""

from collections import Counter
from typing import Any

import pytest
from typer.testing import CliRunner

import triplane.research.parity as research
from triplane.cli.main import make_app

DIFFERENCE = {
    "symbol": "BTCUSDT", "time": 1_700_000_040_000, "side": -1, "class": "apart",
    "paper": {"exit": "stop", "pnl": -1.0, "legs": {}}, "real": {"exit": "", "pnl": 0.0, "legs": {}},
}  # fmt: skip


def call(*words: str) -> Any:
    return CliRunner().invoke(make_app(["parity", "up"]), ["parity", *words], env={"COLUMNS": "200"})


@pytest.mark.parametrize(("classes", "code"), [({"same": 3}, 0), ({"same": 3, "apart": 1}, 1)])
def test_the_code_says_whether_they_agree(monkeypatch: pytest.MonkeyPatch, classes: dict[str, int], code: int) -> None:
    asked: dict[str, Any] = {}

    def compare(strategy: str, **more: Any) -> research.Result:
        asked.update(more, strategy=strategy)
        found = research.Result({}, {}, (1.0, 2.0), Counter(classes))
        found.differences = [DIFFERENCE] if code else []
        return found

    monkeypatch.setattr(research, "compare", compare)
    done = call("--symbols", "btcusdt, ethusdt", "--set", "fast=4", "--minutes", "5")
    assert done.exit_code == code, done.output
    assert (asked["symbols"], asked["params"], asked["minutes"]) == (["BTCUSDT", "ETHUSDT"], {"fast": "4"}, 5)
    assert ("some differences have no reason" in done.stdout) == bool(code)
    assert ("short" in done.stdout and "open" in done.stdout) == bool(code)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--minutes", "0"], "minutes is 0; it must be from 1 to 100000"),
        (["--symbols", "BTCUSDT,BTCUSDT"], "symbols are BTCUSDT, BTCUSDT"),
        (["--strategy", "nope"], "nope"),
        (["--set", "fast"], "--set is 'fast'; it must be key=value"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(words: list[str], sentence: str) -> None:
    done = call(*words)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert done.stderr.strip().count("\n") == 0
