"""Requests to MEXC futures; an answer carries its content under ``data``."""

from typing import Any, Final

from triplane.data.clock import Clock
from triplane.venues.budget import Budget, Window
from triplane.venues.client import HttpAnswer, SigningClient
from triplane.venues.errors import VenueError
from triplane.venues.keys import Credentials
from triplane.venues.mexc.codec import PRIVATE, PUBLIC
from triplane.venues.mexc.failures import CLOCK, failure
from triplane.venues.rest import SignedRest
from triplane.venues.wire import HttpRequest

WINDOW_MS: Final = 2_000
"""The venue counts by two seconds: 20 requests to each path, 40 in all, and 4 orders."""


def mexc_budget() -> Budget:
    """What the venue allows (to be confirmed there); a part is kept for exits."""
    return Budget(Window(WINDOW_MS, 40, 10, ""), (Window(WINDOW_MS, 4, 1, ""),))


class MexcRest(SignedRest):
    """The REST side of one account."""

    clock_code = CLOCK

    def __init__(self, keys: Credentials, host: str, clock: Clock, budget: Budget, timeout: float) -> None:
        super().__init__(clock, budget)
        urls = {"contract": {"public": host + PUBLIC.rstrip("/"), "private": host + PRIVATE.rstrip("/")}}
        self._client = SigningClient("mexc", keys, urls, self.clock.now_ms, timeout=timeout)

    async def server_time(self) -> int:
        """Milliseconds."""
        return int(await self.ask(HttpRequest("GET", f"{PUBLIC}ping")))

    def address(self, path: str) -> tuple[str, str]:
        """ccxt's name of the interface that a path belongs to, and the rest of the path."""
        private = path.startswith(PRIVATE)
        return f"contract.{'private' if private else 'public'}", path.removeprefix(PRIVATE if private else PUBLIC)

    def failure(self, answer: HttpAnswer, *, changing: bool, now: int) -> VenueError | None:
        """The error of an answer, None for a success."""
        return failure(answer.status, answer.body, changing=changing, now=now)

    def content(self, body: Any) -> Any:
        """What a successful answer says."""
        return body.get("data")
