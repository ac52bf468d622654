"""The engine's end of the wire: pushes facts and messages to its readers, and takes their commands.

Loopback TCP. A reader first sends the secret of this start, as a line; before it has, it is a stranger, of whom no more
bytes than that are read, and nothing is decoded. Then both ways go lines of one JSON object. A reader says hello with
the newest fact it has of each session; it is sent what it lacks of the newest lines (older ones it reads in the file)
and from then on everything. A reader that does not keep up is cut off and comes again: nothing here ever waits for one.
"""

import asyncio
import hmac
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final

import msgspec
import structlog

from triplane.flow.log import FactLog
from triplane.model.live import ENCODER, TO_ENGINE, Answer, AnyMessage, Command, Hello

log = structlog.get_logger(__name__)

BEHIND: Final = 32 * 1024 * 1024
"""Bytes that may wait for a reader before it is cut off."""
HELLO_S: Final = 2.0
STRANGERS: Final = 32
"""Connections that have not shown the secret yet; the oldest makes room for the newest."""
LINE: Final = 128 * 1024
"""Longest line that a reader may send: a command with the largest body that the page takes, and what is around it."""
RETRY_S: Final = 0.1
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
        self._listener, self._secret, self._handle = listener, secret.encode() + b"\n", handle
        self._logs: dict[str, FactLog] = {}
        self._strangers: dict[asyncio.Task[None], None] = {}  # in the order they came
        self._readers: set[asyncio.StreamWriter] = set()  # those that have said hello
        self._listeners: set[asyncio.StreamWriter] = set()  # those of them that want no facts
        self._answers: dict[int, asyncio.Task[Answer]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._last: AnyMessage | None = None

    async def start(self) -> None:
        """Accept readers."""
        self._listener.setblocking(False)
        self._begin(self._accept())

    async def stop(self) -> None:
        """Cut all readers off."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._listener.close()

    def _begin(self, part: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(part)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

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
        return bool(self._readers or self._listeners)

    def say(self, message: AnyMessage) -> None:
        """Push a message, to those who want no facts first."""
        if self._readers or self._listeners:
            line = ENCODER.encode(message) + b"\n"
            for writer in [*self._listeners, *self._readers]:
                self._send(writer, line)

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        self._readers.discard(writer)
        self._listeners.discard(writer)

    def _push(self, data: bytes) -> None:
        for writer in list(self._readers):
            self._send(writer, data)

    def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        transport = writer.transport
        if transport.is_closing():
            self._drop(writer)
        elif transport.get_write_buffer_size() > BEHIND:
            log.warning("a reader does not keep up and is cut off")
            self._drop(writer)
            transport.abort()
        else:
            writer.write(data)

    async def _accept(self) -> None:
        """One at a time, so that each has some turns of the loop to show the secret before newer ones push it out."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except OSError:  # it has gone already, or there is no descriptor left
                await asyncio.sleep(RETRY_S)
                continue
            self._strangers[self._begin(self._meet(connection))] = None
            if len(self._strangers) > STRANGERS:
                oldest = next(iter(self._strangers))
                del self._strangers[oldest]
                oldest.cancel()
            await asyncio.sleep(0)

    async def _meet(self, connection: socket.socket) -> None:
        """Serve a stranger once it has shown the secret."""
        task = asyncio.current_task()
        with connection:
            try:
                async with asyncio.timeout(HELLO_S):
                    known = await self._shows_secret(connection)
            except (TimeoutError, OSError):
                return
            finally:
                self._strangers.pop(task, None)  # type: ignore[arg-type]
            if known:
                await self._serve(*await asyncio.open_connection(sock=connection, limit=LINE))

    async def _shows_secret(self, connection: socket.socket) -> bool:
        """Read so many bytes as the secret has, and none of what comes behind it."""
        loop, given = asyncio.get_running_loop(), b""
        while len(given) < len(self._secret) and b"\n" not in given:
            piece = await loop.sock_recv(connection, len(self._secret) - len(given))
            if not piece:
                return False
            given += piece
        return hmac.compare_digest(given, self._secret)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HELLO_S):
                hello = TO_ENGINE.decode(await reader.readline())
            if not isinstance(hello, Hello):
                return
            if hello.have is None:
                self._listeners.add(writer)
            else:
                self._tell_lacking(hello.have, writer)
                self._readers.add(writer)
            while line := await reader.readline():
                command = TO_ENGINE.decode(line)
                if isinstance(command, Command):
                    self._start(command, writer)
        except (TimeoutError, ConnectionError, ValueError, RecursionError, msgspec.MsgspecError):
            pass  # it may come again
        finally:
            self._drop(writer)
            writer.transport.abort()

    def _tell_lacking(self, have: Mapping[str, int], writer: asyncio.StreamWriter) -> None:
        for session_id, facts in self._logs.items():
            lacking = facts.last_seq - have.get(session_id, 0)
            if lacking > 0:
                writer.write(b"".join(list(facts.ring)[-lacking:]))

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
