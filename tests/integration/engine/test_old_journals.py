"""Journals that an earlier Triplane wrote by other rules: checked as far as they can be, never called different.

The files were made by the first version of the rules (generated markets in a session with a page, and one traded
through the real adapter on an exchange in a box) and by the second (three generated markets together, halted once).
"""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from journals import again, unpack

from triplane.engine.facts import facts_of
from triplane.engine.journal import Kind, Reader, _frame
from triplane.engine.replay import OtherRules
from triplane.engine.verify import verify
from triplane.kernel.codes import RowKind
from triplane.kernel.rows import OUTPUT, of_kind
from triplane.kernel.rules import RULES
from triplane.model.facts import Candle, Fill, Order, Trade

TRADES = {
    "box_ema_cross": 1, "ema_cross": 21, "ict_blocks": 2, "regime_trend": 15, "retest_analyzer": 21,
    "smc_heuristic": 12, "rules2_three_symbols": 2,
}  # fmt: skip


def made_by(name: str) -> int:
    """The version of the rules that a file was made by."""
    return 2 if name.startswith("rules2_") else 1


@pytest.mark.parametrize("name", TRADES)
def test_a_journal_of_other_rules_is_whole_and_says_whose_rules_made_it(tmp_path: Path, name: str) -> None:
    path = unpack(name, tmp_path)
    result = verify(tmp_path)
    assert (result.ok, result.rules, result.difference) == (True, made_by(name), None)
    assert f"version {made_by(name)} of the trading rules" in result.note
    rows = np.concatenate([np.frombuffer(f.payload, OUTPUT) for f in Reader(path) if f.kind == Kind.OUTPUT])
    assert result.rows == len(rows)
    assert len(of_kind(rows, RowKind.TRADE)) == TRADES[name]
    with pytest.raises(OtherRules, match=f"made by version {made_by(name)} of the trading rules"):
        list(facts_of(tmp_path))


def test_a_row_that_was_changed_in_a_finished_journal_of_other_rules_is_found(tmp_path: Path) -> None:
    """Its frame is given a checksum that fits: only the digest at the end tells."""
    path = unpack("ema_cross", tmp_path)
    reader = Reader(path)
    assert reader.ending() is not None
    frame = next(f for f in reader if f.kind == Kind.OUTPUT)
    rows = np.frombuffer(bytes(frame.payload), OUTPUT).copy()
    rows[0]["time"] += 1
    data = bytearray(path.read_bytes())
    changed = _frame(Kind.OUTPUT, frame.symbol, frame.n, rows.tobytes())
    data[frame.offset : frame.offset + len(changed)] = changed
    path.write_bytes(data)
    result = verify(tmp_path)
    assert not result.ok
    assert result.difference is not None


@pytest.mark.parametrize("name", TRADES)
def test_its_inputs_are_traded_by_the_rules_of_today(tmp_path: Path, name: str) -> None:
    result = verify(again(name, tmp_path))
    assert result.ok
    assert result.rules == RULES
    facts = list(facts_of(tmp_path))
    assert [fact.seq for fact in facts] == list(range(1, len(facts) + 1))
    kinds = Counter(type(fact) for fact in facts)
    assert kinds[Candle] >= result.candles
    assert kinds[Trade] > 0
    filled = {fact.order_id for fact in facts if isinstance(fact, Fill)}
    assert filled == {fact.order_id for fact in facts if isinstance(fact, Order) and fact.status == "filled"}
