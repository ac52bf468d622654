"""Alerts of what lasts: a halt, the kill switch, market data that is down, an engine that is silent.

Made from the health that the engine sends twice a second, and from its absence. Each condition is announced once when
it begins and once when it is over, whatever restarts in between.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Final

from msgspec.structs import replace

from triplane.alerts.alert import Alert, Kind, Tone
from triplane.alerts.from_facts import place
from triplane.alerts.memory import Active, Memory
from triplane.model.live import Health, SessionHealth
from triplane.model.sentences import HALT_TEXTS

SILENT_S: Final = 5.0
"""Without a sign of life for so long, the engine is dead or frozen."""
STARTING_S: Final = 60.0
"""The same before its first sign of life."""
FEED_S: Final = 30.0
"""Market data that is away for a shorter time is nobody's business."""
GONE_S: Final = 30.0
"""A session that the engine has not mentioned for so long has ended."""
ASLEEP_S: Final = 2.0
"""When this process was held up itself for so long, silence proves nothing."""
ENGINE: Final = "engine"


class Conditions:
    """Compares what is with what was announced.

    Parameters
    ----------
    memory
        What was announced; whose a session is, noted here too.
    clock
        Seconds that only grow.
    """

    def __init__(self, memory: Memory, clock: Callable[[], float] = time.monotonic) -> None:
        self._memory, self._clock = memory, clock
        self._heard = self._looked = clock()
        self._patience = STARTING_S
        self._since: dict[str, float] = {}
        self._told: list[Alert] = []
        self._numbers = itertools.count(1)

    def hear(self, health: Health) -> list[Alert]:
        """Take a sign of life; returns what is to be told."""
        self._heard, self._patience = self._clock(), SILENT_S
        self._engine(health)
        for session in health.sessions:
            self._memory.places[session.session_id] = place(session.mode, session.strategy)
        wanted = list(self._wanted(health))
        for alert, over in wanted:
            self._begin(alert, over)
        held = {ENGINE, *(alert.key for alert, _ in wanted)}
        status = {session.session_id: session.status for session in health.sessions}
        for key, active in list(self._memory.active.items()):
            if key not in held:
                self._over(key, active, status.get(active.session_id))
        return self._take()

    def look(self) -> list[Alert]:
        """Look whether the engine is silent; to be called about twice a second."""
        now = self._clock()
        if now - self._looked > ASLEEP_S:
            self._heard = now
        self._looked = now
        if now - self._heard >= self._patience:
            self._begin(silent(self._patience), "The engine is back")
        return self._take()

    def end(self) -> list[Alert]:
        """Triplane is stopped by a person; what runs is told to have stopped."""
        for key, active in list(self._memory.active.items()):
            if active.kind == "session":
                self._finish(key, active)
        self._memory.engine = 0
        return self._take()

    # ------------------------------------------------------------------------------------------------ what there is
    def _engine(self, health: Health) -> None:
        if health.starting:  # it may not come to an end with that
            return
        before, self._memory.engine = self._memory.engine, health.started_at
        active = self._memory.active.get(ENGINE)
        if active is not None:
            self._finish(ENGINE, active)
        elif before not in (0, health.started_at):
            text = "It had ended unexpectedly, and goes on from its journals."
            self._tell(condition("engine", "The engine was restarted", text))

    def _wanted(self, health: Health) -> Iterator[tuple[Alert, str]]:
        """The conditions that hold, with what is said when they are over."""
        if health.kill_switch:
            yield condition("kill_switch", "The kill switch is on", health.kill_reason or ""), "The kill switch is off"
        if health.disk_low:
            free = "" if health.disk_free is None else f" ({health.disk_free / 2**20:,.0f} MB)"
            text = f"No entries are made{free}."
            yield condition("error", "The disk is nearly full", text), "There is disk space again"
        for problem in health.problems:
            yield condition("error", "A session could not be continued", problem), "All sessions run"
        for session in health.sessions:
            yield from self._of_session(session, killed=health.kill_switch)

    def _of_session(self, session: SessionHealth, *, killed: bool) -> Iterator[tuple[Alert, str]]:
        name, running, failed = ", ".join(session.symbols), session.status == "running", session.status == "failed"
        if running:
            text = f"{name}, {session.timeframe}, {session.venue or session.feed.source}"
            yield condition("session", "A session is running", text, session), "A session has ended"
        if session.error and (running or failed):
            halted = "Trading is halted: no entries until a person resumes." if session.halted and running else ""
            text = "\n".join(part for part in (session.error, session.error_line, halted) if part)
            title = f"The session of {name} has failed" if failed else f"An error in the session of {name}"
            yield condition("error", title, text, session), f"The session of {name} is in order again"
        why = session.halt_reason or ""
        told = {"kill_switch": killed, "error": bool(session.error)}.get(why, False)
        if running and session.halted and not told:
            reason = HALT_TEXTS.get(why, why)
            if why == "kill_switch":
                reason = self._memory.killed.get(session.session_id, reason)
            text = f"{reason[:1].upper()}{reason[1:]}. No entries until a person resumes."
            yield condition("halted", f"Trading of {name} is halted", text, session), f"Trading of {name} was resumed"
        if running and self._feed_down(session):
            text = session.feed.text or f"Nothing has come from {session.feed.source} for {FEED_S:g} seconds."
            yield condition("feed", f"No market data for {name}", text, session), f"Market data for {name} is back"

    def _feed_down(self, session: SessionHealth) -> bool:
        feed, key = session.feed, f"feed {session.session_id}"
        if feed.connected and not feed.stale:
            self._since.pop(key, None)
            return False
        lasted = self._clock() - self._since.setdefault(key, self._clock())
        if feed.stale and feed.age_s is not None:
            lasted = max(lasted, feed.age_s)
        return lasted >= FEED_S or key in self._memory.active

    def _over(self, key: str, active: Active, status: str | None) -> None:
        """A condition that was announced is not seen any more; ``status`` is that of its session, if there is one."""
        gone = f"gone {active.session_id}"
        if not active.session_id or status == "running":
            self._finish(key, active)
        elif status is not None:
            self._since.pop(gone, None)
            if status != "loading":  # it has ended, and its halt with it
                self._finish(key, active, quietly=active.kind != "session" or status == "failed")
        elif self._clock() - self._since.setdefault(gone, self._clock()) >= GONE_S:
            self._finish(key, active, quietly=active.kind != "session")

    # -------------------------------------------------------------------------------------------------- begin, end
    def _begin(self, alert: Alert, over: str) -> None:
        self._since.pop(f"gone {alert.session_id}", None)
        if alert.key in self._memory.active:
            return
        self._memory.active[alert.key] = Active(
            kind=alert.kind, severity=alert.severity, over=over, session_id=alert.session_id, symbol=alert.symbol,
            where=self._memory.places.get(alert.session_id, ""),
        )  # fmt: skip
        self._tell(alert)

    def _finish(self, key: str, active: Active, *, quietly: bool = False) -> None:
        del self._memory.active[key]
        if not quietly:
            tone: Tone = "neutral" if active.kind == "session" else "good"
            self._tell(Alert(kind=active.kind, severity=active.severity, title=active.over, tone=tone,
                             where=active.where, session_id=active.session_id, symbol=active.symbol))  # fmt: skip

    def _tell(self, alert: Alert) -> None:
        """No two are the same: each is news, also when it is the second of its kind within a minute."""
        self._told.append(replace(alert, key=f"{alert.same} {next(self._numbers)}"))

    def _take(self) -> list[Alert]:
        told, self._told = self._told, []
        return told


def silent(seconds: float) -> Alert:
    """The engine is dead or frozen."""
    text = f"No sign of life for {seconds:g} seconds. Only orders that rest at the venue still act."
    return condition("engine", "The engine is silent", text)


def condition(kind: Kind, title: str, text: str, session: SessionHealth | None = None) -> Alert:
    """Something that lasts; only that a session runs is nothing bad."""
    session_id, well = session.session_id if session else "", kind == "session"
    return Alert(
        kind=kind,
        severity="info" if well else "critical",
        title=title,
        text=text,
        tone="neutral" if well else "bad",
        symbol=session.symbols[0] if session and len(session.symbols) == 1 else "",
        session_id=session_id,
        key=f"{kind} {session_id}".strip(),
    )
