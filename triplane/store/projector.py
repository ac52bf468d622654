"""Facts become tables: a reader of the stream that stores each fact exactly once, in a thread, in batches.

The store remembers the number of the newest fact that it has of each session. A fact below it is passed over; where one
is missing above it (told by nobody, or forgotten here because a database that fails must not fill the memory) the
session's file of facts is read. So it does not matter when this begins, how often it is told or where it was killed,
and whoever tells it facts never waits and never hears of a failure: :attr:`Projector.lag`, ``age`` and ``error`` do.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path
from typing import Final

import msgspec
import structlog

from triplane.errors import BadInput
from triplane.flow.log import FILE, FactFile
from triplane.model.facts import Fact
from triplane.model.live import ENCODER, FROM_ENGINE
from triplane.store.store import Store

log = structlog.get_logger(__name__)

BATCH: Final = 2000
"""Facts of one transaction."""
MOST: Final = 20_000
"""Facts that wait in memory; older ones are read from their file when their turn comes."""
PAUSE_S: Final = 0.25
"""Between transactions, so that facts are written together; while many wait there is none."""
RETRY_S: Final = (0.2, 5.0)
"""After a failure: the first pause and the longest."""

_SESSION: Final = attrgetter("session_id")


@dataclass
class _Stream:
    """One session: what is stored, the newest that was told, and the newest facts without a gap up to that one."""

    stored: int
    told: int
    file: FactFile
    facts: deque[Fact] = field(default_factory=deque)


class Projector:
    """Keeps the tables of a store.

    Parameters
    ----------
    store
        Where the tables are.
    sessions
        Folder of the sessions, for facts that are no longer in memory.
    most
        Facts that may wait in memory.
    """

    def __init__(self, store: Store, sessions: Path, *, most: int = MOST) -> None:
        self._store, self._sessions, self._most = store, sessions, most
        self._streams = {name: self._stream(name, last) for name, last in store.have().items()}
        self._waiting = 0  # facts in memory
        self._behind = 0  # facts that were told and are not stored
        self._since: float | None = None  # when something was stored last, or began to wait
        self._wake = threading.Condition()
        self._closing = False
        self._deadline = 0.0
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)
        self.error = ""
        """Why nothing can be stored now, or empty."""

    def _stream(self, session_id: str, last: int) -> _Stream:
        return _Stream(last, last, FactFile(self._sessions / session_id / FILE))

    # ---------------------------------------------------------------------------------------------------- the reader
    def on_facts(self, facts: Sequence[Fact]) -> None:
        """Take facts, each session's in order; never blocks."""
        with self._wake:
            for session_id, told in groupby(facts, _SESSION):
                stream = self._streams.get(session_id)
                if stream is None:
                    stream = self._streams[session_id] = self._stream(session_id, 0)
                for fact in told:
                    if fact.seq <= stream.told:
                        continue
                    if fact.seq > stream.told + 1:
                        self._drop(stream, len(stream.facts))
                    stream.facts.append(fact)
                    self._waiting += 1
                    self._behind += fact.seq - stream.told
                    stream.told = fact.seq
            while self._waiting > self._most:
                longest = max(self._streams.values(), key=lambda stream: len(stream.facts))
                self._drop(longest, max(self._waiting - self._most, len(longest.facts) // 2))
            if self._behind >= BATCH or (self._behind and self._since is None):
                self._wake.notify_all()
            if self._behind and self._since is None:
                self._since = time.monotonic()

    def _drop(self, stream: _Stream, count: int) -> None:
        for _ in range(min(count, len(stream.facts))):
            stream.facts.popleft()
            self._waiting -= 1

    @property
    def lag(self) -> int:
        """Facts that were told and are not stored yet."""
        return self._behind

    @property
    def age(self) -> float:
        """Seconds for which facts have waited and none was stored; 0 when none waits."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    # ---------------------------------------------------------------------------------------------------- the thread
    def start(self) -> None:
        """Begin to store."""
        self._thread.start()

    def close(self, patience: float = 5.0) -> None:
        """Store what waits, for ``patience`` seconds, and end; what could not be stored is read at the next start."""
        with self._wake:
            self._closing, self._deadline = True, time.monotonic() + patience
            self._wake.notify_all()
        if self._thread.ident is not None:
            self._thread.join(patience)

    def flush(self, within: float) -> bool:
        """Wait until everything that was told is stored; False when that takes longer than ``within`` seconds."""
        with self._wake:
            return self._wake.wait_for(lambda: not self._behind, within)

    def discover(self) -> None:
        """Take notice of facts that nobody tells any more, such as of a session that ended while this was not there."""
        for path in sorted(self._sessions.glob(f"*/{FILE}")):
            try:
                newest = _newest(path) if path.is_file() else 0
            except (OSError, ValueError, RecursionError, msgspec.MsgspecError) as error:
                log.warning("facts cannot be read", path=str(path), error=str(error))
                continue
            with self._wake:
                name = path.parent.name
                stream = self._streams.setdefault(name, self._stream(name, 0))
                if newest > stream.told and not stream.facts:
                    self._behind += newest - stream.told
                    stream.told = newest

    def step(self) -> bool:
        """Store one batch of each session that has news; True when any was stored. Never raises."""
        with self._wake:
            behind = [name for name, stream in self._streams.items() if stream.told > stream.stored]
        stored, error = False, ""
        for session_id in behind:
            try:
                stored = self._advance(session_id) or stored
            except Exception as raised:  # noqa: BLE001 - whatever one session's facts raise, the others' are stored
                error = str(raised)
        if error and not self.error:
            log.warning("the store could not be written", error=error, waiting=self.lag)
        self.error = error
        with self._wake:
            if not self._behind:
                self._since = None
            elif stored:
                self._since = time.monotonic()
            self._wake.notify_all()
        return stored

    def _advance(self, session_id: str) -> bool:
        stream = self._streams[session_id]
        facts = self._next(stream)
        if not facts:
            return False
        last = self._store.project(facts, stream.file.path)
        with self._wake:
            grown = last > stream.stored
            self._behind -= last - stream.stored
            stream.stored = last
            while stream.facts and stream.facts[0].seq <= last:
                self._drop(stream, 1)
        return grown

    def _next(self, stream: _Stream) -> list[Fact]:
        """The facts behind the newest stored one, from memory or from the file."""
        with self._wake:
            first = stream.facts[0].seq if stream.facts else stream.told + 1
            if first <= stream.stored + 1:
                return list(islice(stream.facts, BATCH))
        found = stream.file.facts(stream.stored, min(BATCH, first - 1 - stream.stored))
        if not found and stream.file.bad:
            self._pass_over(stream)
        elif not found:
            raise BadInput(f"Facts {stream.stored + 1} to {first - 1} are not in {stream.file.path} yet.")
        return found

    def _pass_over(self, stream: _Stream) -> None:
        """Wait no more for facts that a damaged file does not tell; whoever tells of newer ones has it read again."""
        with self._wake:
            self._behind -= stream.told - stream.stored
            stream.told = stream.stored
            self._drop(stream, len(stream.facts))

    def _run(self) -> None:
        self.discover()
        pause = RETRY_S[0]
        while True:
            stored = self.step()
            with self._wake:
                if self._closing and (not stored or time.monotonic() > self._deadline):
                    return
                if self.error and not stored:
                    self._wake.wait_for(lambda: self._closing, pause)
                    pause = min(2 * pause, RETRY_S[1])
                    continue
                pause = RETRY_S[0]
                self._wake.wait_for(lambda: self._closing or self._behind)
                self._wake.wait_for(lambda: self._closing or self._behind >= BATCH, PAUSE_S)


class _Numbered(msgspec.Struct):
    seq: int


def _newest(path: Path) -> int:
    """Number of the last whole line of a file of facts, 0 when there is none."""
    with path.open("rb") as file:
        size, length = file.seek(0, os.SEEK_END), 1 << 12
        while True:
            file.seek(max(size - length, 0))
            *whole, _ = file.read(length).split(b"\n")
            if len(whole) > 1 or length >= size:
                return msgspec.json.decode(whole[-1], type=_Numbered).seq if whole else 0
            length *= 8


def project(store: Store, facts: Iterable[Fact], file: Path | None = None) -> int:
    """Store the facts of one session, from any number on that the store has reached; gives how many were given."""
    count = 0
    for batch in batches(facts):
        if store.project(batch, file) < batch[0].seq - 1:
            raise BadInput(f"Facts of session {batch[0].session_id} before number {batch[0].seq} are missing.")
        count += len(batch)
    return count


def batches(facts: Iterable[Fact]) -> Iterator[list[Fact]]:
    """Cut facts that were just made for transactions, each as a reader of the stream gets it: numbers as declared."""
    stream = iter(facts)
    while lines := [ENCODER.encode(fact) for fact in islice(stream, BATCH)]:
        yield [fact for line in lines if isinstance(fact := FROM_ENGINE.decode(line), Fact)]
