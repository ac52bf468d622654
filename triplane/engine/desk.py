"""The desk: the engine that runs now, under one roof that outlives it, so that a page can stop one session and start
another. Reads and commands go to the current engine; only starting is the desk's own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from triplane.engine.live import Engine
from triplane.errors import TriplaneError

Payload = dict[str, Any]
Build = Callable[[Mapping[str, Any]], Awaitable[Engine]]
"""Makes an engine from what the caller of ``POST /api/sessions/start`` asked for; empty for the configured one."""

log = structlog.get_logger(__name__)


class Desk:
    """Runs one engine after the other.

    Parameters
    ----------
    build
        Makes engines.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._engine: Engine | None = None
        self._task: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self.failed: BaseException | None = None
        self.ended = asyncio.Event()

    @property
    def engine(self) -> Engine:
        """The current engine, running or stopped."""
        if self._engine is None:
            raise TriplaneError("No session has been started yet.")
        return self._engine

    @property
    def running(self) -> bool:
        """Whether a session runs."""
        return self._task is not None and not self._task.done()

    async def start(self, wanted: Mapping[str, Any]) -> Engine:
        """Start a session; raises TriplaneError while another one runs."""
        async with self._starting:
            if self.running:
                raise TriplaneError(
                    f"Session {self.engine.session.id} runs here; stop it before another one is started."
                )
            before = self._engine
            self._engine = engine = await self._build(wanted)
            self.ended.clear()
            self._task = asyncio.create_task(self._run(engine))
            if before is not None:
                before.events.append("resync", None, engine.session.now, {"reason": "another session was started"})
            return engine

    async def _run(self, engine: Engine) -> None:
        try:
            await engine.run()
        except Exception as error:  # whatever ended it, the page lives on and `up` tells it at the end
            self.failed = error
            log.exception("the session ended with an error", session=engine.session.id)
        finally:
            self.ended.set()

    async def close(self) -> None:
        """Stop what runs, and wait until it is stored."""
        if self._task is not None and self._engine is not None:
            self._engine.stop()
            await self._task

    async def command(self, kind: str, **fields: Any) -> Payload:
        """Start a session, or hand a command to the current engine."""
        if kind == "start":
            engine = await self.start(fields)
            return {"accepted": True, "message": f"Session {engine.session.id} runs.", "id": engine.session.id}
        return await self.engine.command(kind, **fields)

    def __getattr__(self, name: str) -> Any:
        """Every read of ``api.ports.EngineView`` is the current engine's."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.engine, name)
