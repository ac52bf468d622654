"""A router in another process, as a :class:`triplane.venues.base.Venue`: the same answers and errors over HTTP.

A request that could change something and got no answer is ``Unknown``; the service never forgets a client order id, so
asking again is always safe. Events come over a WebSocket that is kept open for ever, see
:class:`triplane.venues.stream.PrivateStream`; each new connection starts with ``UP``.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from triplane.data.clock import Clock, SystemClock
from triplane.data.instruments import Instrument
from triplane.errors import BadInput
from triplane.execution.wire import (
    Cancelled,
    KeysChecked,
    Prepared,
    VenueInfo,
    decode,
    decode_error,
    decode_event,
    encode,
    fields,
    read,
)
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
    wire_name,
)
from triplane.venues.client import KEEP_ALIVE, lost
from triplane.venues.clock import VenueClock
from triplane.venues.errors import Refused, Unknown, Why
from triplane.venues.keys import hide
from triplane.venues.stream import PrivateStream, StreamProtocol, WebSocket

T = TypeVar("T")
TIMEOUT: Final = 15.0
"""Seconds; longer than the service waits for the venue."""
API: Final = "/api/v1"


class _RouterStream(StreamProtocol):
    """The service's stream, for :class:`PrivateStream`."""

    def __init__(self, address: str) -> None:
        self._address = address

    def parse(self, text: str | bytes) -> Any:
        return read(text)

    async def log_in(self, socket: WebSocket) -> None:
        """Wait until the venue's own stream is up; until then there is nothing to miss."""
        while True:
            event = decode_event(read(await socket.recv()))
            if isinstance(event, StreamState) and event.state is StreamStatus.UP:
                return

    def read(self, message: Any) -> list[VenueEvent]:
        """One event a message."""
        return [decode_event(message)]


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
                headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
            )
        await self.clock.sync()

    async def close(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def ask(
        self, of: type[T], method: str, path: str, body: object = None, query: Mapping[str, str] | None = None, *,
        changing: bool = True,
    ) -> T:  # fmt: skip
        """The answer to a request; raises the error that it tells."""
        import aiohttp  # noqa: PLC0415 - the same

        if self._session is None:
            raise Refused("the router is closed", why=Why.DOWN)
        data = None if body is None else encode(body)
        try:
            reply = await self._session.request(method, self._url + path, data=data, params=query)
            async with reply:
                text, status = await reply.read(), reply.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise lost(error, changing=changing) from None
        try:
            said = read(text)
        except ValueError:  # whoever said that, it was not the service
            said = None
        if status != 200:
            raise decode_error(status, said, changing=changing)
        try:
            return decode(of, said)
        except msgspec.ValidationError as error:
            why = "the router's answer cannot be read"
            raise (Unknown(why) if changing else Refused(why, why=Why.DOWN)) from error

    async def get(self, of: type[T], path: str, **query: str) -> T:
        """Ask for something that changes nothing."""
        return await self.ask(of, "GET", path, query=query, changing=False)

    async def _time(self) -> int:
        return (await self.get(VenueInfo, "/venue")).time


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
        self._stream = PrivateStream(_RouterStream(events), self._clock, self.now_ms, parse=read)

    async def _load(self) -> None:
        info = await self._rest.get(VenueInfo, "/venue")
        self.name, self.capabilities = info.name, info.capabilities

    # -------------------------------------------------------------------------------------------------------- trading
    async def instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        return await self._rest.get(list[Instrument], "/exchange-info", symbols=",".join(symbols)) if symbols else []

    async def check_keys(self) -> None:
        await self._rest.get(KeysChecked, "/keys")

    async def prepare(self, symbols: Sequence[str], leverage: int, *, resume: bool = False) -> list[str]:
        body = {"symbols": list(symbols), "leverage": leverage, "resume": resume}
        return (await self._rest.ask(Prepared, "POST", "/prepare", body)).problems

    async def place(self, order: Approved[NewOrder]) -> OrderReport:
        """Send an order; the service also checks it against its own bounds."""
        new = order.value
        body = fields(new)
        if self.reference is not None and not new.reduce_only:
            body[wire_name("reference")] = self.reference(new.symbol)
        try:
            return await self._rest.ask(OrderReport, "POST", "/order", body)
        except BadInput as error:
            raise Refused(str(error)) from None

    async def cancel(self, symbol: str, client_id: str, *, conditional: bool) -> None:
        await self._rest.ask(Cancelled, "DELETE", _path(client_id), query=_which(symbol, conditional))

    async def order(self, symbol: str, client_id: str, *, conditional: bool) -> OrderReport:
        return await self._rest.get(OrderReport, _path(client_id), **_which(symbol, conditional))

    async def fills(self, symbol: str, *, since: int, venue_order_id: str = "") -> list[Execution]:
        query = {"symbol": symbol, "since": str(since), "order": venue_order_id}
        return await self._rest.get(list[Execution], "/fills", **query)

    async def funding(self, symbol: str, *, since: int) -> list[Funding]:
        return await self._rest.get(list[Funding], "/funding", symbol=symbol, since=str(since))

    async def snapshot(self, symbols: Sequence[str]) -> Snapshot:
        return await self._rest.get(Snapshot, "/snapshot", symbols=",".join(symbols))


def _path(client_id: str) -> str:
    return f"/order/{quote(client_id)}"


def _which(symbol: str, conditional: bool) -> Mapping[str, str]:
    return {"symbol": symbol, "conditional": str(conditional).lower()}
