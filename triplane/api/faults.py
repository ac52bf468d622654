"""What is not as it should be, for people: which part it is, since when, and what follows from it.

The page shows these sentences as they are, so that every reader of ``/health`` is told the same.
"""

from collections.abc import Iterator
from typing import Final

from triplane.api.replica.views import EngineState, Fault, StoreState
from triplane.model.live import Health, SessionHealth
from triplane.model.sentences import HALT_TEXTS

BEHIND: Final = 10_000
"""Facts that are not stored yet, from which on it is said."""
STORE_S: Final = 1.5
"""Seconds for which facts wait, from which on it is said: a database that is locked says so itself only later."""
VENUE_S: Final = 30.0
"""Seconds without a word from the venue."""
LEVELS: Final = ("bad", "warn", "info")
GOES_ON: Final = ("running", "loading")

STARTING: Final = "The engine is starting. A strategy that is new here is compiled first, which takes up to a minute."
STARTING_MS: Final = 60_000
"""How long it may take."""
STILL_STARTING: Final = (
    "The engine is still starting: it reads long journals again, or a strategy does not come to an end. Nothing is "
    "decided meanwhile, and no position can be closed from here; stops that rest at a venue stay."
)
REACHABLE: Final = "The kill switch and closing a position work all the same"
ENGINE: Final = {
    "starting": ("info", STARTING),
    "silent": ("bad", f"The engine is frozen, so nothing is decided. {REACHABLE}: they restart it."),
    "dead": ("bad", f"The engine is not running, so nothing is decided; it is being started again. {REACHABLE}."),
}


def faults(engine: EngineState, told: Health | None, store: StoreState) -> list[Fault]:
    """Everything, the worst first."""
    found = [*_of_engine(engine, told), *_of_store(store)]
    if told is not None:
        found += [fault for session in told.sessions for fault in _of_session(session, told)]
        found += _of_kill_switch(told)
        found += [Fault(name="session_lost", level="bad", text=text) for text in told.problems]
        if engine.state == "ok":  # otherwise this is how it was
            found += _of_disk(told)
            found += [fault for session in told.sessions for fault in _of_outside(session)]
    return sorted(found, key=lambda fault: LEVELS.index(fault.level))


def _of_engine(engine: EngineState, told: Health | None) -> Iterator[Fault]:
    if engine.state in ENGINE:
        level, text = ENGINE[engine.state]
        yield Fault(name=f"engine_{engine.state}", level=level, text=text, age_s=engine.heard_s)
    elif told is not None and told.starting:
        late = told.at - told.started_at > STARTING_MS
        yield Fault(name="engine_starting", level="bad" if late else "info", text=STILL_STARTING if late else STARTING)


def _of_store(store: StoreState) -> Iterator[Fault]:
    kept = "Trading goes on, and nothing is lost: it is stored later."
    if store.error:
        text = f"The database cannot be written, so lists of trades and sessions are not up to date. {kept}"
        yield Fault(name="store_error", level="warn", text=text, detail=store.error, age_s=store.age_s)
    elif store.age_s > STORE_S or store.behind > BEHIND:
        text = f"The database is behind, maybe locked: lists of trades and sessions are not up to date. {kept}"
        yield Fault(name="store_behind", level="warn", text=text, age_s=store.age_s or None)


def _of_disk(told: Health) -> Iterator[Fault]:
    if any(session.journal_behind for session in told.sessions):
        text = "The disk is full: what happens is not written down at present. No position is opened; exits go on."
        yield Fault(name="disk_full", level="bad", text=text)
    elif told.disk_low:
        text = "The disk is nearly full, so no position is opened until there is space again. Exits go on."
        yield Fault(name="disk_low", level="warn", text=text)


def _of_kill_switch(told: Health) -> Iterator[Fault]:
    if told.kill_switch and not any(session.halted for session in told.sessions):
        text = f"The kill switch is on: {told.kill_reason or 'no reason was given'}. No position is opened."
        yield Fault(name="kill_switch", level="bad", text=text)


def _of_session(session: SessionHealth, told: Health) -> Iterator[Fault]:
    """What it has come to by itself."""
    name, level, line = session.session_id, "bad", session.error_line
    if session.status == "failed":
        text = f"The session has ended with an error: {session.error or 'the log of the engine says which'}."
        yield Fault(name="session_failed", level=level, text=text, session_id=name, detail=line)
    elif session.status in GOES_ON and session.error:
        text = f"The strategy raised an error, so trading is halted; stops stay in place. {session.error}"
        yield Fault(name="strategy_error", level=level, text=text, session_id=name, detail=line)
    elif session.status in GOES_ON and session.halted:
        yield Fault(name="halted", level=level, text=f"Trading is halted: {_why(session, told)}.", session_id=name)


def _of_outside(session: SessionHealth) -> Iterator[Fault]:
    """What does not reach it."""
    if session.status != "running":
        return
    name, level, feed, age = session.session_id, "warn", session.feed, session.venue_age_s
    if feed.stale:
        text = f"The market data is stale: {feed.source} sends nothing. No position is opened."
        yield Fault(name="feed_stale", level=level, text=text, session_id=name, age_s=feed.age_s)
    elif not feed.connected:
        text = f"The connection to the market data of {feed.source} is lost and is being opened again."
        yield Fault(name="feed_down", level=level, text=text, session_id=name, detail=feed.text, age_s=feed.age_s)
    if age is not None and age > VENUE_S:
        text = f"The venue {session.venue} says nothing, so orders and positions shown may be old."
        yield Fault(name="venue_silent", level=level, text=text, session_id=name, age_s=age)
    if session.facts_error and not session.journal_behind:
        text = (
            "The log of facts is not written, so lists and other programs miss what happens. Trading goes on; with "
            "space on the disk, a restart makes the log again from the journal."
        )
        yield Fault(name="facts_error", level=level, text=text, session_id=name, detail=session.facts_error)
    if session.reconciled is False:
        text = "Orders and positions are being compared with the venue's; no position is opened until they agree."
        yield Fault(name="not_reconciled", level=level, text=text, session_id=name)


def _why(session: SessionHealth, told: Health) -> str:
    """Why it is halted: what a person gave as the reason, or what the limit was."""
    if session.halt_reason == "kill_switch" and told.kill_reason:
        return f"the kill switch was thrown ({told.kill_reason.rstrip('.')})"
    return HALT_TEXTS.get(session.halt_reason or "", session.halt_reason or "no reason was given")
