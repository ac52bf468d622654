"""The loop that runs one session: feed in, session, then everybody who wants to know.

The way of one candle: journaled, decided, rows journaled, orders sent, facts emitted. All of it happens between two
awaits of one thread, so a stop or a command finds the session before a candle or behind it, never inside. What takes
long (disk, database, readers) happens elsewhere and is never waited for.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any, Final

import numpy as np
import structlog

from triplane.data.candles import timeframe_name
from triplane.data.clock import Clock
from triplane.data.feed import CandleBatch, Feed, FeedState, FeedStatus, Forming, FundingRate
from triplane.engine.agenda import NOTHING, Agenda
from triplane.engine.daily import Daily
from triplane.engine.emitter import Consumer, Emitter
from triplane.engine.guards import Guards
from triplane.engine.journal import Anchor
from triplane.engine.session import Observer, Session
from triplane.errors import TriplaneError
from triplane.execution.latency import Latency
from triplane.execution.loop import ExecutionLoop
from triplane.execution.messages import Finding
from triplane.execution.orders import WorkingOrder
from triplane.kernel.codes import CommandKind, Gate, Reason
from triplane.model.live import FeedHealth
from triplane.model.settings import TradingSettings

log = structlog.get_logger(__name__)

Array = np.ndarray[Any, Any]

SYNC_EVERY: Final = 0.2
SLICE: Final = 256
"""Candles of a long batch after which others get their turn."""
KEPT: Final = ("balance", "open_positions", "pending_entries", "halted", "epoch", "day")
"""What of the account is written down with every change."""
HALTED: Final = KEPT.index("halted")
BURST: Final = 5
"""Refused orders, or failures of the adapter, within so many seconds that throw the kill switch."""
BURST_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: ``finished`` is the end of the data, otherwise it was stopped."""

    finished: bool
    candles: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Options:
    """How to run.

    Parameters
    ----------
    facts
        Write the log of facts.
    consumers
        Take the facts too, in this order, before the log does.
    observers
        Hear of rows and candles.
    whole
        Take candles in whole batches: facts are made of what was decided, not of the candles.
    live
        Candles come as they happen.
    stale_after
        Seconds without a word from the feed after which entries are closed; None for no watchdog.
    agenda
        Gate events of calendars: commands in order of time.
    guards
        A user's own: files, or names that installed packages offer.
    """

    facts: bool = True
    consumers: Sequence[Consumer] = ()
    observers: Sequence[Observer] = ()
    whole: bool = False
    live: bool = False
    stale_after: float | None = None
    agenda: Array = field(default_factory=lambda: NOTHING)
    guards: Sequence[str] = ()


class Runner:
    """Runs one session on one feed.

    Parameters
    ----------
    session, feed
        The session, opened or resumed, and its candles behind the last one it knows.
    emitter
        The session's observer.
    options
        How to run.
    clock
        Tells the time of commands when candles are live, and paces the watchdog.
    execution
        Executes at a venue; None for the simulated broker.

    Attributes
    ----------
    ready : bool
        History is loaded.
    error, error_line : str
        What its strategy raised, and where.
    on_forming
        Hears of the candle under way, as ``(symbol, candle)``.
    """

    def __init__(
        self,
        session: Session,
        feed: Feed,
        emitter: Emitter,
        options: Options,
        clock: Clock,
        execution: ExecutionLoop | None = None,
    ) -> None:
        self.session, self.feed, self.emitter, self.execution = session, feed, emitter, execution
        self.decided, self.received = Latency(), Latency()
        self.last_decided_ns = self.last_received_ns = 0
        self.ready = session.finished
        self.error: str | None = None
        self.error_line: str | None = None
        self.on_forming: Callable[[int, Array], None] = lambda _k, _candle: None
        self._options, self._clock = options, clock
        self._agenda = Agenda(options.agenda, session)
        self._guards = Guards(options.guards, session.setup.symbols)
        self._pump: asyncio.Task[None] | None = None
        self._stopping = False
        self._failure: BaseException | None = None
        self._heard: float | None = None
        self._refusals: list[float] = []
        self.base_tf, self.timeframe = timeframe_name(session.setup.base_ms), timeframe_name(session.setup.timeframe_ms)
        self._prices: list[float | None] = [None] * len(session.setup.instruments)
        self._feed: dict[str, Any] = {"source": session.setup.source}
        self._kept: tuple[float, ...] = ()
        self._daily = Daily(session, clock.monotonic)
        self._anchor: Anchor | None = None

    # ------------------------------------------------------------------------------------------------------------- life
    async def run(self) -> Outcome:
        """Run until the feed ends or :meth:`stop`; then everything is on the disk. May be called once."""
        begin, before = time.perf_counter(), self.session.candles
        self.emitter.replaying = False
        if not self._guards:  # there may have been some when the session was interrupted
            self.gate(Gate.GUARD, closed=False)
        self._pump = asyncio.create_task(self._take_feed())
        if self._stopping:
            self._pump.cancel()
        helpers = [asyncio.create_task(task()) for task in self._helpers()]
        for helper in helpers:
            helper.add_done_callback(self._helper_ended)
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await self._pump
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            await self.feed.close()
            self.emitter.settle()
            self._daily.end(self.now())
            await asyncio.to_thread(self.session.close)
        if self._failure is not None:
            raise self._failure
        return Outcome(self.session.finished, self.session.candles - before, time.perf_counter() - begin)

    def _helper_ended(self, helper: "asyncio.Task[None]") -> None:
        """A journal that does not reach the disk, or a watchdog that died, ends the run: fail closed."""
        if not helper.cancelled() and helper.exception() is not None:
            self._failure = helper.exception()
            self.stop()

    def stop(self) -> None:
        """Ask :meth:`run` to end after the candle under way; the session can be continued later."""
        self._stopping = True
        if self._pump is not None:
            self._pump.cancel()

    def _helpers(self) -> list[Callable[[], Any]]:
        helpers: list[Callable[[], Any]] = [self._sync]
        if self._options.stale_after is not None:
            helpers.append(self._watch)
        if self.execution is not None:
            helpers.append(partial(self.execution.run, self.session))
        return helpers

    # ------------------------------------------------------------------------------------------------------------- feed
    async def _take_feed(self) -> None:
        await self.feed.open()
        async for event in self.feed:
            self._heard = self._clock.monotonic()
            if isinstance(event, CandleBatch):
                await self._take(event)
            elif isinstance(event, Forming):
                price = self._prices[event.symbol] = event.candle["close"].item(0)
                if self.execution is not None:
                    for k in self.session.fan_out.rows[event.symbol].tolist():
                        self.execution.on_price(k, price)
                self.on_forming(event.symbol, event.candle)
            elif isinstance(event, FundingRate):
                for k in self.session.fan_out.rows[event.symbol].tolist() if self.execution is None else ():
                    self.command(CommandKind.FUNDING_RATE, k, ticks=event.time_ms, fee=event.rate, price=event.mark)
            else:
                self._status(event)

    async def _take(self, batch: CandleBatch) -> None:
        session, candles = self.session, batch.candles
        closes = candles["open_time"] + session.setup.base_ms
        if self._options.whole:
            turns = {
                i: said
                for i in range(len(batch) if self._guards else 0)
                if (said := self._guards.ask(int(batch.which[i]), candles[i])) is not None
            }
            begin = 0
            for end in sorted({*self._agenda.split(closes), *turns} - {0}):
                self._agenda.carry_out(session, int(closes[begin]))
                self._guarded(turns.get(begin))
                session.feed_batch(batch.which[begin:end], candles[begin:end])
                self._look_at_strategies()
                begin = end
            await asyncio.sleep(0)
            return
        if not (candles.flags.c_contiguous and candles.flags.writeable):
            candles = candles.copy()
        if self._options.live and len(batch) == 1:
            self.last_received_ns = max(self._clock.now_ms() - int(closes[0]), 0) * 1_000_000
            self.received.add(self.last_received_ns)
        last, taken = int(closes[-1]), 0
        ends = [*(np.flatnonzero(np.diff(closes)) + 1).tolist(), len(batch)]
        for begin, end in pairwise([0, *ends]):
            if self._agenda.due(last):
                self._agenda.carry_out(session, int(closes[begin]))
            if self._guards:
                for i in range(begin, end):
                    self._guarded(self._guards.ask(int(batch.which[i]), candles[i]))
            await self._moment(batch.which[begin:end], candles[begin:end])
            if end - taken >= SLICE:
                taken = end
                await asyncio.sleep(0)
        if not session.setup.hold:  # otherwise the feed says when history is loaded
            self.ready = True

    async def _moment(self, which: Array, candles: Array) -> None:
        """Take the candles of one time through everything."""
        emitter = self.emitter
        before, begin = emitter.decided_ns, time.perf_counter_ns()
        rows = self.session.feed_moment(which, candles)
        for k, close in zip(which.tolist(), candles["close"].tolist(), strict=True):
            self._prices[k] = close
        if len(rows):
            if self.execution is not None:
                self.execution.kick()
                await asyncio.sleep(0)  # what it asks for is written now
                emitter.settle()
            if emitter.decided_ns != before:
                self.last_decided_ns = emitter.decided_ns - begin
                self.decided.add(self.last_decided_ns)
        self._keep()
        self._daily.moment(self.session.now)
        self._look_at_strategies()

    def _guarded(self, said: str | None) -> None:
        """A user's guard forbids entries from here on, or allows them again (empty); None: nothing has changed."""
        if said is not None:
            if said and (self.ready or not self.session.setup.hold):  # history is not told
                self.found(Finding("guard_closed", said, severity="INFO"))
            self.gate(Gate.GUARD, closed=bool(said))

    def _look_at_strategies(self) -> None:
        """When one raised: no entries until a person has looked; what protects the positions stays."""
        if self.session.S["core"]["raised"].any():
            for k in range(len(self.session.S)):
                self._look_at_strategy(k)

    def _look_at_strategy(self, k: int) -> None:
        failure = self.session.core.failed(self.session.S, k)
        if failure is None or self.error is not None:  # which may be so on every bar: told once, until a person resumes
            return
        self.error, self.error_line = failure.text, failure.line
        self.tell("strategy_error", str(failure), "CRITICAL", self.session.setup.rows[k].name)
        self._each(CommandKind.HALT, code=Reason.ERROR)

    def _status(self, status: FeedStatus) -> None:
        state = status.state
        feed = self._feed
        feed["connected"] = state not in (FeedState.RECONNECTING, FeedState.FINISHED)
        feed["text"] = status.text
        feed["last_message_time"] = status.time_ms or feed.get("last_message_time")
        if state == FeedState.RECONNECTING:
            feed["reconnects"] = feed.get("reconnects", 0) + 1
        if state == FeedState.LIVE:
            if self.session.setup.hold:
                self._each(CommandKind.READY)
            self.ready = True
            if self._options.live:
                self._daily.begin(self.now())
        elif state == FeedState.STALE:
            self.gate(Gate.STALE_FEED, closed=True)
        elif state in (FeedState.RECOVERED, FeedState.CONNECTED):
            self.gate(Gate.STALE_FEED, closed=False)
        elif state == FeedState.FINISHED:
            self.session.finish()
            self.ready = True
        if state in (FeedState.GAP_REMAINS, FeedState.CONFLICT):
            symbol = "" if status.symbol is None else self.session.setup.symbols[status.symbol]
            self.tell(f"feed_{state.value}", status.text, "WARNING", symbol)

    def feed_health(self) -> FeedHealth:
        """The connection to the source of market data."""
        age = None if self._heard is None else self._clock.monotonic() - self._heard
        return FeedHealth(**self._feed, stale=self.closed(Gate.STALE_FEED), age_s=age)

    # --------------------------------------------------------------------------------------------------------- commands
    def now(self) -> int:
        """The time of a command: that of the wall when live, else that of the market."""
        return max(self._clock.now_ms(), self.session.now) if self._options.live else self.session.now

    def command(self, kind: int, k: int = 0, **fields: Any) -> int:
        """Carry out a command now, between two candles; returns how many rows came out."""
        rows = len(self.session.command(kind, k, time_ms=self.now(), **fields))
        if self.execution is not None:
            self.execution.kick()
        self._keep()
        return rows

    def _keep(self) -> None:
        """Write down with the account what has changed of it: a halt, what was opened or closed, a new beginning."""
        account = self.session.A
        now = tuple(account[name].item(0) for name in KEPT)
        if now != self._kept:
            durable = now[HALTED] != (self._kept or now)[HALTED]
            try:
                self.session.keep(self._anchor, durable=durable)
                self._kept = now
            except TriplaneError as error:  # a full disk: the journal, which comes first, has the session halted
                log.warning("the account cannot be kept", session=self.session.id, error=str(error))

    def _each(self, kind: int, **fields: Any) -> None:
        for k in range(len(self.session.S)):
            self.command(kind, k, **fields)

    def closed(self, gate: Gate) -> bool:
        """Whether a gate is closed for entries."""
        return bool(self.session.A["gates"].item(0) >> gate & 1)

    def gate(self, gate: Gate, *, closed: bool) -> None:
        """Close or open a gate for entries; nothing is journaled when it is so already."""
        if self.closed(gate) != closed and not self.session.finished:
            self.command(CommandKind.GATE, 0, code=gate, flag=int(closed))

    def tell(self, code: str, text: str, severity: str, symbol: str = "") -> None:
        """Write down what happened outside the core."""
        log.warning("session", session=self.session.id, code=code, text=text)
        self.session.note(
            {"note": "error", "time": self.now(), "code": code, "text": text, "severity": severity, "symbol": symbol}
        )

    def found(self, finding: Finding) -> None:
        """Execution found something: tell, and halt when it happens too often."""
        self.session.note(
            {"note": "finding", "time": self.now(), "code": finding.code, "text": finding.text,
             "severity": finding.severity, "symbol": finding.symbol or self.session.setup.symbols[0]}
        )  # fmt: skip
        now = self._clock.monotonic()
        self._refusals = [at for at in self._refusals if now - at < BURST_SECONDS]
        if finding.code in ("order_refused", "adapter_error"):
            self._refusals.append(now)
        if len(self._refusals) >= BURST:
            self._refusals.clear()
            self.halt(f"{BURST} orders failed within {BURST_SECONDS:g} seconds", flatten=False)

    def confirmed(self, order: WorkingOrder) -> None:
        """A venue has confirmed an order."""
        self.session.note(
            {"note": "confirmed", "time": self.now(), "order": order.number, "client_id": order.client_id,
             "venue_id": order.venue_id or order.child_id, "latency_ms": order.open_at - order.wanted_at}
        )  # fmt: skip

    def price(self, k: int) -> float:
        """The newest price of row ``k``; 0 when there is none."""
        shown = self._prices[self.session.setup.rows[k].market]
        return shown if shown is not None else float(self.session.S[k]["core"]["last"]["close"])

    def halt(self, reason: str, *, flatten: bool) -> None:
        """Cancel entries, keep or close positions, and take no entries until a person resumes."""
        if self.session.finished:
            return
        self.gate(Gate.KILL_SWITCH, closed=True)
        for k in range(len(self.session.S)):
            self.command(CommandKind.HALT, k, code=Reason.KILL_SWITCH, flag=int(flatten), price=self.price(k))
        self.tell("kill_switch", reason, "CRITICAL")

    def resume(self) -> None:
        """Acknowledge a halt; the session looks for entries again."""
        self.error = self.error_line = None
        self.gate(Gate.KILL_SWITCH, closed=False)
        self._each(CommandKind.RESUME)
        self._each(CommandKind.READY)

    def set_limits(self, trading: TradingSettings) -> None:
        """Replace the limits."""
        self.session.set_limits(trading)

    # ---------------------------------------------------------------------------------------------------------- helpers
    async def _sync(self) -> None:
        """Bring the journal to the disk, in batches."""
        journal = self.session.journal
        while True:
            await asyncio.sleep(SYNC_EVERY)
            if not journal.behind or journal.catch_up():
                anchor = journal.anchor()
                journal.mark(await asyncio.to_thread(journal.flush))
                if anchor != self._anchor:
                    self._anchor, self._kept = anchor, ()
            self._keep()

    async def _watch(self) -> None:
        """Close entries while the feed says nothing."""
        limit = self._options.stale_after or 0.0
        self._heard = self._clock.monotonic()
        while True:
            await self._clock.sleep(limit / 4)
            self.gate(Gate.STALE_FEED, closed=self._clock.monotonic() - (self._heard or 0.0) > limit)
