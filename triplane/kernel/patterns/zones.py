"""Zones of price (order blocks, fair value gaps, breakers) and the one life they all lead.

A *book* holds the live zones of both sides. Each candle is compared only with the zones that it reaches: a side's live
zones are kept ordered by their near edge (the one that price meets first), so the walk starts at the nearest zone and
stops at the first that the candle does not reach. Supply is demand upside down: its prices are negated on the way in,
so that one piece of code serves both sides. An idle candle costs two comparisons a side, whatever the number of zones.

The border cases, decided once:

* A candle is *inside* a zone when their ranges share at least one price: touching the edge exactly is inside.
* A *touch* is a candle after ``confirmed_at`` that is inside while the candle before it was not. The confirming candle
  of an order block counts as that candle before; the candle that draws a gap ends at its edge and counts as outside.
* *Beyond* the far edge is a close strictly past it; a close on the edge is not beyond.
* A zone ends at the close of the bar on which it reaches ``max_touches`` touches, or which is the ``max_age``-th after
  ``confirmed_at``; that bar still counts as part of its life. A limit of 0 is no limit.
* If more than one end comes on one bar, it is: mitigated (or filled), then touched out, then too old.
* A gap ends when ``filled_percent`` is 100.00; other zones when a candle closes beyond the far edge.

``*_at`` are bar positions counted from 0 (-1: not yet), ``*_time`` the open time of that bar in ms. Nothing that is
known is ever changed: counts and percentages grow, bars are stamped once.
"""

from typing import Final

import numpy as np

from triplane.kernel.codes import ZoneKind, ZonePart, ZoneState
from triplane.kernel.jit import Arr, Rec, njit, record

CAPACITY: Final = 256
"""Live zones of one side. When one more comes, the oldest of that side ends with the state ``displaced``."""

NONE: Final = -1


DEMAND: Final = 1
SUPPLY: Final = -1


ZONE = record(
    [
        ("serial", "i8"),  # running number in its book, from 1
        ("formed_at", "i8"),
        ("confirmed_at", "i8"),
        ("formed_time", "i8"),
        ("confirmed_time", "i8"),
        ("price_lo", "f8"),
        ("price_hi", "f8"),
        ("filled_percent", "f8"),  # deepest penetration from the near edge, 0..100, two decimals
        ("strength", "f8"),  # sum of the parts, 0..10
        ("parts", "f8", (5,)),  # ZonePart
        ("touches", "i8"),
        ("last_inside", "i8"),
        ("first_touched_at", "i8"),
        ("last_touched_at", "i8"),
        ("deepest_at", "i8"),  # the bar at which filled_percent was reached
        ("mitigated_at", "i8"),  # first close beyond the far edge
        ("filled_at", "i8"),
        ("invalid_at", "i8"),
        ("ended_time", "i8"),
        ("kind", "i1"),  # ZoneKind
        ("side", "i1"),  # DEMAND or SUPPLY
        ("state", "i1"),  # ZoneState
    ]
)
"""One zone, live or ended."""

ZONE_SIDE = record(
    [
        ("count", "i8"),
        ("sign", "i8"),  # DEMAND or SUPPLY; prices times sign make every side a demand side
        ("oldest", "i8"),  # slot, NONE when empty
        ("newest", "i8"),
        ("near", "f8", (CAPACITY,)),  # near edges times sign, ascending: the nearest zone is the last
        ("slot", "i2", (CAPACITY,)),  # [:count] the zones in the order of `near`, [count:] the free slots
        ("older", "i2", (CAPACITY,)),  # by slot: neighbours in order of age
        ("newer", "i2", (CAPACITY,)),
        ("zones", ZONE, (CAPACITY,)),
    ]
)
"""The live zones of one side."""

ZONES = record(
    [
        ("serial", "i8"),  # zones made so far
        ("max_touches", "i8"),
        ("max_age", "i8"),
        ("n_retired", "i8"),
        ("sides", ZONE_SIDE, (2,)),  # demand, supply
        ("retired", ZONE, (2 * CAPACITY + 8,)),  # [:n_retired] zones that ended on the bar of the last step
    ]
)
"""A book of zones: live ones by side, and the ones that ended on this bar."""


@njit
def zones_init(book: Rec, max_touches: int, max_age: int) -> None:
    """Empty the book and set the limits of its zones' life (0 = no limit)."""
    book.serial = 0
    book.max_touches = max_touches
    book.max_age = max_age
    book.n_retired = 0
    for j in range(2):
        b = book.sides[j]
        b.count = 0
        b.sign = DEMAND if j == 0 else SUPPLY
        b.oldest = NONE
        b.newest = NONE
        for k in range(CAPACITY):
            b.slot[k] = k
            b.zones[k].state = ZoneState.FREE


@njit
def side_index(side: int) -> int:
    """Index in ``ZONES.sides`` of ``DEMAND`` or ``SUPPLY``."""
    return 0 if side > 0 else 1


@njit
def zones_count(book: Rec, side: int) -> int:
    """Live zones of ``side``."""
    n: int = book.sides[side_index(side)].count
    return n


@njit
def zone_slot(book: Rec, side: int, rank: int) -> int:
    """Slot in ``sides[side_index(side)].zones`` of the live zone of this rank; rank 0 has the nearest near edge."""
    b = book.sides[side_index(side)]
    slot: int = b.slot[b.count - 1 - rank]
    return slot


@njit
def is_inside(price_lo: float, price_hi: float, low: float, high: float) -> bool:
    """Whether a candle's range and a zone share at least one price."""
    return low <= price_hi and high >= price_lo


@njit
def _retire(book: Rec, b: Rec, k: int, state: int, i: int, time: int) -> None:
    """End the ``k``-th zone of a side: copy it to the retired and give its slot back."""
    slot = b.slot[k]
    z = b.zones[slot]
    z.state = state
    z.invalid_at = i
    z.ended_time = time
    book.retired[book.n_retired] = z
    book.n_retired += 1
    z.state = ZoneState.FREE
    older = b.older[slot]
    newer = b.newer[slot]
    if older == NONE:
        b.oldest = newer
    else:
        b.newer[older] = newer
    if newer == NONE:
        b.newest = older
    else:
        b.older[newer] = older
    last = b.count - 1
    for m in range(k, last):
        b.near[m] = b.near[m + 1]
        b.slot[m] = b.slot[m + 1]
    b.slot[last] = slot
    b.count = last


@njit
def _retire_oldest(book: Rec, b: Rec, state: int, i: int, time: int) -> None:
    k = 0
    while b.slot[k] != b.oldest:
        k += 1
    _retire(book, b, k, state, i, time)


@njit
def sum_parts(z: Rec) -> None:
    """The strength is the sum of its parts."""
    z.strength = z.parts[0] + z.parts[1] + z.parts[2] + z.parts[3] + z.parts[4]


@njit
def _visit(z: Rec, near: float, far: float, i: int, low: float, high: float, close: float, max_touches: int) -> int:
    """Let a candle that reaches a zone leave its marks; prices are those of the demand side. Returns the new state."""
    if high >= far:
        if z.last_inside != i - 1:
            z.touches += 1
            z.last_touched_at = i
            if z.first_touched_at == NONE:
                z.first_touched_at = i
                z.parts[ZonePart.UNTOUCHED] = 0.0
                sum_parts(z)
        z.last_inside = i
    percent = 100.0
    if low > far:
        percent = np.rint((near - low) / (near - far) * 10_000.0) / 100.0
    if percent > z.filled_percent:
        z.filled_percent = percent
        z.deepest_at = i
    if z.filled_percent >= 100.0 and z.filled_at == NONE:
        z.filled_at = i
    if close < far:
        z.mitigated_at = i
    if z.kind == ZoneKind.GAP:
        if z.filled_at != NONE:
            return ZoneState.FILLED
    elif close < far:
        return ZoneState.MITIGATED
    if 0 < max_touches <= z.touches:
        return ZoneState.TOUCHED_OUT
    return ZoneState.LIVE


@njit
def _side_step(book: Rec, b: Rec, i: int, time: int, low: float, high: float, close: float) -> None:
    """Bring one side forward by a candle whose prices were multiplied by the side's sign."""
    k = b.count - 1
    while k >= 0 and b.near[k] >= low:
        z = b.zones[b.slot[k]]
        far = z.price_lo if b.sign > 0 else -z.price_hi
        state = _visit(z, b.near[k], far, i, low, high, close, book.max_touches)
        if state != ZoneState.LIVE:
            _retire(book, b, k, state, i, time)
        k -= 1
    if book.max_age > 0:
        while b.count > 0 and i - b.zones[b.oldest].confirmed_at >= book.max_age:
            _retire_oldest(book, b, ZoneState.TOO_OLD, i, time)


@njit
def zones_step(book: Rec, i: int, time: int, high: float, low: float, close: float) -> None:
    """Bring every live zone forward by the closed candle ``i``; zones that end on it are in ``retired[:n_retired]``."""
    book.n_retired = 0
    _side_step(book, book.sides[0], i, time, low, high, close)
    _side_step(book, book.sides[1], i, time, -high, -low, -close)


@njit
def zones_add(
    book: Rec,
    kind: int,
    side: int,
    formed_at: int,
    formed_time: int,
    i: int,
    time: int,
    price_lo: float,
    price_hi: float,
    last_inside: int,
) -> int:
    """Add a zone that is confirmed by candle ``i``, after :func:`zones_step` of that candle.

    Its strength is 0 until it is scored. ``last_inside`` is ``i`` when the confirming candle is inside, else -1.

    Returns
    -------
    int
        The slot of the new zone in ``book.sides[side_index(side)].zones``.
    """
    b = book.sides[side_index(side)]
    if b.count == CAPACITY:
        _retire_oldest(book, b, ZoneState.DISPLACED, i, time)
    near = price_hi if side > 0 else -price_lo
    slot = b.slot[b.count]
    k = b.count
    while k > 0 and b.near[k - 1] > near:
        b.near[k] = b.near[k - 1]
        b.slot[k] = b.slot[k - 1]
        k -= 1
    b.near[k] = near
    b.slot[k] = slot
    b.count += 1
    b.older[slot] = b.newest
    b.newer[slot] = NONE
    if b.newest == NONE:
        b.oldest = slot
    else:
        b.newer[b.newest] = slot
    b.newest = slot
    book.serial += 1
    z = b.zones[slot]
    z.serial = book.serial
    z.kind = kind
    z.side = side
    z.state = ZoneState.LIVE
    z.formed_at = formed_at
    z.formed_time = formed_time
    z.confirmed_at = i
    z.confirmed_time = time
    z.price_lo = price_lo
    z.price_hi = price_hi
    z.last_inside = last_inside
    _blank(z)
    return int(slot)


@njit
def _blank(z: Rec) -> None:
    """Nothing has happened to this zone yet."""
    z.filled_percent = 0.0
    z.strength = 0.0
    for m in range(5):
        z.parts[m] = 0.0
    z.touches = 0
    z.first_touched_at = NONE
    z.last_touched_at = NONE
    z.deepest_at = NONE
    z.mitigated_at = NONE
    z.filled_at = NONE
    z.invalid_at = NONE
    z.ended_time = NONE


@njit
def zones_live(book: Rec, out: Arr) -> int:
    """Copy the live zones into ``out`` (room for 2 x :data:`CAPACITY`): demand, then supply, the nearest first."""
    n = 0
    for j in range(2):
        b = book.sides[j]
        for k in range(b.count - 1, -1, -1):
            out[n] = b.zones[b.slot[k]]
            n += 1
    return n
