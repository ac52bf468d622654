"""Requests to a venue: ccxt knows the addresses and signs; sending is done here.

So status, headers and the exact text of the venue reach the adapter. No answer passes through ccxt's own parsers:
numbers in JSON become decimals, errors one of :mod:`triplane.venues.errors` with a text without addresses, and no POST
is ever sent twice. A connection that could not be made says that nothing was sent; any other failure leaves open
whether the request arrived.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from triplane.venues.errors import Refused, Unknown, VenueError, Why
from triplane.venues.keys import Credentials

KEEP_ALIVE: Final = 75.0
"""Seconds that an idle connection is kept, so that an order finds one open: a new one costs several round trips."""


class HttpAnswer(NamedTuple):
    """What the venue answered: HTTP status, JSON (or text), and headers with names in lower case."""

    status: int
    body: Any
    headers: dict[str, str]


def read(text: bytes) -> Any:
    """JSON with exact numbers; the text itself where it is none."""
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        return text.decode(errors="replace")


def lost(error: BaseException, *, changing: bool) -> VenueError:
    """The error of a request that got no answer."""
    import aiohttp  # noqa: PLC0415 - it takes a while, and only sessions at a venue need it

    name = type(error).__name__
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return Refused(f"the venue cannot be reached: {name}", why=Why.DOWN)
    if changing:
        return Unknown(f"no answer came from the venue: {name}")
    return Refused(f"no answer came from the venue: {name}", why=Why.DOWN)


class SigningClient:
    """A signing client of ccxt's with a connection pool of ours.

    Parameters
    ----------
    exchange
        ccxt's name of the venue, ``binanceusdm``.
    keys
        Of the account.
    addresses
        Base addresses that replace ccxt's, by ccxt's names for its interfaces.
    now_ms
        The venue's time, which requests are signed with.
    timeout
        Seconds until an answer is no longer waited for.
    options
        For ccxt's ``options``.
    """

    def __init__(
        self,
        exchange: str,
        keys: Credentials,
        addresses: Mapping[str, Any],
        now_ms: Callable[[], int],
        *,
        timeout: float,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._exchange, self._keys, self._addresses, self._now_ms = exchange, keys, dict(addresses), now_ms
        self._timeout, self._options = timeout, dict(options or {})
        self._ccxt: Any = None
        self._session: Any = None

    async def open(self) -> None:
        """Make the client; the network is not touched yet. May be called twice."""
        if self._session is not None:
            return
        import aiohttp  # noqa: PLC0415 - ccxt and aiohttp take half a second that only sessions at a venue should pay
        import ccxt.async_support  # noqa: PLC0415 - the same

        base = getattr(ccxt.async_support, self._exchange)
        silent = logging.getLogger("triplane.venues.ccxt")
        silent.disabled = True  # it writes addresses and headers
        sender = type("Sender", (base,), {"fetch": self._fetch, "nonce": lambda _: self._now_ms(), "logger": silent})
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(keepalive_timeout=KEEP_ALIVE, ttl_dns_cache=300),
            timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=self._timeout),
            trust_env=True,
        )
        self._ccxt = sender(
            {
                "apiKey": self._keys.key,
                "secret": self._keys.secret,
                "enableRateLimit": False,
                "session": self._session,
                "timeout_on_exit": 0,
                "options": self._options,
            }
        )
        self._ccxt.urls["api"] = {**self._ccxt.urls["api"], **self._addresses}

    async def close(self) -> None:
        """Close all connections; may be called twice."""
        session, self._session = self._session, None
        if session is not None:
            self._ccxt.session = None
            await session.close()

    async def send(
        self, interface: str, method: str, path: str, params: Mapping[str, Any] | Sequence[Any], *, changing: bool
    ) -> HttpAnswer:
        """Sign and send one request; raises :func:`lost`.

        Parameters
        ----------
        interface, path
            ccxt's name of the interface, ``fapiPrivate`` or ``contract.private``, and the path behind its address,
            ``order``.
        params
            Of the request; a list where its body is one.
        changing
            Whether it could change something.
        """
        import aiohttp  # noqa: PLC0415 - loaded by now

        if self._session is None:
            raise Refused("the venue is closed", why=Why.DOWN)
        said = dict(params) if isinstance(params, Mapping) else list(params)
        try:
            answer: HttpAnswer = await self._ccxt.request(path, interface.split("."), method, said)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise lost(error, changing=changing) from None  # its text holds the signed address
        return answer

    async def _fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> HttpAnswer:
        import yarl  # noqa: PLC0415 - loaded by now

        content = body.encode() if isinstance(body, str) and body else None
        address = yarl.URL(url, encoded=True)  # signed as it is
        async with self._session.request(
            method, address, data=content, headers=headers, allow_redirects=False
        ) as reply:
            text = await reply.read()
            return HttpAnswer(reply.status, read(text), {name.lower(): value for name, value in reply.headers.items()})
