"""What an answer of Binance that is not a success means: refused, unknown, or not found.

The codes are the same on spot and futures. Without an answer, or with one that does not say, a request that could
change something has an unknown fate; one that only reads has simply failed.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from triplane.venues.errors import NotFound, Refused, Unknown, VenueError, Why
from triplane.venues.wire import LONGEST

UNCHANGED: Final = ("-4046", "-4059")
"""No need to change the margin type or the position mode: it is as wanted."""
CLOCK: Final = "-1021"
_UNKNOWN: Final = ("-1000", "-1001", "-1006", "-1007")
_NOT_FOUND: Final = ("-2011", "-2013")
_WHY: Final = {
    Why.DUPLICATE: (-4116,),
    Why.WOULD_TRIGGER: (-2021,),
    Why.REDUCE_ONLY: (-2022, -4118),
    Why.FUNDS: (-2018, -2019, -4050, -4051),
    Why.FILTER: (-1013, -1111, -4001, -4002, -4003, -4004, -4005, -4006, -4007, -4013, -4014, -4023, -4164),
    Why.PRICE_BAND: (-4016, -4024, -4131),
    Why.MODE: (-2027, -2028, -4028, -4046, -4047, -4048, -4059, -4061, -4067, -4068, -4161, -4168),
    Why.TOO_MANY: (-2025, -4045),
    Why.POST_ONLY: (-5022,),
    Why.CLOCK: (-1021, -5028),
    Why.RATE: (-1003, -1015),
    Why.OVERLOAD: (-1008,),
    Why.KEYS: (-1002, -1022, -2014, -2015),
    Why.COOLING_OFF: (-4192,),
    Why.RULES: (-4400,),
}
_REASONS: Final = {str(code): why for why, codes in _WHY.items() for code in codes}
_UNTIL: Final = re.compile(r"banned until (\d{13})")
_RATE_MS: Final = 60_000
"""How long to wait when the venue does not say."""


def code_of(body: Any) -> str:
    """The negative code of an answer as text; empty for anything else."""
    code = str(body.get("code", "")) if isinstance(body, Mapping) else ""
    return code if code.startswith("-") else ""


def failure(status: int, body: Any, headers: Mapping[str, str], *, changing: bool, now: int) -> VenueError | None:
    """The error of an answer, None for a success.

    Parameters
    ----------
    status
        HTTP status; 0 when no answer came although the request may have been sent.
    body
        The answer's JSON, or its text where it is none.
    headers
        Names in lower case.
    changing
        Whether the request could change something.
    now
        For when it may be tried again, ms.
    """
    code = code_of(body)
    if status == 200 and not code and not isinstance(body, str):
        return None
    words = str(body.get("msg", "")) if isinstance(body, Mapping) else str(body)
    text = f"the venue answered {status or 'nothing'}{' ' + code if code else ''}: {words}"[:LONGEST].rstrip(": ")
    if status == 418 or (status == 429 and "banned" in words):
        return Refused(text, code, Why.BANNED, _retry_at(words, headers, now))
    if status == 429 or code in ("-1003", "-1015"):
        return Refused(text, code, Why.RATE, _retry_at(words, headers, now))
    if code in _REASONS:
        return Refused(text, code, _REASONS[code])
    if code in _NOT_FOUND:
        return NotFound(text, code)
    if code in _UNKNOWN or status == 408 or not 400 <= status < 500:
        return Unknown(text, code) if changing else Refused(text, code, Why.DOWN)
    why = {401: Why.KEYS, 403: Why.RATE}.get(status, Why.OTHER)
    return Refused(text, code, why, now + _RATE_MS if status == 403 else 0)


def _retry_at(words: str, headers: Mapping[str, str], now: int) -> int:
    after, until = headers.get("retry-after", ""), _UNTIL.search(words)
    if after.isdigit():
        return now + int(after) * 1000
    return int(until[1]) if until else now + _RATE_MS
