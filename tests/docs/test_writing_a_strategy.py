"""The files and the comparison of ``docs/writing-a-strategy.md`` work as they stand."""

import re
from pathlib import Path

import pandas as pd
import pytest

from triplane.data.generator import generate

PAGE = Path(__file__).parents[2] / "docs" / "writing-a-strategy.md"


@pytest.fixture
def folder(tmp_path, monkeypatch, strategies):
    """A folder with the page's files in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "strategies").symlink_to(strategies)
    return tmp_path


def test_both_forms_trade_the_same(folder):
    (comparison,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    candles = pd.DataFrame(generate(seed=5, start_ms=1_700_000_100_000, n=30_000))
    scope = {"candles": candles}
    exec(comparison, scope)

    assert len(scope["fast"].trades) > 20
    assert scope["fast"].decisions_sha256 == scope["slow"].decisions_sha256


def test_found_by_name(folder):
    from triplane.strategies.registry import find, names

    assert {"donchian", "donchian_fast"} <= set(names())
    assert find("donchian").name == "donchian"


def test_a_pair_is_traded_against_each_other(folder):
    import triplane

    candles = {name: pd.DataFrame(generate(seed=seed, start_ms=1_700_000_100_000, n=30_000))
               for name, seed in (("AUSDT", 5), ("BUSDT", 6))}  # fmt: skip
    result = triplane.backtest_portfolio(candles, [{"strategy": "strategies/pair.py"}])
    trades = result.trades
    assert len(trades) > 10
    both = trades.merge(trades, on="entry_time")
    both = both[(both["symbol_x"] == "AUSDT") & (both["symbol_y"] == "BUSDT")]
    assert len(both) > 0
    assert (both["side_x"] != both["side_y"]).all()
