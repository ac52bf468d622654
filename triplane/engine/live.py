"""The engine as the API sees it: reads come from the replica, commands go to the runner; and how it is put together."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from triplane.data.clock import Clock, SystemClock
from triplane.data.feed import Feed
from triplane.engine.agenda import NOTHING, Array
from triplane.engine.bus import EventBus
from triplane.engine.decode import money
from triplane.engine.eventlog import EventLog
from triplane.engine.killswitch import KillSwitch
from triplane.engine.record import Record
from triplane.engine.replica import Payload, Replica
from triplane.engine.runner import Outcome, Publisher, Runner
from triplane.engine.session import Session, open_session
from triplane.engine.settings import TradingSettings, checked
from triplane.engine.setup import Setup
from triplane.engine.storing import Sink, Writer
from triplane.errors import BadInput, TriplaneError
from triplane.execution.bridge import SessionBridge
from triplane.execution.loop import ExecutionLoop
from triplane.execution.order_manager import OrderManager
from triplane.execution.risk import Bounds
from triplane.kernel.records import (
    CMD_CANCEL,
    CMD_CLOSE,
    CMD_EXECUTE,
    CMD_EXPIRE,
    CMD_MARKET,
    CMD_RESET,
    CMD_SIMULATE,
)
from triplane.strategies.base import AnyStrategy
from triplane.strategies.compiler import Core
from triplane.venues.base import Venue

SLACK: Final = 1.05
"""An order's value may be so much above the largest position: the price has moved since it was sized."""
MakeFeed = Callable[[Mapping[str, int]], Feed]
"""Makes the feed that goes on behind the open times given by symbol."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run.

    Parameters
    ----------
    page
        Keep a replica for the page; without it candles are taken in whole batches.
    live
        Candles come as they happen.
    speed
        Of a replay, for the status.
    stale_after
        Seconds without a word from the feed after which entries are closed; None for no watchdog.
    agenda
        Gate events of calendars: commands in order of time.
    """

    page: bool = True
    live: bool = False
    speed: float | str = "max"
    stale_after: float | None = None
    agenda: Array = field(default_factory=lambda: NOTHING)


class Engine:
    """A session with everything around it; made by :func:`open_engine`.

    Attributes
    ----------
    session, runner, bus
        The parts.
    continued : bool
        An interrupted session goes on.
    notice : str
        A sentence when one could not be continued.
    """

    def __init__(self, runner: Runner, bus: EventBus, *, continued: bool, notice: str) -> None:
        self.runner = runner
        self.session = runner.session
        self.bus = bus
        self.continued = continued
        self.notice = notice
        self.record = runner.publisher.record
        self.on_end: Callable[[], Awaitable[None]] | None = None

    async def run(self) -> Outcome:
        """Run until the data ends or :meth:`stop`; then what ``on_end`` names is let go of."""
        try:
            return await self.runner.run()
        finally:
            if self.on_end is not None:
                await self.on_end()

    def stop(self) -> None:
        """Ask :meth:`run` to end; the session can be continued later."""
        self.runner.stop()

    def summary(self, outcome: Outcome) -> Payload:
        """What a run without a page prints: the session, its digest, and the figures of a backtest."""
        return {
            "session": self.session.id,
            "finished": outcome.finished,
            "strategy": self.session.setup.strategy,
            "symbols": list(self.session.setup.symbols),
            "bars": self.session.candles,
            **self.record.performance(),
            "decisions_sha256": self.session.decisions.hexdigest(),
            "seconds": round(outcome.seconds, 6),
            "bars_per_second": round(outcome.candles / outcome.seconds) if outcome.seconds > 0 else None,
        }

    # ------------------------------------------------------------------------------------------------------------ reads
    @property
    def replica(self) -> Replica:
        """The read model."""
        if self.runner.replica is None:
            raise TriplaneError("This session runs without a page.")
        return self.runner.replica

    @property
    def events(self) -> EventLog:
        """The log that the WebSockets are fed from."""
        return self.replica.log

    def ready(self) -> bool:
        """Whether history is loaded and the session runs."""
        return self.replica.ready()

    def status(self, symbol: str | None = None) -> Payload:
        """``/system/status`` of a symbol, or of the session's first."""
        return self.replica.status(symbol)

    def signal_check(self, symbol: str) -> Payload:
        """Each gate's verdict now."""
        return self.replica.signal_check(symbol)

    def history(self, symbol: str, limit: int, before: int | None = None) -> Payload:
        """The last candles with indicators, zones and markers."""
        return self.replica.history(symbol, limit, before)

    def feed(self) -> Payload:
        """The state of the connection to the source of market data."""
        return self.replica.feed()

    def portfolio(self) -> Payload:
        """The account with open positions and pending orders."""
        return self.replica.portfolio()

    def performance(self) -> Payload:
        """The figures of the session so far."""
        return self.replica.performance()

    def equity_curve(self, limit: int) -> list[Payload]:
        """Up to ``limit`` points of the whole curve, oldest first."""
        return self.replica.equity_curve(limit)

    def pending_signals(self) -> list[Payload]:
        """The signals that wait for a person, oldest first."""
        return self.replica.pending_signals()

    def decisions(self, limit: int) -> list[Payload]:
        """The last entries of the log of decisions, oldest first."""
        return self.replica.decisions(limit)

    def settings(self) -> Payload:
        """The limits and settings of the session."""
        return self.replica.settings()

    # --------------------------------------------------------------------------------------------------------- commands
    async def command(self, kind: str, **fields: Any) -> Payload:
        """Journal and carry out what a person wants.

        Raises
        ------
        LookupError
            No such symbol, session, order or signal.
        BadInput
            A value that is not allowed.
        TriplaneError
            Not possible in this state.
        """
        session_id = fields.get("session_id")
        if session_id is not None and session_id != self.session.id:
            raise LookupError(f"Session {session_id} does not run here; session {self.session.id} does.")
        handlers: dict[str, Callable[[Mapping[str, Any]], str]] = {
            "stop": self._stop,
            "halt": self._halt,
            "resume": self._resume,
            "close": self._close,
            "cancel": self._cancel,
            "market": self._market,
            "execute": self._execute,
            "expire": self._expire,
            "simulate": self._simulate,
            "reset": self._reset,
            "limits": self._limits,
        }
        if kind == "start":
            raise TriplaneError(f"Session {self.session.id} runs here; stop it before another one is started.")
        if kind not in handlers:
            raise BadInput(f"command is {kind!r}; it must be one of {', '.join(handlers)}.")
        return {"accepted": True, "message": handlers[kind](fields)}

    def _k(self, fields: Mapping[str, Any]) -> int:
        symbol = fields.get("symbol")
        if symbol not in self.session.setup.symbols:
            raise LookupError(f"Symbol {symbol} is not in this session.")
        return self.session.setup.symbols.index(str(symbol))

    def _stop(self, _: Mapping[str, Any]) -> str:
        self.stop()
        return f"Session {self.session.id} stops; started again with the same arguments, it goes on."

    def _halt(self, fields: Mapping[str, Any]) -> str:
        self.runner.halt(str(fields.get("reason", "by hand")), flatten=bool(fields.get("flatten", False)))
        return "The kill switch is on: no entries until a person resumes."

    def _resume(self, _: Mapping[str, Any]) -> str:
        self.runner.resume()
        return "The halt is acknowledged; the session goes on."

    def _close(self, fields: Mapping[str, Any]) -> str:
        k = self._k(fields)
        if self.session.S[k]["core"]["position"]["lots"] == 0:
            raise LookupError(f"There is no open position in {fields['symbol']}.")
        self.runner.command(CMD_CLOSE, k, price=self.runner.price(k))
        return f"The position in {fields['symbol']} is closed at market."

    def _entry(self, k: int) -> None:
        if self.session.S[k]["core"]["legs"][0]["order"] == 0:
            raise LookupError(f"There is no pending entry order in {self.session.setup.symbols[k]}.")

    def _cancel(self, fields: Mapping[str, Any]) -> str:
        k = self._k(fields)
        self._entry(k)
        self.runner.command(CMD_CANCEL, k)
        return f"The entry order in {fields['symbol']} is cancelled."

    def _market(self, fields: Mapping[str, Any]) -> str:
        k = self._k(fields)
        self._entry(k)
        self.runner.command(CMD_MARKET, k, price=self.runner.price(k))
        return f"The pending entry in {fields['symbol']} is executed at market."

    def _execute(self, fields: Mapping[str, Any]) -> str:
        k, decision = self._k(fields), int(fields["decision"])
        self._waiting(decision)
        if not self.runner.command(CMD_EXECUTE, k, number=decision, price=self.runner.price(k)):
            state = self.replica.status(str(fields["symbol"]))["state"]
            raise TriplaneError(f"The signal was not executed: the session is {state}, not SCANNING.")
        return f"The signal in {fields['symbol']} went to risk and execution."

    def _expire(self, fields: Mapping[str, Any]) -> str:
        k, decision = self._k(fields), int(fields["decision"])
        self._waiting(decision)
        self.runner.command(CMD_EXPIRE, k, number=decision)
        return f"The signal in {fields['symbol']} has expired."

    def _waiting(self, decision: int) -> None:
        if all(signal["decision"] != decision for signal in self.replica.pending_signals()):
            raise LookupError(f"No signal with decision {decision} waits for a person.")

    def _simulate(self, fields: Mapping[str, Any]) -> str:
        k, side, stop = self._k(fields), int(fields["side"]), fields.get("stop")
        if side not in (1, -1):
            raise BadInput(f"side is {side}; it must be 1 (buy) or -1 (sell).")
        if not self.runner.command(CMD_SIMULATE, k, side=side, price=float(stop or 0.0)):
            state = self.replica.status(str(fields["symbol"]))["state"]
            raise TriplaneError(f"No debug signal was made: the session is {state}, not SCANNING.")
        return f"A debug signal in {fields['symbol']} went to risk and execution."

    def _reset(self, fields: Mapping[str, Any]) -> str:
        balance = float(fields.get("balance") or self.session.setup.balance)
        if not 0.0 < balance < float("inf"):
            raise BadInput(f"balance is {balance}; it must be more than 0.")
        for k in range(len(self.session.setup.instruments)):
            self.runner.command(CMD_CANCEL, k)
            self.runner.command(CMD_CLOSE, k, price=self.runner.price(k))
        self.runner.command(CMD_RESET, 0, price=balance)
        return f"The paper account starts again with {balance}."

    def _limits(self, fields: Mapping[str, Any]) -> str:
        values = self.session.trading.model_dump() | dict(fields["values"])
        self.runner.set_limits(checked(TradingSettings, values, "Trading settings"))
        return "The settings count from the next candle on."


def make_link(session: Session, venue: Venue, now: int) -> SessionBridge:
    """The order manager of a session and the bridge between the two."""

    def bounds(k: int) -> Bounds:
        balance, limits = float(session.A["balance"][0]), session.trading
        most = limits.max_position_share * balance
        if limits.max_position_quote:
            most = min(most, limits.max_position_quote)
        price = float(session.S[k]["core"]["last"]["close"])
        return Bounds(money(most * SLACK), money(price))

    manager = OrderManager(
        session.id,
        session.setup.instruments,
        venue.capabilities,
        bounds=bounds,
        wallet=lambda: float(session.A["balance"][0]),
    )
    return SessionBridge(manager, now)


def open_engine(
    data_dir: Path,
    setup: Setup,
    core: Core,
    spec: AnyStrategy,
    make_feed: MakeFeed,
    *,
    options: Options | None = None,
    sink: Sink | None = None,
    clock: Clock | None = None,
    venue: Venue | None = None,
) -> Engine:
    """Open the session with this setup (the interrupted one, or a new one) and put everything around it.

    Parameters
    ----------
    data_dir
        Where sessions, kill switch and locks are kept.
    setup, core, spec
        What to run, compiled.
    make_feed
        Called with the open time of the newest known candle by symbol.
    options, sink, clock
        How to run, where events are stored, and what tells the time.
    venue
        Where orders go, opened; None for the simulated broker.
    """
    options = options or Options()
    clock = clock or SystemClock()
    bus = EventBus(sleep=clock.sleep)
    writer = Writer(sink) if sink is not None else None
    made: list[Publisher] = []

    def observe(session: Session) -> Publisher:
        if writer is not None:
            writer.begin(session.id)
        record = Record(setup.balance)
        publisher = Publisher(session, spec, record, bus, writer)
        if venue is not None:
            publisher.link = make_link(session, venue, clock.now_ms())
        if options.page:
            publisher.replica = Replica(session, spec, record, EventLog(session.id, clock.now_ms()), options.speed)
            publisher.replica.quiet = True
        made.append(publisher)
        return publisher

    opened = open_session(data_dir / "sessions", setup, core, observe, one_by_one=options.page)
    publisher = made[-1]
    if publisher.replica is not None:
        publisher.replica.refresh("the session was opened")
    pilot = ExecutionLoop(publisher.link, venue, clock) if publisher.link is not None and venue is not None else None
    known = {s: at for s, at in zip(setup.symbols, opened.session.last_open, strict=True) if at >= 0}
    runner = Runner(
        opened.session,
        make_feed(known),
        publisher,
        bus=bus,
        writer=writer,
        kill_switch=KillSwitch(data_dir),
        clock=clock,
        live=options.live,
        stale_after=options.stale_after,
        agenda=options.agenda,
        pilot=pilot,
    )
    if pilot is not None:
        pilot.on_finding = runner.found
        pilot.on_confirmed = runner.confirmed
    return Engine(runner, bus, continued=opened.continued, notice=opened.notice)
