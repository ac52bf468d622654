"""How strong a zone is, 0 to 10, as the sum of five parts that stay beside it so that the score can be explained.

============  ==========================================================================================  =========
part          meaning                                                                                     points
============  ==========================================================================================  =========
displacement  distance of the confirming close from the near edge, in ATRs of that bar                    0 .. 3
volume        volume of the forming candle over the mean of the 20 candles before it                      0 .. 2
fvg           a fair value gap in the zone's direction was left behind: confirmed after the zone was      0 or 2
              formed and not later than the bar after it was confirmed
structure     a BOS or CHoCH in the zone's direction on the confirming bar                                0 or 2
untouched     no touch yet                                                                                0 or 1
============  ==========================================================================================  =========

All but two are final at ``confirmed_at``: ``fvg`` may be earned on the next bar (the gap around the confirming candle
needs one more), and ``untouched`` is lost on the first touch. While the ATR is not warm, or is 0, displacement is 0.
"""

from typing import Final

from triplane.kernel.codes import ZonePart
from triplane.kernel.jit import Rec, njit, record
from triplane.kernel.patterns.zones import NONE, side_index, sum_parts

VOLUME_PERIOD: Final = 20
_RING: Final = 256  # a power of two, past the longest swing and the period together

VOLUMES = record([("count", "i8"), ("ring", "f8", (_RING,))])
"""The volumes of the last candles."""


@njit
def volumes_init(v: Rec) -> None:
    """Forget all volumes."""
    v.count = 0
    for k in range(_RING):
        v.ring[k] = 0.0


@njit
def volumes_step(v: Rec, volume: float) -> None:
    """Take the volume of the candle just closed."""
    v.ring[v.count & (_RING - 1)] = volume
    v.count += 1


@njit
def volume_ratio(v: Rec, back: int) -> float:
    """Volume of the candle ``back`` bars ago over the mean of up to 20 before it; 0 when there is none or it is 0."""
    at = v.count - 1 - back
    first = max(at - VOLUME_PERIOD, 0)
    total = 0.0
    for k in range(first, at):
        total += v.ring[k & (_RING - 1)]
    if total <= 0.0:
        return 0.0
    ratio: float = v.ring[at & (_RING - 1)] / (total / (at - first))
    return ratio


@njit
def zone_score(z: Rec, away: float, atr: float, ratio: float, gap: bool, structure: bool) -> None:
    """Score a zone that has just been confirmed.

    Parameters
    ----------
    away
        Confirming close minus near edge, times the side, in price units.
    atr
        ATR of the confirming bar; NaN before it is warm.
    ratio
        :func:`volume_ratio` of the forming candle.
    gap, structure
        Whether the part of that name is earned already.
    """
    z.parts[ZonePart.DISPLACEMENT] = min(max(away / atr, 0.0), 3.0) if atr > 0.0 else 0.0
    z.parts[ZonePart.VOLUME] = min(ratio, 2.0)
    z.parts[ZonePart.FVG] = 2.0 if gap else 0.0
    z.parts[ZonePart.STRUCTURE] = 2.0 if structure else 0.0
    z.parts[ZonePart.UNTOUCHED] = 1.0
    sum_parts(z)


@njit
def credit(book: Rec, side: int, confirmed_at: int, part: int) -> None:
    """Give the two points of ``part`` to the live zones of ``side`` that were confirmed at that bar or later."""
    b = book.sides[side_index(side)]
    slot = b.newest
    while slot != NONE and b.zones[slot].confirmed_at >= confirmed_at:
        z = b.zones[slot]
        z.parts[part] = 2.0
        sum_parts(z)
        slot = b.older[slot]
