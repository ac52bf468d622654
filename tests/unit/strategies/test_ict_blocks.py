"""ICT blocks on a hand-made displacement, and what each parameter changes; the preset ``ict_classic``.

::

    106            |
    101 ... block ---------------   bar 16: 99 to 101, bar 17 leaves it
     99 ... -----------------------
            16  17  18  19
"""

from typing import Any

import pytest

from triplane.errors import BadInput
from triplane.kernel.codes import OrderType
from triplane.strategies.compiler import compile_strategy
from triplane.strategies.ict_blocks import Why
from triplane.strategies.registry import find, names, source_of

LEAVING = [
    *[(100, 101, 99, 100)] * 16,
    (101, 101, 99, 99.5),
    (99.5, 106, 99.4, 105.8),
]
GAP = (105.8, 107, 102, 103)  # its low stays above the high of bar 16
NO_GAP = (105.8, 107, 101.05, 103)  # 0.05 above it, less than 0.1 %
REJECTED = (103, 103.2, 100.5, 102.5)
INSIDE = (103, 103.2, 99.3, 99.6)  # closes below the middle of the block
EASY = {"trend": 0, "min_strength": 0}


def test_the_defaults_want_a_gap_and_a_rejection(listen: Any, candles: Any) -> None:
    heard = listen("ict_blocks", candles([*LEAVING, GAP, REJECTED]), ["atr.value"], **EASY)
    assert heard.entries == [19]
    signal, atr = heard.signals[19], heard.others["atr.value"][19]
    risk = 102.5 - (99 - 0.25 * atr)
    assert signal["side"] == 1
    assert signal["entry_type"] == OrderType.MARKET
    assert signal["stop"] == pytest.approx(102.5 - risk)
    assert signal["target_distances"] == pytest.approx([risk, 2 * risk, 3 * risk])
    assert signal["reasons"] & (1 << Why.REJECTED | 1 << Why.GAP_BEHIND) == 1 << Why.REJECTED | 1 << Why.GAP_BEHIND
    for leave in ([NO_GAP, REJECTED], [GAP, INSIDE]):
        assert listen("ict_blocks", candles([*LEAVING, *leave]), **EASY).entries == []


def test_without_rejection_a_touch_is_enough(listen: Any, candles: Any) -> None:
    heard = listen("ict_blocks", candles([*LEAVING, GAP, INSIDE]), rejection=0, **EASY)
    assert heard.entries == [19]
    assert not heard.signals[19]["reasons"] & 1 << Why.REJECTED
    rejected = listen("ict_blocks", candles([*LEAVING, GAP, REJECTED]), rejection=0, **EASY)
    assert rejected.signals[19]["reasons"] & 1 << Why.REJECTED


@pytest.mark.parametrize(
    ("gap", "without_gap", "with_gap"),
    [("required", [], [19]), ("bonus", [], [19]), ("off", [], [])],
)
def test_a_gap_is_required_or_a_bonus_or_of_no_account(
    listen: Any, candles: Any, gap: str, without_gap: list[int], with_gap: list[int]
) -> None:
    """Two of the points of the block are the gap's; without them it is weaker than 4, with them stronger."""
    free = {"gap": gap, "trend": 0}
    assert listen("ict_blocks", candles([*LEAVING, NO_GAP, REJECTED]), min_strength=4, **free).entries == without_gap
    assert listen("ict_blocks", candles([*LEAVING, GAP, REJECTED]), min_strength=4, **free).entries == with_gap
    weak = listen("ict_blocks", candles([*LEAVING, NO_GAP, REJECTED]), min_strength=2, **free)
    assert weak.entries == ([] if gap == "required" else [19])


@pytest.mark.parametrize("side", [1, -1])
def test_stop_and_target_in_percent(listen: Any, candles: Any, side: int) -> None:
    rows = [*LEAVING, GAP, REJECTED]
    if side < 0:
        rows = [(200 - o, 200 - low, 200 - high, 200 - c) for o, high, low, c in rows]
    params = {**EASY, "stop_percent": 0.2, "min_stop_atr": 0, "target_percent": 1}

    signal = listen("ict_blocks", candles(rows), **params).signals[19]

    close, edge = (102.5, 99 * 0.998) if side > 0 else (97.5, 101 * 1.002)
    assert signal["side"] == side
    assert signal["stop"] == pytest.approx(edge)
    assert signal["target_distances"] == pytest.approx([0.01 * close, 0, 0])
    assert signal["fractions"].tolist() == [1, 0, 0]


def test_ict_classic_enters_at_any_touch(listen: Any, candles: Any) -> None:
    heard = listen("ict_classic", candles([*LEAVING, NO_GAP, INSIDE]))
    assert heard.entries == [19]
    assert heard.signals[19]["stop"] == pytest.approx(99 * 0.998)
    assert heard.signals[19]["target_distances"] == pytest.approx([0.01 * 99.6, 0, 0])


def test_ict_classic_is_ict_blocks_with_other_defaults() -> None:
    classic, blocks = find("ict_classic"), find("ict_blocks")
    told = {"gap": "bonus", "rejection": 0, "trend": 0, "min_strength": 0, "stop_percent": 0.2, "min_stop_atr": 0,
            "target_percent": 1}  # fmt: skip
    assert classic.resolve({}) == blocks.resolve(told)
    assert classic.resolve({"stop_percent": 0.3})["stop_percent"] == 0.3
    assert "ict_classic" in names()
    cores = [compile_strategy(find(name), source_of(name)) for name in ("ict_classic", "ict_blocks")]
    assert cores[0].module is cores[1].module
    assert cores[0].source_hash != cores[1].source_hash


def test_a_choice_is_said_by_its_word_or_its_number() -> None:
    resolve = find("ict_blocks").resolve
    assert [resolve({"gap": given})["gap"] for given in ("off", "bonus", "required", 1, "2")] == [0, 1, 2, 1, 2]
    with pytest.raises(BadInput, match="gap of strategy ict_blocks is some; it must be off or bonus or"):
        resolve({"gap": "some"})
