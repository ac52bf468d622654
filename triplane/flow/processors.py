"""What listens to the stream of facts and has a life: the alerts, and the parts that a user adds.

A user's own part is a subclass of :class:`Processor` in a file, or in a package that offers it in the entry point group
``triplane.processors``. Processors start in the order they were added and stop in reverse. Starting what runs, and
stopping what does not, does nothing. One that raises or hangs does not keep the rest from starting or stopping: its
error is kept and logged, and the group goes on.
"""

import asyncio
import importlib.util
import sys
from collections.abc import Awaitable, Callable, Iterable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import structlog

from triplane.errors import BadInput, TriplaneError
from triplane.flow.bus import EventBus, Subscription

log = structlog.get_logger(__name__)

GROUP: Final = "triplane.processors"
START_S: Final = 10.0


class Processor:
    """One part with a life: names the :attr:`topics` that it wants, and is called with each fact of them, in order.

    ``on_fact`` may be ``async``, which must not block, or plain, which runs in a thread of its own and may. It has a
    second; a fact that it does not take is tried again three times and then kept in ``bus.dead_letters``.
    """

    name: str = ""
    topics: tuple[str, ...] = ()
    """Names of facts such as ``trade.v1``, of messages (``health``, ``forming``), or ``*`` for all."""
    stop_s: ClassVar[float] = 1.0
    """Seconds that :meth:`on_stop` has."""
    running = False
    bus: EventBus
    _subscription: Subscription | None = None

    async def on_start(self) -> None:
        """Begin to work; called once for each life, before the first fact."""

    async def on_stop(self) -> None:
        """Finish what is under way and let go; called once for each life, also after a failed start."""

    def on_fact(self, fact: Any) -> object:
        """Take a fact."""
        raise NotImplementedError(f"{self.title} has topics and no on_fact")

    @property
    def title(self) -> str:
        """How it is called in logs."""
        return self.name or type(self).__name__

    async def start(self, bus: EventBus) -> None:
        """Start, unless it runs."""
        if self.running:
            return
        self.running, self.bus = True, bus
        try:
            async with asyncio.timeout(START_S):
                await self.on_start()
        except BaseException:
            await self.stop()
            raise
        if self.topics:
            self._subscription = bus.subscribe(self.topics, self.on_fact, self.title)

    async def stop(self) -> None:
        """Stop, unless it does not run."""
        if not self.running:
            return
        self.running = False
        if self._subscription is not None:
            self.bus.unsubscribe(self._subscription)
            self._subscription = None
        async with asyncio.timeout(self.stop_s):
            await self.on_stop()


class Processors:
    """Processors with one life together.

    Attributes
    ----------
    failures : list
        The pairs of processor and error since the last start.
    """

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self._members: list[Processor] = []
        self.failures: list[tuple[Processor, BaseException]] = []

    def add(self, *processors: Processor) -> Self:
        """Append; they will start last and stop first."""
        self._members.extend(processors)
        return self

    async def start(self) -> None:
        """Start all, in order."""
        self.failures = []
        for processor in self._members:
            await self._try(processor, processor.start(self._bus))

    async def stop(self) -> None:
        """Stop all that run, in reverse."""
        for processor in reversed(self._members):
            await self._try(processor, processor.stop())

    async def _try(self, processor: Processor, step: Awaitable[None]) -> None:
        try:
            await step
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever fails in one must not stop the others
            self.failures.append((processor, error))
            log.error("processor failed", processor=processor.title, error=repr(error))  # noqa: TRY400 - no trace


def find(name: str) -> Callable[[], list[Processor]]:
    """What makes the processors of a file (``….py``), or the one that an installed package offers under this name.

    Raises
    ------
    BadInput
        There is no such file or name.
    """
    if name.endswith(".py"):
        path = Path(name)
        if not path.is_file():
            raise BadInput(f"Processor file {name} does not exist.")
        return lambda: _from_file(path.resolve())
    offered = entry_points(group=GROUP)
    if name not in offered.names:
        known = ", ".join(sorted(offered.names)) or "none"
        raise BadInput(f"Unknown processor {name}; installed: {known}. (A file of your own: give its path.)")
    return lambda: [_made(offered[name].load())]


def load(names: Iterable[str]) -> list[Processor]:
    """All processors of these names; one that cannot be loaded is logged and left out."""
    found: list[Processor] = []
    for name in names:
        try:
            found += find(name)()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's code may raise anything when it is imported
            text = str(error) if isinstance(error, TriplaneError) else repr(error)
            log.error("processor cannot be loaded", processor=name, error=text)  # noqa: TRY400 - told in one sentence
    return found


def _made(kind: Any) -> Processor:
    made = kind()
    if not isinstance(made, Processor):
        raise BadInput(f"{kind!r} does not make a triplane.flow.processors.Processor.")
    return made


def _from_file(path: Path) -> list[Processor]:
    name = f"triplane_user_processor_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"Processor file {path} is not a Python file.")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kinds = [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Processor) and kind.__module__ == name
    ]
    if not kinds:
        raise BadInput(f"Processor file {path} defines no subclass of triplane.flow.processors.Processor.")
    return [_made(kind) for kind in kinds]
