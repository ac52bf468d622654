"""Order blocks and fair value gaps as ICT traders use them: enter where price comes back to a block.

At the close of a bar that touched a live order block (``kernel/patterns/order_blocks.py``), in the direction of the
trend, when the block left a fair value gap behind, is strong enough and was rejected (the bar closed back in its
favour): enter at market. The stop lies beyond the block by a part of the ATR (or by ``stop_percent`` of its edge), the
targets at multiples of that risk (or one target ``target_percent`` from the fill). When several blocks were touched on
the same bar, the strongest is taken.

``gap`` is what a fair value gap is good for: ``required``, or its points count for the block's strength (``bonus``), or
they do not (``off``). ``ict_classic.py`` has the values that are usual among those who trade this by hand.
"""

from collections import namedtuple

from triplane.kernel.codes import ZonePart
from triplane.kernel.indicators.moving import EMA, ema_init, ema_step
from triplane.kernel.indicators.volatility import ATR, atr_init, atr_step
from triplane.kernel.patterns.fair_value_gaps import GAPS, gaps_init, gaps_step
from triplane.kernel.patterns.order_blocks import BLOCKS, blocks_init, blocks_step
from triplane.kernel.patterns.zones import is_inside, zone_slot, zones_count
from triplane.strategies import MARKET, Param, Rec, Strategy, njit, state
from triplane.strategies.kit import FRACTIONS, Reasons, bracket, check_ladder, ladder, rungs, show, zone_risk

WAYS = ("off", "bonus", "required")
OFF, BONUS, REQUIRED = range(3)

PARAMS = (
    Param("min_body_ratio", 0.7, 0.1, 1.0, "body / range of a displacement candle"),
    Param("min_gap_percent", 0.1, 0.0, 10.0, "smallest fair value gap, percent of the price"),
    Param("max_touches", 3, 1, 20, "a block ends at this touch"),
    Param("max_age", 500, 10, 100_000, "a block or gap ends after this many bars"),
    Param("min_strength", 3.0, 0.0, 10.0, "weakest block that is traded, 0 to 10"),
    Param("gap", REQUIRED, 0, 2, "a fair value gap left behind is of no account, makes stronger, or must be", WAYS),
    Param("rejection", 1, 0, 1, "1: the bar must close beyond the middle of the block again; 0: a touch is enough"),
    Param("trend", 200, 0, 1000, "bars of the average that gives the trend; 0 = both directions"),
    Param("stop_atr", 0.25, 0.0, 10.0, "stop beyond the block, in ATRs"),
    Param("stop_percent", 0.0, 0.0, 50.0, "stop beyond the block, percent of its edge; 0 = stop_atr"),
    Param("min_stop_atr", 0.5, 0.0, 10.0, "nearest stop that makes sense, in ATRs"),
    Param("target_percent", 0.0, 0.0, 100.0, "a single target, percent from the fill; 0 = the three in R"),
    *ladder(),
)

STATE = state(
    PARAMS,
    ("atr", ATR),
    ("trend", EMA),
    ("blocks", BLOCKS),
    ("gaps", GAPS),
)


class Why(Reasons):
    """Why it says so."""

    TOUCHED = 0, "Price came back to an order block."
    GAP_BEHIND = 1, "The block left a fair value gap behind."
    WITH_TREND = 2, "The trade goes with the trend."
    REJECTED = 3, "The bar was rejected at the block and closed in its favour."
    FRESH = 4, "The block had not been touched before."
    IN_GAP = 5, "The bar also reached a fair value gap that is still open."


Saw = namedtuple("Saw", "block_low block_high block_strength block_touches atr14 ema_trend close")
"""What it decided on."""


@njit
def init(s: Rec) -> None:
    """Prepare detectors and averages."""
    atr_init(s.atr, 14)
    ema_init(s.trend, max(s.p.trend, 1))
    blocks_init(s.blocks, s.p.min_body_ratio, s.p.max_touches, s.p.max_age, 0)
    gaps_init(s.gaps, s.p.min_gap_percent, s.p.max_age)


@njit
def _strength(s: Rec, z: Rec) -> float:
    """Strength of a block, with the gap that it left behind or without."""
    return z.strength - z.parts[ZonePart.FVG] if s.p.gap == OFF else z.strength  # type: ignore[no-any-return]


@njit
def _strongest(s: Rec, side: int, bar: Rec, i: int) -> int:
    """Slot of the strongest block of ``side`` that this bar touched and that qualifies, or -1."""
    book = s.blocks.book
    zones = book.sides[0 if side > 0 else 1].zones
    best = -1
    most = 0.0
    for rank in range(zones_count(book, side)):
        z = zones[zone_slot(book, side, rank)]
        near = z.price_hi if side > 0 else z.price_lo
        reached = bar.low <= near if side > 0 else bar.high >= near
        if not reached:
            break
        strength = _strength(s, z)
        if z.last_touched_at != i or strength < s.p.min_strength:
            continue
        if s.p.gap == REQUIRED and z.parts[ZonePart.FVG] <= 0.0:
            continue
        if s.p.rejection and not _is_rejected(z, side, bar):
            continue
        if best < 0 or strength > most:
            best = zone_slot(book, side, rank)
            most = strength
    return best


@njit
def _is_rejected(z: Rec, side: int, bar: Rec) -> bool:
    """Whether the bar closed beyond the middle of a block, in its favour."""
    return (bar.close - (z.price_lo + z.price_hi) / 2.0) * side > 0.0  # type: ignore[no-any-return]


@njit
def _in_gap(s: Rec, side: int, bar: Rec) -> bool:
    """Whether the bar reached into a live gap of the same side."""
    book = s.gaps.book
    if zones_count(book, side) == 0:
        return False
    z = book.sides[0 if side > 0 else 1].zones[zone_slot(book, side, 0)]
    return bool(is_inside(z.price_lo, z.price_hi, bar.low, bar.high))


@njit
def _enter(s: Rec, side: int, slot: int, bar: Rec, signal: Rec) -> None:
    """Write the signal for one block."""
    z = s.blocks.book.sides[0 if side > 0 else 1].zones[slot]
    atr = s.atr.value
    beyond = s.p.stop_atr * atr
    if s.p.stop_percent > 0.0:
        beyond = s.p.stop_percent / 100.0 * (z.price_lo if side > 0 else z.price_hi)
    risk = zone_risk(z, side, bar.close, beyond, s.p.min_stop_atr * atr)
    in_gap = _in_gap(s, side, bar)
    fresh = z.touches == 1
    bracket(signal, side, MARKET, 0.0, bar.close - side * risk, risk, rungs(s.p), FRACTIONS)
    if s.p.target_percent > 0.0:
        for n in range(3):
            signal.target_distances[n] = 0.0
            signal.fractions[n] = 0.0
        signal.target_distances[0] = s.p.target_percent / 100.0 * bar.close
        signal.fractions[0] = 1.0
    signal.confidence = min(0.4 + 0.05 * _strength(s, z) + 0.1 * fresh, 1.0)
    gap_behind = z.parts[ZonePart.FVG] > 0.0
    signal.reasons = (
        (1 << Why.TOUCHED)
        | (gap_behind << Why.GAP_BEHIND)
        | ((s.p.trend > 0) << Why.WITH_TREND)
        | (_is_rejected(z, side, bar) << Why.REJECTED)
        | (fresh << Why.FRESH)
        | (in_gap << Why.IN_GAP)
    )
    show(signal, Saw(z.price_lo, z.price_hi, z.strength, float(z.touches), atr, s.trend.value, bar.close))


@njit
def step(s: Rec, bar: Rec, view: Rec, signal: Rec) -> None:
    """Bring the detectors forward, then look for a block to enter at."""
    i = view.bar
    atr = atr_step(s.atr, bar.high, bar.low, bar.close)
    trend = ema_step(s.trend, bar.close)
    blocks_step(s.blocks, i, bar.open_time, bar.open, bar.high, bar.low, bar.close, bar.volume, atr)
    gaps_step(s.gaps, i, bar.open_time, bar.open, bar.high, bar.low, bar.close, bar.volume, atr)
    if view.side != 0 or view.pending or not atr > 0.0:
        return
    for side in (1, -1):
        if s.p.trend > 0 and not (bar.close - trend) * side > 0.0:
            continue
        slot = _strongest(s, side, bar, i)
        if slot >= 0:
            _enter(s, side, slot, bar, signal)
            return


STRATEGY = Strategy(
    name="ict_blocks",
    text="Enters where price returns to an order block that left a fair value gap; stop beyond it, three targets.",
    params=PARAMS,
    state=STATE,
    init=init,
    step=step,
    warmup=lambda p: max(50, int(p["trend"])),
    reasons=Why.texts(),
    sees=Saw._fields,
    plots={"ema_trend": "trend.value"},
    zones=("blocks.book", "gaps.book"),
    check=check_ladder,
    timeframe="15m",
)
