"""The data-quality gate: a running grade of the candles, so that bad data blocks entries in every mode alike.

Over a window of the last :data:`WINDOW` candles it counts candles that never came; it also watches for runs without
volume, impossible candles and jumps far out of proportion. Grades: A to C trade, D and F do not.
"""

from typing import Final

from triplane.kernel.jit import Rec, njit, record

WINDOW: Final = 240
QUIET: Final = 10
"""Consecutive candles without volume that make a D: the venue is probably down."""
CALM: Final = 10
"""Candles to wait after a jump or an impossible candle."""

QUALITY = record(
    [
        ("grade", "i8"),  # 0 = A … 4 = F
        ("expected", "i8"),  # open time of the next candle, 0 = none yet
        ("missing", "i8"),  # within the window
        ("count", "i8"),
        ("index", "i8"),
        ("quiet", "i8"),
        ("calm", "i8"),
        ("jump", "f8"),  # running mean of |return|
        ("close", "f8"),
        ("ring", "u1", (WINDOW,)),  # candles that were missing before this one, at most 255
    ]
)


@njit
def _jumped(s: Rec, c: Rec) -> bool:
    """Whether the close is more than 2 % and 25 mean moves away from the one before."""
    move = abs(c.close / s.close - 1.0) if s.close > 0.0 else 0.0
    far = s.count > 30 and move > 0.02 and move > 25.0 * s.jump
    s.jump += 0.02 * (move - s.jump)
    s.close = c.close
    return far


@njit
def quality_step(s: Rec, c: Rec, base_ms: int) -> int:
    """Take one closed candle in; returns the grade, 0 (A) to 4 (F)."""
    gap = 0
    if s.expected > 0 and c.open_time > s.expected:
        gap = min((c.open_time - s.expected) // base_ms, 255)
    s.expected = c.open_time + base_ms
    if s.count == WINDOW:
        s.missing -= s.ring[s.index]
    else:
        s.count += 1
    s.ring[s.index] = gap
    s.missing += gap
    s.index = s.index + 1 if s.index + 1 < WINDOW else 0
    s.quiet = s.quiet + 1 if c.volume <= 0.0 else 0
    impossible = not (c.low <= c.open <= c.high and c.low <= c.close <= c.high and c.low > 0.0)
    jumped = _jumped(s, c)
    if impossible or jumped:
        s.calm = CALM
    elif s.calm > 0:
        s.calm -= 1
    complete = s.count / (s.count + s.missing)
    if impossible or complete < 0.90:
        s.grade = 4
    elif complete < 0.95 or s.quiet >= QUIET or s.calm > 0:
        s.grade = 3
    elif complete < 0.98:
        s.grade = 2
    elif complete < 0.995:
        s.grade = 1
    else:
        s.grade = 0
    return int(s.grade)
