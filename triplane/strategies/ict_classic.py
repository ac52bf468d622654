"""``ict_blocks`` with the values of those who trade order blocks by hand: any touch counts, one target.

Both directions, a stop 0.2 % beyond the block, a target 1 % from the fill; a fair value gap makes a block stronger but
is not required, and a rejection is not waited for.
"""

from triplane.strategies import ict_blocks

STRATEGY = ict_blocks.STRATEGY.preset(
    "ict_classic",
    "Enters at any touch of an order block, gap or not; stop 0.2 % beyond it, one target at 1 %.",
    gap=ict_blocks.BONUS,
    rejection=0,
    trend=0,
    min_strength=0.0,
    stop_percent=0.2,
    min_stop_atr=0.0,
    target_percent=1.0,
)
