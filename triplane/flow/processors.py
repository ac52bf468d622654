"""The lifecycle of the parts that run beside each other: feed, session, store writer, alerts.

Processors start in the order they were added and stop in reverse. Starting what runs, and stopping what does not, does
nothing. A failure of one does not keep the rest from starting or stopping: it is kept, told to ``on_error``, and the
group goes on.
"""

from collections.abc import Callable
from typing import Self

import structlog

log = structlog.get_logger(__name__)


class Processor:
    """One part with a life. Subclasses override :meth:`on_start` and :meth:`on_stop`."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name or type(self).__name__
        self.running = False

    async def on_start(self) -> None:
        """Begin to work; called once for each life."""

    async def on_stop(self) -> None:
        """Finish what is under way and let go; called once for each life, also after a failed start."""

    async def start(self) -> None:
        """Start, unless it runs."""
        if not self.running:
            self.running = True
            try:
                await self.on_start()
            except BaseException:
                self.running = False
                await self.on_stop()
                raise

    async def stop(self) -> None:
        """Stop, unless it does not run."""
        if self.running:
            self.running = False
            await self.on_stop()


class Processors:
    """Processors with one life together.

    Parameters
    ----------
    on_error
        Called with the processor and the error when one fails to start or to stop; by default it is logged.

    Attributes
    ----------
    failures : list
        The pairs of processor and error since the last start.
    """

    def __init__(self, on_error: Callable[[Processor, Exception], None] | None = None) -> None:
        self._members: list[Processor] = []
        self._on_error = on_error or self._log
        self.failures: list[tuple[Processor, Exception]] = []

    def add(self, *processors: Processor) -> Self:
        """Append; they will start last and stop first."""
        self._members.extend(processors)
        return self

    async def start(self) -> None:
        """Start all, in order."""
        self.failures = []
        for processor in self._members:
            try:
                await processor.start()
            except Exception as error:  # noqa: BLE001 - whatever fails in one must not stop the others
                self._failed(processor, error)

    async def stop(self) -> None:
        """Stop all that run, in reverse."""
        for processor in reversed(self._members):
            try:
                await processor.stop()
            except Exception as error:  # noqa: BLE001 - whatever fails in one must not stop the others
                self._failed(processor, error)

    def _failed(self, processor: Processor, error: Exception) -> None:
        self.failures.append((processor, error))
        self._on_error(processor, error)

    @staticmethod
    def _log(processor: Processor, error: Exception) -> None:
        log.error("processor failed", processor=processor.name, error=str(error))
