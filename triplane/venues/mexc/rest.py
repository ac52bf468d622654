"""Requests to MEXC as its adapter makes them: within the budget, signed with the venue's time, errors typed.

As at Binance, only a request that was refused for its time stamp is sent again, once, after the clock was measured.
"""

from typing import Any, Final

from triplane.data.clock import Clock
from triplane.venues.budget import Budget, Window
from triplane.venues.client import Client
from triplane.venues.clock import VenueClock
from triplane.venues.errors import VenueError
from triplane.venues.keys import Credentials
from triplane.venues.mexc.codec import PRIVATE, PUBLIC, Ask
from triplane.venues.mexc.failures import CLOCK, failure

TURN: Final = 2_000
"""The venue counts by two seconds: 20 requests to each path, of all of them 40, and 4 orders."""


def budget() -> Budget:
    """What the venue allows (to be confirmed there); a part is kept for exits."""
    return Budget(Window(TURN, 40, 10, ""), (Window(TURN, 4, 1, ""),))


class Rest:
    """The REST side of one account; parameters as of Binance's."""

    def __init__(self, keys: Credentials, host: str, clock: Clock, budget: Budget, timeout: float) -> None:
        self._budget = budget
        self.clock = VenueClock(clock, self._server_time)
        urls = {"contract": {"public": host + PUBLIC.rstrip("/"), "private": host + PRIVATE.rstrip("/")}}
        self._client = Client("mexc", keys, urls, self.clock.now_ms, timeout=timeout)

    async def open(self) -> None:
        """Connect and measure the clock."""
        await self._client.open()
        await self.clock.sync()

    async def close(self) -> None:
        """Let go of all connections."""
        await self._client.close()

    async def ask(self, request: Ask, *, urgent: bool = False, order: bool = False) -> Any:
        """The ``data`` of the answer to a request; ``urgent`` may use the reserve, ``order`` counts as an order."""
        data, error, asked = await self._once(request, urgent, order)
        if error is not None and error.code == CLOCK:
            try:
                await self.clock.sync(before=asked)
            except VenueError:
                raise error from None
            data, error, _ = await self._once(request, urgent, order)
        if error is not None:
            raise error
        return data

    async def _once(self, request: Ask, urgent: bool, order: bool) -> tuple[Any, VenueError | None, float]:
        method, path, params = request
        asked, sent, changing = self.clock.clock.monotonic(), self.clock.now_ms(), method != "GET"
        self._budget.spend(1, sent, urgent=urgent, order=order)
        base, interface = (PRIVATE, "private") if path.startswith(PRIVATE) else (PUBLIC, "public")
        answer = await self._client.send(
            f"contract.{interface}", method, path.removeprefix(base), params, changing=changing
        )
        now = self.clock.now_ms()
        error = failure(answer.status, answer.body, changing=changing, now=now)
        self._budget.told(answer.headers, error, sent, now)
        return (None if error else answer.body.get("data")), error, asked

    async def _server_time(self) -> int:
        return int(await self.ask(Ask("GET", f"{PUBLIC}ping", {})))
