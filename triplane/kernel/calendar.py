"""Kill zones and trading sessions as pure functions of time.

A window is a part of the day from one minute (included) to another (excluded), counted from 00:00 **UTC**; one that
ends before it begins goes over midnight, one that ends where it begins is the whole day. The windows do not move with
daylight saving time anywhere: the core knows no time zones, what is tested today must hold in every year, and a crypto
market never closes. Who wants New York's clock all year gives other times in summer than in winter.

A bar belongs to the window in which it opens, as in ``patterns/ranges.py``.
"""

from typing import Final

from triplane.kernel.jit import Rec, njit, record

MINUTE: Final = 60_000
DAY_MINUTES: Final = 1440

ZONES: Final = ("asia", "london", "new_york")
DEFAULT_ZONES: Final = ((0, 240), (420, 600), (720, 900))
"""Opening and end of each kill zone, minutes: 00:00-04:00, 07:00-10:00 and 12:00-15:00 UTC.

London and New York are those of ICT traders (02:00-05:00 and 07:00-10:00 in New York) in winter time.
"""

KILL_ZONES = record([("on", "i8", (3,)), ("opens", "i8", (3,)), ("closes", "i8", (3,))])
"""Which of :data:`ZONES` count, and their minutes of the day."""


@njit
def minute_of_day(time: int) -> int:
    """Whole minutes since 00:00 UTC of a time in ms."""
    return int((time // MINUTE) % DAY_MINUTES)


@njit
def in_window(minute: int, opens: int, closes: int) -> bool:
    """Whether a minute of the day lies in a window."""
    if opens < closes:
        return opens <= minute < closes
    return minute >= opens or minute < closes


@njit
def kill_zone(zones: Rec, time: int) -> int:
    """Index in :data:`ZONES` of the first zone that counts and is open at ``time``, or -1."""
    minute = minute_of_day(time)
    for j in range(3):
        if zones.on[j] and in_window(minute, zones.opens[j], zones.closes[j]):
            return j
    return -1
