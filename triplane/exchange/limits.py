"""How much may be asked: request weight by address and orders by account, 429 past it, 418 for going on."""

from dataclasses import dataclass, field
from typing import Final

from triplane.exchange.errors import Rejected

WEIGHT: Final = 2400
ORDERS_10S: Final = 300
ORDERS_1M: Final = 1200
WINDOWS: Final = (("10s", 10_000, ORDERS_10S, "10 SECOND"), ("1m", 60_000, ORDERS_1M, "1 MINUTE"))
"""Windows that orders are counted in: name in the header, milliseconds, most, name in the text."""
STRIKES: Final = 10
"""Requests within a minute past its 429 that turn it into a ban."""
BAN_MS: Final = 120_000


class RateLimited(Rejected):
    """429 or 418; ``retry_after`` in seconds."""

    def __init__(self, code: int, value: object, status: int, retry_after: int) -> None:
        super().__init__(code, value, status=status)
        self.retry_after = retry_after
        if status == 418:
            self.text = f"Way too many requests; IP(127.0.0.1) banned until {value}."


@dataclass(slots=True)
class _Address:
    minute: int = -1
    used: int = 0
    strikes: int = 0
    banned_until: int = 0


@dataclass(slots=True)
class _Count:
    window: int = -1
    count: int = 0

    def add(self, window: int) -> int:
        if window != self.window:
            self.window, self.count = window, 0
        self.count += 1
        return self.count


@dataclass(slots=True)
class RateLimits:
    """The counters. ``enabled`` false counts and never refuses."""

    enabled: bool = True
    weight: int = WEIGHT
    windows: tuple[tuple[str, int, int, str], ...] = WINDOWS
    addresses: dict[str, _Address] = field(default_factory=dict)
    orders: dict[str, list[_Count]] = field(default_factory=dict)

    def weigh(self, address: str, weight: int, now: int) -> int:
        """Count a request; returns the weight used this minute, raises Limited."""
        a = self.addresses.setdefault(address, _Address())
        if now < a.banned_until:
            raise RateLimited(-1003, a.banned_until, 418, -(-(a.banned_until - now) // 1000))
        minute = now // 60_000
        if minute != a.minute:
            a.minute, a.used, a.strikes = minute, 0, 0
        a.used += weight
        if self.enabled and a.used > self.weight:
            a.strikes += 1
            if a.strikes > STRIKES:
                self.ban(address, now + BAN_MS)
                raise RateLimited(-1003, a.banned_until, 418, BAN_MS // 1000)
            raise RateLimited(-1003, self.weight, 429, 60 - now // 1000 % 60)
        return a.used

    def ban(self, address: str, until: int) -> None:
        """Answer 418 until a time."""
        self.addresses.setdefault(address, _Address()).banned_until = until

    def count_order(self, key: str, now: int) -> dict[str, str]:
        """Count an order; returns the headers that say how many there are in each window, raises Limited."""
        rows = self.orders.setdefault(key, [_Count() for _ in self.windows])
        counts = [row.add(now // window[1]) for row, window in zip(rows, self.windows, strict=True)]
        for count, (_, length, most, name) in zip(counts, self.windows, strict=True):
            if self.enabled and count > most:
                raise RateLimited(-1015, f"{most} orders per {name}", 429, -(-(length - now % length) // 1000))
        return {f"x-mbx-order-count-{w[0]}": str(count) for w, count in zip(self.windows, counts, strict=True)}
