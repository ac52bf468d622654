"""Runs an order manager: sends its requests to the venue, feeds answers and events back, and lets time pass.

One thread. Between two awaits nothing interrupts: rows come in, requests are planned and become tasks, each of which
ends in an answer, an error or a time-out for the order manager. The private stream is read into an unbounded queue, so
no event is dropped. Cancelling :meth:`ExecutionLoop.run` leaves orders as they are; the next start finds them again.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

from triplane.data.clock import Clock
from triplane.errors import TriplaneError
from triplane.execution.bridge import SessionBridge, SessionCommands
from triplane.execution.latency import Latency
from triplane.execution.messages import (
    CancelOrder,
    FetchExecutions,
    FetchFunding,
    Finding,
    PlaceOrder,
    QueryOrder,
    VenueRequest,
)
from triplane.execution.monitor import MarginMonitor
from triplane.execution.order_manager import Answer, OrderManager
from triplane.execution.orders import WorkingOrder
from triplane.venues.base import Venue
from triplane.venues.errors import Unknown, VenueError

log = structlog.get_logger(__name__)

BEAT: Final = 0.1
"""Seconds between two passes without events."""
TIMEOUT: Final = 5.0
"""Seconds until a request counts as unanswered; longer than the venue's own window for requests to arrive."""


class ExecutionLoop:
    """Runs the execution of one session.

    Parameters
    ----------
    venue
        Where orders go: an adapter, or a router in front of it.

    Attributes
    ----------
    on_finding, on_confirmed
        Called with what a person should know, and with each order that the venue has confirmed.
    """

    def __init__(self, bridge: SessionBridge, venue: Venue, clock: Clock, *, timeout: float = TIMEOUT) -> None:
        self.bridge, self.venue = bridge, venue
        self.manager: OrderManager = bridge.manager
        self.monitor = MarginMonitor()
        self.placing = Latency()  # from the intent to the venue's answer
        self.on_finding: Callable[[Finding], None] = lambda _: None
        self.on_confirmed: Callable[[WorkingOrder], None] = lambda _: None
        self._clock, self._timeout = clock, timeout
        self._epoch = clock.now_ms() - int(clock.monotonic() * 1000)
        self._session: SessionCommands | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._seen: object = None
        self._heard: float | None = None

    def now(self) -> int:
        """Milliseconds that never go back, close to wall time."""
        return self._epoch + int(self._clock.monotonic() * 1000)

    async def run(self, session: SessionCommands) -> None:
        """Execute until cancelled."""
        self._session = session
        self.bridge.now = self.now()
        self.bridge.live()
        listener = asyncio.create_task(self._listen())
        try:
            while True:
                self.kick()
                await self._clock.sleep(BEAT)
                if listener.done():
                    listener.result()  # raises what ended it
                    raise TriplaneError("The private stream of the venue has ended.")
        finally:
            for task in (listener, *self._tasks):
                task.cancel()
            await asyncio.gather(listener, *self._tasks, return_exceptions=True)

    def heard_s(self) -> float | None:
        """Seconds since the venue last said anything; None before it did."""
        return None if self._heard is None else self._clock.monotonic() - self._heard

    def on_price(self, k: int, price: float) -> None:
        """The price of symbol ``k`` has changed; most venues watch it themselves."""
        if self.manager.locked_funds.active:
            self.manager.locked_funds.on_price(k, price)
            self.kick()

    def kick(self) -> None:
        """Take the next steps now; called whenever the session may have decided something."""
        session = self._session
        if session is None:
            return
        self.bridge.now = now = self.now()
        self.bridge.pump(session)
        for request in self.manager.plan(now):
            self._start(self._carry_out(request, time.perf_counter_ns()))
        self.bridge.pump(session)
        self._look()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a request ended in an unexpected error", exc_info=task.exception())

    def _look(self) -> None:
        """Pass on findings and confirmed orders."""
        snapshot = self.manager.reconciler.snapshot
        if snapshot is not None and snapshot is not self._seen:
            self._seen = snapshot
            for finding in self.monitor.look(snapshot):
                self.manager.reports.notify(finding)
        confirmed, findings = self.manager.reports.take_news()
        for order in confirmed:
            self.on_confirmed(order)
        for finding in findings:
            log.warning("execution", code=finding.code, symbol=finding.symbol, text=finding.text)
            self.on_finding(finding)

    # ------------------------------------------------------------------------------------------------------ the venue
    async def _carry_out(self, request: VenueRequest, planned: int) -> None:
        answer: Answer
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._ask(request)
        except VenueError as error:
            answer = error
        except TimeoutError:
            answer = Unknown(f"no answer within {self._timeout:g} s")
        except Exception as error:  # a bug in an adapter must not lose an order: its fate is unknown
            log.exception("the venue's adapter failed", request=type(request).__name__)
            answer = Unknown(f"{type(error).__name__} in the adapter")
            self.manager.reports.notify(
                Finding("adapter_error", f"The venue's adapter failed: {type(error).__name__}.")
            )
        if isinstance(request, PlaceOrder):
            self.placing.add(time.perf_counter_ns() - planned)
        if not isinstance(answer, Unknown):
            self._heard = self._clock.monotonic()
        self.manager.on_answer(request, answer, self.now())
        self.kick()

    async def _ask(self, request: VenueRequest) -> Answer:
        venue = self.venue
        if isinstance(request, PlaceOrder):
            return await venue.place(request.order)
        if isinstance(request, CancelOrder):
            await venue.cancel(request.symbol, request.client_id, conditional=request.conditional)
            return None
        if isinstance(request, QueryOrder):
            return await venue.order(request.symbol, request.client_id, conditional=request.conditional)
        if isinstance(request, FetchExecutions):
            return await venue.fills(request.symbol, since=request.since, venue_order_id=request.venue_order_id)
        if isinstance(request, FetchFunding):
            return await venue.funding(request.symbol, since=request.since)
        return await venue.snapshot(request.symbols)

    async def _listen(self) -> None:
        async for event in self.venue.events():
            self._heard = self._clock.monotonic()
            self.manager.on_event(event, self.now())
            self.kick()
