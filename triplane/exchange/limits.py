"""How much may be asked: request weight by address and orders by account, 429 past it, 418 for going on."""

from dataclasses import dataclass, field
from typing import Final

from triplane.exchange.errors import Refused

WEIGHT: Final = 2400
ORDERS_10S: Final = 300
ORDERS_1M: Final = 1200
STRIKES: Final = 10
"""Requests within a minute past its 429 that turn it into a ban."""
BAN_MS: Final = 120_000


class Limited(Refused):
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
class Limits:
    """The counters. ``enabled`` false counts and never refuses."""

    enabled: bool = True
    addresses: dict[str, _Address] = field(default_factory=dict)
    orders: dict[str, tuple[_Count, _Count]] = field(default_factory=dict)

    def weigh(self, address: str, weight: int, now: int) -> int:
        """Count a request; returns the weight used this minute, raises Limited."""
        a = self.addresses.setdefault(address, _Address())
        if now < a.banned_until:
            raise Limited(-1003, a.banned_until, 418, -(-(a.banned_until - now) // 1000))
        minute = now // 60_000
        if minute != a.minute:
            a.minute, a.used, a.strikes = minute, 0, 0
        a.used += weight
        if self.enabled and a.used > WEIGHT:
            a.strikes += 1
            if a.strikes > STRIKES:
                self.ban(address, now + BAN_MS)
                raise Limited(-1003, a.banned_until, 418, BAN_MS // 1000)
            raise Limited(-1003, WEIGHT, 429, 60 - now // 1000 % 60)
        return a.used

    def ban(self, address: str, until: int) -> None:
        """Answer 418 until a time."""
        self.addresses.setdefault(address, _Address()).banned_until = until

    def count_order(self, key: str, now: int) -> tuple[int, int]:
        """Count an order; returns those of the last 10 s and of the minute, raises Limited."""
        short, long = self.orders.setdefault(key, (_Count(), _Count()))
        counts = short.add(now // 10_000), long.add(now // 60_000)
        if self.enabled and counts[0] > ORDERS_10S:
            raise Limited(-1015, f"{ORDERS_10S} orders per 10 SECOND", 429, 10 - now // 1000 % 10)
        if self.enabled and counts[1] > ORDERS_1M:
            raise Limited(-1015, f"{ORDERS_1M} orders per 1 MINUTE", 429, 60 - now // 1000 % 60)
        return counts
