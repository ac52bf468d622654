"""Fair value gaps: three candles between whose first and third no price was traded.

Bullish when ``low[i] > high[i-2]`` and the gap is at least ``min_gap_percent`` of ``close[i-1]``; the zone is
``high[i-2] .. low[i]``, drawn at the middle candle (``formed_at = i-1``), known at ``confirmed_at = i``. Bearish
mirrors. ``filled_percent`` is the deepest penetration by later candles, rounded to two decimals, half to even; 100.00
ends the gap.
"""

from typing import Final

from triplane.kernel.codes import ZoneKind
from triplane.kernel.jit import Rec, njit, record
from triplane.kernel.patterns.strength import VOLUMES, volume_ratio, volumes_init, volumes_step, zone_score
from triplane.kernel.patterns.zones import DEMAND, NONE, SUPPLY, ZONES, side_index, zones_add, zones_init, zones_step

MIN_GAP_PERCENT: Final = 0.1

TRIPLE = record(
    [
        ("count", "i8"),
        ("high1", "f8"),  # 1: the candle before, 2: the one before that
        ("low1", "f8"),
        ("close1", "f8"),
        ("time1", "i8"),
        ("high2", "f8"),
        ("low2", "f8"),
    ]
)
"""What a gap needs to know of the two candles before."""

GAPS = record([("min_gap_percent", "f8"), ("before", TRIPLE), ("volumes", VOLUMES), ("book", ZONES)])
"""Live fair value gaps of one series."""


@njit
def triple_init(t: Rec) -> None:
    """No candle yet."""
    t.count = 0


@njit
def triple_push(t: Rec, time: int, high: float, low: float, close: float) -> None:
    """Let the candle just handled become the one before."""
    t.high2 = t.high1
    t.low2 = t.low1
    t.high1 = high
    t.low1 = low
    t.close1 = close
    t.time1 = time
    t.count += 1


@njit
def gap_side(t: Rec, high: float, low: float, min_gap_percent: float) -> int:
    """Side of the gap that this candle completes: ``DEMAND``, ``SUPPLY`` or 0."""
    if t.count < 2:
        return 0
    up = low - t.high2
    if up > 0.0:
        return DEMAND if up / t.close1 * 100.0 >= min_gap_percent else 0
    down = t.low2 - high
    if down > 0.0:
        return SUPPLY if down / t.close1 * 100.0 >= min_gap_percent else 0
    return 0


@njit
def gaps_init(s: Rec, min_gap_percent: float, max_age: int) -> None:
    """Start empty. ``min_gap_percent`` [0.1] in percent of the middle close; ``max_age`` in bars, 0 = until filled."""
    s.min_gap_percent = min_gap_percent
    triple_init(s.before)
    volumes_init(s.volumes)
    zones_init(s.book, 0, max_age)


@njit
def gaps_step(
    s: Rec,
    i: int,
    time: int,
    open_: float,  # noqa: ARG001 - all detectors of zones share one signature
    high: float,
    low: float,
    close: float,
    volume: float,
    atr: float,
) -> int:
    """Take the closed candle ``i``. Returns the number of gaps that it confirmed: 0 or 1.

    The new gap is the newest of its side in ``s.book``; gaps that ended on this bar are in ``s.book.retired``.
    """
    zones_step(s.book, i, time, high, low, close)
    volumes_step(s.volumes, volume)
    t = s.before
    side = gap_side(t, high, low, s.min_gap_percent)
    if side != 0:
        lo = t.high2 if side > 0 else high
        hi = low if side > 0 else t.low2
        slot = zones_add(s.book, ZoneKind.GAP, side, i - 1, t.time1, i, time, lo, hi, NONE)
        away = close - hi if side > 0 else lo - close
        zone_score(s.book.sides[side_index(side)].zones[slot], away, atr, volume_ratio(s.volumes, 1), True, False)
    triple_push(t, time, high, low, close)
    return 1 if side != 0 else 0
