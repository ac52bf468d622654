"""Requests to Binance as its adapters make them: within the budget, signed with the venue's time, errors typed.

The only request that is ever sent twice is one that was refused for its time stamp (−1021), once, after the clock has
been measured anew: it certainly was not carried out.
"""

from collections.abc import Mapping
from typing import Any, Final

from triplane.data.clock import Clock
from triplane.venues.binance.failures import CLOCK, failure
from triplane.venues.budget import Budget
from triplane.venues.client import Client
from triplane.venues.clock import VenueClock
from triplane.venues.errors import VenueError
from triplane.venues.keys import Credentials
from triplane.venues.wire import Request

RECV_WINDOW: Final = 5000
_INTERFACES: Final = {
    "/fapi/v1/": "fapiPrivate",
    "/fapi/v2/": "fapiPrivateV2",
    "/fapi/v3/": "fapiPrivateV3",
    "/sapi/v1/": "sapi",
    "/api/v3/": "private",
}
"""ccxt's names of the interfaces, by the beginnings of their paths."""
_OPEN: Final = {"/fapi/v1/time": "fapiPublic", "/fapi/v1/exchangeInfo": "fapiPublic"} | {
    "/api/v3/time": "public",
    "/api/v3/exchangeInfo": "public",
    "/api/v3/ticker/price": "public",
}
"""Those that need no key."""


def addresses(host: str, wallet: str) -> dict[str, str]:
    """Base addresses by ccxt's names: of trading, and of the wallet (``/sapi``)."""
    named = _INTERFACES | {"/fapi/v1": "fapiPublic", "/api/v3": "public"}
    return {name: (wallet if name == "sapi" else host) + path.rstrip("/") for path, name in named.items()}


class Rest:
    """The REST side of one account.

    Parameters
    ----------
    exchange
        ccxt's name of the venue.
    host, wallet
        Addresses of trading and wallet, ``https://fapi.binance.com``.
    time_path
        Where the server time is.
    timeout
        Seconds.
    """

    def __init__(
        self,
        exchange: str,
        keys: Credentials,
        host: str,
        wallet: str,
        time_path: str,
        clock: Clock,
        budget: Budget,
        timeout: float,
    ) -> None:
        self._time = Request("GET", time_path, {})
        self._budget = budget
        self.clock = VenueClock(clock, self._server_time)
        options = {"recvWindow": RECV_WINDOW}
        self._client = Client(
            exchange, keys, addresses(host, wallet), self.clock.now_ms, timeout=timeout, options=options
        )

    async def open(self) -> None:
        """Connect and measure the clock."""
        await self._client.open()
        await self.clock.sync()

    async def close(self) -> None:
        """Let go of all connections."""
        await self._client.close()

    async def ask(self, request: Request, *, weight: int = 1, urgent: bool = False, order: bool = False) -> Any:
        """The answer to a request.

        Parameters
        ----------
        weight
            What it costs.
        urgent
            It may use the reserve: exits and cancels.
        order
            It counts as an order.
        """
        answer, error, asked = await self._once(request, weight, urgent, order)
        if error is not None and error.code == CLOCK:
            try:
                await self.clock.sync(before=asked)
            except VenueError:
                raise error from None
            answer, error, _ = await self._once(request, weight, urgent, order)
        if error is not None:
            raise error
        return answer

    async def _once(
        self, request: Request, weight: int, urgent: bool, order: bool
    ) -> tuple[Any, VenueError | None, float]:
        method, path, params = request
        asked, sent, changing = self.clock.clock.monotonic(), self.clock.now_ms(), method != "GET"
        self._budget.spend(weight, sent, urgent=urgent, order=order)
        _, family, version, name = path.split("/", 3)
        interface = _OPEN.get(path) or _INTERFACES[f"/{family}/{version}/"]
        answer = await self._client.send(interface, method, name, params, changing=changing)
        now = self.clock.now_ms()
        error = failure(answer.status, answer.body, answer.headers, changing=changing, now=now)
        self._budget.told(answer.headers, error, sent, now)
        return answer.body, error, asked

    async def _server_time(self) -> int:
        answer: Mapping[str, Any] = await self.ask(self._time)
        return int(answer["serverTime"])
