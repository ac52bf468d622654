"""Retest analyser: a limit at the edge of a zone that price has come back to, when enough speaks for it.

At the close of a bar that is inside a live zone (an order block of either kind or a fair value gap) which price had
left before, on the side of the structure's trend (the direction of the last BOS or CHoCH), four confirmations and the
zone's strength are weighed:

==========  ===========================================================================================
ema         the close is on the trade's side of the EMA(``ema``)
macd        the MACD histogram moves in the trade's favour, and turned to it within ``turn_bars`` bars
rsi         the RSI is between ``rsi_low`` and ``rsi_high``, and has turned in the same way
wick        the wick on the zone's side is at least ``wick_ratio`` of the bar's range, and reached the zone
zone        strength of the zone / 10
==========  ===========================================================================================

Score = sum of the weights of what holds (the zone's times its strength) over the sum of all weights. From
``min_score`` on: a limit at the zone's near edge for ``ttl_bars`` bars, a stop beyond its far edge by ``stop_percent``
(or by ``stop_atr`` ATRs when that is set), targets at multiples of the risk. Of several zones the strongest is taken.
"""

from collections import namedtuple
from collections.abc import Mapping

import numpy as np

from triplane.kernel.codes import BreakOn, ZoneKind, ZonePart
from triplane.kernel.indicators.moving import EMA, ema_init, ema_step
from triplane.kernel.indicators.oscillators import MACD, RSI, macd_init, macd_step, rsi_init, rsi_step
from triplane.kernel.indicators.volatility import ATR, atr_init, atr_step
from triplane.kernel.patterns.fair_value_gaps import GAPS, gaps_init, gaps_step
from triplane.kernel.patterns.order_blocks import BLOCKS, blocks_init, blocks_on_break, blocks_step
from triplane.kernel.patterns.strength import credit
from triplane.kernel.patterns.structure import STRUCTURE, structure_init, structure_step
from triplane.kernel.patterns.swings import LEFT, RIGHT, SWINGS, swings_init, swings_step
from triplane.strategies import LIMIT, Param, Rec, Strategy, njit, record, state
from triplane.strategies.base import Number
from triplane.strategies.kit import FRACTIONS, Reasons, bracket, check_ladder, ladder, rungs, show, strongest_retest

PARAMS = (
    Param("min_score", 0.6, 0.0, 1.0, "lowest score that gives a signal"),
    Param("gaps", 1, 0, 1, "1: fair value gaps count as zones too"),
    Param("min_body_ratio", 0.7, 0.1, 2.0, "body / range of a displacement candle; above 1: structure blocks only"),
    Param("min_gap_percent", 0.1, 0.0, 10.0, "smallest fair value gap, percent of the price"),
    Param("max_touches", 3, 1, 20, "a block ends at this touch"),
    Param("max_age", 500, 10, 100_000, "a zone ends after this many bars"),
    Param("ema", 200, 2, 2000, "bars of the average that gives the right side"),
    Param("turn_bars", 3, 1, 50, "bars within which MACD and RSI must have turned"),
    Param("rsi_low", 40.0, 0.0, 100.0, "middle of the RSI, lower end"),
    Param("rsi_high", 60.0, 0.0, 100.0, "middle of the RSI, upper end"),
    Param("wick_ratio", 0.4, 0.0, 1.0, "rejection wick / range of the bar"),
    Param("w_ema", 0.25, 0.0, 100.0, "weight of the right side of the average"),
    Param("w_macd", 0.2, 0.0, 100.0, "weight of the MACD histogram"),
    Param("w_rsi", 0.2, 0.0, 100.0, "weight of the RSI"),
    Param("w_wick", 0.2, 0.0, 100.0, "weight of the rejection wick"),
    Param("w_zone", 0.15, 0.0, 100.0, "weight of the zone's strength"),
    Param("stop_percent", 0.2, 0.01, 20.0, "stop beyond the zone, percent of the price"),
    Param("stop_atr", 0.0, 0.0, 20.0, "stop beyond the zone in ATRs instead; 0 = percent"),
    Param("ttl_bars", 6, 1, 1000, "bars that the limit waits"),
    *ladder(1.5),
)

TURN = record([("value", "f8"), ("direction", "i8"), ("age", "i8")])
"""Which way a value moves, and for how many bars it has since it turned."""

STATE = state(
    PARAMS,
    ("atr", ATR),
    ("ema", EMA),
    ("macd", MACD),
    ("rsi", RSI),
    ("hist_turn", TURN),
    ("rsi_turn", TURN),
    ("swings", SWINGS),
    ("structure", STRUCTURE),
    ("blocks", BLOCKS),
    ("gaps", GAPS),
)


class Why(Reasons):
    """Why it says so."""

    RETEST = 0, "Price came back into a zone in the direction of the trend."
    SIDE_OF_EMA = 1, "The close is on the right side of the long average."
    MACD_TURNED = 2, "The MACD histogram has turned in favour."
    RSI_TURNED = 3, "The RSI has turned back in its middle."
    WICK = 4, "The bar was rejected with a long wick."
    IN_BLOCK = 5, "The zone is an order block."
    IN_GAP = 6, "The zone is a fair value gap."


Saw = namedtuple("Saw", "zone_low zone_high zone_strength ema_trend macd_hist rsi14 atr14 close")
"""What it decided on."""


@njit
def turn_init(t: Rec) -> None:
    """No value yet."""
    t.value = np.nan
    t.direction = 0
    t.age = 0


@njit
def turn_step(t: Rec, value: float) -> None:
    """Add a value; NaN is passed over, an equal one goes on as before."""
    if np.isnan(value):
        return
    direction = int(value > t.value) - int(value < t.value)
    t.value = value
    t.age += 1
    if direction not in (0, t.direction):
        t.direction = direction
        t.age = 0


@njit
def init(s: Rec) -> None:
    """Prepare detectors and indicators."""
    atr_init(s.atr, 14)
    ema_init(s.ema, s.p.ema)
    macd_init(s.macd, 12, 26, 9)
    rsi_init(s.rsi, 14)
    turn_init(s.hist_turn)
    turn_init(s.rsi_turn)
    swings_init(s.swings, LEFT, RIGHT)
    structure_init(s.structure, BreakOn.CLOSE)
    blocks_init(s.blocks, s.p.min_body_ratio, s.p.max_touches, s.p.max_age, 0)
    gaps_init(s.gaps, s.p.min_gap_percent, s.p.max_age)


@njit
def _detect(s: Rec, bar: Rec, i: int) -> None:
    """Bring everything that is watched forward by the bar."""
    atr = atr_step(s.atr, bar.high, bar.low, bar.close)
    ema_step(s.ema, bar.close)
    macd_step(s.macd, bar.close)
    turn_step(s.hist_turn, s.macd.hist)
    turn_step(s.rsi_turn, rsi_step(s.rsi, bar.close))
    swings_step(s.swings, i, bar.open_time, bar.high, bar.low)
    structure_step(s.structure, s.swings, i, bar.open_time, bar.high, bar.low, bar.close, bar.volume)
    blocks_step(s.blocks, i, bar.open_time, bar.open, bar.high, bar.low, bar.close, bar.volume, atr)
    gaps_step(s.gaps, i, bar.open_time, bar.open, bar.high, bar.low, bar.close, bar.volume, atr)
    for n in range(s.structure.n_events):
        event = s.structure.events[n]
        blocks_on_break(s.blocks, i, bar.open_time, bar.high, bar.low, bar.close, atr, event)
        credit(s.gaps.book, event.side, i, ZonePart.STRUCTURE)


@njit
def _confirm(s: Rec, z: Rec, side: int, bar: Rec) -> int:
    """Bits of the confirmations that hold."""
    bits = 1 << Why.RETEST
    bits |= ((bar.close - s.ema.value) * side > 0.0) << Why.SIDE_OF_EMA
    bits |= (s.hist_turn.direction == side and s.hist_turn.age < s.p.turn_bars) << Why.MACD_TURNED
    middle = s.p.rsi_low <= s.rsi.value <= s.p.rsi_high
    bits |= (middle and s.rsi_turn.direction == side and s.rsi_turn.age < s.p.turn_bars) << Why.RSI_TURNED
    span = bar.high - bar.low
    wick = min(bar.open, bar.close) - bar.low if side > 0 else bar.high - max(bar.open, bar.close)
    bits |= (span > 0.0 and wick >= s.p.wick_ratio * span) << Why.WICK
    bits |= 1 << (Why.IN_GAP if z.kind == ZoneKind.GAP else Why.IN_BLOCK)
    return int(bits)


@njit
def _score(s: Rec, z: Rec, bits: int) -> float:
    """Weighted share, 0 to 1."""
    p = s.p
    total = p.w_ema + p.w_macd + p.w_rsi + p.w_wick + p.w_zone
    if total <= 0.0:
        return 0.0
    score = p.w_zone * z.strength / 10.0
    score += p.w_ema * ((bits >> Why.SIDE_OF_EMA) & 1)
    score += p.w_macd * ((bits >> Why.MACD_TURNED) & 1)
    score += p.w_rsi * ((bits >> Why.RSI_TURNED) & 1)
    score += p.w_wick * ((bits >> Why.WICK) & 1)
    return score / total  # type: ignore[no-any-return]


@njit
def _consider(s: Rec, z: Rec, side: int, bar: Rec, signal: Rec) -> None:
    """Write the signal for a retest of ``z``, if its score is high enough."""
    bits = _confirm(s, z, side, bar)
    score = _score(s, z, bits)
    if score < s.p.min_score:
        return
    entry = z.price_hi if side > 0 else z.price_lo
    far = z.price_lo if side > 0 else z.price_hi
    beyond = s.p.stop_atr * s.atr.value if s.p.stop_atr > 0.0 else far * s.p.stop_percent / 100.0
    risk = abs(entry - far) + beyond
    bracket(signal, side, LIMIT, entry, far - side * beyond, risk, rungs(s.p), FRACTIONS)
    signal.ttl_bars = s.p.ttl_bars
    signal.confidence = score
    signal.reasons = bits
    show(signal, Saw(z.price_lo, z.price_hi, z.strength, s.ema.value, s.macd.hist, s.rsi.value, s.atr.value, bar.close))


@njit
def step(s: Rec, bar: Rec, view: Rec, signal: Rec) -> None:
    """Bring the detectors forward, then look for a retest with the trend."""
    i = view.bar
    _detect(s, bar, i)
    side = s.structure.trend
    if side == 0 or view.side != 0 or view.pending or np.isnan(s.ema.value + s.macd.hist + s.atr.value):
        return
    j = 0 if side > 0 else 1
    block = strongest_retest(s.blocks.book, side, bar, i, False)
    gap = strongest_retest(s.gaps.book, side, bar, i, False) if s.p.gaps else -1
    if block >= 0 and gap >= 0:
        if s.gaps.book.sides[j].zones[gap].strength > s.blocks.book.sides[j].zones[block].strength:
            block = -1
        else:
            gap = -1
    if block >= 0:
        _consider(s, s.blocks.book.sides[j].zones[block], side, bar, signal)
    elif gap >= 0:
        _consider(s, s.gaps.book.sides[j].zones[gap], side, bar, signal)


def _check(p: Mapping[str, Number]) -> str | None:
    if not p["rsi_low"] < p["rsi_high"]:
        return f"rsi_low is {p['rsi_low']}; it must be below rsi_high, {p['rsi_high']}."
    return check_ladder(p)


STRATEGY = Strategy(
    name="retest_analyzer",
    text="A limit at the edge of a zone that price comes back to with the trend, when enough confirms it.",
    params=PARAMS,
    state=STATE,
    init=init,
    step=step,
    warmup=lambda p: max(50, int(p["ema"])),
    reasons=Why.texts(),
    sees=Saw._fields,
    plots={"ema_trend": "ema.value"},
    zones=("blocks.book", "gaps.book"),
    structures=("structure",),
    check=_check,
    timeframe="15m",
)
