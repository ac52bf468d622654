"""All detectors of a series as one state and one step, in the order in which they need one another.

Swings first; then the breaks of structure that they allow; then zones, which take the block of a break and its
credit; then pools, levels and the range. A strategy that needs less holds the records that it needs and calls their
steps itself.
"""

from triplane.kernel.codes import BreakOn, ZonePart
from triplane.kernel.jit import Rec, njit, record
from triplane.kernel.patterns.fair_value_gaps import GAPS, MIN_GAP_PERCENT, gaps_init, gaps_step
from triplane.kernel.patterns.liquidity import POOLS, TOLERANCE, pools_init, pools_step
from triplane.kernel.patterns.order_blocks import (
    BLOCKS,
    MAX_AGE,
    MAX_TOUCHES,
    MIN_BODY_RATIO,
    blocks_init,
    blocks_on_break,
    blocks_step,
)
from triplane.kernel.patterns.ranges import LEVELS, RANGE, levels_init, levels_step, range_init, range_step
from triplane.kernel.patterns.strength import credit
from triplane.kernel.patterns.structure import STRUCTURE, structure_init, structure_step
from triplane.kernel.patterns.swings import LEFT, RIGHT, SWINGS, swings_init, swings_step

DETECTORS = record(
    [
        ("swings", SWINGS),
        ("structure", STRUCTURE),
        ("blocks", BLOCKS),
        ("gaps", GAPS),
        ("pools", POOLS),
        ("levels", LEVELS),
        ("range", RANGE),
    ]
)
"""Every detector of one series."""


@njit
def detectors_init(s: Rec) -> None:
    """Start everything with the default parameters; call a part's own ``_init`` afterwards to choose others."""
    swings_init(s.swings, LEFT, RIGHT)
    structure_init(s.structure, BreakOn.CLOSE)
    blocks_init(s.blocks, MIN_BODY_RATIO, MAX_TOUCHES, MAX_AGE, 1)
    gaps_init(s.gaps, MIN_GAP_PERCENT, 0)
    pools_init(s.pools, TOLERANCE)
    levels_init(s.levels)
    range_init(s.range)


@njit
def detectors_step(
    s: Rec, i: int, time: int, open_: float, high: float, low: float, close: float, volume: float, atr: float
) -> None:
    """Take the closed candle ``i``: bars are counted from 0 and fed in order, ``time`` is the open time in ms."""
    swings_step(s.swings, i, time, high, low)
    structure_step(s.structure, s.swings, i, time, high, low, close, volume)
    blocks_step(s.blocks, i, time, open_, high, low, close, volume, atr)
    gaps_step(s.gaps, i, time, open_, high, low, close, volume, atr)
    for n in range(s.structure.n_events):
        event = s.structure.events[n]
        blocks_on_break(s.blocks, i, time, high, low, close, atr, event)
        credit(s.gaps.book, event.side, i, ZonePart.STRUCTURE)
    pools_step(s.pools, s.swings, i, time, high, low, close, atr)
    levels_step(s.levels, i, time, high, low, close)
    range_step(s.range, s.swings, close)
