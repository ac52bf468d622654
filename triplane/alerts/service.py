"""The alerts as a processor: facts and health in, alerts out to every target that wants them."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
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
from triplane.errors import TriplaneError
from triplane.flow.processors import Processor
from triplane.model.live import Health
from triplane.venues.keys import redact

log = structlog.get_logger(__name__)

LOOK_S: Final = 0.5
SAVE_MS: Final = 10_000
DRAIN_S: Final = 3.0


def open_sender(settings: AlertTarget, environment: Mapping[str, str] = os.environ) -> tuple[str, Sender]:
    """The name and the sender of a target.

    Raises
    ------
    TriplaneError
        Its address cannot be used; the text names the target and holds nothing secret.
    """
    url = settings.address(environment)
    name = settings.name or url.partition("://")[0]
    try:
        return name, make_sender(url)
    except Exception as error:  # noqa: BLE001 - an entry point may raise anything
        text = str(error) if isinstance(error, TriplaneError) else repr(error)
        raise TriplaneError(f"Alert target {name} ({shown(url)}) cannot be used: {redact(text)}") from None


class Alerts(Processor):
    """Tells the targets what happens.

    Parameters
    ----------
    targets
        Each with its sender.
    memory, data_dir
        What was told before, and where that is kept.
    now_ms, sleep
        The time and how to wait; virtual in tests.

    Attributes
    ----------
    orderly : bool
        Whether a stop is what a person wanted, and is to be told.
    """

    name = "alerts"
    stop_s: ClassVar[float] = DRAIN_S + 1.0

    def __init__(
        self,
        targets: Iterable[tuple[Target, Sender]],
        memory: Memory,
        data_dir: Path,
        conditions: Callable[..., Conditions] = Conditions,
        now_ms: Callable[[], int] = wall_ms,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.memory = memory
        self._targets, self._data_dir, self._now_ms, self._sleep = list(targets), data_dir, now_ms, sleep
        self._places: dict[str, str] = {}
        self._facts = FromFacts(memory, self._places)
        self._conditions = conditions(memory, self._places)
        self._tasks: list[asyncio.Task[None]] = []
        self._looking: asyncio.Task[None] | None = None
        self.topics = (*self._facts.topics, "health")
        self.orderly = True

    async def on_start(self) -> None:
        self._tasks = [asyncio.create_task(target.run()) for target, _ in self._targets]
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
        self.memory.save(self._data_dir, self._now_ms)
        for target, _ in self._targets:
            target.look(ends=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await asyncio.gather(*(target.drain() for target, _ in self._targets))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *(sender.close() for _, sender in self._targets), return_exceptions=True)

    def look(self) -> None:
        """What does not wait for a fact: silence, the ends of windows."""
        self._tell([*self._facts.settled(), *self._conditions.look()])
        for target, _ in self._targets:
            target.look()
        if self._now_ms() - self.memory.at >= SAVE_MS:
            self.memory.save(self._data_dir, self._now_ms)

    async def _look(self) -> None:
        while True:
            await self._sleep(LOOK_S)
            self.look()

    def _tell(self, alerts: list[Alert]) -> None:
        taken = False
        for alert in alerts:
            whole = replace(alert, time=self._now_ms(), where=alert.where or self._places.get(alert.session_id, ""))
            for target, _ in self._targets:
                taken |= target.offer(whole)
        if taken:
            self.memory.save(self._data_dir, self._now_ms)
