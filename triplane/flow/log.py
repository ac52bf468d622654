"""The stream of a session's facts as a file, one JSON object a line, line *n* being fact number *n*.

It is made from the journal and holds nothing of its own: whoever opens a session writes it anew while the journal is
replayed, and then appends. Readers (page, store, other programs) read it at their own pace, from any number, for ever;
a slow or dead one costs the session nothing. Writing happens in a thread, and a disk that is full or slow is waited for
there: the session goes on, and readers that are connected get the same lines over the wire.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import msgspec
import structlog

from triplane.model.facts import Fact
from triplane.model.live import ENCODER, FROM_ENGINE

log = structlog.get_logger(__name__)

FILE: Final = "facts.jsonl"
RING: Final = 4096
"""Newest lines that are kept in memory, for readers that connect."""
RETRY_S: Final = 0.5
STRIDE: Final = 256
"""Lines between two places that a reader remembers."""
MOST: Final = 64 * 1024 * 1024
"""Bytes that may wait for a disk that takes none."""


class _Appender:
    """Appends to a file in a thread of its own; never raises, never blocks its caller."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"facts of {path.parent.name}", daemon=True)
        self.failed = ""
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        self._thread.start()

    def add(self, data: bytes) -> None:
        with self._wake:
            if self._size < MOST:  # beyond that the file is made again at the next start
                self._waiting.append(data)
                self._size += len(data)
                self._wake.notify()

    def close(self, patience: float = 2.0) -> None:
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(patience)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closing:
                    self._wake.wait()
                if not self._waiting:
                    os.close(self._descriptor)
                    return
                data = b"".join(self._waiting)
                self._waiting.clear()
                self._size = 0
            self._write(data)

    def _write(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            last_try = self._closing
            try:
                at += os.write(self._descriptor, data[at:])
                self.failed = ""
            except OSError as error:  # a full disk: the session trades on, and this waits
                self.failed = error.strerror or str(error)
                if last_try:
                    return
                with self._wake:
                    if not self._closing:
                        self._wake.wait(RETRY_S)


class FactLog:
    """The end of a session's stream that is written; a consumer of facts.

    Parameters
    ----------
    folder
        Of the session.
    on_lines
        Hears of new lines after :meth:`go_live`, as ``(first number, lines)``.
    schedule
        Calls a function soon, such as ``loop.call_soon``; lines are made there, behind whatever is urgent.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.last_seq = 0
        self.ring: deque[bytes] = deque(maxlen=RING)
        self.on_lines: Callable[[int, list[bytes]], None] = lambda _first, _lines: None
        self.schedule: Callable[[Callable[[], None]], object] | None = None
        self.failed = ""
        """Why the file cannot be written now, or empty."""
        self._pending: list[Fact] = []
        self._appender: _Appender | None = None
        self._file: IO[bytes] | None = None
        self._live = False
        self._fresh = self.path.with_suffix(".new")
        with self._minding():
            self._file = self._fresh.open("wb", buffering=1 << 20)

    @contextmanager
    def _minding(self) -> Iterator[None]:
        """A log that cannot be written is said, and holds nobody up: it can be made again from the journal."""
        try:
            yield
        except OSError as error:
            self.failed = error.strerror or str(error)
            self._file = None
            log.warning("the log of facts cannot be written", path=str(self.path), error=self.failed)

    def take(self, facts: Sequence[Fact]) -> None:
        """Take facts in order; nothing is encoded yet when the session is live."""
        if not facts:
            return
        self._pending += facts
        if self.schedule is None:
            self.flush()
        elif len(self._pending) == len(facts):
            self.schedule(self.flush)

    def flush(self) -> None:
        """Make lines of what was taken, and hand them on."""
        if not self._pending:
            return
        facts, self._pending = self._pending, []
        lines = [ENCODER.encode(fact) + b"\n" for fact in facts]
        first, self.last_seq = facts[0].seq, facts[-1].seq
        self.ring.extend(lines)
        if self._appender is not None:
            self._appender.add(b"".join(lines))
            self.failed = self._appender.failed
        elif self._file is not None:
            with self._minding():
                self._file.writelines(lines)
        if self._live:
            self.on_lines(first, lines)

    def go_live(self, schedule: Callable[[Callable[[], None]], object]) -> None:
        """The journal has been replayed: the new file takes the old one's place, and lines go to readers."""
        self.flush()
        self._live, self.schedule = True, schedule
        if self._file is None:
            return
        with self._minding():
            self._file.close()
            self._fresh.replace(self.path)
            self._appender = _Appender(self.path)
        self._file = None

    def close(self) -> None:
        """Write what waits, and let go."""
        self.flush()
        if self._appender is not None:
            self._appender.close()
            self.failed = self._appender.failed
        elif self._file is not None:
            with self._minding():
                self._file.close()


class FactFile:
    """The end that is read: whole lines by their number, while somebody else appends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places = [0]  # offset of line 1 + i * STRIDE
        self._known: tuple[int, int] = (0, 0)  # which file it was, and its size then
        self.bad = 0
        """The line that was found to hold no fact, from which on the file tells nothing; 0 when all was well."""

    def facts(self, after: int, limit: int = 1 << 40) -> list[Fact]:
        """Up to ``limit`` facts behind number ``after``; none from a line on that is damaged."""
        return [fact for _, fact in self.checked(after, limit)]

    def checked(self, after: int, limit: int = 1 << 40) -> list[tuple[bytes, Fact]]:
        """Facts with their lines. What cannot be read is said and ends no reader: the next start makes it anew."""
        found: list[tuple[bytes, Fact]] = []
        number, said, self.bad = after, self.bad, 0
        try:
            for line in self.lines(after, limit):
                number += 1
                found.append((line, self._fact(line, number)))
        except OSError as error:
            log.warning("facts cannot be read", path=str(self.path), error=str(error))
        except (ValueError, RecursionError, msgspec.MsgspecError) as error:
            self.bad = number
            if number != said:
                log.warning("facts are passed over", path=str(self.path), line=number, error=str(error))
        return found

    def _fact(self, line: bytes, number: int) -> Fact:
        fact = FROM_ENGINE.decode(line)
        if not isinstance(fact, Fact) or (fact.session_id, fact.seq) != (self.path.parent.name, number):
            raise ValueError("it is not the fact of this place")
        return fact

    def lines(self, after: int, limit: int = 1 << 40) -> Iterator[bytes]:
        """Give up to ``limit`` whole lines behind number ``after``, without their ends; none while there is no file."""
        if not self.path.is_file():  # opening a pipe would wait for ever
            return
        with self.path.open("rb") as file:
            self._look(file.fileno())
            place = min(after // STRIDE, len(self._places) - 1)
            number, at = place * STRIDE, self._places[place]
            file.seek(at)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                number += 1
                at += len(line)
                if number == len(self._places) * STRIDE:
                    self._places.append(at)
                if number > after:
                    yield line[:-1]
                    limit -= 1
                    if limit <= 0:
                        return

    def _look(self, descriptor: int) -> None:
        """Forget places when the file was made anew."""
        state = os.fstat(descriptor)
        if state.st_ino != self._known[0] or state.st_size < self._known[1]:
            self._places = [0]
        self._known = (state.st_ino, state.st_size)
