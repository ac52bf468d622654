"""How it goes, told once: the engine as heard here, the store, this process. Everything stale is dimmed by it."""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any, Final

from triplane.api.faults import faults
from triplane.api.messages import MessageLog
from triplane.api.replica.registry import Replicas
from triplane.api.replica.views import PageHealth, PageState, StoreState
from triplane.api.replica.watch import EngineWatch
from triplane.api.storing import Storing
from triplane.flow.limits import memory_mb
from triplane.model.live import SessionHealth
from triplane.version import __version__

TICK: Final = 0.1
TELL: Final = 0.5
FRESH_S: Final = 0.5
"""For how long it counts whether the database could be read: anybody may ask."""


class Monitor:
    """Watches this process and puts together how it goes; tells it to the sockets twice a second.

    Parameters
    ----------
    watch, sessions, storing
        The engine, the sessions, and the database.
    messages
        Where it is told.
    sockets
        How many clients listen.
    """

    def __init__(
        self,
        watch: EngineWatch,
        sessions: Replicas,
        messages: MessageLog,
        storing: Storing,
        sockets: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sockets, self._clock = sockets, clock
        self._reading: asyncio.Future[Any] | None = None
        self._read_at = 0.0
        self._watch, self._sessions, self._messages = watch, sessions, messages
        self._storing = storing
        self._started_at = time.time_ns() // 1_000_000
        self._slowest = self._last_slowest = 0.0

    async def run(self) -> None:
        """Look at the clock for ever."""
        loop = asyncio.get_running_loop()
        tell_at = 0.0
        while True:
            due = loop.time() + TICK
            await asyncio.sleep(TICK)
            now = loop.time()
            self._slowest = max(self._slowest, now - due)
            self._sessions.tick()
            if now >= tell_at:
                tell_at = now + TELL
                self._messages.append("health", None, None, time.time_ns() // 1_000_000, self.look(), ("health",))
                self._last_slowest, self._slowest = self._slowest, 0.0

    def look(self) -> PageHealth:
        """How it goes now."""
        engine, told = self._watch.state(), self._watch.told
        store = StoreState(behind=self._storing.behind, age_s=round(self._storing.age, 1), error=self._storing.error)
        return PageHealth(
            ready=self.why_not() is None,
            faults=faults(engine, told, store),
            engine=engine,
            told=told,
            store=store,
            page=PageState(
                pid=os.getpid(),
                version=__version__,
                started_at=self._started_at,
                memory_mb=memory_mb(),
                loop_s=round(max(self._slowest, self._last_slowest), 4),
                sockets=self._sockets(),
                messages=self._messages.published,
            ),
        )

    def why_not(self) -> str | None:
        """Why a supervisor should not count on this, or None when it may."""
        engine, told = self._watch.state(), self._watch.told
        if engine.state != "ok" or told is None:
            return engine.text or "The engine has not said how it is."
        if told.starting:
            return "The engine is starting."
        if told.problems:
            return told.problems[0]
        failed = [one for one in told.sessions if one.status == "failed"]
        if failed:
            return _failed(failed[0])
        if not any(one.status in ("running", "finished") for one in told.sessions):
            loading = any(one.status == "loading" for one in told.sessions)
            return "The session is still loading its history." if loading else "No session runs."
        return None

    async def read_store(self) -> None:
        """Raise what keeps the database from being read; it is asked once in a while, however many want to know."""
        if self._reading is None or (self._reading.done() and self._clock() - self._read_at >= FRESH_S):
            self._read_at = self._clock()
            self._reading = asyncio.ensure_future(asyncio.to_thread(lambda: self._storing.store.sessions(limit=1)))
        await asyncio.shield(self._reading)


def _failed(session: SessionHealth) -> str:
    return f"Session {session.session_id} has failed: {session.error or 'the log of the engine says why'}"
