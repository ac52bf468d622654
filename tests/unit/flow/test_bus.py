"""The event bus: order, time-outs, retries, dead letters, draining."""

import asyncio
import threading
from typing import Any

import pytest

from triplane.flow.bus import EventBus, topic_of
from triplane.model.facts import Error
from triplane.model.live import Answer


class Event:
    def __init__(self, number: int, topic: str = "fill.v1") -> None:
        self.number = number
        self.type = topic


class Sleeps:
    """Pauses that take no time and are remembered."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_every_subscriber_gets_its_topic_in_order(kind: str) -> None:
    bus = EventBus()
    fills: list[int] = []
    everything: list[int] = []

    def sync(event: Event) -> None:
        fills.append(event.number)

    async def later(event: Event) -> None:
        await asyncio.sleep(0)
        fills.append(event.number)

    bus.subscribe("fill.v1", sync if kind == "sync" else later)
    bus.subscribe("*", lambda event: everything.append(event.number))
    await bus.start()
    for number in range(100):
        bus.publish(Event(number, "fill.v1" if number % 2 else "order.v1"))
    await bus.stop()

    assert fills == list(range(1, 100, 2))
    assert everything == list(range(100))
    assert not bus.dead_letters


async def test_facts_and_messages_are_published_under_their_versioned_name() -> None:
    bus = EventBus()
    seen: list[Any] = []
    error = Error(session_id="s", seq=1, time=1, code="x", message="y")
    answer = Answer(id=1, code="ok", message="z")
    bus.subscribe(("error.v1", "answer"), seen.append)
    await bus.start()
    for event in (error, Event(1), answer):
        bus.publish(event)
    await bus.stop()

    assert seen == [error, answer]
    assert [topic_of(event) for event in (error, answer, Event(1), 5)] == ["error.v1", "answer", "fill.v1", "int"]


async def test_a_subscriber_that_is_far_behind_does_not_fill_the_memory() -> None:
    bus = EventBus(queued=3)
    seen: list[int] = []
    bus.subscribe("*", lambda event: seen.append(event.number), name="slow")
    await bus.start()
    for number in range(5):
        bus.publish(Event(number))
    await bus.stop()

    assert seen == [0, 1, 2]
    assert [(letter.event.number, letter.subscriber) for letter in bus.dead_letters] == [(3, "slow"), (4, "slow")]


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_handler_that_wants_to_exit_does_not(kind: str) -> None:
    bus = EventBus(retries=0)

    async def leaves(_: Event) -> None:
        raise SystemExit(1)

    bus.subscribe("*", leaves if kind == "async" else lambda _: exit(1), name="leaves")
    await bus.start()
    bus.publish(Event(1))
    await bus.stop()

    assert [(letter.subscriber, letter.error) for letter in bus.dead_letters] == [("leaves", "SystemExit(1)")]


async def test_publish_does_not_wait_and_a_hanging_handler_stops_nobody() -> None:
    bus = EventBus(timeout=0.02, retries=0)
    release, seen = threading.Event(), []
    bus.subscribe("*", lambda _: release.wait(10), name="hangs")
    bus.subscribe("*", lambda event: seen.append(event.number), name="works")
    await bus.start()
    for number in range(3):
        bus.publish(Event(number))
    await bus.stop()
    release.set()

    assert seen == [0, 1, 2]
    assert [(letter.subscriber, letter.event.number) for letter in bus.dead_letters] == [("hangs", n) for n in range(3)]
    assert "0.02 s" in bus.dead_letters[0].error


async def test_three_retries_with_growing_pauses_then_a_dead_letter_that_can_be_replayed() -> None:
    sleeps, calls, broken = Sleeps(), [], True
    bus = EventBus(backoff=0.1, sleep=sleeps)

    async def handler(event: Event) -> None:
        calls.append(event.number)
        if broken:
            raise ValueError("not today")

    bus.subscribe("fill.v1", handler, name="store")
    await bus.start()
    bus.publish(Event(7))
    await bus._drained()

    assert calls == [7] * 4
    assert sleeps.slept == pytest.approx([0.1, 0.2, 0.4])
    (letter,) = bus.dead_letters
    assert (letter.subscriber, letter.event.number, letter.error) == ("store", 7, "ValueError('not today')")

    broken = False
    assert bus.replay() == 1
    await bus.stop()

    assert calls == [7] * 5
    assert not bus.dead_letters


async def test_a_failure_is_tried_again_and_keeps_the_order() -> None:
    bus = EventBus(sleep=Sleeps())
    seen: list[int] = []
    failures = {3: 2, 5: 1}

    def handler(event: Event) -> None:
        if failures.get(event.number, 0) > 0:
            failures[event.number] -= 1
            raise OSError
        seen.append(event.number)

    bus.subscribe("*", handler)
    await bus.start()
    for number in range(8):
        bus.publish(Event(number))
    await bus.stop()

    assert seen == list(range(8))


async def test_stop_delivers_what_handlers_publish_meanwhile() -> None:
    bus = EventBus()
    seen: list[int] = []

    async def chain(event: Event) -> None:
        seen.append(event.number)
        if event.number < 20:
            bus.publish(Event(event.number + 1))

    bus.subscribe("*", chain)
    await bus.start()
    bus.publish(Event(0))
    await bus.stop()

    assert seen == list(range(21))


async def test_what_could_not_be_drained_is_a_dead_letter() -> None:
    bus = EventBus(timeout=60)
    never = asyncio.Event()

    async def hangs(_: Event) -> None:
        await never.wait()

    bus.subscribe("*", hangs)
    await bus.start()
    for number in range(5):
        bus.publish(Event(number))
    await bus.stop(drain=0.01)

    assert [letter.event.number for letter in bus.dead_letters] == [0, 1, 2, 3, 4]


async def test_published_while_it_does_not_run_is_a_dead_letter_for_everybody() -> None:
    bus = EventBus()
    seen: list[int] = []
    bus.subscribe("*", lambda event: seen.append(event.number))
    bus.publish(Event(1))

    assert [letter.error for letter in bus.dead_letters] == ["the bus did not run"]
    assert bus.replay() == 0
    await bus.start()
    assert bus.replay() == 1
    await bus.stop()
    assert seen == [1]


def test_emit_calls_at_once_without_a_running_bus() -> None:
    bus = EventBus()
    seen: list[Any] = []

    async def later(event: Event) -> None:
        seen.append(("async", event.number))

    def fails(_: Event) -> None:
        raise ValueError("no")

    bus.subscribe("*", lambda event: seen.append(("sync", event.number)))
    bus.subscribe("*", fails, name="fails")
    bus.subscribe("*", later)
    bus.emit(Event(1))

    assert seen == [("sync", 1), ("async", 1)]
    assert [letter.subscriber for letter in bus.dead_letters] == ["fails"]


async def test_emit_inside_a_loop_begins_async_handlers_there() -> None:
    bus = EventBus()
    seen: list[int] = []

    async def later(event: Event) -> None:
        await asyncio.sleep(0)
        seen.append(event.number)

    bus.subscribe("*", later)
    await bus.start()
    bus.emit(Event(1))
    await bus.stop()

    assert seen == [1]


async def test_unsubscribe_and_subscribe_while_it_runs() -> None:
    bus = EventBus()
    first: list[int] = []
    second: list[int] = []

    class Callable:
        async def __call__(self, event: Event) -> None:
            second.append(event.number)

    subscription = bus.subscribe("*", lambda event: first.append(event.number))
    await bus.start()
    await bus.start()
    bus.publish(Event(1))
    await bus._drained()
    bus.unsubscribe(subscription)
    bus.unsubscribe(subscription)
    bus.subscribe("*", Callable())
    bus.publish(Event(2))
    await bus.stop()
    await bus.stop()

    assert (first, second) == ([1], [2])
