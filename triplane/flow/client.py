"""A reader's end of the wire: every fact of the engine's sessions, each once and in order, and a way to give commands.

What lies in the files is read there first, so a reader that starts late or while the engine is dead has the whole
story; then the wire tells the rest. When the connection breaks it is made again, and nothing is missed or told twice.
"""

import asyncio
import itertools
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import structlog

from triplane.errors import TriplaneError
from triplane.flow.log import FILE, FactFile
from triplane.model.facts import Fact
from triplane.model.live import ENCODER, FROM_ENGINE, Answer, Command, Forming, Health, Hello

log = structlog.get_logger(__name__)

CHUNK: Final = 2000
"""Facts of a file that are taken before others get their turn."""
LINE: Final = 16 * 1024 * 1024
RETRY_S: Final = 0.2
TOLD: Final = 500
"""Sessions that the engine is told of, the newest: of others it may send lines again, which are passed over here."""


class NoAnswer(TriplaneError):  # noqa: N818 - reads as what it is
    """The engine did not answer a command in time; whether it was carried out is not known."""


class Reader(Protocol):
    """Who is told."""

    def on_facts(self, facts: Sequence[Fact]) -> None:
        """New facts of one session, in order, each once."""
        ...

    def on_message(self, message: Health | Forming) -> None:
        """What is only true now."""
        ...


class FlowClient:
    """Reads the facts of all sessions that the engine runs.

    Parameters
    ----------
    port, secret
        Of the engine's server, on 127.0.0.1.
    sessions
        Folder of the sessions.
    reader
        Who is told.
    have
        Newest known fact of each session, as after a restart of the reader.

    Attributes
    ----------
    connected : bool
    heard_at : float
        ``time.monotonic()`` of the last :class:`Health`; 0 before the first.
    """

    def __init__(
        self, port: int, secret: str, sessions: Path, reader: Reader, have: dict[str, int] | None = None
    ) -> None:
        self.have: dict[str, int] = dict(have or {})
        self.connected = False
        self.heard_at = 0.0
        self._port, self._secret, self._sessions, self._reader = port, secret, sessions, reader
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._numbers = itertools.count(time.time_ns() // 1000 * 1000 + os.getpid() % 1000)
        self._files: dict[str, FactFile] = {}
        self._came = asyncio.Event()

    async def run(self) -> None:
        """Read for ever; cancelled to end it."""
        await asyncio.gather(self._keep(self._facts), self._keep(self._talk))

    async def _keep(self, connection: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
        """Make a connection again whenever it ends."""
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=LINE)
                try:
                    writer.write(self._secret.encode() + b"\n")
                    await connection(reader, writer)
                finally:
                    writer.close()
            except (OSError, ConnectionError, ValueError, msgspec.MsgspecError) as error:
                log.debug("no connection with the engine", error=str(error))
            await asyncio.sleep(RETRY_S)

    async def catch_up(self, session_id: str) -> None:
        """Take what lies in a session's file, in pieces."""
        file = self._files.setdefault(session_id, FactFile(self._sessions / session_id / FILE))
        while True:
            facts = file.facts(self.have.get(session_id, 0), CHUNK)
            self._take(facts)
            if len(facts) < CHUNK:
                return
            await asyncio.sleep(0)

    async def _facts(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        newest = {session_id: self.have[session_id] for session_id in sorted(self.have)[-TOLD:]}
        writer.write(ENCODER.encode(Hello(have=newest)) + b"\n")
        while line := await reader.readline():
            message = FROM_ENGINE.decode(line)
            if isinstance(message, Fact):
                await self._fact(message)
            elif isinstance(message, Health):
                self._rewind(message)
            self.connected = True

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What is only true now, commands and their answers: never behind facts that are still to be taken."""
        writer.write(ENCODER.encode(Hello(have=None)) + b"\n")
        self._writer = writer
        try:
            while line := await reader.readline():
                message = FROM_ENGINE.decode(line)
                if isinstance(message, Answer):
                    waiting = self._waiting.pop(message.id, None)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(message)
                elif isinstance(message, Health | Forming):
                    self._reader.on_message(message)
                    if isinstance(message, Health):
                        self.heard_at = time.monotonic()
                        self._came.set()
                self.connected = True
        finally:
            self.connected, self._writer = False, None

    def _rewind(self, health: Health) -> None:
        """Begin anew with a session that has fewer facts than were heard: its engine died with the end of a journal."""
        for session in health.sessions:
            if session.seq < self.have.get(session.session_id, 0):
                self.have[session.session_id] = 0

    async def _fact(self, fact: Fact) -> None:
        known = self.have.get(fact.session_id, 0)
        if fact.seq > known + 1:  # older ones lie in the file; with a full disk they may not
            await self.catch_up(fact.session_id)
            known = self.have.get(fact.session_id, 0)
        if fact.seq > known:
            self._take([fact])

    def _take(self, facts: list[Fact]) -> None:
        if facts:
            self.have[facts[0].session_id] = facts[-1].seq
            self._reader.on_facts(facts)

    async def command(self, kind: str, session_id: str | None = None, within: float = 10.0, **fields: Any) -> Answer:
        """Give a command; asked again under the same id when the connection breaks.

        Raises
        ------
        NoAnswer
            No answer within ``within`` seconds.
        """
        command = Command(id=next(self._numbers), kind=kind, session_id=session_id, fields=fields)
        line = ENCODER.encode(command) + b"\n"
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[command.id] = waiting
        sent: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(within):
                while not waiting.done():
                    if self._writer is not None and self._writer is not sent:
                        sent = self._writer
                        sent.write(line)
                    await asyncio.wait([waiting], timeout=RETRY_S)
                return waiting.result()
        except TimeoutError:
            raise NoAnswer(f"The engine did not answer within {within:g} seconds.") from None
        finally:
            self._waiting.pop(command.id, None)

    async def heard(self) -> None:
        """Return once the engine has said how it is."""
        await self._came.wait()
