"""The retest analyser on a hand-made retest, and its score against the sum written down plainly."""

from typing import Any

import numpy as np
import pytest
import talib

from triplane.errors import BadInput
from triplane.kernel.codes import OrderType
from triplane.strategies.registry import find
from triplane.strategies.retest_analyzer import Why

# A slow wave to warm MACD up, then: swing high 104 (bar 47), low of the leg 98 to 102 (bar 49), BOS up (bar 53)
WAVE = [(100, 101, 99, 100)] * 44
LEG = [
    *WAVE,
    (100, 102, 99.5, 101.5),
    (101.5, 103, 101, 102),
    (102, 103.5, 101.8, 103),
    (103, 104, 102, 103),  # 47
    (103, 103.2, 101.5, 101.8),
    (101.8, 102, 98, 98.5),  # 49
    (98.5, 102.5, 98.4, 102),
    (102, 103, 101.5, 102.5),
    (102.5, 103.8, 102.2, 103.5),  # 52: the swing high is confirmed
    (103.5, 106, 103.4, 105.5),  # 53: BOS up; block 98 to 102
    (105.5, 107, 105, 106.5),
    (106.5, 106.6, 103.2, 103.5),
    (103.5, 103.6, 101.4, 103.4),  # 56: into the block and out again, with a wick
]
ONLY_BLOCKS = {"ema": 10, "gaps": 0, "min_body_ratio": 2.0, "min_score": 0.0}


def test_a_limit_at_the_edge_of_the_zone(listen: Any, candles: Any) -> None:
    heard = listen("retest_analyzer", candles(LEG), ["ema.value"], **ONLY_BLOCKS)

    assert heard.entries == [56]
    signal = heard.signals[56]
    risk = (102 - 98) + 98 * 0.002
    assert signal["side"] == 1
    assert signal["entry_type"] == OrderType.LIMIT
    assert signal["ttl_bars"] == 6
    assert signal["entry"] == 102
    assert signal["stop"] == pytest.approx(98 * 0.998)
    assert signal["targets"] == pytest.approx([102 + r * risk for r in (1.5, 2, 3)])
    bits = signal["reasons"]
    assert (
        bits & (1 << Why.RETEST | 1 << Why.IN_BLOCK | 1 << Why.WICK)
        == 1 << Why.RETEST | 1 << Why.IN_BLOCK | 1 << Why.WICK
    )
    assert bool(bits & 1 << Why.SIDE_OF_EMA) == (heard.others["ema.value"][56] < 103.4)


def test_stop_in_atrs(listen: Any, candles: Any) -> None:
    heard = listen("retest_analyzer", candles(LEG), ["atr.value"], stop_atr=0.5, **ONLY_BLOCKS)

    assert heard.signals[56]["stop"] == pytest.approx(98 - 0.5 * heard.others["atr.value"][56])


def test_shorts_mirror_longs(listen: Any, candles: Any) -> None:
    rows = [(200 - o, 200 - low, 200 - high, 200 - c) for o, high, low, c in LEG]

    heard = listen("retest_analyzer", candles(rows), **ONLY_BLOCKS)

    assert heard.entries == [56]
    assert heard.signals[56]["side"] == -1
    assert heard.signals[56]["entry"] == 98
    assert heard.signals[56]["stop"] == pytest.approx(102 * 1.002)


def test_only_with_the_trend(listen: Any, candles: Any) -> None:
    # structure breaks down (close below 98.4 and more) before the block is reached again: the block is mitigated, and
    # a rally back into what is now the wrong side's zone is no retest
    down = [(105, 105.2, 97, 97.5), (97.5, 101, 97.4, 100.8)]

    assert listen("retest_analyzer", candles([*LEG[:-1], *down]), **ONLY_BLOCKS).entries == []


def plain_score(c: Any, i: int, side: int, zone_strength: float) -> tuple[float, int]:
    """Score and confirmations of bar ``i`` over TA-Lib's indicators."""
    close = c["close"]
    hist = talib.MACD(close, 12, 26, 9)[2] * side
    rsi = talib.RSI(close, 14)

    def turned(x: Any) -> bool:
        moves = np.sign(np.diff(x[: i + 1]))
        return bool(moves[-1] > 0 and (moves[-4:-1] < 0).any())

    bits = {
        Why.SIDE_OF_EMA: (close[i] - talib.EMA(close, 200)[i]) * side > 0,
        Why.MACD_TURNED: turned(hist),
        Why.RSI_TURNED: 40 <= rsi[i] <= 60 and turned(rsi * side),
    }
    o, h, low = c["open"][i], c["high"][i], c["low"][i]
    wick = min(o, close[i]) - low if side > 0 else h - max(o, close[i])
    bits[Why.WICK] = wick >= 0.4 * (h - low) and h > low
    weights = {Why.SIDE_OF_EMA: 0.25, Why.MACD_TURNED: 0.2, Why.RSI_TURNED: 0.2, Why.WICK: 0.2}
    score = sum(weights[b] for b, holds in bits.items() if holds) + 0.15 * zone_strength / 10
    return score, sum(1 << b for b, holds in bits.items() if holds)


def test_the_score_is_the_weighted_sum(listen: Any, generated: Any) -> None:
    every = listen("retest_analyzer", generated, ["structure.trend"], min_score=0.0)
    good = listen("retest_analyzer", generated)
    mask = 1 << Why.SIDE_OF_EMA | 1 << Why.MACD_TURNED | 1 << Why.RSI_TURNED | 1 << Why.WICK

    assert len(every.entries) > 300
    for i in every.entries[::7]:
        signal = every.signals[i]
        score, bits = plain_score(generated, i, int(signal["side"]), float(signal["seen"][2]))
        assert signal["side"] == every.others["structure.trend"][i]
        assert signal["reasons"] & mask == bits, i
        assert signal["confidence"] == pytest.approx(score)
    assert good.entries == [i for i in every.entries if every.signals[i]["confidence"] >= 0.6]
    assert 0 < len(good.entries) < len(every.entries)
    kinds = every.signals["reasons"][every.entries]
    assert (kinds >> Why.IN_GAP & 1).any()
    assert (kinds >> Why.IN_BLOCK & 1).any()
    assert ((kinds >> Why.IN_GAP & 1) + (kinds >> Why.IN_BLOCK & 1) == 1).all()


def test_parameters_are_checked() -> None:
    with pytest.raises(BadInput, match=r"rsi_low is 70\.0; it must be below rsi_high, 60\.0"):
        find("retest_analyzer").resolve({"rsi_low": 70})
