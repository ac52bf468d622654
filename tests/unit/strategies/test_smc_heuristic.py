"""The SMC heuristic on a hand-made leg: break, return, reaction; and each rule by what it leaves out.

::

    107                       |
    104 ........ | ........ | ....   swing high, broken at bar 21
    102 ----- block -----------------
     98 ----------- | ---------------  lowest low of the leg: bar 19
          16 17 18 19 20 21 22 23 24
"""

from typing import Any

import pytest

from triplane.errors import BadInput
from triplane.kernel.codes import OrderType, Reason, RowKind
from triplane.kernel.rows import of_kind
from triplane.strategies.registry import find
from triplane.strategies.smc_heuristic import Why

LEG = [
    *[(100, 101, 99, 100)] * 16,
    (100, 102, 99.5, 101.5),
    (101.5, 104, 101, 103),  # 17: swing high
    (103, 103.5, 101, 101.5),
    (101.5, 102, 98, 98.5),  # 19: the block, 98 to 102
    (98.5, 102, 98.4, 101.8),
    (101.8, 105.5, 101.7, 105),  # 21: BOS
    (105, 107, 104.5, 106.5),
    (106.5, 106.8, 103, 103.2),
]
RETURN = (102.2, 103.3, 101.2, 103)
EASY = {"swing": 1, "min_score": 0.4, "max_touches": 5}


def test_enters_where_the_block_turns_price_away(listen: Any, candles: Any) -> None:
    heard = listen("smc_heuristic", candles([*LEG, RETURN]), ["atr.value"], **EASY)

    assert heard.entries == [24]
    signal, atr = heard.signals[24], heard.others["atr.value"][24]
    risk = 103 - (98 - 0.25 * atr)
    assert signal["side"] == 1
    assert signal["entry_type"] == OrderType.MARKET
    assert signal["stop"] == pytest.approx(103 - risk)
    assert signal["target_distances"] == pytest.approx([risk, 2 * risk, 3 * risk])
    # low 104.5 of bar 22 over high 102 of bar 20: a gap was left behind on the bar after the break
    assert signal["reasons"] == 1 << Why.TOUCHED | 1 << Why.AFTER_BOS | 1 << Why.GAP_BEHIND | 1 << Why.FRESH
    assert signal["confidence"] == pytest.approx(0.4 + 0.1 + 0.15 + 0.1)


@pytest.mark.parametrize(
    ("last", "why"),
    [
        ((103.2, 103.3, 101.2, 102.9), "its body goes the other way"),
        ((98.5, 103.3, 98.2, 99.9), "it closes below the middle of the block"),
        ((103, 104, 102.1, 103.5), "it does not reach the block"),
        ((102.2, 103.3, 97, 97.5), "it closes through the block"),
    ],
)
def test_stays_out(listen: Any, candles: Any, last: Any, why: str) -> None:
    assert listen("smc_heuristic", candles([*LEG, last]), **EASY).entries == [], why


def test_a_low_score_is_not_enough(listen: Any, candles: Any) -> None:
    assert listen("smc_heuristic", candles([*LEG, RETURN]), **{**EASY, "min_score": 0.75}).entries == [24]
    assert listen("smc_heuristic", candles([*LEG, RETURN]), **{**EASY, "min_score": 0.76}).entries == []


def test_shorts_mirror_longs(listen: Any, candles: Any) -> None:
    rows = [(200 - o, 200 - low, 200 - high, 200 - c) for o, high, low, c in [*LEG, RETURN]]

    mirrored = listen("smc_heuristic", candles(rows), **EASY).signals[24]

    signal = listen("smc_heuristic", candles([*LEG, RETURN]), **EASY).signals[24]
    assert mirrored["side"] == -1
    assert mirrored["stop"] == pytest.approx(200 - signal["stop"])
    assert mirrored["target_distances"] == pytest.approx(signal["target_distances"])


def test_every_entry_has_a_stop_on_the_losing_side(listen: Any, generated: Any) -> None:
    heard = listen("smc_heuristic", generated, ["atr.value"], min_score=0.0)

    entries = heard.signals[heard.entries]
    distance = (generated["close"][heard.entries] - entries["stop"]) * entries["side"]
    assert len(entries) > 20
    assert (distance >= 0.5 * heard.others["atr.value"][heard.entries] * (1 - 1e-9)).all()


def test_a_break_against_the_position_closes_it(candles: Any, start: Any, run: Any) -> None:
    fall = [
        (103, 106, 102.9, 105.8),  # 25: filled at 103
        (105.8, 106, 104, 104.2),  # a swing high
        (104.2, 104.5, 102.5, 103),
        (103, 105, 102.8, 104.8),  # a swing low at 102.5, confirmed
        (104.8, 104.9, 101, 101.2),  # 29: closes below it
        (101.2, 101.5, 100.8, 101),
    ]
    rows = candles([*LEG, RETURN, *fall])
    for leave, reasons in ((1, ["signal"]), (0, [])):
        account, states = start("smc_heuristic", exit_on_break=leave, tp1_r=20, tp2_r=21, tp3_r=22, **EASY)
        states["core"]["warmup"] = 20
        audit = run("smc_heuristic", rows, account, states, 0, len(rows))
        trades = of_kind(audit, RowKind.TRADE)
        assert [Reason.labels[c] for c in trades["reason"]] == reasons


def test_parameters_are_checked() -> None:
    with pytest.raises(BadInput, match="Parameter swing of strategy smc_heuristic is 0; it must be a whole number"):
        find("smc_heuristic").resolve({"swing": 0})
