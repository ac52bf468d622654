"""A router in another process, as a :class:`triplane.venues.base.Venue`: the same answers and errors over HTTP.

A request that could change something and got no answer is ``Unknown``; the service never forgets a client order id, so
asking again is always safe. Events come over a WebSocket that is kept open for ever, see
:class:`triplane.venues.stream.PrivateStream`; after each new connection ``UP`` is told.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar
from urllib.parse import quote

import orjson

from triplane.data.clock import Clock, SystemClock
from triplane.data.instruments import Instrument, plain
from triplane.errors import BadInput
from triplane.execution.wire import decode, decode_error, decode_event, encode
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
from triplane.venues.errors import Refused, Unknown, VenueError, Why
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
        """Where it is."""
        return self._address

    async def log_in(self, socket: WebSocket) -> None:
        """Wait until the venue's own stream is up; while it is not, there is nothing to miss."""
        while True:
            event = decode_event(orjson.loads(await socket.recv()))
            if isinstance(event, StreamState) and event.state is StreamStatus.UP:
                return

    def read(self, message: Any) -> list[VenueEvent]:
        """One event a message."""
        return [decode_event(message)]

    async def keep_alive(self, socket: WebSocket) -> None:  # noqa: ARG002 - pings do it
        """For ever."""
        while True:
            await self._clock.sleep(EVERY)


class RemoteRouter:
    """A client of the router's service.

    Parameters
    ----------
    url
        ``http://127.0.0.1:8001``.
    token
        Of the service, see ``token`` in its data folder.
    reference
        Tells the market's price of a symbol; a service with a bound on the notional asks for it with market entries.
    """

    name = "router"
    capabilities = Capabilities()

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
        self._url, self._token, self._timeout = f"{scheme}://{host}{API}", hide(token), timeout
        self._clock, self.reference = clock or SystemClock(), reference
        self._time = VenueClock(self._clock, self._ask_time)
        events = f"{'wss' if scheme == 'https' else 'ws'}://{host}{API}/events?token={quote(token, safe='')}"
        self._stream = PrivateStream(_RouterStream(events, self._clock), self._clock, self.now_ms)
        self._session: Any = None
        self._resync: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------------------------------------------- requests
    async def _ask(
        self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None, *, changing: bool
    ) -> Any:
        import aiohttp  # noqa: PLC0415 - it takes a while, and only sessions at a venue need it

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

    async def _get(self, path: str, **query: str) -> Any:
        return await self._ask("GET", path, query=query, changing=False)

    async def _list(self, of: type[T], path: str, **query: str) -> list[T]:
        return [_read(of, row, changing=False) for row in await self._get(path, **query)]

    async def _ask_time(self) -> int:
        return int((await self._get("/venue"))["time"])

    # ----------------------------------------------------------------------------------------------------------- life
    async def open(self) -> None:
        """Ask what the venue behind it is, and measure its clock."""
        import aiohttp  # noqa: PLC0415 - the same

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=KEEP_ALIVE),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                headers={"Authorization": f"Bearer {self._token}"},
            )
        try:
            said = await self._get("/venue")
            self.name, self.capabilities = str(said["name"]), decode(Capabilities, said["capabilities"])
            await self._time.sync()
        except BaseException:
            await self.close()
            raise
        if self._resync is None:
            self._resync = asyncio.create_task(self._keep_time())

    async def close(self) -> None:
        """Let go of every connection; may be called twice."""
        if self._resync is not None:
            self._resync.cancel()
            await asyncio.gather(self._resync, return_exceptions=True)
            self._resync = None
        await self._stream.close()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def now_ms(self) -> int:
        """The venue's time."""
        return self._time.now_ms()

    async def _keep_time(self) -> None:
        while True:
            await self._clock.sleep(EVERY)
            try:
                await self._time.sync()
            except VenueError:  # the old measure stays good for long
                continue

    # -------------------------------------------------------------------------------------------------------- trading
    async def instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        """Trading rules, in the order asked for; raises BadInput for a symbol that is not traded."""
        return await self._list(Instrument, "/exchange-info", symbols=",".join(symbols)) if symbols else []

    async def check_keys(self) -> None:
        """Raise BadInput in a plain sentence when the keys cannot trade, or can withdraw."""
        await self._get("/keys")

    async def prepare(self, symbols: Sequence[str], leverage: int, *, resume: bool = False) -> list[str]:
        """Set modes and leverage for trading; returns what stands in the way, each in a plain sentence."""
        body = {"symbols": list(symbols), "leverage": leverage, "resume": resume}
        answer = await self._ask("POST", "/prepare", body, changing=True)
        return [str(problem) for problem in answer["problems"]]

    async def place(self, order: Approved[NewOrder]) -> OrderReport:
        """Send an order; the service holds it against its own bounds too."""
        new = order.value
        body = encode(new)
        if self.reference is not None and not new.reduce_only:
            body["referencePrice"] = plain(self.reference(new.symbol))
        try:
            answer = await self._ask("POST", "/order", body, changing=True)
        except BadInput as error:
            raise Refused(str(error)) from None
        return _read(OrderReport, answer, changing=True)

    async def cancel(self, symbol: str, client_id: str, *, conditional: bool) -> None:
        """Take an order out; raises NotFound when the venue says that there is none open."""
        await self._ask("DELETE", _path(client_id), query=_which(symbol, conditional), changing=True)

    async def order(self, symbol: str, client_id: str, *, conditional: bool) -> OrderReport:
        """Look an order up by its client id; raises NotFound."""
        return _read(OrderReport, await self._get(_path(client_id), **_which(symbol, conditional)), changing=False)

    async def fills(self, symbol: str, *, since: int, venue_order_id: str = "") -> list[Execution]:
        """Own executions from a time on (ms), oldest first."""
        return await self._list(Execution, "/fills", symbol=symbol, since=str(since), order=venue_order_id)

    async def funding(self, symbol: str, *, since: int) -> list[Funding]:
        """Funding payments from a time on, oldest first."""
        return await self._list(Funding, "/funding", symbol=symbol, since=str(since))

    async def snapshot(self, symbols: Sequence[str]) -> Snapshot:
        """Positions, working orders and balance."""
        return _read(Snapshot, await self._get("/snapshot", symbols=",".join(symbols)), changing=False)

    def events(self) -> AsyncIterator[VenueEvent]:
        """The private stream, for ever, through reconnects, until :meth:`close`; for one reader."""
        return self._stream.events()


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
