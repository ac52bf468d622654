"""Order blocks: the last candle against a strong move, and the zones that a break of structure leaves behind.

* **displacement**: candle ``i`` has body / range of at least ``min_body_ratio`` and the candle before it closed the
  other way. The zone is low .. high of candle ``i-1``; ``formed_at = i-1``, ``confirmed_at = i``. A candle without a
  range has no body ratio, and a candle that closed where it opened closed neither way.
* **structure**: a BOS or CHoCH hands in the extreme candle of the leg (see ``structure.py``); ``confirmed_at`` is the
  breaking bar.
* **breaker** (optional): a block that is mitigated lives on as a zone of the other side with the same prices and
  ``formed_at``, confirmed at the mitigating bar. A mitigated breaker simply ends.

Their life is that of ``zones.py``. Blocks of all kinds share one book.
"""

from typing import Final

from triplane.kernel.codes import ZoneKind, ZonePart, ZoneState
from triplane.kernel.jit import Rec, njit, record
from triplane.kernel.patterns.fair_value_gaps import MIN_GAP_PERCENT, TRIPLE, gap_side, triple_init, triple_push
from triplane.kernel.patterns.strength import VOLUMES, credit, volume_ratio, volumes_init, volumes_step, zone_score
from triplane.kernel.patterns.zones import (
    DEMAND,
    NONE,
    SUPPLY,
    ZONES,
    is_inside,
    side_index,
    zones_add,
    zones_init,
    zones_step,
)

MIN_BODY_RATIO: Final = 0.7
MAX_TOUCHES: Final = 3
MAX_AGE: Final = 500

BLOCKS = record(
    [
        ("min_body_ratio", "f8"),
        ("min_gap_percent", "f8"),  # of the gaps that count for the strength
        ("breakers", "i8"),
        ("direction1", "i8"),  # how the candle before closed: +1 up, -1 down, 0 neither
        ("gap_up_at", "i8"),  # bar of the last gap of each side
        ("gap_down_at", "i8"),
        ("before", TRIPLE),
        ("volumes", VOLUMES),
        ("book", ZONES),
    ]
)
"""Live order blocks of one series."""


@njit
def blocks_init(s: Rec, min_body_ratio: float, max_touches: int, max_age: int, breakers: int) -> None:
    """Start empty.

    Parameters
    ----------
    min_body_ratio
        [0.7]; above 1 there are no displacement blocks (a book for structure blocks only).
    max_touches, max_age
        [3], [500]; 0 = no limit.
    breakers
        1: mitigated blocks live on as breakers.
    """
    s.min_body_ratio = min_body_ratio
    s.min_gap_percent = MIN_GAP_PERCENT
    s.breakers = breakers
    s.direction1 = 0
    s.gap_up_at = NONE
    s.gap_down_at = NONE
    triple_init(s.before)
    volumes_init(s.volumes)
    zones_init(s.book, max_touches, max_age)


@njit
def _add(
    s: Rec,
    kind: int,
    side: int,
    formed_at: int,
    formed_time: int,
    i: int,
    time: int,
    lo: float,
    hi: float,
    high: float,
    low: float,
    close: float,
    atr: float,
    ratio: float,
) -> None:
    """Add a block and score it."""
    last_inside = i if is_inside(lo, hi, low, high) else NONE
    slot = zones_add(s.book, kind, side, formed_at, formed_time, i, time, lo, hi, last_inside)
    away = close - hi if side > 0 else lo - close
    # what a breaker left behind, it left when it broke: its forming candle belongs to the block that it was
    since = i - 1 if kind == ZoneKind.BREAKER else formed_at
    gap = (s.gap_up_at if side > 0 else s.gap_down_at) > since
    zone_score(s.book.sides[side_index(side)].zones[slot], away, atr, ratio, gap, kind == ZoneKind.STRUCTURE)


@njit
def _flip(s: Rec, i: int, time: int, high: float, low: float, close: float, atr: float) -> int:
    """Turn the blocks that were mitigated on this bar into breakers. Returns their number."""
    n = 0
    for k in range(s.book.n_retired):
        z = s.book.retired[k]
        if z.state == ZoneState.MITIGATED and z.kind != ZoneKind.BREAKER:
            ratio = z.parts[1]
            _add(
                s, ZoneKind.BREAKER, -z.side, z.formed_at, z.formed_time, i, time, z.price_lo, z.price_hi,
                high, low, close, atr, ratio,
            )  # fmt: skip
            n += 1
    return n


@njit
def blocks_step(
    s: Rec, i: int, time: int, open_: float, high: float, low: float, close: float, volume: float, atr: float
) -> int:
    """Take the closed candle ``i`` (``time``: its open time; ``atr``: that of this bar, NaN until warm).

    Returns
    -------
    int
        Blocks confirmed by this candle, breakers included. They are the newest of their side in ``s.book``; blocks that
        ended on this bar are in ``s.book.retired[:n_retired]``.
    """
    zones_step(s.book, i, time, high, low, close)
    volumes_step(s.volumes, volume)
    t = s.before
    gap = gap_side(t, high, low, s.min_gap_percent)
    if gap > 0:
        s.gap_up_at = i
    elif gap < 0:
        s.gap_down_at = i
    if gap != 0:
        credit(s.book, gap, i - 1, ZonePart.FVG)
    n = 0
    if s.breakers != 0 and s.book.n_retired > 0:
        n = _flip(s, i, time, high, low, close, atr)
    direction = DEMAND if close > open_ else (SUPPLY if close < open_ else 0)
    if direction * s.direction1 < 0 and abs(close - open_) / (high - low) >= s.min_body_ratio:
        ratio = volume_ratio(s.volumes, 1)
        kind = ZoneKind.DISPLACEMENT
        _add(s, kind, direction, i - 1, t.time1, i, time, t.low1, t.high1, high, low, close, atr, ratio)
        n += 1
    s.direction1 = direction
    triple_push(t, time, high, low, close)
    return n


@njit
def blocks_on_break(s: Rec, i: int, time: int, high: float, low: float, close: float, atr: float, event: Rec) -> None:
    """Add the block of a BOS or CHoCH confirmed by candle ``i``, after :func:`blocks_step` of that candle.

    The blocks of its side that were confirmed by the same candle are credited with the break. ``event`` is a
    ``STRUCTURE_EVENT``; a block that is displaced by the new one is added to ``s.book.retired``.
    """
    credit(s.book, event.side, i, ZonePart.STRUCTURE)
    _add(
        s, ZoneKind.STRUCTURE, event.side, event.block_at, event.block_time, i, time, event.block_lo, event.block_hi,
        high, low, close, atr, event.block_volume_ratio,
    )  # fmt: skip
