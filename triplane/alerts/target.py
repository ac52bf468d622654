"""One target at work: which alerts it takes, how many, and what happens when its service does not answer.

The first alerts of a minute are sent one by one; what repeats one of them, and what is more than the target takes in a
minute, is counted and told in one summary at its end. While that goes on, the windows become longer. A service that
does not take an alert is asked again with growing pauses for a quarter of an hour. Whoever tells never waits.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from triplane.alerts.alert import Alert, count
from triplane.alerts.config import AlertTarget
from triplane.alerts.senders import NotSent, Sender

log = structlog.get_logger(__name__)

WINDOW_S: Final = 60.0
LONGEST_S: Final = 960.0
QUEUED: Final = 200
"""Alerts that may wait for a service; what is more is counted."""
SEND_S: Final = 20.0
BACKOFF_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
GIVE_UP_S: Final = 900.0


def _share(alert: Alert) -> float:
    """How much of a minute's alerts may be gone when this one is still sent: details leave room for positions."""
    if alert.severity == "debug":
        return 0.5
    return 2.0 if alert.severity == "critical" or alert.kind == "session" else 1.0


async def attempt(sender: Sender, alert: Alert) -> str:
    """Send an alert once; returns what the service answered.

    Raises
    ------
    NotSent
        For whatever reason.
    """
    try:
        async with asyncio.timeout(SEND_S):
            return await sender.send(alert)
    except NotSent:
        raise
    except TimeoutError:
        raise NotSent(f"no answer within {SEND_S:g} seconds") from None
    except Exception as error:  # noqa: BLE001 - a sender that somebody else wrote may raise anything
        raise NotSent(repr(error)) from None


class Target:
    """Takes alerts for one sender.

    Parameters
    ----------
    settings, sender, name
        What it takes, who sends it, and how it is called in logs.
    clock, sleep
        Seconds that only grow, and how to wait; virtual in tests.
    """

    def __init__(
        self,
        settings: AlertTarget,
        sender: Sender,
        name: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name, self._settings, self._sender = name, settings, sender
        self._clock, self._sleep = clock, sleep
        self._queue: asyncio.Queue[tuple[float, Alert]] = asyncio.Queue()
        self._window, self._until = WINDOW_S, 0.0
        self._sent: set[str] = set()
        self._more: Counter[str] = Counter()

    def offer(self, alert: Alert) -> bool:
        """Take an alert, or count it; returns at once, whether it is wanted here."""
        if not self._settings.wants(alert):
            return False
        if not self._until:
            self._until = self._clock() + self._window
        most = self._settings.per_minute * self._window / WINDOW_S * _share(alert)
        if alert.same in self._sent or len(self._sent) >= most or self._queue.qsize() >= QUEUED:
            self._more[alert.kind] += 1
        else:
            self._sent.add(alert.same)
            self._queue.put_nowait((self._clock(), alert))
        return True

    def look(self, *, ends: bool = False) -> None:
        """Tell of what was counted when the window is over, or when everything ends; to be called now and then."""
        if not self._until or (self._clock() < self._until and not ends):
            return
        if self._more:
            minutes = round(self._window / WINDOW_S)
            period = "in the last minute" if minutes == 1 else f"in the last {minutes} minutes"
            title = f"{self._more.total()} more: {count(self._more)}"
            text = f"These came {period} and were not sent one by one."
            summary = Alert(kind="session", severity="info", title=title, text=text,
                            time=time.time_ns() // 1_000_000)  # fmt: skip
            self._queue.put_nowait((self._clock(), summary))
        self._window = min(self._window * 2, LONGEST_S) if self._more else WINDOW_S
        self._until = 0.0
        self._sent.clear()
        self._more.clear()

    async def run(self) -> None:
        """Send what was taken, for ever."""
        while True:
            since, alert = await self._queue.get()
            try:
                await self._deliver(since, alert)
            finally:
                self._queue.task_done()

    async def drain(self) -> None:
        """Return when nothing waits any more."""
        await self._queue.join()

    async def close(self) -> None:
        """Let go of the service."""
        await self._sender.close()

    @property
    def waiting(self) -> int:
        """Alerts that have not left yet."""
        return self._queue.qsize()

    async def _deliver(self, since: float, alert: Alert) -> None:
        pause = BACKOFF_S
        while True:
            try:
                await attempt(self._sender, alert)
            except NotSent as error:
                if error.final or self._clock() - since >= GIVE_UP_S:
                    told = {"target": self.name, "kind": alert.kind, "title": alert.title, "error": str(error)}
                    log.error("alert was not delivered", **told)  # noqa: TRY400 - told in one sentence
                    return
                wait = pause if error.after is None else min(max(error.after, pause), LONGEST_PAUSE_S)
            else:
                return
            await self._sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE_S)
