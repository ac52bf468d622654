"""What a command prints: one sentence and a code for an error, JSON for programs, figures for people."""

import json

import numpy as np
import pytest
import typer

from triplane.cli.output import exit_code, figure, label, one_sentence, print_figures, print_json, print_table, progress
from triplane.errors import BadInput, DataError, TriplaneError


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (BadInput("fast is 0; it must be 1 to 1000"), 2, "Error: fast is 0; it must be 1 to 1000.\n"),
        (DataError("no file [x].csv"), 2, "Error: no file [x].csv.\n"),
        (TriplaneError("It broke."), 1, "Failed: It broke.\n"),
        (BadInput("did you mean fast?"), 2, "Error: did you mean fast?\n"),
    ],
)
def test_an_error_is_one_sentence_and_a_code(
    error: Exception, code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as end, one_sentence():
        raise error
    assert end.value.exit_code == code
    assert capsys.readouterr() == ("", text)


def test_without_typer_the_code_is_that_of_the_process() -> None:
    with pytest.raises(SystemExit) as end, exit_code(), one_sentence():
        raise BadInput("no")
    assert end.value.code == 2


def test_an_error_that_nobody_foresaw_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError), one_sentence():
        raise ZeroDivisionError


def test_json_has_null_for_what_is_not_finite(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": float("nan"), "b": np.float64(1.5), "c": np.arange(2), 4: "d"})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": 1.5, "c": [0, 1], "4": "d"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (1234567, "1,234,567"),
        (1.23456, "1.2346"),
        (1234.5678, "1,234.57"),
        ("x", "x"),
        (-9.99999, "-10.0000"),
    ],
)
def test_figures_for_people(value: object, text: str) -> None:
    assert figure(value) == text


def test_figures_say_why_one_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    print_figures("Title", {"net_pnl": 2.0, "sharpe": None, "return_pct": 1.0, "reasons": {"sharpe": "too few days"}})
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["Title"], ["net", "P&L", "2.0000"], ["sharpe", "–", "(too", "few", "days)"], ["return", "%", "1.0000"],
    ]  # fmt: skip


def test_an_empty_cell_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Rows", ("a", "b"), [(1, None), ("x", 2.5)])
    out = capsys.readouterr().out
    assert "None" not in out
    assert "2.5" in out


def test_progress_is_not_part_of_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    progress()("working")
    progress(quiet=True)("silence")
    assert capsys.readouterr() == ("", "working\n")


def test_figures_are_called_as_people_call_them() -> None:
    names = ("cagr_pct", "max_drawdown_bars", "net_pnl", "win_rate", "return_pct")
    assert [label(name) for name in names] == ["CAGR %", "longest drawdown, bars", "net P&L", "win rate", "return %"]


def test_a_long_value_is_never_cut(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_figures("One", {"decisions_sha256": "0123456789abcdef" * 8})
    text = capsys.readouterr().out
    assert "".join(text.split()).endswith("0123456789abcdef" * 8)
    assert "…" not in text
