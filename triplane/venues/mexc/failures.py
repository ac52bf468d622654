"""What an answer of MEXC that is not a success means: refused, unknown, or not found.

Refusals come with HTTP 200, ``success: false`` and a positive code. Codes marked (?) are to be confirmed on the real
venue; a code that is not known here always counts as a refusal, with the venue's words.
"""

from collections.abc import Mapping
from typing import Any, Final

from triplane.venues.errors import NotFound, Refused, Unknown, VenueError, Why
from triplane.venues.wire import LONGEST

CLOCK: Final = "513"
NOT_OPEN: Final = ("1002", "511", "702", "704", "6001")
"""Ordering is not open for this key or contract."""
_UNKNOWN: Final = (500, 501, 504, 9999)
_NOT_FOUND: Final = (2040, 2041, 5002)
_WHY: Final = {
    Why.DUPLICATE: (603,),  # "repeated requests" (?)
    Why.WOULD_TRIGGER: (3004,),  # (?)
    Why.REDUCE_ONLY: (2008, 2009),
    Why.FUNDS: (2005, 2018),
    Why.FILTER: (2007, 2011, 2015, 2028, 2030),
    Why.PRICE_BAND: (2003, 2004, 2032, 2033),
    Why.MODE: (2002, 2006, 2019, 2021, 2023, 2024, 2026, 2027, 2031, 7002),
    Why.TOO_MANY: (2013, 2014, 2036),
    Why.CLOCK: (513,),
    Why.RATE: (510, 2037),
    Why.KEYS: (401, 402, 406, 511, 602, 701, 702, 703, 704, 1000),
    Why.RULES: (6001, 6002),
}
_REASONS: Final = {code: why for why, codes in _WHY.items() for code in codes}
_RATE_MS: Final = 2_000
"""The venue counts requests by two seconds."""


def failure(status: int, body: Any, *, changing: bool, now: int) -> VenueError | None:
    """The error of an answer, None for a success; the parameters are those of Binance's."""
    if status == 200 and isinstance(body, Mapping) and body.get("success") is True:
        return None
    said = body if isinstance(body, Mapping) else {}
    digits = str(said.get("code", ""))
    code = int(digits) if digits.isdigit() and digits != "0" else 0
    words = str(said.get("message") or said.get("msg") or ("" if said else body))
    text = f"the venue answered {status or 'nothing'}{f' {code}' if code else ''}: {words}"[:LONGEST].rstrip(": ")
    if status in (403, 429) or _REASONS.get(code) is Why.RATE:
        return Refused(text, str(code or ""), Why.RATE, now + _RATE_MS)
    if code in _REASONS:
        return Refused(text, str(code), _REASONS[code])
    if code in _NOT_FOUND:
        return NotFound(text, str(code))
    if code in _UNKNOWN or not code or not 200 <= status < 500:
        return Unknown(text, str(code or "")) if changing else Refused(text, str(code or ""), Why.DOWN)
    return Refused(text, str(code), Why.OTHER)
