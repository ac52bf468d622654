"""What a session does, told in order: execution first, then facts to whoever wants them.

The emitter is the session's observer, so it hears of everything after it is in the journal, live and while the journal
is replayed; the same journal gives the same facts under the same numbers. Orders leave before anybody else hears of
what led to them. With no consumer no fact is made.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from triplane.data.candles import timeframe_name
from triplane.engine import ids
from triplane.engine.decode import Decoder
from triplane.engine.heads import Heads
from triplane.engine.observe import StateReader
from triplane.engine.session import Observer, Session
from triplane.execution.bridge import SessionBridge
from triplane.model.facts import Error, Fact, RiskAlert, SessionEnd, Settings, SleeveInfo
from triplane.model.facts import Session as SessionFact
from triplane.model.money import money, text
from triplane.version import __version__

Array = np.ndarray[Any, Any]


class Consumer(Protocol):
    """Who takes facts, in order, each once."""

    def take(self, facts: Sequence[Fact]) -> None:
        """Must neither raise nor wait."""
        ...


class Emitter(Observer):
    """Tells execution and consumers what a session does.

    Parameters
    ----------
    session
        Before its first input is taken or replayed.
    first
        Hear of rows before anything else happens: execution.
    consumers
        Take facts, in this order.

    Attributes
    ----------
    replaying
        What comes is from the journal.
    decided_ns
        ``time.perf_counter_ns()`` when the last decision was handed to the consumers.
    """

    def __init__(
        self,
        session: Session,
        first: Sequence["Observer | SessionBridge"] = (),
        consumers: Sequence[Consumer] = (),
    ) -> None:
        self.replaying = True
        self.decided_ns = 0
        self._first = tuple(first)
        self._consumers = tuple(consumers)
        self._heads = Heads(session.id)
        self._later: tuple[Session, Array, Array, Array] | None = None
        if self._consumers:
            self._decoder = Decoder(self._heads, session.spoken(), session.setup.costs.leverage, self._decided)
            self._decoder.simulated = session.simulated
            self._reader = StateReader(session, self._heads)
            self._emit([self._begin(session)])

    def _begin(self, session: Session) -> Fact:
        setup, specs = session.setup, session.core.strategies
        return SessionFact(
            **self._heads.make(0),
            mode=setup.mode,
            venue=setup.source,
            source=setup.source,
            strategy=" + ".join(spec.name for spec in specs),
            strategy_text=" ".join(spec.text for spec in specs),
            parameters=dict(setup.params),
            symbols=list(setup.symbols),
            base=timeframe_name(setup.base_ms),
            timeframe=timeframe_name(setup.timeframe_ms),
            start_balance=text(money(setup.start_equity)),
            started_at=session.created_at,
            settings=setup.trading.model_dump(),
            fixed_lots=setup.fixed_lots,
            version=__version__,
            account=setup.account,
            epoch=int(setup.opening.get("epoch", 0)),
            sleeves=[
                SleeveInfo(one.name, session.strategy_of(one).name, dict(one.params), list(one.symbols),
                           timeframe_name(one.timeframe_ms))
                for one in setup.portfolio
            ],
        )  # fmt: skip

    def _emit(self, facts: Sequence[Fact]) -> None:
        for consumer in self._consumers:
            consumer.take(facts)

    def _decided(self, facts: list[Fact]) -> None:
        """A decision goes out before its orders are described."""
        self._emit(facts)
        if not self.replaying:
            self.decided_ns = time.perf_counter_ns()

    def _rows(self, rows: Array) -> None:
        """Facts of rows, at once."""
        if len(rows):
            self._emit(self._decoder.decode(rows))

    # ------------------------------------------------------------------------------------------------ the observer
    def on_moment(self, session: Session, which: Array, candles: Array, rows: Array) -> None:
        """Candles were taken. When they led to orders at a venue, those leave before anybody else hears of them."""
        self.settle()
        if self._first:
            for observer in self._first:
                observer.on_moment(session, which, candles, rows)
            if len(rows) and not self.replaying:
                self._later = session, which, candles.copy(), rows.copy()
                return
        self._moment(session, which, candles, rows)

    def settle(self) -> None:
        """Tell of the candles that have not been told of yet."""
        if self._later is not None:
            later, self._later = self._later, None
            self._moment(*later)

    def _moment(self, session: Session, which: Array, candles: Array, rows: Array) -> None:
        if self._consumers:
            self._rows(rows)
            self._emit(self._reader.after_moment(session, which, candles, rows))

    def on_batch(self, session: Session, which: Array, candles: Array, rows: Array, equity: Array) -> None:
        """Many candles were taken at once: only what was decided is told; the candles are where they came from."""
        for observer in self._first:
            observer.on_batch(session, which, candles, rows, equity)
        if self._consumers:
            self._rows(rows)

    def on_command(self, session: Session, k: int, command: Array, rows: Array) -> None:
        """A command was carried out."""
        self.settle()
        for observer in self._first:
            observer.on_command(session, k, command, rows)
        if self._consumers:
            self._rows(rows)
            self._emit(self._reader.after_command(session, k))

    def on_limits(self, session: Session) -> None:
        """The limits were replaced."""
        if self._consumers:
            self._emit([Settings(**self._heads.make(session.now), values=session.trading.model_dump())])

    def on_note(self, session: Session, note: Mapping[str, Any]) -> None:
        """Something that the core does not decide was written down."""
        self.settle()
        if self._consumers:
            say = NOTES.get(note["note"])  # what an account was worth is for the record alone
            facts = say(self, session, note) if say is not None else []
            if facts:
                self._emit(facts)

    def on_end(self, session: Session) -> None:
        """The data has ended."""
        self.settle()
        if self._consumers:
            self._emit([SessionEnd(**self._heads.make(session.now), decisions_sha256=session.decisions.hexdigest())])

    # --------------------------------------------------------------------------------------------------------- notes
    def _confirmed(self, session: Session, note: Mapping[str, Any]) -> list[Fact]:  # noqa: ARG002 - one shape for all
        return self._decoder.confirmed(
            note["order"], note["client_id"], note["venue_id"], note["latency_ms"], note["time"]
        )

    def _finding(self, session: Session, note: Mapping[str, Any]) -> list[Fact]:
        head = self._heads.make(note["time"], note["symbol"])
        return [
            RiskAlert(**head, alert_id=ids.alert_id(session.id, -head["seq"]), severity=note["severity"],
                      alert_type=note["code"], message=note["text"], details={})
        ]  # fmt: skip

    def _error(self, session: Session, note: Mapping[str, Any]) -> list[Fact]:  # noqa: ARG002 - as above
        head = self._heads.make(note["time"], note.get("symbol", ""))
        return [Error(**head, code=note["code"], message=note["text"], severity=note["severity"])]


NOTES: dict[str, Callable[[Emitter, Session, Mapping[str, Any]], list[Fact]]] = {
    "confirmed": Emitter._confirmed,  # noqa: SLF001 - the table of its own methods
    "finding": Emitter._finding,  # noqa: SLF001
    "error": Emitter._error,  # noqa: SLF001
}
"""What each kind of note says."""
