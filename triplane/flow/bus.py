"""The event bus inside the process: whoever publishes is never held up by whoever listens.

Every subscriber has a queue and a worker of its own, so it gets its events in order and a slow one delays nobody else.
A handler has a second for an event. If it fails or takes longer, the event is tried again three times with growing
pauses, then it goes to the dead letters, which can be read and replayed. So a handler may see an event twice, never
not at all; ``id`` and ``seq`` of an event tell. Synchronous handlers run in a thread of their subscriber.

Nothing is lost: what is published while the bus does not run, and what is left when it had to stop, is a dead letter.
"""

import asyncio
import inspect
import queue
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import structlog

log = structlog.get_logger(__name__)

Handler = Callable[[Any], object]
"""Plain or ``async``; what it returns is ignored."""

TIMEOUT: Final = 1.0
RETRIES: Final = 3
BACKOFF: Final = 0.1
DRAIN: Final = 5.0
KEPT: Final = 10_000
"""Dead letters that are kept; beyond that the oldest goes, and a warning is logged."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a subscriber did not take; ``subscriber`` is empty when the bus did not run."""

    event: Any
    subscriber: str
    error: str


class _Thread:
    """Where a synchronous handler runs: a daemon thread, replaced when a call hangs in it."""

    def __init__(self, call: Callable[[Any], object]) -> None:
        self._call = call
        self._tasks: queue.SimpleQueue[tuple[Any, asyncio.Future[None], asyncio.AbstractEventLoop] | None]
        self._tasks = queue.SimpleQueue()
        self._started = False

    async def run(self, event: Any) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if not self._started:
            threading.Thread(target=self._loop, args=(self._tasks,), daemon=True).start()
            self._started = True
        self._tasks.put((event, future, loop))
        try:
            await future
        except asyncio.CancelledError:
            self.close()
            self._tasks = queue.SimpleQueue()
            raise

    def close(self) -> None:
        self._tasks.put(None)
        self._started = False

    def _loop(
        self, tasks: "queue.SimpleQueue[tuple[Any, asyncio.Future[None], asyncio.AbstractEventLoop] | None]"
    ) -> None:
        while (task := tasks.get()) is not None:
            event, future, loop = task
            error: Exception | None = None
            try:
                self._call(event)
            except Exception as raised:  # noqa: BLE001 - a handler may raise anything; its worker decides
                error = raised
            try:
                loop.call_soon_threadsafe(_settle, future, error)
            except RuntimeError:  # the loop was closed while the handler hung
                return


def _settle(future: "asyncio.Future[None]", error: Exception | None) -> None:
    if not future.done():
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


@dataclass(slots=True, eq=False)
class Subscription:
    """One subscriber; :meth:`EventBus.unsubscribe` ends it."""

    name: str
    topic: str
    handler: Handler
    is_async: bool
    waiting: "asyncio.Queue[Any] | None" = None
    worker: "asyncio.Task[None] | None" = None
    thread: _Thread | None = None
    delivered: int = 0


def topic_of(event: Any) -> str:
    """The topic of an event: its ``type``, such as ``fill.v1``."""
    return str(getattr(event, "type", type(event).__name__))


class EventBus:
    """Publish and subscribe; all methods are for the thread of the event loop.

    Parameters
    ----------
    timeout, retries, backoff
        Seconds that a handler has, further tries, and the first pause, doubled each time.
    sleep
        Waits; virtual in tests.
    """

    def __init__(
        self,
        *,
        timeout: float = TIMEOUT,
        retries: int = RETRIES,
        backoff: float = BACKOFF,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._timeout = timeout
        self._retries = retries
        self._backoff = backoff
        self._sleep = sleep
        self._subscriptions: list[Subscription] = []
        self._emitted: set[asyncio.Task[None]] = set()
        self.dead_letters: deque[DeadLetter] = deque()
        self.published = 0
        self.running = False

    # ---------------------------------------------------------------------------------------------------- subscribers
    def subscribe(self, topic: str, handler: Handler, name: str | None = None) -> Subscription:
        """Call ``handler`` with every event of ``topic`` (``*`` for all), plain or ``async``."""
        call = getattr(handler, "__call__", None)  # noqa: B004 - an object with an async __call__ is async too
        is_async = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(call)
        subscription = Subscription(name or str(getattr(handler, "__qualname__", handler)), topic, handler, is_async)
        self._subscriptions.append(subscription)
        if self.running:
            self._begin(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; what it has not taken yet becomes dead letters."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
            if subscription.worker is not None:
                subscription.worker.cancel()
            self._abandon(subscription, "unsubscribed")

    def _listening(self, event: Any) -> list[Subscription]:
        topic = topic_of(event)
        return [s for s in self._subscriptions if s.topic in ("*", topic)]

    def wants(self, topic: str) -> bool:
        """Whether anybody listens to a topic: what nobody hears need not be made."""
        return any(s.topic in ("*", topic) for s in self._subscriptions)

    # ------------------------------------------------------------------------------------------------------ publishing
    def publish(self, event: Any) -> None:
        """Queue an event for everybody who listens; returns at once."""
        self.published += 1
        if not self.running:
            self._bury(event, "", "the bus did not run")
            return
        for subscription in self._listening(event):
            if subscription.waiting is not None:
                subscription.waiting.put_nowait(event)

    def emit(self, event: Any) -> None:
        """Call every handler now, without the queue, whether the bus runs or not.

        An ``async`` handler runs to its end, unless an event loop is running: then it begins there as soon as it can.
        A handler that fails is a dead letter at once.
        """
        for subscription in self._listening(event):
            try:
                result = subscription.handler(event)
                if inspect.isawaitable(result):
                    self._finish(subscription, event, result)
            except Exception as error:  # noqa: BLE001 - one handler must not stop the others
                self._bury(event, subscription.name, repr(error))

    def _finish(self, subscription: Subscription, event: Any, result: Awaitable[None]) -> None:
        async def finish() -> None:
            try:
                async with asyncio.timeout(self._timeout):
                    await result
            except Exception as error:  # noqa: BLE001 - one handler must not stop the others
                self._bury(event, subscription.name, repr(error))

        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            asyncio.run(finish())
            return
        task = loop.create_task(finish())
        self._emitted.add(task)
        task.add_done_callback(self._emitted.discard)

    # ----------------------------------------------------------------------------------------------------------- life
    async def start(self) -> None:
        """Make the queues and begin to deliver; does nothing when it runs."""
        if not self.running:
            self.running = True
            for subscription in self._subscriptions:
                self._begin(subscription)

    async def stop(self, drain: float = DRAIN) -> None:
        """Deliver what is queued, for up to ``drain`` seconds; the rest becomes dead letters."""
        if not self.running:
            return
        try:
            async with asyncio.timeout(drain):
                await self._drained()
        except TimeoutError:
            log.warning("the event bus could not deliver everything", seconds=drain)
        self.running = False
        workers = [s.worker for s in self._subscriptions if s.worker is not None]
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        for subscription in self._subscriptions:
            self._abandon(subscription, "the bus was stopped")

    async def _drained(self) -> None:
        """Return when nothing is queued, counting what handlers publish meanwhile."""
        before = -1
        while before != self.published or self._emitted:
            before = self.published
            if self._emitted:
                await asyncio.wait(self._emitted)
            await asyncio.gather(*(s.waiting.join() for s in self._subscriptions if s.waiting is not None))

    def _begin(self, subscription: Subscription) -> None:
        subscription.waiting = asyncio.Queue()
        subscription.worker = asyncio.get_running_loop().create_task(self._work(subscription, subscription.waiting))

    def _abandon(self, subscription: Subscription, why: str) -> None:
        while subscription.waiting is not None and not subscription.waiting.empty():
            self._bury(subscription.waiting.get_nowait(), subscription.name, why)
        if subscription.thread is not None:
            subscription.thread.close()
        subscription.waiting = subscription.worker = subscription.thread = None

    # ------------------------------------------------------------------------------------------------------- delivery
    async def _work(self, subscription: Subscription, waiting: "asyncio.Queue[Any]") -> None:
        while True:
            event = await waiting.get()
            try:
                await self._deliver(subscription, event)
            except asyncio.CancelledError:
                self._bury(event, subscription.name, "the bus was stopped")
                raise
            finally:
                waiting.task_done()

    async def _deliver(self, subscription: Subscription, event: Any) -> None:
        """Try until the handler takes the event or the tries are used up."""
        last = ""
        for number in range(self._retries + 1):
            if number:
                await self._sleep(self._backoff * 2 ** (number - 1))
            try:
                async with asyncio.timeout(self._timeout):
                    await self._call(subscription, event)
            except TimeoutError:
                last = f"no answer within {self._timeout} s"
            except Exception as error:  # noqa: BLE001 - a handler may raise anything; it is told in the dead letter
                last = repr(error)
            else:
                subscription.delivered += 1
                return
        self._bury(event, subscription.name, last)

    @staticmethod
    async def _call(subscription: Subscription, event: Any) -> None:
        if subscription.is_async:
            await cast("Awaitable[None]", subscription.handler(event))
            return
        if subscription.thread is None:
            subscription.thread = _Thread(subscription.handler)
        await subscription.thread.run(event)

    # --------------------------------------------------------------------------------------------------- dead letters
    def _bury(self, event: Any, subscriber: str, error: str) -> None:
        if len(self.dead_letters) >= KEPT:
            lost = self.dead_letters.popleft()
            log.error("too many dead letters; the oldest is dropped", topic=topic_of(lost.event), error=lost.error)
        self.dead_letters.append(DeadLetter(event, subscriber, error))

    def replay(self) -> int:
        """Queue the dead letters again, each for the subscriber that missed it; returns how many."""
        letters, self.dead_letters = self.dead_letters, deque()
        for letter in letters:
            takers = [s for s in self._listening(letter.event) if letter.subscriber in ("", s.name)]
            if not self.running:
                self.dead_letters.append(letter)
                continue
            for taker in takers:
                if taker.waiting is not None:
                    taker.waiting.put_nowait(letter.event)
        return len(letters) - len(self.dead_letters)
