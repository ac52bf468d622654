"""The fundings of perpetuals as a venue publishes them, for a live feed: asked for over REST soon after they are due.

They come at full hours, every eight at the longest. What was missed while the venue could not be reached is told late,
with its own time; whoever charges them charges each once.
"""

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from triplane.data.feed import FundingRate
from triplane.errors import DataError

LONGEST_MS: Final = 8 * 3_600_000
"""The longest time between two fundings."""
EVERY_MS: Final = 300_000
DELAY_MS: Final = 20_000
"""How often they are asked for, and how long after a round time."""


async def tell_fundings(
    fetch: Callable[[str, int], Awaitable[Sequence[Any]]],
    names: Mapping[int, str],
    now_ms: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
    tell: Callable[[FundingRate], None],
) -> None:
    """Tell the fundings of some symbols as they come, until cancelled; first those of the last eight hours.

    Parameters
    ----------
    fetch
        Asks for the rows of a symbol from a time on, as ccxt gives them; raises OSError or DataError.
    names
        The venue's name of each symbol.
    now_ms, sleep
        The venue's time; waiting, in seconds.
    tell
        Gets each funding once.
    """
    since = dict.fromkeys(names, int(now_ms()) - LONGEST_MS)
    while names:
        for k, name in names.items():
            with contextlib.suppress(OSError, DataError):  # the next question asks for the same again
                for funding in _parsed(k, await fetch(name, since[k])):
                    if funding.time_ms >= since[k]:
                        since[k] = funding.time_ms + 1
                        tell(funding)
        now = now_ms()
        await sleep(((now // EVERY_MS + 1) * EVERY_MS + DELAY_MS - now) / 1000)


def _parsed(k: int, rows: Sequence[Any]) -> list[FundingRate]:
    try:
        made = [
            FundingRate(
                k, int(row["timestamp"]), float(row["fundingRate"]), float(row.get("info", {}).get("markPrice") or 0.0)
            )
            for row in rows
        ]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise DataError("the venue sent a funding without a time or a rate") from None
    return sorted(made, key=lambda funding: funding.time_ms)
