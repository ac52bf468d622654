"""The loop that runs a session: feed in, session, then replica, bus and store hear of it.

The way of one candle: journaled, decided, rows journaled, decoded, shown to the replica, published, queued for the
store. All of it happens between two awaits of one thread, so a stop or a command finds the session before a candle or
behind it, never inside. What takes long (disk, database, handlers) happens beside it. At full speed the loop waits for
the store *before* it takes the next batch from the feed, never when it publishes.
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import structlog

from triplane.data.candles import timeframe_name
from triplane.data.clock import Clock, SystemClock
from triplane.data.feed import CandleBatch, Feed, FeedState, FeedStatus, Forming
from triplane.engine.agenda import NOTHING, Agenda
from triplane.engine.bus import EventBus
from triplane.engine.decode import Decoder
from triplane.engine.events import CandleClosed, Decision, Event, Notice, RiskAlert
from triplane.engine.killswitch import KillSwitch
from triplane.engine.record import Record
from triplane.engine.replica import Replica
from triplane.engine.session import Session
from triplane.engine.settings import TradingSettings
from triplane.engine.storing import Writer
from triplane.execution.bridge import SessionBridge
from triplane.execution.latency import Latency
from triplane.execution.loop import ExecutionLoop
from triplane.execution.messages import Finding
from triplane.execution.orders import WorkingOrder
from triplane.kernel.records import (
    CMD_GATE,
    CMD_HALT,
    CMD_READY,
    CMD_RESUME,
    GATES,
    WHY_KILL_SWITCH,
)
from triplane.strategies.base import AnyStrategy

log = structlog.get_logger(__name__)

Array = np.ndarray[Any, Any]

SYNC_EVERY: Final = 0.2
STORE_EVERY: Final = 0.25
REFRESH_EVERY: Final = 1.0
SLICE: Final = 256
"""Candles of a long batch after which others get their turn."""
BACKLOG: Final = 50_000
"""Events that may wait for the store before the next batch is taken from the feed."""
BURST: Final = 5
"""Refused orders, or failures of the adapter, within so many seconds that throw the kill switch."""
BURST_SECONDS: Final = 60.0
FEW: Final = 32
"""Candles of a batch that are still shown one by one on the page."""


class Publisher:
    """Tells replica, bus and store what a session did: its observer."""

    def __init__(
        self,
        session: Session,
        spec: AnyStrategy,
        record: Record,
        bus: EventBus | None = None,
        writer: Writer | None = None,
    ) -> None:
        setup = session.setup
        self.decoder = Decoder(session.id, setup.instruments, spec, setup.costs.leverage)
        self.record = record
        self.replica: Replica | None = None
        self.link: SessionBridge | None = None  # to a venue: it hears of everything first
        self._bus = bus
        self._writer = writer
        self.replaying = True
        self.decided_ns = 0  # when the last decision was published
        self._later: tuple[Session, int, Array, Array, float] | None = None

    def _out(self, rows: Array) -> Sequence[Event]:
        return self.decoder.decode(rows) if len(rows) else ()

    def _tell(self, events: Sequence[Event]) -> None:
        if self._writer is not None:
            self._writer.add(events)
        if self._bus is not None and not self.replaying:
            for event in events:
                self._bus.publish(event)
                if isinstance(event, Decision):
                    self.decided_ns = time.perf_counter_ns()

    def on_candle(self, session: Session, k: int, candle: Array, rows: Array) -> None:
        """One candle was taken. When it led to orders at a venue, those leave before anybody else hears of it."""
        self.tell_later()
        equity = session.A["equity"].item(0)
        if self.link is not None:
            self.link.on_candle(session, k, candle, rows)
            if len(rows) and not self.replaying:
                self._later = session, k, candle.copy(), rows.copy(), equity
                return
        self._candle(session, k, candle, rows, equity)

    def tell_later(self) -> None:
        """Tell of the candle that has not been told of yet."""
        if self._later is not None:
            later, self._later = self._later, None
            self._candle(*later)

    def _candle(self, session: Session, k: int, candle: Array, rows: Array, equity: float) -> None:
        events = self._out(rows)
        if events:
            self._tell(events)
            self.record.add(rows)
        self.record.curve.add(candle["open_time"].item(0), equity)
        if not self.replaying and self._bus is not None and self._bus.wants(CandleClosed.type):
            names = ("open_time", "open", "high", "low", "close", "volume")
            values: dict[str, Any] = dict(zip(names, candle.item(0), strict=True))
            self._bus.publish(
                CandleClosed(session_id=session.id, seq=session.rows, time=session.now, symbol=session.setup.symbols[k],
                             timeframe=timeframe_name(session.setup.base_ms), **values)
            )  # fmt: skip
        if self.replica is not None:
            self.replica.on_candle(session, k, candle, events)

    def on_batch(self, session: Session, which: Array, candles: Array, rows: Array, equity: Array) -> None:
        """Many were taken; only without a page."""
        if self.link is not None:
            self.link.on_batch(session, which, candles, rows, equity)
        self.record.add(rows)
        self.record.curve.extend(candles["open_time"], equity)
        self._tell(self._out(rows))

    def on_command(self, session: Session, k: int, command: Array, rows: Array) -> None:
        """A command was carried out."""
        self.tell_later()
        if self.link is not None:
            self.link.on_command(session, k, command, rows)
        events = self._out(rows)
        self.record.add(rows)
        self.record.curve.settle(session.A["equity"].item(0))
        if self.replica is not None:
            self.replica.on_command(session, k, events)
        self._tell(events)

    def on_limits(self, session: Session) -> None:
        """The limits were replaced."""
        if self.replica is not None:
            self.replica.on_limits(session)

    def tell_alone(self, event: Event) -> None:
        """Something that no row of the core tells."""
        if self.replica is not None:
            self.replica.on_event(event)
        if self._writer is not None:
            self._writer.add_alone(event)
        if self._bus is not None:
            self._bus.publish(event)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: ``finished`` is the end of the data, otherwise it was stopped."""

    finished: bool
    candles: int
    seconds: float


class Runner:
    """Runs one session on one feed.

    Parameters
    ----------
    session, feed
        The session, opened or resumed, and its candles behind the last one it knows.
    publisher
        The session's observer. Without a replica in it, batches are taken whole (a run without a page).
    bus, writer, kill_switch
        Optional parts.
    clock
        Tells the time of commands when ``live``, and paces the watchdog.
    live
        Candles come as they happen: commands carry wall time, and the watchdog is on.
    agenda
        Gate events of calendars: commands in order of time.
    pilot
        Executes at a venue; None for the simulated broker.
    stale_after
        Seconds without a word from the feed after which entries are closed; None for no watchdog.
    """

    def __init__(
        self,
        session: Session,
        feed: Feed,
        publisher: Publisher,
        *,
        bus: EventBus | None = None,
        writer: Writer | None = None,
        kill_switch: KillSwitch | None = None,
        clock: Clock | None = None,
        live: bool = False,
        stale_after: float | None = None,
        agenda: Array = NOTHING,
        pilot: ExecutionLoop | None = None,
    ) -> None:
        self.session = session
        self.feed = feed
        self.pilot = pilot
        self.publisher = publisher
        self.replica = publisher.replica
        self.bus = bus
        self.writer = writer
        self.kill_switch = kill_switch
        self.latency = Latency()
        self._clock = clock or SystemClock()
        self._live = live
        self._stale_after = stale_after
        self._agenda = Agenda(agenda, session)
        self._pump: asyncio.Task[None] | None = None
        self._stopping = False
        self._failure: BaseException | None = None
        self._heard = 0.0
        self._refreshed = 0.0
        self._was_quiet = False
        self._refusals: list[float] = []

    # ------------------------------------------------------------------------------------------------------------- life
    async def run(self) -> Outcome:
        """Run until the feed ends or :meth:`stop`; then everything is stored and on the disk. May be called once."""
        begin, before = time.perf_counter(), self.session.candles
        if self.bus is not None:
            await self.bus.start()
        self.publisher.replaying = False
        self._recall_kill_switch()
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
            await self._wind_up()
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

    async def _wind_up(self) -> None:
        await self.feed.close()
        self.publisher.tell_later()
        if self.bus is not None:
            await self.bus.stop()
        if self.writer is not None:
            status = "finished" if self.session.finished else "stopped"
            await self.writer.flush(self.session, status, tries=5)
        self.session.close()

    def _helpers(self) -> list[Callable[[], Any]]:
        helpers: list[Callable[[], Any]] = [self._sync]
        if self.writer is not None:
            helpers.append(self._store)
        if self._stale_after is not None:
            helpers.append(self._watch)
        if self.pilot is not None:
            helpers.append(partial(self.pilot.run, self.session))
        return helpers

    # ------------------------------------------------------------------------------------------------------------- feed
    async def _take_feed(self) -> None:
        await self.feed.open()
        async for event in self.feed:
            self._heard = self._clock.monotonic()
            if isinstance(event, CandleBatch):
                await self._take(event)
            elif isinstance(event, Forming):
                if self.pilot is not None:
                    self.pilot.on_price(event.symbol, event.candle["close"].item(0))
                if self.replica is not None and not self.replica.quiet:
                    self.replica.on_forming(event.symbol, event.candle, self._now())
            else:
                self._status(event)
        self._loud("the end of the data")

    async def _take(self, batch: CandleBatch) -> None:
        if self.writer is not None and self.writer.waiting > BACKLOG:
            await self.writer.flush(self.session, "running")
        session, candles = self.session, batch.candles
        closes = candles["open_time"] + session.setup.base_ms
        if self.replica is None:
            begin = 0
            for end in self._agenda.split(closes):
                self._agenda.carry_out(session, int(closes[begin]))
                session.feed_batch(batch.which[begin:end], candles[begin:end])
                begin = end
            await asyncio.sleep(0)
            return
        self._hush(len(batch))
        if not (candles.flags.c_contiguous and candles.flags.writeable):
            candles = candles.copy()
        which = batch.which.tolist()
        last = int(closes[-1])
        for i in range(len(batch)):
            if self._agenda.due(last):
                self._agenda.carry_out(session, int(closes[i]))
            before, begin = self.publisher.decided_ns, time.perf_counter_ns()
            if len(session.feed_candle(which[i], candles, i)):
                if self.pilot is not None:
                    self.pilot.kick()
                    await asyncio.sleep(0)  # what it asks for is written now
                    self.publisher.tell_later()
                decided = self.publisher.decided_ns
                if decided != before:
                    self.latency.add(decided - begin)
            if i % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        if not session.setup.hold:  # otherwise the feed says when history is loaded
            self.replica.live = True

    def _hush(self, n: int) -> None:
        """Keep the replica quiet during long batches, and tell clients now and then to read again."""
        replica = self.replica
        if replica is None:
            return
        if n <= FEW:
            self._loud("caught up")
            return
        replica.quiet = True
        now = time.monotonic()
        if self._was_quiet and now - self._refreshed > REFRESH_EVERY:
            self._refreshed = now
            replica.refresh("fast replay")
        self._was_quiet = True

    def _loud(self, reason: str) -> None:
        if self.replica is not None and self.replica.quiet:
            self.replica.quiet = self._was_quiet = False
            self.replica.refresh(reason)

    def _status(self, status: FeedStatus) -> None:
        state = status.state
        if self.replica is not None:
            changes: dict[str, Any] = {"connected": state not in (FeedState.RECONNECTING, FeedState.FINISHED)}
            if state in (FeedState.STALE, FeedState.RECOVERED, FeedState.CONNECTED):
                changes["stale"] = state == FeedState.STALE
            if state == FeedState.RECONNECTING:
                changes["reconnects"] = self.replica.feed()["reconnects"] + 1
            self.replica.on_feed(text=status.text, time=status.time_ms, **changes)
        if state == FeedState.LIVE:
            self._loud("history is loaded")
            if self.session.setup.hold:
                self._each(CMD_READY)
            if self.replica is not None:
                self.replica.live = True
        elif state == FeedState.STALE:
            self.gate("stale_feed", closed=True)
        elif state in (FeedState.RECOVERED, FeedState.CONNECTED):
            self.gate("stale_feed", closed=False)
        elif state == FeedState.FINISHED:
            self.session.finish()
            if self.replica is not None:
                self.replica.finished = True
        if self.bus is not None and state not in (FeedState.LIVE, FeedState.CONNECTED):
            symbol = "" if status.symbol is None else self.session.setup.symbols[status.symbol]
            self.bus.publish(
                Notice(session_id=self.session.id, seq=self.session.rows, time=self._now(), symbol=symbol,
                       code=f"feed_{state.value}", message=status.text)
            )  # fmt: skip

    # --------------------------------------------------------------------------------------------------------- commands
    def _now(self) -> int:
        return max(self._clock.now_ms(), self.session.now) if self._live else self.session.now

    def command(self, kind: int, k: int = 0, **fields: Any) -> int:
        """Carry out a command now, between two candles; returns how many rows came out."""
        rows = len(self.session.command(kind, k, time_ms=self._now(), **fields))
        if self.pilot is not None:
            self.pilot.kick()
        return rows

    def _each(self, kind: int, **fields: Any) -> None:
        for k in range(len(self.session.setup.instruments)):
            self.command(kind, k, **fields)

    def gate(self, name: str, *, closed: bool) -> None:
        """Close or open a gate for entries; nothing is journaled when it is so already."""
        bit = GATES.index(name)
        if bool(int(self.session.A["gates"].item(0)) >> bit & 1) != closed and not self.session.finished:
            self.command(CMD_GATE, 0, code=bit, flag=int(closed))

    def found(self, finding: Finding) -> None:
        """Execution found something: tell, and halt when it happens too often."""
        symbol = finding.symbol or self.session.setup.symbols[0]
        event = RiskAlert(session_id=self.session.id, seq=self.session.rows, time=self._now(), symbol=symbol,
                          alert_id=str(uuid.uuid4()), severity=finding.severity, alert_type=finding.code,
                          message=finding.text, details={})  # fmt: skip
        self.publisher.tell_alone(event)
        now = self._clock.monotonic()
        self._refusals = [at for at in self._refusals if now - at < BURST_SECONDS]
        if finding.code in ("order_refused", "adapter_error"):
            self._refusals.append(now)
        if len(self._refusals) >= BURST:
            self._refusals.clear()
            self.halt(f"{BURST} orders failed within {BURST_SECONDS:g} seconds", flatten=False)

    def confirmed(self, order: WorkingOrder) -> None:
        """A venue has confirmed an order."""
        event = self.publisher.decoder.confirmed(
            order.number, order.client_id, order.venue_id or order.child_id, order.open_at - order.wanted_at,
            self.session.rows, self._now(),
        )  # fmt: skip
        if event is not None:
            self.publisher.tell_alone(event)

    def price(self, k: int) -> float:
        """The newest price of symbol ``k``; 0 when there is none."""
        shown = self.replica.price(self.session.setup.symbols[k]) if self.replica is not None else None
        return shown if shown is not None else float(self.session.S[k]["core"]["last"]["close"])

    def halt(self, reason: str, *, flatten: bool) -> None:
        """Throw the kill switch: it is on the disk first, then entries are cancelled, positions kept or closed."""
        if self.kill_switch is not None:
            self.kill_switch.set(reason, flatten=flatten, time_ms=self._now())
        self.gate("kill_switch", closed=True)
        for k in range(len(self.session.setup.instruments)):
            self.command(CMD_HALT, k, code=WHY_KILL_SWITCH, flag=int(flatten), price=self.price(k))
        log.warning("halted", reason=reason, flatten=flatten)

    def resume(self) -> None:
        """Acknowledge a halt; the session looks for entries again."""
        if self.kill_switch is not None:
            self.kill_switch.clear()
        self.gate("kill_switch", closed=False)
        self._each(CMD_RESUME)
        self._each(CMD_READY)

    def set_limits(self, trading: TradingSettings) -> None:
        """Replace the limits."""
        self.session.set_limits(trading)

    def _recall_kill_switch(self) -> None:
        """A kill switch that was on when the process ended is still on."""
        halted = bool(self.session.A["halted"].item(0))
        if self.kill_switch is not None and self.kill_switch.on and not self.session.finished and not halted:
            found = self.kill_switch.read()
            self.halt(str(found.get("reason", "it was on at the start")), flatten=bool(found.get("flatten", False)))

    # ---------------------------------------------------------------------------------------------------------- helpers
    async def _sync(self) -> None:
        """Bring the journal to the disk, in batches."""
        journal = self.session.journal
        while True:
            await asyncio.sleep(SYNC_EVERY)
            journal.mark(await asyncio.to_thread(journal.flush))

    async def _store(self) -> None:
        """Hand events to the store, in batches."""
        writer = self.writer
        while writer is not None:
            await asyncio.sleep(STORE_EVERY)
            if writer.waiting:
                await writer.flush(self.session, "running")

    async def _watch(self) -> None:
        """Close entries while the feed says nothing."""
        limit = self._stale_after or 0.0
        self._heard = self._clock.monotonic()
        while True:
            await self._clock.sleep(limit / 4)
            self.gate("stale_feed", closed=self._clock.monotonic() - self._heard > limit)
