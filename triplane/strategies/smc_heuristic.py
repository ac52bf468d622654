"""Smart-money heuristic: after a break of structure, enter where price comes back to the block that the break left.

A BOS or CHoCH leaves an order block at the extreme of its leg (``kernel/patterns/structure.py``). While the structure's
trend is still that of the block, a bar inside the block, to which price has come back, that closes past its middle and
with its body in its favour gives a signal:

====================  =======  ====================================================================
part                  points   when
====================  =======  ====================================================================
touch and reaction    0.40     always
last break            0.15     it was a CHoCH: the trend has just turned (a BOS: 0.10)
gap behind            0.15     the block left a fair value gap
first touch           0.10     the block had not been touched before
discount              0.10     the close is in discount (a short: in premium) of the last range
sweep                 0.10     equal lows (highs) or better were swept within ``sweep_bars`` bars
====================  =======  ====================================================================

Entry at market from ``min_score`` on. A stop is mandatory: beyond the block by ``stop_atr`` ATRs, at least
``min_stop_atr`` away. Targets at multiples of the risk. A break of structure against an open position closes it.
"""

from collections import namedtuple
from typing import Final

from triplane.kernel.codes import BreakOn, LiquidityState, StructureKind, ZonePart
from triplane.kernel.indicators.volatility import ATR, atr_init, atr_step
from triplane.kernel.patterns.liquidity import HIGH, POOLS, TOLERANCE, pools_init, pools_step
from triplane.kernel.patterns.order_blocks import BLOCKS, blocks_init, blocks_on_break, blocks_step
from triplane.kernel.patterns.ranges import RANGE, range_init, range_step
from triplane.kernel.patterns.structure import STRUCTURE, structure_init, structure_step
from triplane.kernel.patterns.swings import SWINGS, swings_init, swings_step
from triplane.strategies import CLOSE, MARKET, Param, Rec, Strategy, njit, state
from triplane.strategies.kit import (
    FRACTIONS,
    Reasons,
    bracket,
    check_ladder,
    ladder,
    rungs,
    show,
    strongest_retest,
    zone_risk,
)

PARAMS = (
    Param("min_score", 0.6, 0.0, 1.0, "lowest score that gives a signal"),
    Param("swing", 5, 1, 60, "bars on each side of a swing"),
    Param("break_on", 0, 0, 1, "0: a close breaks structure, 1: a wick does"),
    Param("max_touches", 2, 1, 20, "a block ends at this touch"),
    Param("max_age", 200, 5, 100_000, "a block ends after this many bars"),
    Param("sweep_bars", 30, 1, 1000, "bars for which a sweep counts"),
    Param("stop_atr", 0.25, 0.0, 10.0, "stop beyond the block, in ATRs"),
    Param("min_stop_atr", 0.5, 0.05, 10.0, "nearest stop that makes sense, in ATRs"),
    Param("exit_on_break", 1, 0, 1, "1: a break of structure against the position closes it"),
    *ladder(),
)

STATE = state(
    PARAMS,
    ("atr", ATR),
    ("swings", SWINGS),
    ("structure", STRUCTURE),
    ("blocks", BLOCKS),
    ("pools", POOLS),
    ("range", RANGE),
    ("choch", "i8"),  # 1: the last break was a change of character
    ("swept_at", "i8", (2,)),  # bar of the last sweep of highs, of lows
)

LONG_AGO: Final = -1_000_000


class Why(Reasons):
    """Why it says so."""

    TOUCHED = 0, "Price came back to the order block of a break of structure and was turned away."
    AFTER_CHOCH = 1, "The last break was a change of character."
    AFTER_BOS = 2, "The last break was a break of structure with the trend."
    GAP_BEHIND = 3, "The block left a fair value gap behind."
    FRESH = 4, "The block had not been touched before."
    CHEAP = 5, "The price is on the favourable half of the last range."
    SWEEP = 6, "Liquidity on the other side was swept shortly before."
    BROKEN_AGAINST = 7, "Structure broke against the position."


Saw = namedtuple("Saw", "block_low block_high block_strength block_touches atr14 trend range_position close")
"""What it decided on."""


@njit
def init(s: Rec) -> None:
    """Prepare the detectors."""
    atr_init(s.atr, 14)
    swings_init(s.swings, s.p.swing, s.p.swing)
    structure_init(s.structure, BreakOn.WICK if s.p.break_on else BreakOn.CLOSE)
    blocks_init(s.blocks, 2.0, s.p.max_touches, s.p.max_age, 0)  # no body is twice its range: structure blocks only
    pools_init(s.pools, TOLERANCE)
    range_init(s.range)
    s.choch = 0
    s.swept_at[0] = LONG_AGO
    s.swept_at[1] = LONG_AGO


@njit
def _detect(s: Rec, bar: Rec, i: int) -> None:
    """Bring everything that is watched forward by the bar."""
    time = bar.open_time
    atr = atr_step(s.atr, bar.high, bar.low, bar.close)
    swings_step(s.swings, i, time, bar.high, bar.low)
    structure_step(s.structure, s.swings, i, time, bar.high, bar.low, bar.close, bar.volume)
    blocks_step(s.blocks, i, time, bar.open, bar.high, bar.low, bar.close, bar.volume, atr)
    for n in range(s.structure.n_events):
        event = s.structure.events[n]
        blocks_on_break(s.blocks, i, time, bar.high, bar.low, bar.close, atr, event)
        s.choch = int(event.kind in (StructureKind.CHOCH_UP, StructureKind.CHOCH_DN))
    pools_step(s.pools, s.swings, i, time, bar.high, bar.low, bar.close, atr)
    for n in range(s.pools.n_ended):
        pool = s.pools.ended[n]
        if pool.state == LiquidityState.SWEPT:
            s.swept_at[0 if pool.side == HIGH else 1] = i
    range_step(s.range, s.swings, bar.close)


@njit
def _reasons(s: Rec, z: Rec, side: int, i: int) -> int:
    """Bits of what holds."""
    swept = i - s.swept_at[1 if side > 0 else 0] <= s.p.sweep_bars
    return int(
        (1 << Why.TOUCHED)
        | (1 << (Why.AFTER_CHOCH if s.choch else Why.AFTER_BOS))
        | ((z.parts[ZonePart.FVG] > 0.0) << Why.GAP_BEHIND)
        | ((z.touches == 1) << Why.FRESH)
        | ((s.range.zone == -side) << Why.CHEAP)
        | (swept << Why.SWEEP)
    )


@njit
def _score(bits: int) -> float:
    return (
        0.4
        + 0.15 * ((bits >> Why.AFTER_CHOCH) & 1)
        + 0.1 * ((bits >> Why.AFTER_BOS) & 1)
        + 0.15 * ((bits >> Why.GAP_BEHIND) & 1)
        + 0.1 * ((bits >> Why.FRESH) & 1)
        + 0.1 * ((bits >> Why.CHEAP) & 1)
        + 0.1 * ((bits >> Why.SWEEP) & 1)
    )


@njit
def _enter(s: Rec, z: Rec, side: int, bar: Rec, bits: int, signal: Rec) -> None:
    """Write the signal; the stop is never left out."""
    atr = s.atr.value
    risk = zone_risk(z, side, bar.close, s.p.stop_atr * atr, s.p.min_stop_atr * atr)
    bracket(signal, side, MARKET, 0.0, bar.close - side * risk, risk, rungs(s.p), FRACTIONS)
    signal.confidence = _score(bits)
    signal.reasons = bits
    trend, position = float(s.structure.trend), s.range.position
    show(signal, Saw(z.price_lo, z.price_hi, z.strength, float(z.touches), atr, trend, position, bar.close))


@njit
def _leave(s: Rec, side: int, bar: Rec, signal: Rec) -> None:
    """Close the position of ``side`` when structure broke against it on this bar."""
    for n in range(s.structure.n_events):
        if s.structure.events[n].side == -side:
            signal.action = CLOSE
            signal.reasons = 1 << Why.BROKEN_AGAINST
            level, trend = s.structure.events[n].level, float(s.structure.trend)
            show(signal, Saw(level, 0.0, 0.0, 0.0, 0.0, trend, 0.0, bar.close))


@njit
def step(s: Rec, bar: Rec, view: Rec, signal: Rec) -> None:
    """Bring the detectors forward, then look for a block that turns price away."""
    i = view.bar
    _detect(s, bar, i)
    if view.side != 0:
        if s.p.exit_on_break:
            _leave(s, view.side, bar, signal)
        return
    side = s.structure.trend
    if view.pending or not s.atr.value > 0.0 or not (bar.close - bar.open) * side > 0.0:
        return
    slot = strongest_retest(s.blocks.book, side, bar, i, True)
    if slot < 0:
        return
    z = s.blocks.book.sides[0 if side > 0 else 1].zones[slot]
    bits = _reasons(s, z, side, i)
    if _score(bits) >= s.p.min_score:
        _enter(s, z, side, bar, bits, signal)


STRATEGY = Strategy(
    name="smc_heuristic",
    text="After a BOS or CHoCH, enters where price returns to the order block that the break left; always with a stop.",
    params=PARAMS,
    state=STATE,
    init=init,
    step=step,
    warmup=lambda _: 50,
    reasons=Why.texts(),
    sees=Saw._fields,
    zones=("blocks.book",),
    structures=("structure",),
    pools=("pools",),
    check=check_ladder,
    timeframe="15m",
)
