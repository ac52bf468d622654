"""A session put together with everything around it: execution, facts, feed, loop."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triplane.data.clock import Clock, SystemClock
from triplane.data.feed import Feed
from triplane.engine.beginning import open_session
from triplane.engine.emitter import Emitter
from triplane.engine.runner import Options, Runner
from triplane.engine.session import Observer, Session
from triplane.engine.setup import Setup
from triplane.execution.bridge import SessionBridge
from triplane.execution.loop import ExecutionLoop
from triplane.execution.order_manager import OrderManager
from triplane.execution.risk import SLACK, Bounds
from triplane.flow.log import FactLog
from triplane.model.money import money
from triplane.model.money import price as as_price
from triplane.strategies.compiler import Core
from triplane.venues.base import Venue

__all__ = ["MakeFeed", "Opened", "Options", "make_bridge", "open_runner"]

MakeFeed = Callable[[Mapping[str, int]], Feed]
"""Makes the feed that goes on behind the open times given by symbol."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What was put together; ``notice`` is a sentence when an interrupted session could not be continued."""

    runner: Runner
    log: FactLog | None
    continued: bool
    notice: str


def make_bridge(session: Session, venue: Venue, now: int) -> SessionBridge:
    """The order manager of a session and what connects both."""

    def bounds(k: int) -> Bounds:
        balance, limits = float(session.A["balance"][0]), session.trading
        most = limits.max_position_share * balance
        if limits.max_position_quote:
            most = min(most, limits.max_position_quote)
        price = float(session.S[k]["core"]["last"]["close"])
        return Bounds(money(most * SLACK), as_price(price))

    manager = OrderManager(
        session.id,
        [row.instrument for row in session.setup.rows],
        venue.capabilities,
        bounds=bounds,
        wallet=lambda: float(session.A["balance"][0]),
    )
    return SessionBridge(manager, now)


def open_runner(
    data_dir: Path,
    setup: Setup,
    core: Core,
    make_feed: MakeFeed,
    *,
    options: Options | None = None,
    clock: Clock | None = None,
    venue: Venue | None = None,
) -> Opened:
    """Open the session with this setup (the interrupted one, or a new one) and put everything around it.

    Parameters
    ----------
    data_dir
        Where sessions and locks are kept.
    setup, core
        What to run, compiled.
    make_feed
        Called with the open time of the newest known candle by symbol.
    options, clock
        How to run, and what tells the time.
    venue
        Where orders go, opened; None for the simulated broker.
    """
    options = options or Options()
    clock = clock or SystemClock()
    made: list[tuple[Emitter, FactLog | None, SessionBridge | None]] = []

    def observe(session: Session) -> Observer:
        log = FactLog(session.folder) if options.facts else None
        bridge = make_bridge(session, venue, clock.now_ms()) if venue is not None else None
        consumers: list[Any] = [*options.consumers, *([log] if log is not None else [])]
        first: list[Observer | SessionBridge] = [*([bridge] if bridge is not None else []), *options.observers]
        emitter = Emitter(session, first, consumers)
        made.append((emitter, log, bridge))
        return emitter

    opened = open_session(data_dir / "sessions", setup, core, observe, one_by_one=not options.whole)
    session, (emitter, log, bridge) = opened.session, made[-1]
    session.S["core"]["raised"] = 0  # what its strategy raised while the journal was replayed has been told
    execution = ExecutionLoop(bridge, venue, clock) if bridge is not None and venue is not None else None
    known = {s: at for s, at in zip(setup.symbols, session.last_open, strict=True) if at >= 0}
    runner = Runner(
        session,
        make_feed(known),
        emitter,
        options,
        clock,
        execution,
    )
    if execution is not None:
        execution.on_finding = runner.found
        execution.on_confirmed = runner.confirmed
    return Opened(runner, log, opened.continued, opened.notice)
