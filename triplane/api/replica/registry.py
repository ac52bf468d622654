"""All sessions that the page knows: those that the engine runs, and those that stopped while the page ran.

A reader of the stream of facts: each session's facts go to its replica, and what changes becomes messages of the
sockets. While more comes than anybody can read (history, a fast replay) nothing is said but ``resync``, now and then.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from msgspec.structs import replace

from triplane.api.errors import ApiError
from triplane.api.messages import RESYNC, MessageLog
from triplane.api.replica.session import Say, SessionReplica, nobody
from triplane.api.replica.views import PositionView, Resync, StatusView
from triplane.api.replica.watch import EngineWatch
from triplane.model.facts import Fact, Session
from triplane.model.live import Forming, Health, SessionHealth

log = structlog.get_logger(__name__)

GONE: Final = 16
"""Sessions that are kept after they have stopped."""
ENDED: Final = frozenset({"finished", "stopped", "failed"})
WINDOW: Final = 0.25
FAST: Final = 500
"""Facts of a session within a window above which they are not told one by one."""
REFRESH: Final = 1.0
"""Seconds between two ``resync`` meanwhile."""


class Pace:
    """Whether the facts of a session come slowly enough to be told one by one."""

    def __init__(self) -> None:
        self.quiet = False
        self._since = self._told = 0.0
        self._count, self._fast = 0, False

    def take(self, n: int, now: float) -> bool:
        """Note that ``n`` facts came; gives whether they are to be told."""
        self._roll(now)
        self._count += n
        if self._count > FAST:
            self.hush(now)
        return not self.quiet

    def hush(self, now: float) -> None:
        """Tell nothing until it is slow again."""
        if not self.quiet:
            self._told = now
        self.quiet = self._fast = True

    def _roll(self, now: float) -> None:
        """Begin another window."""
        if now - self._since >= WINDOW:
            self._since, self._fast, self._count = now, self._count > FAST, 0

    def tick(self, now: float) -> str | None:
        """Why clients must read again now, or None."""
        if not self.quiet:
            return None
        self._roll(now)
        if not self._fast:
            self.quiet = False
            return "caught up"
        if now - self._told >= REFRESH:
            self._told = now
            return "fast replay"
        return None


class Told(SessionReplica):
    """A session of which messages tell, while they can be read.

    Attributes
    ----------
    pace
        Whether they can be.
    listed
        Whether the engine speaks of it; so it is held of one that has just begun.
    """

    def __init__(self, session: Session, messages: MessageLog, watch: EngineWatch) -> None:
        super().__init__(session)
        self.pace, self.listed = Pace(), True
        self._messages, self._watch = messages, watch

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it."""
        return not self.listed or (self.health is not None and self.health.status in ENDED)

    def say(self, topic: str, symbol: str | None, now: int, data: Any) -> None:
        """Tell what changed."""
        if topic == "session_update":
            for one in [symbol] if symbol else self.symbols:
                status = self.status(one, self._watch.state())
                self._messages.append(topic, self.id, one, now, status, (topic, self.id, one))
            return
        self._messages.append(topic, self.id, symbol, now, data, _picture(topic, self.id, symbol, data))

    def resync(self, why: str) -> None:
        """Tell that the present state is to be read."""
        self._messages.append(RESYNC, self.id, None, self.now, Resync(reason=why), (RESYNC, self.id))


class Replicas:
    """The replicas of all sessions; for the thread of the event loop.

    Parameters
    ----------
    messages
        Where what changes is told.
    watch
        How the engine is, as heard here.
    clock
        Seconds, for the pace.
    """

    def __init__(
        self,
        messages: MessageLog,
        watch: EngineWatch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._messages, self._watch, self._clock = messages, watch, clock
        self._replicas: dict[str, Told] = {}
        self._news = asyncio.Event()  # set, and replaced, when facts come

    # ------------------------------------------------------------------------------------------- what the engine says
    def on_facts(self, facts: Sequence[Fact]) -> None:
        """Take facts of one session, in order."""
        first = facts[0]
        replica = self._replicas.get(first.session_id)
        if isinstance(first, Session):  # the first fact of all: a new session, or one that is told anew
            try:
                fresh = Told(first, self._messages, self._watch)
            except Exception:
                log.exception("a session could not be shown", session=first.session_id)
                return
            if replica is not None:
                fresh.pace.hush(self._clock())  # what was told once is not told again
            replica = self._replicas[first.session_id] = fresh
            replica.health = self._health_of(first.session_id)
            self._show()
        if replica is None:
            log.error("facts of a session came without their beginning", session=first.session_id, seq=first.seq)
            return
        told = replica.pace.take(len(facts), self._clock())
        self._fold(replica, facts, replica.say if told else nobody)
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def reach(self, session_id: str, seq: int, within: float) -> bool:
        """Return once fact ``seq`` of a session is known here; False when it was not within so many seconds."""
        try:
            async with asyncio.timeout(within):
                while (replica := self._replicas.get(session_id)) is None or replica.seq < seq:
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    @staticmethod
    def _fold(replica: SessionReplica, facts: Sequence[Fact], say: Say) -> None:
        while facts:
            try:
                replica.take(facts, say)
            except Exception:
                log.exception("a fact could not be shown", session=replica.id, seq=replica.seq)
                facts = [fact for fact in facts if fact.seq > replica.seq]
            else:
                return

    def on_message(self, message: Health | Forming) -> None:
        """Take what is only true now."""
        if isinstance(message, Forming):
            replica = self._replicas.get(message.candle.session_id)
            if replica is not None and not replica.pace.quiet:
                replica.on_forming(message, replica.say)
            return
        self._watch.on_health(message)
        for replica in self._replicas.values():
            before, replica.health = replica.status_text, self._health_of(replica.id)
            replica.listed = replica.health is not None
            if replica.status_text != before:
                replica.say("session_update", None, replica.now, None)
        self._show()
        self._prune()

    def tick(self) -> None:
        """Look at the clock: who was told nothing for a while must read again."""
        now = self._clock()
        for replica in self._replicas.values():
            why = replica.pace.tick(now)
            if why is not None:
                replica.resync(why)

    def forget(self, session_id: str) -> None:
        """Forget a session that will be told from its beginning."""
        self._replicas.pop(session_id, None)

    def _health_of(self, session_id: str) -> SessionHealth | None:
        sessions = self._watch.told.sessions if self._watch.told is not None else []
        known = self._replicas.get(session_id)
        before = known.health if known is not None else None
        found = next((one for one in sessions if one.session_id == session_id), None)
        if found is not None or before is None:
            return found
        return before if before.status in ENDED else replace(before, status="stopped")  # the engine has let go of it

    def _show(self) -> None:
        """Choose the session that is shown to who names none: the newest that runs, else the newest."""
        running = [r for r in self._replicas.values() if not r.over]
        chosen = max(running or self._replicas.values(), key=lambda r: (r.session.started_at, r.id), default=None)
        if chosen is not None and chosen.id != self._messages.shown:
            first, self._messages.shown = self._messages.shown is None, chosen.id
            if not first:
                chosen.resync(f"session {chosen.id} is shown now")

    def _prune(self) -> None:
        """Let go of the oldest sessions that are over."""
        over = [r for r in self._replicas.values() if r.over]
        over.sort(key=lambda r: r.session.started_at)
        for replica in over[:-GONE]:
            if replica.id != self._messages.shown:
                self.forget(replica.id)

    # ------------------------------------------------------------------------------------------- reads
    def __contains__(self, session_id: str) -> bool:
        """Whether a session is held."""
        return session_id in self._replicas

    def all(self) -> list[SessionReplica]:
        """Every session, the newest first."""
        return sorted(self._replicas.values(), key=lambda r: (r.session.started_at, r.id), reverse=True)

    def get(self, session_id: str | None) -> SessionReplica:
        """Give a session, or the one that is shown; else answer 404, or 503 before there is one."""
        wanted = session_id or self._messages.shown
        if wanted is None:
            raise ApiError(503, self._watch.state().text or "No session has been started yet.")
        replica = self._replicas.get(wanted)
        if replica is None:
            known = ", ".join(one.id for one in self.all())
            raise ApiError(404, f"There is no session {wanted!r} on the page; there is {known or 'none'}.")
        return replica

    def symbol(self, session_id: str | None, symbol: str | None) -> tuple[SessionReplica, str]:
        """Give a session and one of its rows, the first when None is named; else answer 404.

        A row is named by its name, or by its symbol where only one has it.
        """
        replica = self.get(session_id)
        if symbol is None or symbol in replica.symbols:
            return replica, symbol or next(iter(replica.symbols))
        found, names = replica.rows_of_market(symbol), ", ".join(replica.symbols)
        if len(found) > 1:
            raise ApiError(404, f"The symbol {symbol!r} is that of several rows; name one of {', '.join(found)}.")
        if not found:
            raise ApiError(404, f"The symbol {symbol!r} is not traded here; the session has {names}.")
        return replica, found[0]

    def status(self, session_id: str | None, symbol: str | None) -> StatusView:
        """Where a session stands with a symbol."""
        replica, name = self.symbol(session_id, symbol)
        return replica.status(name, self._watch.state())

    def among(self, session_id: str | None) -> list[SessionReplica]:
        """Where to look for something: in one session, or in all, beginning with the one that is shown."""
        first = self.get(session_id)
        return [first] if session_id is not None else [first, *self.all()]


def _picture(topic: str, session_id: str, symbol: str | None, data: Any) -> tuple[Any, ...] | None:
    """The mark of a message that shows how something stands, and that a newer one replaces."""
    if topic == "account_update":
        return topic, session_id
    if topic == "position_update" and isinstance(data, PositionView):
        return topic, session_id, data.id
    if topic == "market_data" and not data.candle.is_closed:
        return topic, session_id, symbol
    return None
