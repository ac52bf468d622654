"""How much may be asked of a venue, kept by its own counts, with a reserve that only exits and cancels may use.

One budget for each address of the venue, shared by all that ask from this computer. It holds no clock: ``now`` is the
venue's time in milliseconds, since windows begin at the venue's full minutes and ten seconds.

After a 429 nothing is sent until its ``Retry-After``; no orders only, when it was about their number. Banned (418),
nothing at all is sent until its time: each request would make the ban longer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from triplane.venues.errors import Refused, VenueError, Why

MINUTE: Final = 60_000
ORDERS_CODE: Final = "-1015"


@dataclass(slots=True)
class Window:
    """What was used of a limit in the present window."""

    length: int  # ms
    limit: int
    reserve: int
    header: str  # where the venue tells its count
    start: int = 0
    used: int = 0

    def refused_until(self, amount: int, now: int, urgent: bool) -> int:
        """When ``amount`` more can be had; 0 for now."""
        self._turn(now)
        most = self.limit if urgent else self.limit - self.reserve
        return self.start + self.length if self.used + amount > most else 0

    def use(self, amount: int, now: int) -> None:
        """Something is sent."""
        self._turn(now)
        self.used += amount

    def correct(self, headers: Mapping[str, str], sent: int, now: int) -> None:
        """The venue's count, which includes what others use; of a window that has ended it says nothing."""
        self._turn(now)
        count = headers.get(self.header, "")
        if count.isdigit() and sent >= self.start:
            self.used = max(self.used, int(count))

    def _turn(self, now: int) -> None:
        start = now // self.length * self.length
        if start > self.start:
            self.start, self.used = start, 0


def weight_window(limit: int = 2400, header: str = "x-mbx-used-weight-1m") -> Window:
    """Request weight a minute; a sixth is the reserve."""
    return Window(MINUTE, limit, limit // 6, header)


def order_windows() -> tuple[Window, ...]:
    """Orders in ten seconds and a minute."""
    return (Window(10_000, 300, 60, "x-mbx-order-count-10s"), Window(MINUTE, 1200, 240, "x-mbx-order-count-1m"))


@dataclass(slots=True)
class Budget:
    """The budget of one address."""

    weight: Window = field(default_factory=weight_window)
    orders: tuple[Window, ...] = field(default_factory=order_windows)
    quiet_until: int = 0
    orders_until: int = 0
    banned: bool = False

    def spend(self, weight: int, now: int, *, urgent: bool = False, order: bool = False) -> None:
        """Take what a request needs.

        Raises
        ------
        Refused
            It must not be sent now; with the time from which it may, and nothing taken.
        """
        if now < self.quiet_until:
            why = Why.BANNED if self.banned else Why.RATE
            raise Refused(f"nothing is sent until the venue allows it: {why}", why=why, retry_at=self.quiet_until)
        windows = [(self.weight, weight), *((window, 1) for window in self.orders if order)]
        until = max(window.refused_until(amount, now, urgent) for window, amount in windows)
        until = max(until, self.orders_until if order and now < self.orders_until else 0)
        if until:
            text = "the rest of the rate limit is kept for exits" if not urgent else "the rate limit is used up"
            raise Refused(text, why=Why.RATE, retry_at=until)
        for window, amount in windows:
            window.use(amount, now)

    def on_answer(self, headers: Mapping[str, str], error: VenueError | None, sent: int, now: int) -> None:
        """An answer: headers with names in lower case, its error, and when its request was sent."""
        for window in (self.weight, *self.orders):
            window.correct(headers, sent, now)
        if isinstance(error, Refused) and error.retry_at and error.why in (Why.RATE, Why.BANNED):
            if error.code == ORDERS_CODE:
                self.orders_until = max(self.orders_until, error.retry_at)
            else:
                still = self.banned and now < self.quiet_until
                self.banned = still or error.why is Why.BANNED
                self.quiet_until = max(self.quiet_until, error.retry_at)
