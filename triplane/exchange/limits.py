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
class RateLimits:
    """The counters. ``enabled`` false counts and never refuses."""

    enabled: bool = True
    weight: int = WEIGHT
    windows: tuple[tuple[str, int, int, str], ...] = WINDOWS
    addresses: dict[str, _Address] = field(default_factory=dict)
    orders: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    """Number of the window and orders in it, by account and length of the window."""

    def weigh(self, address: str, weight: int, now: int) -> int:
        """Count a request; returns the weight used this minute, raises RateLimited."""
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
        """Count an order; returns the headers that say how many there are in each window, raises RateLimited."""
        headers = {}
        for name, length, _, _ in self.windows:
            window, count = self.orders.get((key, length), (-1, 0))
            count = count + 1 if window == now // length else 1
            self.orders[key, length] = now // length, count
            headers[f"x-mbx-order-count-{name}"] = str(count)
        for name, length, most, text in self.windows:
            if self.enabled and int(headers[f"x-mbx-order-count-{name}"]) > most:
                raise RateLimited(-1015, f"{most} orders per {text}", 429, -(-(length - now % length) // 1000))
        return headers
