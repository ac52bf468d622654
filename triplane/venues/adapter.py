"""What all adapters do alike: open and close, keep the venue's time, pass events on, prepare an account."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from triplane.data.clock import Clock, SystemClock
from triplane.data.instruments import plain
from triplane.venues.base import Capabilities, Snapshot, VenueEvent
from triplane.venues.budget import Budget
from triplane.venues.clock import EVERY
from triplane.venues.errors import Refused, VenueError, Why
from triplane.venues.keys import Credentials
from triplane.venues.rest import SignedRest
from triplane.venues.stream import PrivateStream, StreamProtocol, StreamTiming
from triplane.venues.wire import HttpRequest


@dataclass(frozen=True, slots=True)
class Urls:
    """Where a venue is: trading, private stream, and the wallet service that says what a key may do (empty: none)."""

    rest: str
    stream: str
    wallet: str = ""


@dataclass(frozen=True, slots=True)
class AdapterTiming:
    """Deadlines and intervals, seconds."""

    request: float = 10.0
    sync: float = EVERY
    keep_alive: float | None = None  # between prolongations of a listen key, or pings; None = as the venue needs it
    stream: StreamTiming = field(default_factory=StreamTiming)


class Adapter:
    """Base of the adapters; each sets its REST side and its private stream, and says how to load the markets."""

    capabilities: Capabilities
    unchanged: ClassVar[tuple[str, ...]] = ()
    """Codes that refuse a setting because it is already as wanted."""
    _clock: Clock
    _timing: AdapterTiming
    _rest: Any  # with open, close, clock and ask, as SignedRest
    _stream: PrivateStream
    _resync: "asyncio.Task[None] | None" = None

    async def _load(self) -> None:
        raise NotImplementedError

    async def snapshot(self, symbols: Sequence[str]) -> Snapshot:
        """Positions, working orders and balance."""
        raise NotImplementedError

    async def open(self) -> None:
        """Load the markets and measure the clock."""
        try:
            await self._rest.open()
            await self._load()
        except BaseException:
            await self.close()
            raise
        if self._resync is None:
            self._resync = asyncio.create_task(self._keep_time())

    async def close(self) -> None:
        """Close every connection; may be called twice."""
        if self._resync is not None:
            self._resync.cancel()
            await asyncio.gather(self._resync, return_exceptions=True)
            self._resync = None
        await self._stream.close()
        await self._rest.close()

    def now_ms(self) -> int:
        """The venue's time."""
        now: int = self._rest.clock.now_ms()
        return now

    def events(self) -> AsyncIterator[VenueEvent]:
        """The private stream, for ever, through reconnects, until :meth:`close`."""
        return self._stream.events()

    async def _keep_time(self) -> None:
        while True:
            await self._clock.sleep(self._timing.sync)
            try:
                await self._rest.clock.sync()
            except VenueError:  # the old measurement stays good for long, and a refusal for the time asks for a new one
                continue

    @contextmanager
    def _expecting(self) -> Iterator[None]:
        """If the block succeeds, the private stream has to report something soon."""
        before = self._stream.received
        yield
        self._stream.expect(before)

    async def _setting(self, request: HttpRequest) -> str:
        """Why a setting cannot be made; empty when it is as wanted."""
        try:
            await self._rest.ask(request)
        except Refused as error:
            if error.why is not Why.MODE:
                raise
            return "" if error.code in self.unchanged else str(error)
        return ""

    async def _foreign(self, symbols: Sequence[str]) -> list[str]:
        """Positions and orders that are not ours and stand in the way of trading, each in a sentence."""
        seen = await self.snapshot(symbols)
        out = [f"{p.symbol} has an open position of {plain(p.quantity)} that is not ours" for p in seen.positions]
        return out + [
            f"{o.symbol} has a working order {o.client_id or o.venue_id} that is not ours" for o in seen.orders
        ]


class SignedAdapter(Adapter):
    """Base of the adapters of one account: signed requests within a rate budget, and a private stream.

    Parameters
    ----------
    keys
        Of the account.
    urls
        Where the venue is: its main net by default, its testnet, or a box.
    clock
        The computer's.
    budget
        Of this computer's address at the venue; to be shared between the adapters of a venue.
    """

    mainnet: ClassVar[Urls]

    def __init__(
        self,
        keys: Credentials,
        urls: Urls | None = None,
        clock: Clock | None = None,
        *,
        budget: Budget | None = None,
        timing: AdapterTiming | None = None,
    ) -> None:
        self._begin()
        urls = urls or self.mainnet
        self._clock, self._timing = clock or SystemClock(), timing or AdapterTiming()
        self._rest = self._make_rest(keys, urls, budget)
        protocol = self._make_protocol(keys, urls)
        self._stream = PrivateStream(protocol, self._clock, self.now_ms, self._timing.stream, parse=protocol.parse)

    def _begin(self) -> None:
        """Make what the adapter keeps; its other parts may use it."""
        raise NotImplementedError

    def _make_rest(self, keys: Credentials, urls: Urls, budget: Budget | None) -> SignedRest:
        raise NotImplementedError

    def _make_protocol(self, keys: Credentials, urls: Urls) -> StreamProtocol:
        raise NotImplementedError
