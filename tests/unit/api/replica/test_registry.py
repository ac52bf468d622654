"""Which sessions are held, which one is shown, and when nothing is told because nobody could read it."""

import asyncio

import pytest

from triplane.api.errors import ApiError
from triplane.api.messages import MessageLog
from triplane.api.replica import registry
from triplane.api.replica.registry import Pace, Replicas
from triplane.api.replica.watch import EngineWatch
from triplane.model.facts import Error
from triplane.model.live import Forming

from ..conftest import Clock
from ..streams import Stream, health, session_health


class World:
    def __init__(self) -> None:
        self.clock, self.messages = Clock(), MessageLog(0)
        self.watch = EngineWatch(self.clock)
        self.replicas = Replicas(self.messages, self.watch, self.clock)

    def topics(self) -> list[str]:
        return [message.topic for message in self.messages.after(0) if message.topic != "facts"]

    def start(self, name: str, at: int = 1) -> Stream:
        stream = Stream(name, started_at=at)
        self.replicas.on_facts(stream.facts)
        return stream


@pytest.fixture
def world() -> World:
    return World()


def test_the_newest_that_runs_is_shown(world: World) -> None:
    old, new = world.start("old", 1), world.start("new", 2)
    assert world.replicas.get(None).id == "new"
    world.replicas.on_message(health(session_health(old), session_health(new, "stopped")))
    assert world.replicas.get(None).id == "old"
    world.replicas.on_message(health(session_health(old, "finished"), session_health(new, "stopped")))
    assert world.replicas.get(None).id == "new"
    assert world.replicas.get("old").status_text == "finished"
    assert [one.id for one in world.replicas.all()] == ["new", "old"]


def test_one_that_has_just_been_started_is_shown_at_once(world: World) -> None:
    old = world.start("old", 1)
    world.replicas.on_message(health(session_health(old)))
    world.start("new", 2)
    assert world.replicas.get(None).id == "new"
    world.replicas.on_message(health(session_health(old)))  # it was read from its file: nothing runs it
    assert world.replicas.get(None).id == "old"


def test_a_session_that_the_engine_let_go_of_was_stopped(world: World) -> None:
    stream = world.start("s")
    assert world.replicas.get("s").status_text == "interrupted"
    world.replicas.on_message(health(session_health(stream)))
    assert world.replicas.get("s").status_text == "running"
    world.replicas.on_message(health())
    assert world.replicas.get("s").status_text == "stopped"
    world.replicas.on_message(health())
    assert world.replicas.get("s").status_text == "stopped"


def test_a_session_that_failed_stays_so(world: World) -> None:
    stream = world.start("s")
    world.replicas.on_message(health(session_health(stream, "failed", error="no", error_line="a.py:3: x")))
    world.replicas.on_message(health())
    status = world.replicas.status("s", None)
    assert (status.session_status, status.error, status.error_line) == ("failed", "no", "a.py:3: x")


def test_the_words_of_a_kill_are_shown(world: World) -> None:
    stream = world.start("s")
    stream.account(halted=True, halt_reason="kill_switch")
    stream.add(Error, "", code="kill_switch", message="the market has gone mad")
    world.replicas.on_facts(stream.rest)
    status = world.replicas.status(None, "BTCUSDT")
    assert (status.halted, status.halt_reason, status.halt_text) == (True, "kill_switch", "the market has gone mad")


def test_what_is_not_held(world: World) -> None:
    with pytest.raises(ApiError) as none:
        world.replicas.get(None)
    assert (none.value.status, none.value.message) == (503, "The engine is starting.")
    world.replicas.on_message(health())
    with pytest.raises(ApiError) as still_none:
        world.replicas.get(None)
    assert still_none.value.message == "No session has been started yet."
    world.start("s")
    for call, text in (
        (lambda: world.replicas.get("x"), "There is no session 'x' on the page; there is s."),
        (
            lambda: world.replicas.symbol(None, "X"),
            "The symbol 'X' is not traded here; the session has BTCUSDT, ETHUSDT.",
        ),
    ):
        with pytest.raises(ApiError) as raised:
            call()
        assert (raised.value.status, raised.value.message) == (404, text)
    assert ("s" in world.replicas, "x" in world.replicas) == (True, False)


def test_facts_without_their_beginning_are_passed_over(world: World) -> None:
    stream = Stream()
    world.replicas.on_facts([stream.candle()])
    assert "s" not in world.replicas


def test_a_session_that_is_told_anew_begins_anew(world: World) -> None:
    stream = world.start("s")
    world.replicas.on_facts([stream.trade()])
    world.replicas.on_message(health(session_health(stream)))
    assert world.replicas.get("s").performance().trades == 1
    told = world.messages.last_id
    world.replicas.on_facts(stream.facts)
    replica = world.replicas.get("s")
    assert (replica.seq, replica.performance().trades, replica.status_text) == (2, 1, "running")
    assert world.messages.last_id == told  # nobody hears of a trade twice
    for _ in range(2):
        world.clock.now += registry.WINDOW
        world.replicas.tick()
    assert [message.data.reason for message in world.messages.after(told)] == ["caught up"]


def test_one_fact_that_cannot_be_shown_costs_no_other(world: World) -> None:
    stream = world.start("s")
    facts = [stream.candle(), stream.candle(symbol="ETHUSDT"), stream.fill(price="not a number"), stream.trade()]
    world.replicas.on_facts(facts)
    replica = world.replicas.get("s")
    assert (replica.seq, replica.performance().trades, replica.symbols["ETHUSDT"].chart.price) == (5, 1, 100.0)


def test_old_sessions_that_are_over_are_let_go_of(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "GONE", 2)
    streams = [world.start(f"s{number}", number) for number in range(6)]
    world.replicas.on_message(health(session_health(streams[0]), *(session_health(s, "stopped") for s in streams[1:])))
    assert [one.id for one in world.replicas.all()] == ["s5", "s4", "s0"]


def test_a_picture_is_told_again_when_the_session_changes_its_status(world: World) -> None:
    stream = world.start("s")
    world.replicas.on_message(health(session_health(stream)))
    assert world.topics() == ["session_update", "session_update"]  # one a symbol
    world.replicas.on_message(health(session_health(stream)))
    assert len(world.topics()) == 2


def test_history_is_taken_quietly(world: World) -> None:
    stream = world.start("s")
    before = world.messages.last_id
    for number in range(registry.FAST + 1):
        stream.trade(f"t{number}")
    world.replicas.on_facts(stream.rest)
    assert world.messages.last_id == before
    reasons = []
    for _ in range(25):
        world.clock.now += 0.1
        world.replicas.on_facts([stream.trade(f"n{number}") for number in range(registry.FAST)])
        world.replicas.tick()
        reasons += [message.data.reason for message in world.messages.after(before)]
        before = world.messages.last_id
    assert reasons == ["fast replay"] * 2
    for _ in range(6):
        world.clock.now += 0.1
        world.replicas.tick()
    assert [message.data.reason for message in world.messages.after(before)] == ["caught up"]
    world.replicas.on_facts([stream.add(Error, "", code="c", message="m")])
    assert world.topics()[-2:] == ["error", "decision"]


def test_a_pace_that_is_slow_enough_is_never_quiet() -> None:
    pace = Pace()
    for step in range(200):
        assert pace.take(20, step * 0.05)
        assert pace.tick(step * 0.05) is None


def test_after_a_burst_a_slow_flow_is_told_again() -> None:
    pace, now = Pace(), 10.0
    assert not pace.take(2000, now)
    reasons = []
    for _ in range(100):
        now += 0.01
        pace.take(2, now)
        reasons.append(pace.tick(now))
    assert [reason for reason in reasons if reason] == ["caught up"]
    assert 25 <= reasons.index("caught up") <= 75
    assert pace.take(2, now)


async def test_who_waits_for_a_fact(world: World) -> None:
    stream = world.start("s")
    assert await world.replicas.reach("s", 1, 0.0)
    assert not await world.replicas.reach("s", 2, 0.01)
    waiting = [
        asyncio.create_task(world.replicas.reach(name, seq, 10.0)) for name, seq in (("s", 2), ("s", 3), ("t", 1))
    ]
    await asyncio.sleep(0)
    world.replicas.on_facts([stream.candle()])
    assert await waiting[0]
    assert [task.done() for task in waiting] == [True, False, False]
    world.replicas.on_facts([stream.candle(symbol="ETHUSDT")])
    world.start("t")
    assert await asyncio.gather(*waiting) == [True, True, True]


def test_ids_are_looked_for_in_all_sessions(world: World) -> None:
    for number, name in enumerate(("a", "b")):
        world.start(name, number)
    assert {one.id for one in world.replicas.among(None)} == {"a", "b"}
    assert world.replicas.among(None)[0].id == "b"  # the one that is shown
    assert [one.id for one in world.replicas.among("a")] == ["a"]


def test_candles_under_way_of_nobody(world: World) -> None:
    stream = Stream("unknown")
    world.replicas.on_message(Forming(candle=stream.candle()))
    assert world.topics() == []
