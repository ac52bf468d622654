"""How a request to a venue can fail. The difference that matters: *refused* is settled, *unknown* is not.

A time-out, a cut connection, HTTP 5xx and the codes that say so leave open whether an order was carried out; only the
venue's evidence settles it, never another attempt.
"""

from enum import StrEnum
from typing import Final

from triplane.errors import TriplaneError


class Why(StrEnum):
    """Why a request was refused, whatever the venue's code for it."""

    DUPLICATE = "duplicate"  # an open order has this client id: it did arrive
    WOULD_TRIGGER = "would_trigger"  # the price is beyond the trigger already
    REDUCE_ONLY = "reduce_only"  # there is nothing to reduce
    FUNDS = "funds"
    FILTER = "filter"  # price, quantity or notional against the rules
    PRICE_BAND = "price_band"
    MODE = "mode"  # position mode, margin mode, leverage
    TOO_MANY = "too_many"  # working orders
    POST_ONLY = "post_only"
    CLOCK = "clock"
    RATE = "rate"  # 429 and its like
    BANNED = "banned"  # 418: nothing may be sent until then
    OVERLOAD = "overload"  # not carried out; may be tried again
    KEYS = "keys"
    COOLING_OFF = "cooling_off"
    RULES = "rules"  # quantitative rules: reducing is still allowed
    DOWN = "down"  # not sent at all: no connection, breaker open, kill switch
    OTHER = "other"


LATER: Final = frozenset({Why.RATE, Why.BANNED, Why.OVERLOAD, Why.CLOCK, Why.DOWN, Why.COOLING_OFF})
"""Refusals that say nothing about the order itself: it may be sent again."""


class VenueError(TriplaneError):
    """A request failed. ``code`` is the venue's own, as text; empty when there is none."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Unknown(VenueError):  # noqa: N818 - reads as what it is
    """Whether the venue carried the request out is not known."""


class Refused(VenueError):  # noqa: N818 - reads as what it is
    """The venue did not carry the request out. ``retry_at`` (ms, 0 = none) is when it may be tried again."""

    def __init__(self, message: str, code: str = "", why: Why = Why.OTHER, retry_at: int = 0) -> None:
        super().__init__(message, code)
        self.why = why
        self.retry_at = retry_at


class NotFound(VenueError):  # noqa: N818 - reads as what it is
    """The venue says that it does not know the order. That is no proof that it never arrived."""
