"""The circuit breaker of a venue: after several failures in a row entries wait, and then one of them tests the venue.

A failure is a request that trades and got no answer, or none that says anything about the order. Orders that can only
reduce a position are never held back: they go out even while the breaker is open, and their success closes it. Time is
passed in, milliseconds.
"""

from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    """Whether entries may be sent."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"  # the next entry may test it


@dataclass(slots=True)
class Breaker:
    """Counts failures of one venue.

    Parameters
    ----------
    limit
        Consecutive failures that open it.
    pause
        Until an entry may try again, ms.
    """

    limit: int = 5
    pause: int = 60_000
    failures: int = 0
    open_until: int = 0  # 0 = closed
    trying: bool = False

    def state(self, now: int) -> BreakerState:
        if not self.open_until:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self.open_until else BreakerState.HALF_OPEN

    def refuses(self, now: int, *, reduces: bool = False) -> int:
        """When an order may be tried; 0 = now, and then its outcome must be reported.

        Parameters
        ----------
        reduces
            It can only make a position smaller.
        """
        state = self.state(now)
        if reduces or state is BreakerState.CLOSED:
            return 0
        if state is BreakerState.OPEN or self.trying:
            return max(self.open_until, now + 1)
        self.trying = True
        return 0

    def succeeded(self) -> None:
        """The venue answered, even if it refused this particular order."""
        self.failures, self.open_until, self.trying = 0, 0, False

    def failed(self, now: int) -> None:
        """The venue did not answer, or cannot carry anything out."""
        self.failures += 1
        self.trying = False
        if self.failures >= self.limit:
            self.open_until = now + self.pause

    def undecided(self) -> None:
        """The answer says nothing about the venue's health."""
        self.trying = False
