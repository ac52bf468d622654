"""Several sessions in one engine: started, halted together, one failing alone, told of, killed from elsewhere."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from triplane.engine.app import EngineApp, Hosted
from triplane.errors import BadInput
from triplane.kernel.codes import State
from triplane.model.killswitch import KillSwitch
from triplane.model.live import ENCODER, FROM_ENGINE, Command, Health


class Host:
    """An engine whose sessions are fed by the test."""

    def __init__(self, folder: Path, make_world: Callable[..., Any]) -> None:
        self.folder, self._make_world = folder, make_world
        self.worlds: dict[str, Any] = {}
        self.free = (10**12, False)
        self.closed: list[str] = []
        self._numbers = iter(range(1, 1000))
        self.app = self.engine()

    def engine(self) -> EngineApp:
        return EngineApp(self.build, self.folder, self._make_world(source="clock").clock, lambda: self.free)

    async def build(self, wanted: Mapping[str, Any]) -> Hosted:
        if wanted.get("strategy") == "no":
            raise BadInput("strategy is no; there is none of this name")
        world = self._make_world(source=wanted.get("source", "first"))
        engine = world.open()
        self.worlds[engine.session.id] = world

        async def close() -> None:
            self.closed.append(engine.session.id)

        return Hosted(runner=engine.runner, facts=None, close=close, speed=60.0)

    async def start(self, **wanted: Any) -> Any:
        """Start a session; gives its world, ready to be fed."""
        key = (await self.app.start(wanted)).id if self.app.sessions else await self.app.open([wanted])
        world = self.worlds[key]
        world.task = self.app.sessions[key].task
        return world

    async def ask(self, kind: str, session: Any = None, **fields: Any) -> Any:
        session_id = session.engine.session.id if session is not None else None
        return await self.app.handle(Command(id=next(self._numbers), kind=kind, session_id=session_id, fields=fields))

    def health(self) -> dict[str, Any]:
        return {one.session_id: one for one in self.app.health(None, low=False).sessions}


@pytest.fixture
def host(tmp_path: Path, make_world: Callable[..., Any]) -> Host:
    return Host(tmp_path, make_world)


def state(world: Any) -> str:
    return State(world.engine.session.S[0]["core"]["state"]).name


async def test_sessions_run_beside_each_other(host: Host) -> None:
    one, two = await host.start(source="a"), await host.start(source="b")
    await one.feed(200)
    await two.feed(300)
    told = host.health()
    assert [told[w.engine.session.id].status for w in (one, two)] == ["running", "running"]
    assert host.app.wanted == {
        one.engine.session.id: {"source": "a", "account": "main"},
        two.engine.session.id: {"source": "b", "account": "main"},
    }

    answer = await host.ask("stop", one)
    assert answer.code == "ok"
    told = host.health()
    assert [told[w.engine.session.id].status for w in (one, two)] == ["stopped", "running"]
    assert host.closed == [one.engine.session.id]
    assert list(host.app.wanted) == [two.engine.session.id]  # what another engine would go on with
    await two.feed(10)
    await host.app.stop()
    assert host.closed == [one.engine.session.id, two.engine.session.id]


async def test_one_with_the_settings_of_one_that_runs_is_refused_by_its_id(host: Host) -> None:
    one = await host.start(source="a")
    answer = await host.ask("start", source="a")
    key = one.engine.session.id
    assert (answer.code, answer.message) == ("conflict", f"A session with these settings runs already ({key}).")
    await host.app.stop()


async def test_a_kill_halts_every_session_and_stays_on(host: Host) -> None:
    one, two = await host.start(source="a"), await host.start(source="b")
    for world in (one, two):
        await world.feed(150)
    answer = await host.ask("halt", reason="enough", flatten=True)
    assert (answer.code, answer.message) == ("ok", "The kill switch is on: no entries until a person resumes.")
    assert (state(one), state(two)) == ("HALTED", "HALTED")
    thrown = KillSwitch(host.folder).read()
    assert thrown is not None
    assert (thrown.reason, thrown.flatten) == ("enough", True)
    await host.app.stop()

    host.app = host.engine()  # another life, and a session that did not run before
    three = await host.start(source="c")
    await three.feed(100)
    assert state(three) == "HALTED"
    health = host.app.health(None, low=False)
    assert (health.kill_switch, health.kill_reason) == (True, "enough")
    answer = await host.ask("resume", three, acknowledge=True)
    assert answer.code == "ok"
    await three.feed_until(lambda: state(three) == "SCANNING")
    assert not KillSwitch(host.folder).on
    await host.app.stop()


async def test_a_kill_works_on_a_disk_that_takes_no_file(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await host.start(source="a")
    await one.feed(150)

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("triplane.model.killswitch.os.fsync", full)
        answer = await host.ask("halt", reason="enough")
        assert answer.code == "ok"
        assert "No space left on device" in answer.message
        assert state(one) == "HALTED"
    two = await host.start(source="b")  # it finds no file, and is halted all the same
    await two.feed(100)
    assert state(two) == "HALTED"
    assert host.app.health(None, low=False).kill_reason == "enough"
    assert not KillSwitch(host.folder).on
    monkeypatch.setattr("triplane.engine.app.BEAT_S", 0.0)
    monkeypatch.setattr("triplane.engine.app.TURN_S", 0.0)
    watching = asyncio.create_task(host.app.watch())
    async with asyncio.timeout(10):  # once there is space, it is written down
        while not KillSwitch(host.folder).on:
            await asyncio.sleep(0)
    watching.cancel()
    await host.app.stop()


async def test_a_command_for_an_engine_that_is_starting_waits_until_its_sessions_run(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled, build = asyncio.Event(), host.build

    async def slowly(wanted: Mapping[str, Any]) -> Hosted:
        await compiled.wait()
        return await build(wanted)

    monkeypatch.setattr(host, "build", slowly)
    host.app = host.engine()
    starting = asyncio.create_task(host.app.open([{"source": "a"}]))
    stop = asyncio.create_task(host.ask("stop"))
    killed = await host.ask("halt", reason="enough")  # this one cannot wait
    assert (killed.code, stop.done()) == ("ok", False)
    compiled.set()
    key = await starting
    world = host.worlds[key]
    assert (await stop).code == "ok"
    assert state(world) == "HALTED"
    assert host.health()[key].status == "stopped"
    await host.app.stop()


async def test_a_further_session_that_cannot_go_on_is_told_of_and_the_first_runs(host: Host) -> None:
    key = await host.app.open([{"source": "a"}, {"strategy": "no"}])
    assert list(host.app.sessions) == [key]
    (problem,) = host.app.health(None, low=False).problems
    assert problem == "A session that ran before could not be continued: strategy is no; there is none of this name"
    await host.app.stop()
    host.app = host.engine()
    with pytest.raises(BadInput, match="there is none of this name"):
        await host.app.open([{"strategy": "no"}])
    for wanted in ([{"strategy": "no"}, {"source": "b"}], [{"strategy": "no"}], []):  # after a crash nobody is there
        host.app = host.engine()
        key = await host.app.open(wanted, again=True)
        assert (key in host.app.sessions) == (len(wanted) == 2)
        assert len(host.app.health(None, low=False).problems) == min(len(wanted), 1)
        await host.app.stop()


async def test_a_kill_by_another_process_is_seen_within_a_second(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triplane.engine.app.BEAT_S", 0.0)
    monkeypatch.setattr("triplane.engine.app.TURN_S", 0.0)
    one = await host.start(source="a")
    await one.feed(150)
    watching = asyncio.create_task(host.app.watch())
    KillSwitch(host.folder).set("from the shell", flatten=False, time_ms=1)
    async with asyncio.timeout(10):
        while state(one) != "HALTED":
            await asyncio.sleep(0)
    watching.cancel()
    await host.app.stop()


@pytest.mark.parametrize("content", [b"[" * 200_000, b'{"reason":"\\ud800"}', b'{"reason":5,"flatten":"false"}'])
async def test_a_kill_switch_that_cannot_be_read_is_on_and_hides_nothing(host: Host, content: bytes) -> None:
    (host.folder / "kill_switch.json").write_bytes(content)
    one = await host.start(source="a")
    await one.feed(150)
    assert state(one) == "HALTED"
    health = FROM_ENGINE.decode(ENCODER.encode(host.app.health(None, low=False)))
    assert isinstance(health, Health)
    assert (health.kill_switch, health.kill_reason) == (True, "the kill switch file cannot be read")
    await host.app.stop()


async def test_one_that_fails_is_told_and_the_others_go_on(host: Host) -> None:
    one, two = await host.start(source="a"), await host.start(source="b")
    await one.feed(100)
    await two.feed(100)
    one.fed = 50  # its feed goes back in time
    await one.feed(10)
    told = host.health()[one.engine.session.id]
    assert told.status == "failed"
    assert "must come in the order of their time" in told.error
    assert host.health()[two.engine.session.id].status == "running"
    await two.feed(10)
    await host.app.stop()


async def test_too_little_disk_space_closes_entries_of_all(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triplane.engine.app.BEAT_S", 0.0)
    monkeypatch.setattr("triplane.engine.app.TURN_S", 0.0)
    one = await host.start(source="a")
    await one.feed(50)
    watching = asyncio.create_task(host.app.watch())
    for low in (True, False):
        host.free = (1000, low)
        async with asyncio.timeout(10):
            while (one.engine.status().gates == ["disk_space"]) != low:
                await asyncio.sleep(0)
    watching.cancel()
    await host.app.stop()


@pytest.mark.parametrize(
    ("kind", "fields", "code", "said"),
    [
        ("start", {"strategy": "no"}, "invalid", "there is none of this name"),
        ("dance", {}, "invalid", "command is 'dance'"),
        ("close", {"symbol": "DOGEUSDT"}, "not_found", "not in this session"),
        ("simulate", {"symbol": "BTCUSDT", "side": 0}, "invalid", "side is 0"),
        ("expire", {"symbol": "BTCUSDT"}, "invalid", "decision is missing"),
        ("simulate", {"symbol": "BTCUSDT", "side": 1}, "conflict", "the session is BOOTSTRAP"),
    ],
)
async def test_what_cannot_be_carried_out_says_why(
    host: Host, kind: str, fields: dict[str, Any], code: str, said: str
) -> None:
    await host.start(source="a")
    answer = await host.ask(kind, **fields)
    assert answer.code == code
    assert said in answer.message
    await host.app.stop()


async def test_a_command_must_say_which_session(host: Host) -> None:
    await host.start(source="a")
    await host.start(source="b")
    answer = await host.ask("close", symbol="BTCUSDT")
    assert (answer.code, "2 sessions run here" in answer.message) == ("invalid", True)
    other = await host.app.handle(Command(id=999, kind="close", session_id="other"))
    assert (other.code, other.message) == ("not_found", "Session other does not run here.")
    await host.app.stop()
