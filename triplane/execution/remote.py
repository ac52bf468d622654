"""A router in another process, as a :class:`triplane.venues.base.Venue`: the same answers and errors over HTTP.

A request that could change something and got no answer is ``Unknown``; the service never forgets a client order id, so
asking again is always safe. Events come over a WebSocket that is kept open for ever, see
:class:`triplane.venues.stream.PrivateStream`; each new connection starts with ``UP``.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar
from urllib.parse import quote

import orjson

from triplane.data.clock import Clock, SystemClock
from triplane.data.instruments import Instrument, plain
from triplane.errors import BadInput
from triplane.execution.wire import decode, decode_error, decode_event, encode
from triplane.venues.adapter import Adapter, AdapterTiming
from triplane.venues.base import (
    Approved,
    Capabilities,
    Execution,
    Funding,
    NewOrder,
    OrderReport,
    Snapshot,
    StreamState,
    StreamStatus,
    VenueEvent,
)
from triplane.venues.client import KEEP_ALIVE, lost, read
from triplane.venues.clock import EVERY, VenueClock
from triplane.venues.errors import Refused, Unknown, Why
from triplane.venues.keys import hide
from triplane.venues.stream import PrivateStream, WebSocket

T = TypeVar("T")
TIMEOUT: Final = 15.0
"""Seconds; longer than the service waits for the venue."""
API: Final = "/api/v1"


class _RouterStream:
    """The service's stream, for :class:`PrivateStream`."""

    def __init__(self, address: str, clock: Clock) -> None:
        self._address, self._clock = address, clock

    async def address(self) -> str:
        return self._address

    async def log_in(self, socket: WebSocket) -> None:
        """Wait until the venue's own stream is up; until then there is nothing to miss."""
        while True:
            event = decode_event(orjson.loads(await socket.recv()))
            if isinstance(event, StreamState) and event.state is StreamStatus.UP:
                return

    def read(self, message: Any) -> list[VenueEvent]:
        """One event a message."""
        return [decode_event(message)]

    async def keep_alive(self, socket: WebSocket) -> None:  # noqa: ARG002 - pings do it
        while True:
            await self._clock.sleep(EVERY)


class _Service:
    """Requests to the service; the REST side of :class:`RemoteRouter`."""

    def __init__(self, url: str, token: str, clock: Clock, timeout: float) -> None:
        self._url, self._token, self._timeout = url, hide(token), timeout
        self.clock = VenueClock(clock, self._time)
        self._session: Any = None

    async def open(self) -> None:
        """Connect and measure the venue's clock."""
        import aiohttp  # noqa: PLC0415 - it takes a while, and only sessions at a venue need it

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=KEEP_ALIVE),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                headers={"Authorization": f"Bearer {self._token}"},
            )
        await self.clock.sync()

    async def close(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def ask(
        self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None, *, changing: bool
    ) -> Any:
        """The JSON of an answer; raises the error that it tells."""
        import aiohttp  # noqa: PLC0415 - the same

        if self._session is None:
            raise Refused("the router is closed", why=Why.DOWN)
        try:
            reply = await self._session.request(method, self._url + path, json=body, params=query)
            async with reply:
                text, status = await reply.read(), reply.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise lost(error, changing=changing) from None
        answer = read(text)
        if status != 200:
            raise decode_error(status, answer, changing=changing)
        return answer

    async def get(self, path: str, **query: str) -> Any:
        """The JSON of something that changes nothing."""
        return await self.ask("GET", path, query=query, changing=False)

    async def _time(self) -> int:
        return int((await self.get("/venue"))["time"])


class RemoteRouter(Adapter):
    """A client of the router's service.

    Parameters
    ----------
    url
        ``http://127.0.0.1:8001``.
    token
        Of the service, see ``token`` in its data folder.
    reference
        Returns the market price of a symbol; a service with a bound on the notional needs it for market entries.
    """

    name = "router"
    capabilities = Capabilities()
    _rest: _Service

    def __init__(
        self,
        url: str,
        token: str,
        clock: Clock | None = None,
        *,
        timeout: float = TIMEOUT,
        reference: Callable[[str], Decimal] | None = None,
    ) -> None:
        scheme, found, host = url.rstrip("/").partition("://")
        if not found or scheme not in ("http", "https") or not host:
            raise BadInput(f"the router's address is {url!r}; it must be like http://127.0.0.1:8001")
        self._clock, self._timing, self.reference = clock or SystemClock(), AdapterTiming(request=timeout), reference
        self._rest = _Service(f"{scheme}://{host}{API}", token, self._clock, timeout)
        events = f"{'wss' if scheme == 'https' else 'ws'}://{host}{API}/events?token={quote(token, safe='')}"
        self._stream = PrivateStream(_RouterStream(events, self._clock), self._clock, self.now_ms)

    async def _load(self) -> None:
        said = await self._rest.get("/venue")
        self.name, self.capabilities = str(said["name"]), decode(Capabilities, said["capabilities"])

    async def _list(self, of: type[T], path: str, **query: str) -> list[T]:
        return [_read(of, row, changing=False) for row in await self._rest.get(path, **query)]

    # -------------------------------------------------------------------------------------------------------- trading
    async def instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        return await self._list(Instrument, "/exchange-info", symbols=",".join(symbols)) if symbols else []

    async def check_keys(self) -> None:
        await self._rest.get("/keys")

    async def prepare(self, symbols: Sequence[str], leverage: int, *, resume: bool = False) -> list[str]:
        body = {"symbols": list(symbols), "leverage": leverage, "resume": resume}
        answer = await self._rest.ask("POST", "/prepare", body, changing=True)
        return [str(problem) for problem in answer["problems"]]

    async def place(self, order: Approved[NewOrder]) -> OrderReport:
        """Send an order; the service also checks it against its own bounds."""
        new = order.value
        body = encode(new)
        if self.reference is not None and not new.reduce_only:
            body["referencePrice"] = plain(self.reference(new.symbol))
        try:
            answer = await self._rest.ask("POST", "/order", body, changing=True)
        except BadInput as error:
            raise Refused(str(error)) from None
        return _read(OrderReport, answer, changing=True)

    async def cancel(self, symbol: str, client_id: str, *, conditional: bool) -> None:
        await self._rest.ask("DELETE", _path(client_id), query=_which(symbol, conditional), changing=True)

    async def order(self, symbol: str, client_id: str, *, conditional: bool) -> OrderReport:
        return _read(OrderReport, await self._rest.get(_path(client_id), **_which(symbol, conditional)), changing=False)

    async def fills(self, symbol: str, *, since: int, venue_order_id: str = "") -> list[Execution]:
        return await self._list(Execution, "/fills", symbol=symbol, since=str(since), order=venue_order_id)

    async def funding(self, symbol: str, *, since: int) -> list[Funding]:
        return await self._list(Funding, "/funding", symbol=symbol, since=str(since))

    async def snapshot(self, symbols: Sequence[str]) -> Snapshot:
        return _read(Snapshot, await self._rest.get("/snapshot", symbols=",".join(symbols)), changing=False)


def _path(client_id: str) -> str:
    return f"/order/{quote(client_id)}"


def _which(symbol: str, conditional: bool) -> Mapping[str, str]:
    return {"symbol": symbol, "conditional": str(conditional).lower()}


def _read(of: type[T], body: object, *, changing: bool) -> T:
    try:
        return decode(of, body)
    except ValueError as error:
        text = "the router's answer cannot be read"
        raise (Unknown(text) if changing else Refused(text, why=Why.DOWN)) from error
