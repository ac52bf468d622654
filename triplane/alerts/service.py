"""The alerts as a processor: facts and health in, alerts out to every target that wants them."""

import asyncio
import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Final

import structlog
from msgspec.structs import replace

from triplane.alerts.alert import Alert
from triplane.alerts.conditions import Conditions
from triplane.alerts.config import AlertTarget, shown
from triplane.alerts.from_facts import FromFacts
from triplane.alerts.memory import Memory, wall_ms
from triplane.alerts.senders import Sender, make_sender
from triplane.alerts.target import Target
from triplane.errors import BadInput, TriplaneError
from triplane.flow.processors import Processor
from triplane.model.live import Health
from triplane.venues.keys import redact

log = structlog.get_logger(__name__)

LOOK_S: Final = 0.5
SAVE_MS: Final = 10_000
DRAIN_S: Final = 2.0


def open_sender(settings: AlertTarget) -> Sender:
    """The sender of a target.

    Raises
    ------
    BadInput
        Its address cannot be used; the text names the target and holds nothing secret.
    """
    url = settings.address()
    try:
        return make_sender(url)
    except Exception as error:  # noqa: BLE001 - an entry point may raise anything
        text = str(error) if isinstance(error, TriplaneError) else repr(error)
        raise BadInput(f"Alert target {settings.called()} ({shown(url)}) cannot be used: {redact(text)}") from None


class Alerts(Processor):
    """Tells the targets what happens.

    Parameters
    ----------
    memory, data_dir
        What was told before, and where that is kept.

    Attributes
    ----------
    orderly : bool
        Whether a stop is what a person wanted, and is to be told.
    """

    name = "alerts"
    stop_s: ClassVar[float] = DRAIN_S + 1.0

    def __init__(self, targets: Iterable[Target], memory: Memory, data_dir: Path) -> None:
        self.memory = memory
        self._targets, self._data_dir = list(targets), data_dir
        self._facts = FromFacts(memory)
        self._conditions = Conditions(memory)
        self._tasks: list[asyncio.Task[None]] = []
        self._looking: asyncio.Task[None] | None = None
        self.topics = (*self._facts.topics, "health")
        self.orderly = True

    async def on_start(self) -> None:
        self._tasks = [asyncio.create_task(target.run()) for target in self._targets]
        self._looking = asyncio.create_task(self._look())

    async def on_fact(self, fact: Any) -> None:
        if isinstance(fact, Health):
            self._tell([*self._facts.settled(), *self._conditions.hear(fact)])
        else:
            self._tell(self._facts.take(fact))

    async def on_stop(self) -> None:
        """Tell what is left to tell, for a few seconds."""
        if self._looking is not None:
            self._looking.cancel()
        self._tell([*self._facts.settled(), *(self._conditions.end() if self.orderly else ())])
        self.memory.save(self._data_dir, wall_ms())
        for target in self._targets:
            target.look(ends=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await asyncio.gather(*(target.drain() for target in self._targets))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *(target.close() for target in self._targets), return_exceptions=True)

    def look(self) -> None:
        """What does not wait for a fact: silence, the ends of windows."""
        self._tell([*self._facts.settled(), *self._conditions.look()])
        for target in self._targets:
            target.look()
        if wall_ms() - self.memory.at >= SAVE_MS:
            self.memory.save(self._data_dir, wall_ms())

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def _tell(self, alerts: list[Alert]) -> None:
        taken = False
        for alert in alerts:
            whole = replace(alert, time=wall_ms(), where=alert.where or self.memory.places.get(alert.session_id, ""))
            for target in self._targets:
                taken |= target.offer(whole)
        if taken:
            self.memory.save(self._data_dir, wall_ms())
