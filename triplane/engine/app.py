"""The engine as a process: sessions beside each other in one loop, their facts on the wire, commands off it.

A session that fails ends alone and is shown as failed; the others go on. Twice a second the engine says how it is: a
reader that has heard nothing for three seconds knows that the loop does not turn, whatever the reason.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from triplane.data.clock import Clock
from triplane.engine.commands import Commands
from triplane.engine.lock import FolderHeld
from triplane.engine.runner import Runner
from triplane.errors import BadInput, TriplaneError
from triplane.execution.latency import Latency
from triplane.flow.limits import memory_mb
from triplane.flow.log import FactLog
from triplane.flow.server import FlowServer
from triplane.kernel.codes import Gate, Reason
from triplane.model.facts import Candle
from triplane.model.killswitch import KillSwitch, Thrown
from triplane.model.live import Answer, Command, Forming, Health, SessionHealth, Stage
from triplane.version import __version__

log = structlog.get_logger(__name__)

BEAT_S: Final = 0.5
TURN_S: Final = 0.1
MOST: Final = 32
"""Sessions that run beside each other."""
KEPT: Final = 50
"""Sessions that are over and still told of."""


@dataclass
class Hosted:
    """A session in this engine."""

    runner: Runner
    facts: FactLog | None
    close: Callable[[], Awaitable[None]]
    speed: float | str
    venue: str | None = None
    continued: bool = False
    notice: str = ""
    status: str = "loading"
    error: str | None = None
    task: "asyncio.Task[None] | None" = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """Of the session."""
        return self.runner.session.id


Build = Callable[[Mapping[str, Any]], Awaitable[Hosted]]
"""Puts a session together from what was asked for; empty for the configured one."""


class EngineApp:
    """Hosts sessions.

    Parameters
    ----------
    build
        Makes sessions.
    data_dir
        Where they are kept.
    clock
        Tells the time.
    disk
        Tells free bytes, and whether they are too few to open positions; may take long.
    beat
        Called with every sign of life.
    options
        Tells what a session can be started with.

    Attributes
    ----------
    wanted : dict
        What each session that runs was asked for with, so that another engine can go on.
    """

    def __init__(
        self,
        build: Build,
        data_dir: Path,
        clock: Clock,
        disk: Callable[[], tuple[int | None, bool]],
        beat: Callable[[Health], None] = lambda _: None,
        options: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        self.sessions: dict[str, Hosted] = {}
        self.wanted: dict[str, dict[str, Any]] = {}
        self.kill_switch = KillSwitch(data_dir)
        self.server: FlowServer | None = None
        self._build, self._clock, self._disk, self._beat = build, clock, disk, beat
        self._space: tuple[int | None, bool] = (None, False)
        self._options = options
        self._starting = asyncio.Lock()
        self._started_at = clock.now_ms()
        self._longest = 0.0
        self._killed = False
        self._unwritten: Thrown | None = None
        self._problems: list[str] = []
        self._opened = asyncio.Event()

    # ------------------------------------------------------------------------------------------------------- sessions
    async def open(self, wanted: Sequence[Mapping[str, Any]], *, again: bool = False) -> str:
        """Start the sessions that this engine is there for; until then commands wait, but for the kill switch.

        Returns the id of the first that runs. One that cannot be started is told of, and the others run; only at the
        very first start, with somebody at the command line, the configured one must: what it raises is raised.

        Parameters
        ----------
        wanted
            What each was asked for with, the configured one first.
        again
            Another engine has run these before.
        """
        for number, one in enumerate(wanted):
            try:
                await self.start(one)
            except Exception as error:
                if not again and number == 0:
                    raise
                self._problems.append(f"A session that ran before could not be continued: {error}")
                log.exception("a session could not be continued", wanted=dict(one))
        self._opened.set()
        return next(iter(self.sessions), "")

    async def start(self, wanted: Mapping[str, Any]) -> Hosted:
        """Build a session and run it."""
        async with self._starting:
            if len(self._running()) >= MOST:
                raise BadInput(f"{MOST} sessions run here, which is the most; stop one first")
            try:
                hosted = await self._build(wanted)
            except FolderHeld as error:
                if error.folder.name not in {one.id for one in self._running()}:
                    raise
                raise TriplaneError(f"A session with these settings runs already ({error.folder.name}).") from None
        self.sessions[hosted.id] = hosted
        self.wanted[hosted.id] = dict(wanted) | ({"account": hosted.runner.session.setup.account} if wanted else {})
        over = [key for key, one in self.sessions.items() if one.task is not None and one.task.done()]
        for key in over[:-KEPT]:
            del self.sessions[key]
        if hosted.facts is not None:
            loop = asyncio.get_running_loop()
            hosted.facts.go_live(loop.call_soon)
            if self.server is not None:
                self.server.add(hosted.id, hosted.facts)
                hosted.runner.on_forming = lambda k, candle: self._forming(hosted, k, candle)
        if self._killed or self.kill_switch.on:
            self._recall(hosted)
        hosted.task = asyncio.create_task(self._run(hosted))
        if self.server is not None:  # before the answer to who started it
            self.server.say(self.health(*self._space))
        return hosted

    async def _run(self, hosted: Hosted) -> None:
        try:
            outcome = await hosted.runner.run()
            hosted.status = "finished" if outcome.finished else "stopped"
        except Exception as error:  # whatever ended it, the engine lives on and says so
            hosted.status = "failed"
            hosted.error = str(error) or type(error).__name__
            log.exception("a session ended with an error", session=hosted.id)
        finally:
            if hosted.status != "stopped":  # another engine need not go on with it
                self.wanted.pop(hosted.id, None)
            if hosted.facts is not None:
                await asyncio.to_thread(hosted.facts.close)
            await hosted.close()

    def _recall(self, hosted: Hosted) -> None:
        """A kill switch that was thrown before the session ran is still on."""
        if not hosted.runner.session.A["halted"].item(0):
            found = self._thrown()
            hosted.runner.halt(
                found.reason if found else "it was on at the start", flatten=found is not None and found.flatten
            )

    def _running(self) -> list[Hosted]:
        return [one for one in self.sessions.values() if one.task is not None and not one.task.done()]

    async def stop(self) -> None:
        """Stop every session, and wait until all is on the disk."""
        for hosted in self._running():
            hosted.runner.stop()
        await asyncio.gather(*(one.task for one in self._running() if one.task is not None), return_exceptions=True)

    # ------------------------------------------------------------------------------------------------------- commands
    async def handle(self, command: Command) -> Answer:
        """Carry out what a person wants."""
        try:
            message, data = await self._carry_out(command)
        except LookupError as error:
            return Answer(id=command.id, code="not_found", message=str(error.args[0] if error.args else error))
        except BadInput as error:
            return Answer(id=command.id, code="invalid", message=str(error))
        except TriplaneError as error:
            return Answer(id=command.id, code="conflict", message=str(error))
        except Exception as error:  # a person waits for the answer, whatever it is
            log.exception("a command failed", kind=command.kind)
            return Answer(id=command.id, code="failed", message=f"{type(error).__name__}: {error}")
        return Answer(id=command.id, code="ok", message=message, data=data)

    async def _carry_out(self, command: Command) -> tuple[str, dict[str, Any]]:
        if command.kind == "halt":
            return self._halt(command), {}
        await self._opened.wait()
        if command.kind == "start":
            hosted = await self.start(command.fields)
            return f"Session {hosted.id} runs.", {"id": hosted.id}
        if command.kind == "options":
            return "This is what a session can be started with.", await asyncio.to_thread(self._options)
        hosted = self._hosted(command.session_id)
        if command.kind == "refusal":
            return "", Commands(hosted.runner).refusal(command.fields)
        if command.kind == "resume":
            self.kill_switch.clear()
            self._killed, self._unwritten = False, None
        answer = Commands(hosted.runner).carry_out(command.kind, command.fields)
        if command.kind == "stop" and hosted.task is not None:
            self.wanted.pop(hosted.id, None)
            await asyncio.wait([hosted.task], timeout=5.0)
        return answer, {"id": hosted.id, "seq": self._told(hosted)}

    @staticmethod
    def _told(hosted: Hosted) -> int:
        """Number of the newest fact, so that a page can wait for it before it shows what a command did."""
        if hosted.facts is None:
            return 0
        hosted.facts.flush()
        return hosted.facts.last_seq

    def _hosted(self, session_id: str | None) -> Hosted:
        running = self._running()
        if session_id is None and len(running) == 1:
            return running[0]
        for one in running:
            if one.id == session_id:
                return one
        if session_id is None:
            raise BadInput(f"session is missing; {len(running)} sessions run here, so say which.")
        raise LookupError(f"Session {session_id} does not run here.")

    def _halt(self, command: Command) -> str:
        """Act first, in every session; then write it down, so that it stays on over a restart."""
        reason, flatten = str(command.fields.get("reason", "by hand")), bool(command.fields.get("flatten", False))
        self._killed = True
        problems = self._halt_all(reason, flatten)
        self._unwritten = Thrown(reason, flatten, self._clock.now_ms())
        try:
            self._write_kill_switch()
        except TriplaneError as error:
            problems.append(str(error))
        text = "The kill switch is on: no entries until a person resumes."
        if not self._opened.is_set():
            text += " Sessions are still being started; each halts before it takes a candle."
        return f"{text} {' '.join(problems)}".strip()

    def _write_kill_switch(self) -> None:
        if (due := self._unwritten) is not None:
            self.kill_switch.set(due.reason, flatten=due.flatten, time_ms=due.time)
            self._unwritten = None

    def _thrown(self) -> Thrown | None:
        """Why the kill switch is on, as told last."""
        return self._unwritten or self.kill_switch.read()

    def _halt_all(self, reason: str, flatten: bool) -> list[str]:
        problems = []
        for hosted in self._running():
            try:
                hosted.runner.halt(reason, flatten=flatten)
            except Exception as error:  # noqa: BLE001 - one session's trouble must not keep the others trading
                problems.append(f"Session {hosted.id} could not be halted: {error}.")
        return problems

    # ---------------------------------------------------------------------------------------------------------- health
    async def watch(self) -> None:
        """Say how things are, and look at what may have changed from outside, for ever."""
        looking = asyncio.create_task(self._look_at_disk())
        try:
            await self._watch()
        finally:
            looking.cancel()

    async def _look_at_disk(self) -> None:
        """In a thread, for a disk that hangs must not stop the loop."""
        while True:
            self._space = await asyncio.to_thread(self._disk)
            await asyncio.sleep(BEAT_S)

    async def _watch(self) -> None:
        last = time.monotonic()
        while True:
            begin = time.monotonic()
            await asyncio.sleep(TURN_S)
            now = time.monotonic()
            self._longest = max(self._longest, now - begin - TURN_S)
            if now - last < BEAT_S:
                continue
            last = now
            free, low = self._space
            for hosted in self._running():
                hosted.runner.gate(Gate.DISK_SPACE, closed=low)
            self._look_at_kill_switch()
            health = self.health(free, low)
            if self.server is not None:
                self.server.say(health)
            self._beat(health)
            self._longest = 0.0

    def _look_at_kill_switch(self) -> None:
        """Another process (the page, the command line) may have thrown it; what a full disk refused is due."""
        with contextlib.suppress(TriplaneError):
            self._write_kill_switch()
        found = self._thrown()
        if found is not None and not self._killed:
            self._halt_all(found.reason, found.flatten)
        self._killed = found is not None

    def health(self, free: int | None, low: bool) -> Health:
        """How the engine is now."""
        thrown = self._thrown()
        return Health(
            at=self._clock.now_ms(),
            pid=os.getpid(),
            started_at=self._started_at,
            version=__version__,
            loop_s=round(self._longest, 3),
            disk_free=free,
            disk_low=low,
            memory_mb=memory_mb(),
            kill_switch=self._killed or thrown is not None,
            kill_reason=thrown.reason if thrown is not None else None,
            starting=not self._opened.is_set(),
            problems=self._problems,
            sessions=[session_health(one) for one in self.sessions.values()],
        )

    def _forming(self, hosted: Hosted, k: int, candle: Any) -> None:
        if self.server is None or not self.server.heard:
            return
        session = hosted.runner.session
        opened, first, high, low, close, volume = candle.item(0)
        setup = session.setup
        self.server.say(
            Forming(
                candle=Candle(
                    session_id=session.id, seq=0, time=hosted.runner.now(), symbol=setup.symbols[k], venue=setup.source,
                    tf=hosted.runner.base_tf, open_time=opened, open=first, high=high, low=low, close=close,
                    volume=volume, is_closed=False,
                )
            )
        )  # fmt: skip


def session_health(hosted: Hosted) -> SessionHealth:
    """How one session is now."""
    runner = hosted.runner
    session, execution = runner.session, runner.execution
    status = hosted.status
    if status == "loading" and runner.ready:
        status = hosted.status = "running"
    running = hosted.task is not None and not hosted.task.done()
    account = session.A[0]
    halted = bool(account["halted"])
    return SessionHealth(
        session_id=session.id,
        status=status,
        mode=session.setup.mode,
        strategy=" + ".join(one.name for one in session.core.strategies),
        symbols=list(session.setup.symbols),
        timeframe=runner.timeframe,
        speed=hosted.speed,
        started_at=session.created_at,
        seq=hosted.facts.last_seq if hosted.facts is not None else 0,
        feed=runner.feed_health(),
        halted=halted,
        halt_reason=Reason(account["halt_code"]).label if halted else None,
        error=hosted.error or runner.error,
        error_line=runner.error_line,
        facts_error=hosted.facts.failed if hosted.facts is not None else "",
        venue=hosted.venue,
        venue_age_s=None if execution is None else execution.heard_s(),
        reconciled=None if execution is None else not runner.closed(Gate.NOT_RECONCILED),
        journal_bytes=session.journal.size if running else 0,
        journal_behind=session.journal.behind if running else 0,
        stages=[
            stage
            for name, latency, last in (
                ("close to candle", runner.received, runner.last_received_ns),
                ("candle to decision", runner.decided, runner.last_decided_ns),
                *((("order to venue", execution.placing, 0),) if execution is not None else ()),
            )
            if (stage := _stage(name, latency, last)) is not None
        ],
    )


def _stage(name: str, latency: Latency, last_ns: int) -> Stage | None:
    p50, p99 = latency.percentile(50), latency.percentile(99)
    if p50 is None or p99 is None:
        return None
    return Stage(name=name, p50_ms=round(p50 / 1e6, 3), p99_ms=round(p99 / 1e6, 3), last_ms=round(last_ns / 1e6, 3))
