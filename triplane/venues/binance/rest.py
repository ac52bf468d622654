"""Requests to Binance, spot and futures."""

from typing import Any, Final

from triplane.data.clock import Clock
from triplane.errors import BadInput
from triplane.venues.adapter import Urls
from triplane.venues.binance.codec import RECV_WINDOW
from triplane.venues.binance.failures import CLOCK, failure
from triplane.venues.budget import Budget
from triplane.venues.client import HttpAnswer, SigningClient
from triplane.venues.errors import Refused, VenueError, Why
from triplane.venues.keys import Credentials
from triplane.venues.rest import SignedRest
from triplane.venues.wire import HttpRequest

_INTERFACES: Final = {
    "/fapi/v1/": "fapiPrivate", "/fapi/v2/": "fapiPrivateV2", "/fapi/v3/": "fapiPrivateV3", "/sapi/v1/": "sapi",
    "/api/v3/": "private",
}  # fmt: skip
"""ccxt's names of the interfaces, by the beginnings of their paths."""
_OPEN: Final = {"/fapi/v1/time": "fapiPublic", "/fapi/v1/exchangeInfo": "fapiPublic"} | {
    f"/api/v3/{name}": "public" for name in ("time", "exchangeInfo", "ticker/price")
}
"""Paths that need no key."""


class BinanceRest(SignedRest):
    """The REST side of one account.

    Parameters
    ----------
    exchange
        ccxt's name of the venue.
    family
        Beginning of its paths, ``/fapi/v1``.
    timeout
        Seconds.
    """

    clock_code = CLOCK

    def __init__(
        self, exchange: str, family: str, keys: Credentials, urls: Urls, clock: Clock, budget: Budget, timeout: float
    ) -> None:
        super().__init__(clock, budget)
        self._family, self.urls = family, urls
        named = _INTERFACES | {"/fapi/v1": "fapiPublic", "/api/v3": "public"}
        addresses = {
            name: (urls.wallet if name == "sapi" else urls.rest) + path.rstrip("/") for path, name in named.items()
        }
        options = {"recvWindow": RECV_WINDOW}
        self._client = SigningClient(exchange, keys, addresses, self.clock.now_ms, timeout=timeout, options=options)

    async def server_time(self) -> int:
        """Milliseconds."""
        return int((await self.ask(HttpRequest("GET", f"{self._family}/time")))["serverTime"])

    def address(self, path: str) -> tuple[str, str]:
        """ccxt's name of the interface that a path belongs to, and the rest of the path."""
        _, family, version, name = path.split("/", 3)
        return _OPEN.get(path) or _INTERFACES[f"/{family}/{version}/"], name

    def failure(self, answer: HttpAnswer, *, changing: bool, now: int) -> VenueError | None:
        """The error of an answer, None for a success."""
        return failure(answer.status, answer.body, answer.headers, changing=changing, now=now)

    async def check_keys(self, permission: str, market: str, account: HttpRequest, weight: int) -> None:
        """Raise BadInput in a plain sentence when the keys cannot trade on ``market``, or can withdraw.

        Without a wallet service nothing can be withdrawn, and the ``account`` itself says whether it may trade.
        """
        may: dict[str, Any]
        try:
            if self.urls.wallet:
                may = await self.ask(HttpRequest("GET", "/sapi/v1/account/apiRestrictions"))
            else:
                may = {permission: (await self.ask(account, weight=weight))["canTrade"]}
        except Refused as error:
            if error.why is not Why.KEYS:
                raise
            raise BadInput(f"the venue does not accept the API key: {error}") from None
        if may.get("enableWithdrawals"):
            raise BadInput("this API key may withdraw; make one without that permission")
        if not may.get(permission):
            raise BadInput(f"this API key may not trade {market}; give it that permission")
