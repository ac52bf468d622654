"""Every example of ``docs/smartmoneyconcepts.md`` gives what the page shows."""

import doctest
import re
from pathlib import Path

import pandas as pd
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "smartmoneyconcepts.md"


def examples() -> str:
    """All code blocks of the page, one after the other."""
    return "\n".join(re.findall(r"```pycon\n(.*?)```", PAGE.read_text(), re.DOTALL))


def test_every_block_is_an_example() -> None:
    assert PAGE.read_text().count("```") == 2 * len(re.findall(r"```pycon\n>>> ", PAGE.read_text()))


def test_the_examples_give_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMC_CREDIT", "0")
    pytest.importorskip("smartmoneyconcepts", reason="the library compared with is not installed")
    test = doctest.DocTestParser().get_doctest(examples(), {}, PAGE.name, str(PAGE), 0)
    report: list[str] = []
    with pd.option_context("display.width", 200, "display.max_columns", 50):
        outcome = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=report.append)
    assert outcome.attempted > 30
    assert outcome.failed == 0, "\n".join(report)


def test_each_function_has_its_section() -> None:
    titles = set(re.findall(r"^## (\w+)$", PAGE.read_text(), re.MULTILINE))
    assert titles >= {
        "fvg", "swing_highs_lows", "bos_choch", "ob", "liquidity", "previous_high_low", "sessions", "retracements",
    }  # fmt: skip
