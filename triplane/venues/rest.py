"""Signed requests as all adapters make them: within the rate budget, with the venue's time, and with typed errors.

The only request that is ever sent twice is one that was refused for its time stamp: it certainly was not carried out.
It is sent again once, after the clock was measured.
"""

from typing import Any

from triplane.data.clock import Clock
from triplane.venues.budget import Budget
from triplane.venues.client import HttpAnswer, SigningClient
from triplane.venues.clock import VenueClock
from triplane.venues.errors import VenueError
from triplane.venues.wire import HttpRequest


class SignedRest:
    """The REST side of one account; a venue adds its addresses, its error codes and where its server time is."""

    clock_code: str
    """The venue's code for a time stamp that it does not accept."""

    def __init__(self, clock: Clock, budget: Budget) -> None:
        self._budget = budget
        self.clock = VenueClock(clock, self.server_time)
        self._client: SigningClient

    # ---------------------------------------------------------------------------------------------- what venues add
    async def server_time(self) -> int:
        """Milliseconds."""
        raise NotImplementedError

    def address(self, path: str) -> tuple[str, str]:
        """ccxt's name of the interface that a path belongs to, and the rest of the path."""
        raise NotImplementedError

    def failure(self, answer: HttpAnswer, *, changing: bool, now: int) -> VenueError | None:
        """The error of an answer, None for a success."""
        raise NotImplementedError

    def content(self, body: Any) -> Any:
        """What a successful answer says."""
        return body

    # ------------------------------------------------------------------------------------------------------ requests
    async def open(self) -> None:
        """Connect and measure the clock."""
        await self._client.open()
        await self.clock.sync()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def ask(self, request: HttpRequest, *, weight: int = 1, urgent: bool = False, order: bool = False) -> Any:
        """The answer to a request.

        Parameters
        ----------
        weight
            Its cost in the rate budget.
        urgent
            It may use the reserve: exits and cancels.
        order
            It counts as an order.
        """
        answer, error, asked = await self._once(request, weight, urgent, order)
        if error is not None and error.code == self.clock_code:
            try:
                await self.clock.sync(before=asked)
            except VenueError:
                raise error from None
            answer, error, _ = await self._once(request, weight, urgent, order)
        if error is not None:
            raise error
        return answer

    async def _once(
        self, request: HttpRequest, weight: int, urgent: bool, order: bool
    ) -> tuple[Any, VenueError | None, float]:
        asked, sent, changing = self.clock.clock.monotonic(), self.clock.now_ms(), request.method != "GET"
        self._budget.spend(weight, sent, urgent=urgent, order=order)
        interface, path = self.address(request.path)
        answer = await self._client.send(interface, request.method, path, request.params, changing=changing)
        now = self.clock.now_ms()
        error = self.failure(answer, changing=changing, now=now)
        self._budget.on_answer(answer.headers, error, sent, now)
        return (None if error else self.content(answer.body)), error, asked
