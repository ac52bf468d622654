"""The router: the one place that orders leave by, and the only one that holds a venue with keys.

It is a :class:`~triplane.venues.base.Venue` around another one, with four more promises:

* **One client order id is one order.** The same order under a known id gets the answer that the first one got, for
  ever; another order under it is a :class:`Conflict`. An id is written down before its order is sent. When an attempt
  got no answer the venue is asked first; the order is sent again only when the venue does not know it *and* can no
  longer accept the first attempt. What was refused for a temporary reason may be tried again.
* **A circuit breaker**: entries are refused while the venue fails.
* **A kill switch**: entries are refused until it is switched off, also after a restart; working ones are cancelled.
* Neither ever holds back an order that can only make a position smaller.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeVar

import structlog
from msgspec.structs import replace

from triplane.data.instruments import Instrument
from triplane.errors import BadInput, DataError, TriplaneError
from triplane.execution.breaker import Breaker
from triplane.execution.ids import base36
from triplane.execution.metrics import RouterMetrics
from triplane.execution.records import KillSwitchState, OrderRecord, OrderRecords, RecordState
from triplane.execution.risk import Bounds, approve, approve_exit
from triplane.execution.wire import Conflict
from triplane.venues.base import (
    Approved,
    Execution,
    Funding,
    NewOrder,
    OrderReport,
    OrderType,
    PositionReport,
    Shape,
    Snapshot,
    Venue,
    VenueEvent,
)
from triplane.venues.errors import LATER, NotFound, Refused, Unknown, VenueError, Why

__all__ = ["Conflict", "KillResult", "Router"]

T = TypeVar("T")
log = structlog.get_logger(__name__)
MARGIN: Final = 1000
"""Added to the venue's request window before an attempt counts as one that never arrived, ms."""
LONGEST_WINDOW: Final = 60_000
"""The window of a venue that states none, ms."""
SYNC: Final = 1.0
"""Seconds between two flushes of the records to the disk."""
SICK: Final = frozenset({Why.DOWN, Why.OVERLOAD})
LONGEST_ID: Final = 36


class KillResult(Shape, frozen=True):
    """What the kill switch did.

    Attributes
    ----------
    cancelled, closing
        Client ids of the orders that were cancelled, and of those that close positions.
    problems
        What could not be done, each in a sentence.
    """

    switch: KillSwitchState
    cancelled: tuple[str, ...] = ()
    closing: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def with_more(self, later: "KillResult") -> "KillResult":
        """Together with the result of a second pass, whose problems count."""
        cancelled, closing = self.cancelled + later.cancelled, self.closing + later.closing
        return KillResult(later.switch, cancelled, closing, later.problems)


async def _same(order: Approved[NewOrder]) -> Approved[NewOrder]:
    return order


class Router:
    """Sends orders to one account of one venue.

    Parameters
    ----------
    venue
        The adapter.
    folder
        Where ids and the kill switch are kept; None = in memory, for as long as the process lives.
    """

    def __init__(self, venue: Venue, folder: Path | None = None, *, breaker: Breaker | None = None) -> None:
        self.venue = venue
        self.name, self.capabilities = venue.name, venue.capabilities
        self.records = OrderRecords(folder)
        self.breaker = breaker or Breaker()
        self.metrics = RouterMetrics(lambda: self.breaker.state(self.now_ms()), lambda: self.records.kill.active)
        self.symbols: set[str] = {record.order.symbol for record in self.records}
        """All symbols that were traded or prepared here."""
        self.wallet: Decimal | None = None
        """What the venue said last that there is, quote currency."""
        self._under_way: dict[str, asyncio.Event] = {}
        self._killing = asyncio.Lock()
        self._syncing: asyncio.Task[None] | None = None

    # ----------------------------------------------------------------------------------------------------------- life
    async def open(self) -> None:
        await self.venue.open()
        remember = getattr(self.venue, "remember", None)  # a venue that does not return client ids has to remember them
        if remember is not None:
            remember(record.order for record in self.records)
        if self._syncing is None:
            self._syncing = asyncio.create_task(self._sync())

    async def close(self) -> None:
        """Close the venue and release the folder; may be called twice."""
        if self._syncing is not None:
            self._syncing.cancel()
            await asyncio.gather(self._syncing, return_exceptions=True)
            self._syncing = None
        await self.venue.close()
        self.records.close()

    async def _sync(self) -> None:
        while True:
            await asyncio.sleep(SYNC)
            try:
                await asyncio.to_thread(self.records.sync)
            except OSError as error:  # the operating system has the lines all the same
                log.warning("the records cannot be put on the disk", error=error.strerror)

    def now_ms(self) -> int:
        return self.venue.now_ms()

    # --------------------------------------------------------------------------------------------------------- orders
    async def place(self, order: Approved[NewOrder]) -> OrderReport:
        """Send an order, or return what is known of it; raises Conflict for another order under its id."""
        return await self._place(order.value, lambda: _same(order))

    async def submit(self, new: NewOrder, bounds: Bounds | None = None) -> OrderReport:
        """Check an order against the venue's rules and bounds, then place it; a known one is not checked again."""

        async def approved() -> Approved[NewOrder]:
            (rules,) = await self.instruments([new.symbol])
            return approve(new, rules, None if self.reduces(new) else bounds)

        return await self._place(new, approved)

    async def _place(self, new: NewOrder, approved: Callable[[], Awaitable[Approved[NewOrder]]]) -> OrderReport:
        async with self._alone(new.client_id):
            record = self.records.get(new.client_id)
            if record is not None:
                known = await self._known(record, new)
                if known is not None:
                    return known
            order = await approved()
            self._admit(new)
            return await self._send(order)

    @asynccontextmanager
    async def _alone(self, client_id: str) -> AsyncIterator[None]:
        """Only one task at a time works on an id."""
        while (other := self._under_way.get(client_id)) is not None:
            await other.wait()
        done = self._under_way[client_id] = asyncio.Event()
        try:
            yield
        finally:
            del self._under_way[client_id]
            done.set()

    async def _known(self, record: OrderRecord, new: NewOrder) -> OrderReport | None:
        """The answer to a known order; None when it may be sent."""
        if record.order != new:
            raise Conflict(f"{new.client_id} is the id of another order, and can never mean a second one")
        if record.refusal is not None:
            known = record.refusal
            raise Refused(str(known), known.code, known.why)
        return await self._find(record) if record.state is RecordState.SENT else record.report

    async def _find(self, record: OrderRecord) -> OrderReport | None:
        """Ask for the state of an attempt; None is the evidence that it never arrived.

        Raises
        ------
        Unknown
            When there is neither an order nor that evidence.
        """
        new = record.order
        try:
            return await self.order(new.symbol, new.client_id, conditional=new.type.conditional)
        except NotFound:
            until = record.sent_at + (self.capabilities.request_window or LONGEST_WINDOW) + MARGIN
            if self.now_ms() < until:
                text = f"the venue does not know {new.client_id} yet, and may still accept it"
                raise Unknown(text) from None
        except VenueError as error:
            raise Unknown(f"what became of {new.client_id} cannot be asked: {error}", error.code) from None
        try:
            seen = await self.snapshot([new.symbol])
        except VenueError as error:
            raise Unknown(f"what became of {new.client_id} cannot be asked: {error}", error.code) from None
        listed = [report for report in seen.orders if report.client_id == new.client_id]
        if listed:
            self.records.answered(new.client_id, listed[0])
        return listed[0] if listed else None

    def reduces(self, order: NewOrder | OrderReport) -> bool:
        """Whether an order can only make a position smaller."""
        return order.reduce_only or (order.side < 0 and not self.capabilities.shorts)

    def _admit(self, new: NewOrder) -> None:
        """Refuse an entry while the kill switch is on or the breaker open."""
        reduces = self.reduces(new)
        if self.records.kill.active and not reduces:
            self.metrics.note("place", "kill_switch")
            raise Refused("the kill switch is on: no entries until it is taken back", "kill_switch", Why.DOWN)
        until = self.breaker.refuses(self.now_ms(), reduces=reduces)
        if until:
            self.metrics.note("place", "breaker_open")
            raise Refused("the venue fails: no entries until it answers again", "breaker_open", Why.DOWN, until)

    async def _send(self, order: Approved[NewOrder]) -> OrderReport:
        new = order.value
        self.symbols.add(new.symbol)
        self._note(new)
        try:
            report = await self._ask("place", self.venue.place(order), trades=True)
        except Refused as error:
            if error.why is Why.DUPLICATE:
                return await self._duplicate(new, error)
            if error.why in LATER:
                self.records.free(new.client_id)
            else:
                self.records.refused(new.client_id, error)
            raise
        self.records.answered(new.client_id, report)
        return report

    def _note(self, new: NewOrder) -> None:
        try:
            self.records.sent(new, self.now_ms())
        except OSError as error:
            text = f"the router cannot write down the order: {error.strerror}"
            if not self.reduces(new):
                self.breaker.undecided()
                raise Refused(text, why=Why.DOWN) from None
            log.warning(text, client_id=new.client_id)  # it is sent all the same: it reduces a risk
            self.records.remember(new, self.now_ms())

    async def _duplicate(self, new: NewOrder, error: Refused) -> OrderReport:
        """The venue has a working order under this id, from before the records began."""
        try:
            found = await self.venue.order(new.symbol, new.client_id, conditional=new.type.conditional)
        except VenueError:
            raise error from None
        if (found.symbol, found.side) != (new.symbol, new.side):
            raise Conflict(f"the venue has another order under {new.client_id}")
        self.records.answered(new.client_id, found)
        return found

    async def cancel(self, symbol: str, client_id: str, *, conditional: bool) -> None:
        await self._ask("cancel", self.venue.cancel(symbol, client_id, conditional=conditional), trades=True)

    async def order(self, symbol: str, client_id: str, *, conditional: bool) -> OrderReport:
        """Look an order up by its client id; raises NotFound. The answer settles an attempt of unknown fate."""
        report = await self._ask("order", self.venue.order(symbol, client_id, conditional=conditional))
        record = self.records.get(client_id)
        if record is not None and record.state is RecordState.SENT:
            self.records.answered(client_id, report)
        return report

    async def _ask(self, name: str, request: Awaitable[T], *, trades: bool = False) -> T:
        """Make a request; times and counts it. One that trades tells the breaker about the venue's health.

        An error that the adapter did not foresee leaves the fate of an order unknown.
        """
        started, outcome = time.perf_counter(), "unknown"
        healthy: bool | None = False
        try:
            answer = await request
        except Refused as error:
            outcome = error.why
            healthy = False if error.why in SICK else None if error.why in LATER else True
            raise
        except NotFound:
            outcome, healthy = "not_found", True
            raise
        except Unknown:
            raise
        except Exception as error:
            if not trades:
                raise
            if isinstance(error, BadInput) and not isinstance(error, DataError):  # found before anything was sent
                outcome, healthy = Why.OTHER, None
                raise Refused(str(error)) from None
            text = str(error) if isinstance(error, TriplaneError) else type(error).__name__
            raise Unknown(f"the venue's answer cannot be read: {text}") from error
        else:
            outcome, healthy = "ok", True
            return answer
        finally:
            self.metrics.note(name, outcome, time.perf_counter() - started)
            if trades:
                self._health(healthy)

    def _health(self, healthy: bool | None) -> None:
        if healthy:
            self.breaker.succeeded()
        elif healthy is None:
            self.breaker.undecided()
        else:
            self.breaker.failed(self.now_ms())

    # ---------------------------------------------------------------------------------------------------- kill switch
    async def kill(self, reason: str = "", *, flatten: bool = False) -> KillResult:
        """Refuse entries from now on, cancel working ones, and maybe close all positions at market.

        It does as much as it can and reports what is left. May be called again, for what was left.
        """
        switch = self.records.kill
        if not switch.active:
            switch = KillSwitchState(True, self.now_ms(), reason)
        problems: list[str] = []
        try:
            self.records.switch(switch)
        except OSError as error:
            problems.append(f"the kill switch is on, but not after a restart: {error.strerror}")
        async with self._killing:
            waiting = [event.wait() for event in self._under_way.values()]
            done = await self._sweep(flatten)
            if waiting:  # orders that were admitted before have their answer now
                await asyncio.gather(*waiting)
                done = done.with_more(await self._sweep(flatten))
        problems += [
            f"what became of {record.order.client_id} is not known; it may still become an order"
            for record in self.records
            if record.state is RecordState.SENT and not self.reduces(record.order)
        ]
        done = replace(done, switch=switch, problems=(*problems, *done.problems))
        log.warning("kill switch", reason=switch.reason, flatten=flatten, problems=done.problems)
        return done

    async def _sweep(self, flatten: bool) -> KillResult:
        """Cancel working orders and close positions of every symbol."""
        cancelled: list[str] = []
        closing: list[str] = []
        problems: list[str] = []
        for symbol in sorted(self.symbols):
            try:
                seen = await self.snapshot([symbol])
                before = flatten and not self.capabilities.stop_beside_target  # the stop locks what is to be sold
                await self._clear(seen.orders, cancelled, problems, everything=before)
                if flatten:
                    for position in seen.positions:
                        await self._flatten(position, closing)
                    left = (await self.snapshot([symbol])).positions
                    if left:
                        problems.append(f"{symbol}: the position is not closed yet, and keeps its stop")
                    await self._clear(seen.orders, cancelled, problems, everything=not left)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one symbol, the others are still to be done
                problems.append(f"{symbol}: {error if isinstance(error, TriplaneError) else type(error).__name__}")
        return KillResult(self.records.kill, tuple(cancelled), tuple(closing), tuple(problems))

    async def _clear(
        self, orders: Sequence[OrderReport], cancelled: list[str], problems: list[str], *, everything: bool
    ) -> None:
        for report in orders:
            if report.client_id in cancelled or not (everything or not self.reduces(report)):
                continue
            try:
                with suppress(NotFound):
                    await self.cancel(report.symbol, report.client_id, conditional=report.type.conditional)
                cancelled.append(report.client_id)
            except VenueError as error:
                problems.append(f"{report.symbol}: {report.client_id} could not be cancelled: {error}")

    async def _flatten(self, position: PositionReport, closing: list[str]) -> None:
        (rules,) = await self.instruments([position.symbol])
        quantity = rules.quantity(rules.lots(abs(position.quantity)))
        if quantity:
            client_id = f"kill-{base36(self.now_ms())}-{position.symbol}"[:LONGEST_ID]
            side = -1 if position.quantity > 0 else 1
            exit_ = NewOrder(client_id, position.symbol, side, OrderType.MARKET, quantity)
            await self.place(approve_exit(exit_))
            closing.append(client_id)

    def revive(self) -> KillSwitchState:
        """Switch the kill switch off."""
        try:
            self.records.switch(KillSwitchState())
        except OSError as error:
            raise TriplaneError(f"The kill switch is off, but on again after a restart: {error.strerror}.") from None
        return self.records.kill

    # ------------------------------------------------------------------------------------------------- passed through
    async def instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        return await self._ask("instruments", self.venue.instruments(symbols))

    async def check_keys(self) -> None:
        await self._ask("check_keys", self.venue.check_keys())

    async def prepare(self, symbols: Sequence[str], leverage: int, *, resume: bool = False) -> list[str]:
        self.symbols.update(symbols)
        return await self._ask("prepare", self.venue.prepare(symbols, leverage, resume=resume))

    async def fills(self, symbol: str, *, since: int, venue_order_id: str = "") -> list[Execution]:
        return await self._ask("fills", self.venue.fills(symbol, since=since, venue_order_id=venue_order_id))

    async def funding(self, symbol: str, *, since: int) -> list[Funding]:
        return await self._ask("funding", self.venue.funding(symbol, since=since))

    async def snapshot(self, symbols: Sequence[str]) -> Snapshot:
        seen = await self._ask("snapshot", self.venue.snapshot(symbols))
        self.wallet = seen.balance.wallet
        return seen

    def events(self) -> AsyncIterator[VenueEvent]:
        """The private stream of the venue; for one reader."""
        return self.venue.events()
