"""The engine's end of the wire: pushes facts and messages to its readers, and takes their commands.

Loopback TCP, one JSON object a line both ways. A reader says hello with the secret of this start and the newest fact it
has of each session; it is sent what it lacks of the newest lines (older ones it reads in the file) and from then on
everything. A reader that does not keep up is cut off and comes again: nothing here ever waits for one.
"""

import asyncio
import hmac
import socket
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog

from triplane.flow.log import FactLog
from triplane.model.live import ENCODER, TO_ENGINE, Answer, AnyMessage, Command, Hello

log = structlog.get_logger(__name__)

BEHIND: Final = 32 * 1024 * 1024
"""Bytes that may wait for a reader before it is cut off."""
HELLO_S: Final = 2.0
STRANGERS: Final = 256
"""Connections that have not said hello yet; the oldest makes room for the newest."""
LINE: Final = 1 << 20
"""Longest line that a reader may send."""
ANSWERS: Final = 256
"""Answers that are kept for commands that are asked again."""

Handle = Callable[[Command], Awaitable[Answer]]


class FlowServer:
    """Serves readers on a listening socket.

    Parameters
    ----------
    listener
        Bound and listening, on a loopback address.
    secret
        What a reader must know.
    handle
        Carries out a command.
    """

    def __init__(self, listener: socket.socket, secret: str, handle: Handle) -> None:
        self._listener, self._secret, self._handle = listener, secret.encode(), handle
        self._logs: dict[str, FactLog] = {}
        self._open: set[asyncio.StreamWriter] = set()
        self._strangers: dict[asyncio.StreamWriter, None] = {}  # in the order they came
        self._readers: set[asyncio.StreamWriter] = set()  # those that have said hello
        self._answers: dict[int, asyncio.Task[Answer]] = {}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._last: AnyMessage | None = None

    async def start(self) -> None:
        """Accept readers."""
        self._server = await asyncio.start_server(self._serve, sock=self._listener, limit=LINE)

    async def stop(self) -> None:
        """Cut all readers off."""
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def add(self, session_id: str, facts: FactLog) -> None:
        """Push the lines of a session from here on."""
        self._logs[session_id] = facts
        facts.on_lines = lambda _first, lines: self._push(b"".join(lines))
        for writer in self._readers:
            self._send(writer, b"".join(facts.ring))

    def remove(self, session_id: str) -> None:
        """A session is over."""
        self._logs.pop(session_id, None)

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._readers)

    def say(self, message: AnyMessage) -> None:
        """Push a message."""
        if self._readers:
            self._push(ENCODER.encode(message) + b"\n")

    def _push(self, data: bytes) -> None:
        for writer in list(self._readers):
            self._send(writer, data)

    def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        transport = writer.transport
        if transport.is_closing():
            self._readers.discard(writer)
        elif transport.get_write_buffer_size() > BEHIND:
            log.warning("a reader does not keep up and is cut off")
            self._readers.discard(writer)
            transport.abort()
        else:
            writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        self._open.add(writer)
        self._strangers[writer] = None
        if len(self._strangers) > STRANGERS:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.transport.abort()
        try:
            async with asyncio.timeout(HELLO_S):
                hello = TO_ENGINE.decode(await reader.readline())
            if not isinstance(hello, Hello) or not hmac.compare_digest(hello.secret.encode(), self._secret):
                return
            self._strangers.pop(writer, None)
            for session_id, facts in self._logs.items():
                lacking = facts.last_seq - hello.have.get(session_id, 0)
                if lacking > 0:
                    writer.write(b"".join(list(facts.ring)[-lacking:]))
            self._readers.add(writer)
            while line := await reader.readline():
                command = TO_ENGINE.decode(line)
                if isinstance(command, Command):
                    self._start(command, writer)
        except (TimeoutError, ConnectionError, ValueError, RecursionError, msgspec.MsgspecError):
            pass  # it may come again
        finally:
            self._readers.discard(writer)
            self._open.discard(writer)
            self._strangers.pop(writer, None)
            writer.close()
            if task is not None:
                self._tasks.discard(task)

    def _start(self, command: Command, writer: asyncio.StreamWriter) -> None:
        """Carry out a command once, however often it is asked; the answer goes to whoever asked last."""
        known = self._answers.get(command.id)
        if known is None:
            known = self._answers[command.id] = asyncio.ensure_future(self._handle(command))
            while len(self._answers) > ANSWERS:
                del self._answers[next(iter(self._answers))]
        known.add_done_callback(lambda task: self._answer(task, writer))

    def _answer(self, task: "asyncio.Task[Answer]", writer: asyncio.StreamWriter) -> None:
        if not task.cancelled() and task.exception() is None and not writer.transport.is_closing():
            writer.write(ENCODER.encode(task.result()) + b"\n")
