"""The data-quality gate: a running grade of the candles, so that bad data blocks entries in every mode alike.

Over a window of the last :data:`WINDOW` candles it counts candles that never came; it also watches for runs without
volume, impossible candles and bad prints. Grades: A to C trade, D and F do not.

A *bad print* is a price far out of proportion that nobody traded for: a high, low or close that is more than 2 % and 25
mean moves away from the close before, on a candle without more volume than is usual, and the next candle closes where
the price was before, again without more volume. A market that really jumps keeps trading, or stays where it is. So the
gate knows of a bad print one candle later, when the price has come back, and not before: nothing in the candle itself
tells it from the first candle of a pump.
"""

from typing import Final

from triplane.kernel.jit import Rec, njit, record

WINDOW: Final = 240
QUIET: Final = 10
"""Consecutive candles without volume that make a D: the venue is probably down."""
CALM: Final = 10
"""Candles to wait after a bad print or an impossible candle."""
FAR: Final = 0.02
FAR_MOVES: Final = 25.0
"""A jump is further than both: this share of the price, and as many mean moves."""
BACK: Final = 0.2
"""A jump has come back when less than this share of it is left."""
TRADED: Final = 10.0
"""Volume of so many usual candles belongs to a market that really moves."""

QUALITY = record(
    [
        ("grade", "i8"),  # 0 = A … 4 = F
        ("expected", "i8"),  # open time of the next candle, 0 = none yet
        ("missing", "i8"),  # within the window
        ("count", "i8"),
        ("index", "i8"),
        ("quiet", "i8"),
        ("calm", "i8"),
        ("move", "f8"),  # running mean of |return|; a jump counts no further than it takes to be one
        ("volume", "f8"),  # running mean, likewise
        ("close", "f8"),
        ("jump", "f8"),  # how far the newest candle went without volume, in price; 0 = no jump
        ("before", "f8"),  # the close before it
        ("ring", "u1", (WINDOW,)),  # candles that were missing before this one, at most 255
    ]
)


@njit
def _bad_print(s: Rec, c: Rec) -> bool:
    """Whether the candle before was a bad print: it jumped, and this one closes where the price was before."""
    quiet = c.volume <= TRADED * s.volume
    back = s.jump > 0.0 and quiet and abs(c.close - s.before) < BACK * s.jump
    s.jump = 0.0
    if s.close > 0.0:
        limit = max(FAR, FAR_MOVES * s.move)
        reach = max(c.high - s.close, s.close - c.low)
        if quiet and s.count > 30 and reach > limit * s.close:
            s.jump = reach
            s.before = s.close
        s.move += 0.02 * (min(abs(c.close / s.close - 1.0), limit) - s.move)
    s.volume = s.volume + 0.02 * (min(c.volume, TRADED * s.volume) - s.volume) if s.volume > 0.0 else c.volume
    s.close = c.close
    return bool(back)


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
    bad_print = _bad_print(s, c)
    if impossible or bad_print:
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
