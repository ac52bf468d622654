"""Regime and trend: pullbacks with the day's volume-weighted average, in trending markets only.

**Layer 0** is the regime (``kernel/regime.py``): only ``trending_low_vol`` and ``trending_high_vol`` pass, and only
while the belief in both together is at least ``min_regime_probability`` (the regime outlives the belief in it by its
dwell). **Layer 1**, for a long (shorts mirror it), at the close of a bar:

=========  =======================================================================================================
trigger    StochRSI %K crosses above %D, coming from below ``stoch_low``; or the close returns from below the lower
           Bollinger band
vwap       the close is above the session's VWAP
adx        ADX of at least ``min_adx``
volume     volume ratio of at least ``min_volume_ratio``
=========  =======================================================================================================

All of them must hold, or, with ``need_all`` 0, the trigger and the side of the VWAP, and the confidence must reach
``min_confidence``. The confidence is the weighted share of what holds; the regime counts with that belief.

Entry: a limit ``entry_atr`` ATRs better than the close, for ``ttl_bars`` bars. Stop: ``stop_atr`` ATRs from the entry.
Targets at 1, 2 and 3 times the risk.
"""

from collections import namedtuple
from collections.abc import Mapping
from typing import Any

import numpy as np

from triplane.kernel.indicators.oscillators import STOCH_RSI, stoch_rsi_init, stoch_rsi_step
from triplane.kernel.indicators.trend import ADX, adx_init, adx_step
from triplane.kernel.indicators.volatility import ATR, BOLLINGER, atr_init, atr_step, bollinger_init, bollinger_step
from triplane.kernel.indicators.volume import (
    VOLUME_RATIO,
    VWAP,
    volume_ratio_init,
    volume_ratio_step,
    vwap_init,
    vwap_step,
)
from triplane.kernel.regime import REGIME, is_trending, regime_init, regime_step, shown_belief, trending_belief
from triplane.strategies import LIMIT, Param, Rec, Strategy, njit, state
from triplane.strategies.base import Number
from triplane.strategies.kit import FRACTIONS, Reasons, bracket, check_ladder, ladder, rungs, show
from triplane.strategies.regime_model import give_regime

PARAMS = (
    Param("regime", 1, 0, 1, "1: only in trending regimes; 0: layer 1 alone"),
    Param("min_regime_probability", 0.5, 0.0, 1.0, "lowest belief in all trending regimes together"),
    Param("need_all", 1, 0, 1, "1: every condition must hold; 0: min_confidence decides"),
    Param("min_confidence", 0.6, 0.0, 1.0, "lowest confidence that gives a signal"),
    Param("stoch_low", 20.0, 0.0, 50.0, "StochRSI %K must come from below this (a short: above 100 less this)"),
    Param("min_adx", 20.0, 0.0, 100.0, "lowest ADX"),
    Param("min_volume_ratio", 1.2, 0.0, 100.0, "lowest ratio of recent to usual volume"),
    Param("w_regime", 0.3, 0.0, 100.0, "weight of the belief in trending regimes"),
    Param("w_trigger", 0.25, 0.0, 100.0, "weight of the trigger; both triggers give it in full, one gives 80 %"),
    Param("w_vwap", 0.15, 0.0, 100.0, "weight of the side of the VWAP"),
    Param("w_adx", 0.15, 0.0, 100.0, "weight of the ADX"),
    Param("w_volume", 0.15, 0.0, 100.0, "weight of the volume"),
    Param("entry_atr", 0.2, 0.0, 5.0, "limit better than the close by this, in ATRs"),
    Param("ttl_bars", 3, 1, 1000, "bars that the limit waits"),
    Param("stop_atr", 1.5, 0.1, 50.0, "stop distance from the entry, in ATRs"),
    *ladder(),
)

STATE = state(
    PARAMS,
    ("regime", REGIME),
    ("vwap", VWAP),
    ("bollinger", BOLLINGER),
    ("stoch", STOCH_RSI),
    ("adx", ADX),
    ("volume_ratio", VOLUME_RATIO),
    ("atr", ATR),
    ("k", "f8"),  # StochRSI of the bar before
    ("d", "f8"),
    ("close", "f8"),  # close and bands of the bar before
    ("upper", "f8"),
    ("lower", "f8"),
    ("crossed", "i8"),  # on this bar: +1 %K crossed up from below, -1 down from above
    ("returned", "i8"),  # +1 the close returned from below the lower band, -1 from above the upper
)

_ONE_TRIGGER = 0.8


class Why(Reasons):
    """Why it says so."""

    TRENDING = 0, "The market is in a trending regime."
    STOCH = 1, "StochRSI %K has crossed %D, coming from the extreme."
    BAND = 2, "Price has returned from beyond the Bollinger band."
    RIGHT_OF_VWAP = 3, "The close is on the right side of the session's VWAP."
    STRONG = 4, "ADX shows a strong trend."
    BUSY = 5, "Volume is well above usual."


Saw = namedtuple("Saw", "regime regime_confidence vwap stoch_rsi_k stoch_rsi_d adx volume_ratio atr14")
"""What it decided on."""


@njit
def init(s: Rec) -> None:
    """Prepare the indicators; the regime's models are in place."""
    regime_init(s.regime)
    vwap_init(s.vwap, 2.0)
    bollinger_init(s.bollinger, 20, 2.0)
    stoch_rsi_init(s.stoch, 14, 14, 3, 3)
    adx_init(s.adx, 14)
    volume_ratio_init(s.volume_ratio, 5, 20)
    atr_init(s.atr, 14)
    s.k = np.nan
    s.d = np.nan
    s.close = np.nan
    s.upper = np.nan
    s.lower = np.nan
    s.crossed = 0
    s.returned = 0


@njit
def _detect(s: Rec, bar: Rec) -> None:
    """Bring everything that is watched forward by the bar."""
    regime_step(s.regime, bar.open_time, bar.close, bar.volume)
    vwap_step(s.vwap, bar)
    bollinger_step(s.bollinger, bar.close)
    stoch_rsi_step(s.stoch, bar.close)
    adx_step(s.adx, bar.high, bar.low, bar.close)
    volume_ratio_step(s.volume_ratio, bar.volume)
    atr_step(s.atr, bar.high, bar.low, bar.close)
    k = s.stoch.k
    d = s.stoch.d
    up = s.k <= s.d and k > d and s.k < s.p.stoch_low
    down = s.k >= s.d and k < d and s.k > 100.0 - s.p.stoch_low
    s.crossed = int(up) - int(down)
    up = s.close < s.lower and bar.close >= s.bollinger.lower
    down = s.close > s.upper and bar.close <= s.bollinger.upper
    s.returned = int(up) - int(down)
    s.k = k
    s.d = d
    s.close = bar.close
    s.upper = s.bollinger.upper
    s.lower = s.bollinger.lower


@njit
def is_let_through(s: Rec) -> bool:
    """Layer 0: whether the market is in a trending regime, and believed to be."""
    return is_trending(s.regime.name) and trending_belief(s.regime) >= s.p.min_regime_probability


@njit
def _reasons(s: Rec, side: int, bar: Rec) -> int:
    """Bits of the conditions that hold for ``side``."""
    return int(
        (is_let_through(s) << Why.TRENDING)
        | ((s.crossed == side) << Why.STOCH)
        | ((s.returned == side) << Why.BAND)
        | (((bar.close - s.vwap.value) * side > 0.0) << Why.RIGHT_OF_VWAP)
        | ((s.adx.value >= s.p.min_adx) << Why.STRONG)
        | ((s.volume_ratio.value >= s.p.min_volume_ratio) << Why.BUSY)
    )


@njit
def _confidence(s: Rec, bits: int) -> float:
    """Weighted share of the conditions, 0 to 1."""
    p = s.p
    regime = p.w_regime if p.regime else 0.0
    total = regime + p.w_trigger + p.w_vwap + p.w_adx + p.w_volume
    if total <= 0.0:
        return 0.0
    score = 0.0
    if bits & (1 << Why.TRENDING) and regime > 0.0:
        score += regime * trending_belief(s.regime)
    if bits & (1 << Why.STOCH) and bits & (1 << Why.BAND):
        score += p.w_trigger
    elif bits & ((1 << Why.STOCH) | (1 << Why.BAND)):
        score += p.w_trigger * _ONE_TRIGGER
    score += p.w_vwap * ((bits >> Why.RIGHT_OF_VWAP) & 1)
    score += p.w_adx * ((bits >> Why.STRONG) & 1)
    score += p.w_volume * ((bits >> Why.BUSY) & 1)
    return score / total  # type: ignore[no-any-return]


@njit
def _wanted(s: Rec, bits: int, confidence: float) -> bool:
    """Whether what holds is enough."""
    if s.p.regime and not bits & (1 << Why.TRENDING):
        return False
    if not bits & ((1 << Why.STOCH) | (1 << Why.BAND)) or not bits & (1 << Why.RIGHT_OF_VWAP):
        return False
    if s.p.need_all:
        return bool(bits & (1 << Why.STRONG)) and bool(bits & (1 << Why.BUSY))
    return bool(confidence >= s.p.min_confidence)


@njit
def _enter(s: Rec, side: int, bar: Rec, bits: int, confidence: float, signal: Rec) -> None:
    """Write the signal."""
    atr = s.atr.value
    entry = bar.close - side * s.p.entry_atr * atr
    risk = s.p.stop_atr * atr
    bracket(signal, side, LIMIT, entry, entry - side * risk, risk, rungs(s.p), FRACTIONS)
    signal.ttl_bars = s.p.ttl_bars
    signal.confidence = confidence
    signal.reasons = bits
    believed = shown_belief(s.regime)
    show(signal, Saw(float(s.regime.name), believed, s.vwap.value, s.k, s.d, s.adx.value, s.volume_ratio.value, atr))


@njit
def step(s: Rec, bar: Rec, view: Rec, signal: Rec) -> None:
    """Bring regime and indicators forward, then look for a trigger."""
    _detect(s, bar)
    if view.side != 0 or view.pending or not s.atr.value > 0.0:
        return
    for side in (1, -1):
        if side not in (s.crossed, s.returned):
            continue
        bits = _reasons(s, side, bar)
        confidence = _confidence(s, bits)
        if _wanted(s, bits, confidence):
            _enter(s, side, bar, bits, confidence, signal)
            return


def prepare(states: Any, params: Mapping[str, Number], timeframe_ms: int, data: Mapping[str, Any]) -> None:  # noqa: ARG001 - one signature for all
    """Put the regime's model in place: ``data["regime"]``, else the one that comes with Triplane."""
    give_regime(states["regime"], timeframe_ms, data)


STRATEGY = Strategy(
    name="regime_trend",
    text="Pullbacks on the right side of the session's VWAP, in trending regimes only; limit entries, ATR stops.",
    params=PARAMS,
    state=STATE,
    init=init,
    step=step,
    warmup=lambda _: 120,
    reasons=Why.texts(),
    sees=Saw._fields,
    plots={"vwap": "vwap.value", "bb_upper": "bollinger.upper", "bb_lower": "bollinger.lower"},
    check=check_ladder,
    prepare=prepare,
    timeframe="1m",
)
