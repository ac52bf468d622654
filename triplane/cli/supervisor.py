"""``triplane up`` as processes that cannot hurt each other: this one starts them, watches them, and does nothing else.

A child that dies is started again, more slowly each time; one whose loop has not turned for a while is killed first.
The engine trades on while the page is away, the page says what happened while the engine is. Only when a child cannot
even start the first time does the whole command end, with that child's exit code.
"""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import structlog

log = structlog.get_logger(__name__)

FROZEN_S: Final = 15.0
"""Seconds without a beat after which a child is killed."""
SILENT_S: Final = 2.0
"""Seconds without a beat after which a person's wish to restart it is granted."""
GRACE_S: Final = 4.5
"""Seconds that a child gets to stop; what is cut off then is made again from the journal."""
LONGEST_PAUSE_S: Final = 30.0
SERVE: Final = ("router", "box")
"""They stop last: an engine that ends still talks to them."""


@dataclass(eq=False)
class Child:
    """One process, kept alive.

    Parameters
    ----------
    name
        For people.
    arguments
        Behind the interpreter.
    config
        Makes the configuration of each start.
    descriptors
        Open files that it inherits.
    environment
        Of the process.
    on_message
        Hears of what it tells, besides beats.

    Attributes
    ----------
    started
        It has beaten once.
    first, last
        Its first and its newest beat.
    beats
        Of this life.
    """

    name: str
    arguments: Sequence[str]
    config: Callable[[], Mapping[str, Any]]
    descriptors: Sequence[int] = ()
    environment: Mapping[str, str] | None = None
    on_message: Callable[[dict[str, Any]], Awaitable[None]] | None = None

    started: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    first: dict[str, Any] = field(default_factory=dict, init=False)
    last: dict[str, Any] = field(default_factory=dict, init=False)
    beats: int = field(default=0, init=False)
    beat_at: float = field(default=0.0, init=False)
    starts: int = field(default=0, init=False)
    exit_code: int | None = field(default=None, init=False)
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)
    _stopping: bool = field(default=False, init=False)

    @property
    def silent_s(self) -> float:
        """Seconds since its last beat."""
        return time.monotonic() - self.beat_at

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs and turns."""
        return self.pid is not None and self.started.is_set() and self.silent_s < FROZEN_S

    async def run(self) -> None:
        """Keep it alive until :meth:`stop`, or until it fails before its first beat ever."""
        pause = 0.5
        while not self._stopping:
            begin = time.monotonic()
            self.exit_code = await self._life()
            if self._stopping or not self.started.is_set():
                return
            log.error(f"the {self.name} ended and is started again", code=self.exit_code, pause=pause)
            await asyncio.sleep(pause)
            pause = 0.5 if time.monotonic() - begin > 60 else min(pause * 2, LONGEST_PAUSE_S)

    async def _life(self) -> int:
        """From one start to the end."""
        self.beat_at, self.beats = time.monotonic(), 0
        self.starts += 1
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable, *self.arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20,
            pass_fds=self.descriptors, env=self.environment, start_new_session=True,
        )  # fmt: skip
        watch = asyncio.create_task(self._watch())
        try:
            if process.stdin is not None:
                busy = {"wanted": self.last["wanted"]} if "wanted" in self.last else {}  # what its last life did
                process.stdin.write(msgspec.json.encode({**self.config(), **busy}) + b"\n")
            await self._listen(process)
            return await process.wait()
        finally:
            watch.cancel()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        while process.stdout is not None:
            try:
                line = await process.stdout.readline()
                message = msgspec.json.decode(line, type=dict[str, Any]) if line else None
            except (ValueError, RecursionError) as error:  # too long, or not ours: nothing that a child says ends `up`
                log.warning(f"the {self.name} says what is not understood", error=str(error)[:200])
                continue
            if message is None:
                return
            if "beat" in message:
                self.beat_at = time.monotonic()
                self.beats += 1
                if message.get("starting"):
                    continue
                self.last = message
                if not self.started.is_set():
                    self.first = message
                    self.started.set()
            elif self.on_message is not None:
                await self.on_message(message)

    async def _watch(self) -> None:
        """Kill it when its loop does not turn any more; before its first beat it may be busy with starting."""
        while True:
            begin = time.monotonic()
            await asyncio.sleep(1.0)
            if time.monotonic() - begin > SILENT_S:  # this process was stopped meanwhile, so nothing could be heard
                self.beat_at = time.monotonic()
            if self.beats and self.silent_s > FROZEN_S:
                log.error(f"the {self.name} does not turn and is killed", seconds=round(self.silent_s))
                self._kill()
                return

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def restart(self) -> bool:
        """Kill it when it is silent, so that it is started again; says whether it was."""
        if self.pid is None or (not self.beats and self.silent_s < FROZEN_S):  # it has only just been started
            return True
        if self.silent_s < SILENT_S:
            return False
        self._kill()
        return True

    async def stop(self) -> None:
        """Ask it to stop by closing its input, then insist."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT) if hasattr(signal, "SIGCONT") else None
        try:
            async with asyncio.timeout(GRACE_S):
                await process.wait()
        except TimeoutError:
            log.error(f"the {self.name} does not stop and is killed")  # noqa: TRY400 - nothing to trace
            self._kill()
            await process.wait()


class Supervisor:
    """Several children with one life together; those that serve the others stop last."""

    def __init__(self) -> None:
        self.children: dict[str, Child] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, child: Child) -> None:
        """Start a child and keep it alive."""
        self.children[child.name] = child
        self._tasks[child.name] = asyncio.create_task(child.run())

    async def ready(self, child: Child) -> int | None:
        """Wait for the first beat; gives the exit code when the child ended before."""
        started = asyncio.create_task(child.started.wait())
        await asyncio.wait({started, self._tasks[child.name]}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        return None if child.started.is_set() else child.exit_code if child.exit_code is not None else 1

    async def ended(self) -> str:
        """Return the name of a child that is no longer kept alive."""
        done, _ = await asyncio.wait(self._tasks.values(), return_when=asyncio.FIRST_COMPLETED)
        return next(name for name, task in self._tasks.items() if task in done)

    async def stop(self) -> None:
        """Stop all within two times the grace, whatever hangs: first who works, then who serves them."""
        for serve in (False, True):
            group = [child.stop() for child in self.children.values() if (child.name in SERVE) == serve]
            await asyncio.gather(*group)
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
