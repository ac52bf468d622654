"""The event bus inside the process: whoever publishes is never held up by whoever listens.

Facts and messages have their versioned name as topic, such as ``trade.v1`` or ``health``. Every subscriber has a queue
and a worker of its own, so it gets its events in order and a slow one delays nobody else. A handler has a second for an
event. If it fails or takes longer, the event is tried again three times with growing pauses, then it goes to the dead
letters, which can be read and replayed. So a handler may see an event twice, never not at all; the ``seq`` of a fact
tells. Plain handlers run in a thread of their subscriber.

Nothing is lost: what is published while the bus does not run, what is left when it had to stop, and what a subscriber
that is far behind has no room for, is a dead letter.
"""

import asyncio
import inspect
import queue
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

log = structlog.get_logger(__name__)

Handler = Callable[[Any], object]
"""Plain or ``async``; what it returns is ignored."""

TIMEOUT: Final = 1.0
RETRIES: Final = 3
BACKOFF: Final = 0.1
DRAIN: Final = 5.0
QUEUED: Final = 100_000
"""Events that may wait for one subscriber."""
KEPT: Final = 10_000
"""Dead letters that are kept; beyond that the oldest goes, and an error is logged."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a subscriber did not take; ``subscriber`` is empty when the bus did not run."""

    event: Any
    subscriber: str
    error: str


class Caller:
    """Calls a plain function in a daemon thread; one that hangs is left behind, and the next call gets a new thread."""

    def __init__(self, function: Callable[[Any], object]) -> None:
        self._function = function
        self._tasks: queue.SimpleQueue[tuple[Any, Future[Any]] | None] | None = None

    async def __call__(self, argument: Any) -> Any:
        if self._tasks is None:
            self._tasks = queue.SimpleQueue()
            threading.Thread(target=self._run, args=(self._tasks,), daemon=True).start()
        future: Future[Any] = Future()
        self._tasks.put((argument, future))
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            self.close()
            raise

    def close(self) -> None:
        """Let the thread end once its call has."""
        if self._tasks is not None:
            self._tasks.put(None)
            self._tasks = None

    def _run(self, tasks: "queue.SimpleQueue[tuple[Any, Future[Any]] | None]") -> None:
        while (task := tasks.get()) is not None:
            argument, future = task
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._function(argument))
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a handler may raise anything; its caller decides
                future.set_exception(error)


@dataclass(slots=True, eq=False)
class Subscription:
    """One subscriber; :meth:`EventBus.unsubscribe` ends it."""

    name: str
    topics: tuple[str, ...]
    handler: Handler
    call: Callable[[Any], Awaitable[object]]
    waiting: "asyncio.Queue[Any]" = field(default_factory=asyncio.Queue)
    worker: "asyncio.Task[None] | None" = None

    def hears(self, topic: str) -> bool:
        """Whether it listens to a topic."""
        return topic in self.topics or "*" in self.topics


def topic_of(event: Any) -> str:
    """The topic of an event: its tag such as ``fill.v1``; of what has none, its ``type`` or the name of its class."""
    config = getattr(event, "__struct_config__", None)
    if config is not None and config.tag is not None:
        return str(config.tag)
    return str(getattr(event, "type", type(event).__name__))


@dataclass(kw_only=True, eq=False)
class EventBus:
    """Publish and subscribe; all methods are for the thread of the event loop.

    Parameters
    ----------
    timeout, retries, backoff
        Seconds that a handler has, further tries, and the first pause, doubled each time.
    queued
        Events that may wait for one subscriber.
    sleep
        Waits; virtual in tests.
    """

    timeout: float = TIMEOUT
    retries: int = RETRIES
    backoff: float = BACKOFF
    queued: int = QUEUED
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    dead_letters: deque[DeadLetter] = field(default_factory=deque, init=False)
    published: int = field(default=0, init=False)
    running: bool = field(default=False, init=False)
    _subscriptions: list[Subscription] = field(default_factory=list, init=False)
    _emitted: "set[asyncio.Task[None]]" = field(default_factory=set, init=False)

    # ---------------------------------------------------------------------------------------------------- subscribers
    def subscribe(self, topics: str | tuple[str, ...], handler: Handler, name: str | None = None) -> Subscription:
        """Call ``handler``, plain or ``async``, with every event of these topics (``*`` for all), in order."""
        # an object with an async __call__ is async too
        is_async = any(inspect.iscoroutinefunction(f) for f in (handler, getattr(handler, "__call__", None)))  # noqa: B004
        subscription = Subscription(
            name or str(getattr(handler, "__qualname__", handler)),
            (topics,) if isinstance(topics, str) else topics,
            handler,
            handler if is_async else Caller(handler),  # type: ignore[arg-type]
        )
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
        return [s for s in self._subscriptions if s.hears(topic)]

    # ------------------------------------------------------------------------------------------------------ publishing
    def publish(self, event: Any) -> None:
        """Queue an event for everybody who listens; returns at once."""
        self.published += 1
        if not self.running:
            self._bury(event, "", "the bus did not run")
            return
        for subscription in self._listening(event):
            self._queue(subscription, event)

    def _queue(self, subscription: Subscription, event: Any) -> None:
        if subscription.waiting.qsize() < self.queued:
            subscription.waiting.put_nowait(event)
        else:
            self._bury(event, subscription.name, f"{self.queued} events wait for it already")

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
                async with asyncio.timeout(self.timeout):
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
            await asyncio.gather(*(s.waiting.join() for s in self._subscriptions))

    def _begin(self, subscription: Subscription) -> None:
        subscription.waiting = asyncio.Queue()
        subscription.worker = asyncio.get_running_loop().create_task(self._work(subscription, subscription.waiting))

    def _abandon(self, subscription: Subscription, why: str) -> None:
        while not subscription.waiting.empty():
            self._bury(subscription.waiting.get_nowait(), subscription.name, why)
        if isinstance(subscription.call, Caller):
            subscription.call.close()
        subscription.worker = None

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
        for number in range(self.retries + 1):
            if number:
                await self.sleep(self.backoff * 2 ** (number - 1))
            try:
                async with asyncio.timeout(self.timeout):
                    await subscription.call(event)
            except TimeoutError:
                last = f"no answer within {self.timeout} s"
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises is told in the dead letter
                last = repr(error)
            else:
                return
        self._bury(event, subscription.name, last)

    # --------------------------------------------------------------------------------------------------- dead letters
    def _bury(self, event: Any, subscriber: str, error: str) -> None:
        if len(self.dead_letters) >= KEPT:
            lost = self.dead_letters.popleft()
            log.error("too many dead letters; the oldest is dropped", topic=topic_of(lost.event), error=lost.error)
        self.dead_letters.append(DeadLetter(event, subscriber, error))

    def replay(self) -> int:
        """Queue the dead letters again, each for the subscriber that missed it; returns how many."""
        if not self.running:
            return 0
        letters, self.dead_letters = self.dead_letters, deque()
        for letter in letters:
            for taker in self._listening(letter.event):
                if letter.subscriber in ("", taker.name):
                    self._queue(taker, letter.event)
        return len(letters)
