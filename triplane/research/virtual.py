"""A session at an exchange in a box without sockets and in virtual time: what parity and chaos are made of.

Nothing here waits: the caller moves the clock, lets the exchange go on, and calls :meth:`VirtualExecution.turn`.
"""

import heapq
import itertools
from typing import Any, Final

import orjson

from triplane.engine.session import Session
from triplane.exchange.exchange import Exchange
from triplane.exchange.rest import handle
from triplane.exchange.sockets import ClientConnection
from triplane.execution.bridge import SessionBridge
from triplane.execution.messages import CancelOrder, FetchFunding, PlaceOrder, QueryOrder, TakeSnapshot, VenueRequest
from triplane.execution.order_manager import Answer, OrderManager
from triplane.venues.base import Capabilities, StreamState, StreamStatus
from triplane.venues.binance import codec
from triplane.venues.binance.failures import failure
from triplane.venues.errors import VenueError
from triplane.venues.wire import HttpRequest, Row

KEY: Final = "virtual-key"
SECRET: Final = "virtual-secret"  # noqa: S105 - of an account that lives as long as a run
BUSY_MS: Final = 12_000
"""For so long after something happened the order manager is run every :data:`BEAT_MS`."""
BEAT_MS: Final = 100
PROLONG_MS: Final = 1_800_000


class VirtualClock:
    """Virtual time, moved by hand."""

    def __init__(self, now: int) -> None:
        self.now = now

    def now_ms(self) -> int:
        return self.now

    def monotonic(self) -> float:
        return self.now / 1000

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError  # nothing here waits


def ask(x: Exchange, request: HttpRequest, now: int) -> Any:
    """The body of the venue's answer to a signed request, through its door; raises VenueError."""
    query = codec.sign(request.params, SECRET, now)
    reply = handle(x, request.method, request.path, query, "", KEY)
    body = orjson.loads(orjson.dumps(reply.body))
    error = failure(reply.status, body, reply.headers, changing=request.method != "GET", now=now)
    if error is not None:
        raise error
    return body


def carry_out(x: Exchange, request: VenueRequest, now: int) -> Answer:
    """What an adapter would give back for a request of the order manager; raises VenueError."""
    if isinstance(request, PlaceOrder):
        order = request.order.value
        body = ask(x, codec.place(order), now)
        return codec.algo_report(body) if order.type.conditional else codec.order_report(body)
    if isinstance(request, CancelOrder):
        ask(x, codec.cancel(request.symbol, request.client_id, conditional=request.conditional), now)
        return None
    if isinstance(request, QueryOrder):
        body = ask(x, codec.lookup(request.symbol, request.client_id, conditional=request.conditional), now)
        if not request.conditional:
            return codec.order_report(body)
        report = codec.algo_report(body)
        if not report.child_id:
            return report
        child = ask(x, codec.lookup_child(request.symbol, report.child_id), now)
        return report.with_child(codec.order_report(child))
    if isinstance(request, TakeSnapshot):
        conditional, plain = (
            [row for symbol in request.symbols for row in ask(x, codec.open_orders(symbol, conditional=c), now)]
            for c in (True, False)
        )
        positions, balances = ask(x, codec.positions(), now), ask(x, codec.balances(), now)
        return codec.snapshot(now, request.symbols, conditional, plain, positions, balances)
    if isinstance(request, FetchFunding):
        return [codec.funding_payment(row) for row in _all(x, codec.funding(request.symbol, request.since, now), now)]
    found = [codec.fill(row) for row in _all(x, codec.fills(request.symbol, request.since, now), now)]
    return [fill for fill in found if request.venue_order_id in ("", fill.venue_order_id)]


def _all(x: Exchange, pages: codec.Pages, now: int) -> list[Row]:
    while (page := pages.request()) is not None:
        pages.take(ask(x, page, now))
    return pages.rows


class VirtualExecution:
    """A session that trades on the box.

    Parameters
    ----------
    x
        The box; its clock is moved from here.
    session
        With an observer that holds the bridge.
    lag
        Milliseconds to the venue, and back.
    """

    def __init__(self, x: Exchange, clock: VirtualClock, session: Session, lag: int) -> None:
        self.x, self.clock, self.session, self.lag = x, clock, session, lag
        self.manager = OrderManager(
            session.id, session.setup.instruments, Capabilities(), wallet=lambda: float(session.A["balance"][0])
        )
        self.bridge = SessionBridge(self.manager, clock.now)
        self.bridge.live()
        self._later: list[tuple[int, int, Any]] = []
        self._numbers = itertools.count()
        self._busy = 0
        self._connect()
        self._prolong()

    def _connect(self) -> None:
        now = self.clock.now
        key = self.x.listen_key(self.x.accounts[KEY])
        self._connection = ClientConnection(self, "private", False, now)
        self.x.hub.connect(self._connection, [key])
        self.manager.on_event(StreamState(StreamStatus.UP, "connected", now), now)

    def _prolong(self) -> None:
        self.x.listen_key(self.x.accounts[KEY])
        heapq.heappush(self._later, (self.clock.now + PROLONG_MS, next(self._numbers), self._prolong))

    def send(self, text: bytes) -> None:
        """An event is on its way here."""
        for event in codec.events(orjson.loads(text)):
            self._at(self.lag, lambda event=event: self.manager.on_event(event, self.clock.now))

    def close(self, code: int) -> None:
        """The venue ends a connection after a day; the next one is made at once."""
        self.x.hub.disconnect(self._connection)
        now = self.clock.now
        self.manager.on_event(StreamState(StreamStatus.DOWN, f"closed with {code}", now), now)
        self._connect()

    def next_at(self) -> int | None:
        """When something is to be done here."""
        times = [self._later[0][0]] if self._later else []
        return min([*times, self.clock.now + BEAT_MS] if self.clock.now < self._busy else times, default=None)

    def turn(self) -> None:
        """Do what is due."""
        now = self.bridge.now = self.clock.now
        while self._later and self._later[0][0] <= now:
            heapq.heappop(self._later)[2]()
        self.bridge.pump(self.session)
        for request in self.manager.plan(now):
            self._at(self.lag, lambda request=request: self._arrive(request))
        self.bridge.pump(self.session)

    def _arrive(self, request: VenueRequest) -> None:
        answer: Answer
        try:
            answer = carry_out(self.x, request, self.clock.now)
        except VenueError as error:
            answer = error
        self._at(self.lag, lambda: self.manager.on_answer(request, answer, self.clock.now))

    def _at(self, after: int, action: Any) -> None:
        heapq.heappush(self._later, (self.clock.now + after, next(self._numbers), action))
        self._busy = self.clock.now + BUSY_MS
