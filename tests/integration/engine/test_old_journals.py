"""Journals that an earlier Triplane wrote: they verify, and their facts can be read.

The files were made by the version before the facts were declared: generated markets in a session with a page, and one
traded through the real adapter on an exchange in a box.
"""

import lzma
from collections import Counter
from pathlib import Path

import pytest

from triplane.engine.facts import facts_of
from triplane.engine.session import JOURNAL
from triplane.engine.verify import verify
from triplane.model.facts import Candle, Fact, Fill, Order, Trade

JOURNALS = Path(__file__).parents[2] / "data" / "journals"
TRADES = {
    "box_ema_cross": 1, "ema_cross": 21, "ict_blocks": 2, "regime_trend": 15, "retest_analyzer": 21,
    "smc_heuristic": 12,
}  # fmt: skip


@pytest.mark.parametrize("name", TRADES)
def test_a_journal_of_before_verifies_and_tells_its_facts(tmp_path: Path, name: str) -> None:
    (tmp_path / JOURNAL).write_bytes(lzma.decompress((JOURNALS / f"{name}.tpj.xz").read_bytes()))
    result = verify(tmp_path)
    assert result.difference is None
    assert result.ok
    assert result.rows > 10

    facts = list(facts_of(tmp_path))
    kinds = Counter(type(fact) for fact in facts)
    assert [fact.seq for fact in facts] == list(range(1, len(facts) + 1))
    assert kinds[Trade] == TRADES[name]
    assert kinds[Candle] >= result.candles
    filled = {fact.order_id for fact in facts if isinstance(fact, Fill)}
    assert filled == {fact.order_id for fact in facts if isinstance(fact, Order) and fact.status == "filled"}
    assert all(isinstance(fact, Fact) and fact.session_id == result.session for fact in facts)
