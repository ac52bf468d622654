"""Server and client together, over a real socket: every fact once and in order, whatever happens to the connection."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from triplane.flow import server
from triplane.flow.client import FlowClient, NoAnswer
from triplane.flow.log import FactLog
from triplane.flow.server import FlowServer
from triplane.model.facts import Error, Fact
from triplane.model.live import Answer, Command, Forming, Health


def facts(first: int, n: int, session: str = "s") -> list[Fact]:
    return [Error(session_id=session, seq=seq, time=seq, code="c", message="m") for seq in range(first, first + n)]


def health() -> Health:
    return Health(
        at=1, pid=1, started_at=1, version="0", loop_s=0.0, disk_free=None, disk_low=False, memory_mb=1.0,
        kill_switch=False, kill_reason=None, sessions=[],
    )  # fmt: skip


def listener() -> socket.socket:
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    bound.listen(256)
    return bound


class Told:
    """A reader that remembers, and lets a test wait for what it wants to see."""

    def __init__(self) -> None:
        self.seen: dict[str, list[int]] = {}
        self.messages: list[Health | Forming] = []
        self._changed = asyncio.Event()

    def on_facts(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            self.seen.setdefault(fact.session_id, []).append(fact.seq)
        self._changed.set()

    def on_message(self, message: Health | Forming) -> None:
        self.messages.append(message)
        self._changed.set()

    async def until(self, reached: Any) -> None:
        async with asyncio.timeout(20):
            while not reached():
                self._changed.clear()
                await self._changed.wait()


class Engine:
    """A server with one session's log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.listener = listener()
        self.port = self.listener.getsockname()[1]
        self.asked: list[Command] = []
        self.go = asyncio.Event()
        self.go.set()

    async def handle(self, command: Command) -> Answer:
        self.asked.append(command)
        await self.go.wait()
        return Answer(id=command.id, code="ok", message=f"{command.kind} done", data=command.fields)

    async def start(self, known: int) -> None:
        self.log = FactLog(self.folder)
        self.log.take(facts(1, known))
        self.log.go_live(asyncio.get_running_loop().call_soon)
        self.server = FlowServer(self.listener.dup(), "secret", self.handle)
        await self.server.start()
        self.server.add("s", self.log)

    async def stop(self) -> None:
        await self.server.stop()
        self.log.close()


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    (tmp_path / "s").mkdir()
    engine = Engine(tmp_path / "s")
    yield engine
    engine.listener.close()


async def connect(engine: Engine, told: Told, **more: Any) -> tuple[FlowClient, "asyncio.Task[None]"]:
    client = FlowClient(engine.port, "secret", engine.folder.parent, told, **more)
    return client, asyncio.create_task(client.run())


async def end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_late_reader_has_the_whole_story_and_then_what_comes(engine: Engine) -> None:
    await engine.start(5000)  # more than the ring holds
    told = Told()
    client, task = await connect(engine, told)
    await told.until(lambda: len(told.seen.get("s", [])) == 5000)
    engine.log.take(facts(5001, 40))
    engine.server.say(health())
    await told.until(lambda: len(told.seen["s"]) == 5040 and bool(told.messages))
    assert told.seen["s"] == list(range(1, 5041))
    assert client.heard_at > 0
    assert client.connected
    await end(task)
    await engine.stop()


async def test_a_restart_of_the_engine_tells_nothing_twice_and_misses_nothing(engine: Engine) -> None:
    await engine.start(10)
    told = Told()
    _, task = await connect(engine, told)
    await told.until(lambda: len(told.seen.get("s", [])) == 10)
    await engine.stop()
    await engine.start(25)  # made again from the journal, with what the reader has not seen
    engine.log.take(facts(26, 5))
    await told.until(lambda: told.seen["s"][-1] == 30)
    assert told.seen["s"] == list(range(1, 31))
    await end(task)
    await engine.stop()


async def test_a_reader_that_knows_some_gets_the_rest(engine: Engine) -> None:
    await engine.start(100)
    told = Told()
    client, task = await connect(engine, told, have={"s": 97})
    await told.until(lambda: told.seen.get("s", [0])[-1] == 100)
    assert told.seen["s"] == [98, 99, 100]
    assert client.have == {"s": 100}
    await end(task)
    await engine.stop()


async def test_the_file_tells_the_story_of_a_dead_engine(engine: Engine) -> None:
    await engine.start(30)
    await engine.stop()
    told = Told()
    client = FlowClient(1, "secret", engine.folder.parent, told)
    await client.catch_up("s")
    assert told.seen["s"] == list(range(1, 31))


async def test_a_damaged_file_keeps_no_reader_from_what_comes(engine: Engine) -> None:
    await engine.start(5000)
    path = engine.folder / "facts.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:99], b"nonsense\n", *lines[100:]]))
    told = Told()
    _, task = await connect(engine, told)
    await told.until(lambda: told.seen.get("s", [0])[-1] == 5000)
    assert told.seen["s"] == [*range(1, 100), *range(905, 5001)]  # what the wire still had
    engine.log.take(facts(5001, 3))
    await told.until(lambda: told.seen["s"][-1] == 5003)
    await end(task)
    await engine.stop()


async def test_a_command_is_answered_and_carried_out_once(engine: Engine) -> None:
    await engine.start(1)
    told = Told()
    client, task = await connect(engine, told)
    answer = await client.command("close", "s", symbol="BTCUSDT")
    assert (answer.code, answer.message, answer.data) == ("ok", "close done", {"symbol": "BTCUSDT"})
    engine.go.clear()
    asking = asyncio.create_task(client.command("halt"))
    async with asyncio.timeout(10):
        while len(engine.asked) < 2:
            await asyncio.sleep(0.01)
        for writer in list(engine.server._readers):
            writer.transport.abort()  # the connection breaks while it waits for the answer
        engine.go.set()
        assert (await asking).message == "halt done"
    assert [command.kind for command in engine.asked] == ["close", "halt"]
    await end(task)
    await engine.stop()


async def test_no_answer_is_said(engine: Engine) -> None:
    await engine.start(1)
    client, task = await connect(engine, Told())
    engine.go.clear()
    with pytest.raises(NoAnswer, match=r"did not answer within 0\.3 seconds"):
        await client.command("halt", within=0.3)
    engine.go.set()
    await end(task)
    await engine.stop()


async def test_a_stranger_hears_nothing(engine: Engine) -> None:
    await engine.start(5)
    told = Told()
    client = FlowClient(engine.port, "guess", engine.folder.parent, told)
    task = asyncio.create_task(client.run())
    known, other = await connect(engine, seen := Told())
    await seen.until(lambda: len(seen.seen.get("s", [])) == 5)
    assert told.seen == {}
    assert not client.connected
    assert known.connected
    for one in (task, other):
        await end(one)
    await engine.stop()


async def test_what_is_true_now_and_answers_are_not_behind_facts_that_are_still_to_be_taken(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that reads a long file hears the engine all the same, and its kill switch is answered."""
    await engine.start(5)
    told = Told()
    client, task = await connect(engine, told)
    await told.until(lambda: len(told.seen.get("s", [])) == 5)

    async def long(_session: str) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(client, "catch_up", long)
    engine.log.take(facts(8, 1))  # 6 and 7 are missing
    engine.log.flush()
    await asyncio.sleep(0)
    before = len(told.messages)
    engine.server.say(health())
    await told.until(lambda: len(told.messages) > before)
    assert (await client.command("halt", within=5.0)).code == "ok"
    await end(task)
    await engine.stop()


async def test_a_reader_that_does_not_read_is_cut_off(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triplane.flow.server.BEHIND", 1000)
    await engine.start(1)
    _, writer = await asyncio.open_connection("127.0.0.1", engine.port)
    writer.write(b'secret\n{"op":"hello","have":{}}\n')
    async with asyncio.timeout(20):
        while not engine.server.heard:
            await asyncio.sleep(0.01)
        seq = 2
        while engine.server.heard:
            engine.log.take(facts(seq, 500))
            seq += 500
            await asyncio.sleep(0)
    writer.close()
    await engine.stop()


HELLO = b'{"op":"hello","have":{}}\n'


@pytest.mark.parametrize(
    ("line", "decoded"),
    [
        (b"\n", 0), (HELLO, 0), (b"secre\n" + HELLO, 0), (b"secrets\n" + HELLO, 0), (b"gr\xc3\xbc\xc3\n" + HELLO, 0),
        (b"x" * 1_100_000, 0), (b"[" * 70_000 + b"\n", 0), (b"secret\n{}\n", 1), (b"secret\n\xff\xfe\n", 1),
        (b"secret\n" + b'{"op":"hello","more":' + b"[" * 70_000 + b"\n", 1), (b"secret\n" + b"x" * 1_100_000, 0),
        (b'secret\n{"op":"command","id":1,"kind":"halt"}\n', 1),
    ],
)  # fmt: skip
async def test_what_is_no_hello_ends_the_connection(
    engine: Engine, line: bytes, decoded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    decoder = Mock(wraps=server.TO_ENGINE)
    monkeypatch.setattr(server, "TO_ENGINE", decoder)
    await engine.start(1)
    reader, writer = await asyncio.open_connection("127.0.0.1", engine.port)
    writer.write(line)
    async with asyncio.timeout(10):
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
    writer.close()
    assert decoder.decode.call_count == decoded  # nothing of a stranger
    assert engine.asked == []
    await engine.stop()
    assert problems == []


async def test_a_stranger_takes_no_memory(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it sends stays where it is: no more is read than the secret is long."""
    read: list[int] = []
    monkeypatch.setattr("triplane.flow.server.HELLO_S", 600.0)
    await engine.start(1)
    loop = asyncio.get_running_loop()
    real = loop.sock_recv

    async def receive(connection: socket.socket, most: int) -> bytes:
        read.append(most)
        return await real(connection, most)

    monkeypatch.setattr(loop, "sock_recv", receive)
    reader, writer = await asyncio.open_connection("127.0.0.1", engine.port)
    writer.write(b"sec")
    async with asyncio.timeout(10):
        while len(read) < 2:
            await asyncio.sleep(0)
        writer.write(b"x" * 1_000_000)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
    writer.close()
    assert read == [7, 4]
    await engine.stop()


async def test_a_reader_of_very_many_sessions_is_heard(engine: Engine) -> None:
    await engine.start(5)
    have = {f"260101-000000-{number:06}": number for number in range(20_000)}
    client, task = await connect(engine, told := Told(), have=have)
    await told.until(lambda: len(told.seen.get("s", [])) == 5)
    assert client.connected
    await end(task)
    await engine.stop()


async def test_a_crowd_of_strangers_does_not_keep_a_reader_out(engine: Engine) -> None:
    await engine.start(5)
    crowd = [socket.create_connection(("127.0.0.1", engine.port)) for _ in range(40)]
    client, task = await connect(engine, told := Told())
    crowd += [socket.create_connection(("127.0.0.1", engine.port)) for _ in range(40)]
    await told.until(lambda: len(told.seen.get("s", [])) == 5)
    assert client.connected
    await end(task)
    for one in crowd:
        one.close()
    await engine.stop()


async def test_who_says_nothing_makes_room(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triplane.flow.server.STRANGERS", 8)
    monkeypatch.setattr("triplane.flow.server.HELLO_S", 600.0)
    await engine.start(5)
    client, task = await connect(engine, told := Told())
    await told.until(lambda: client.connected)
    silent = [await asyncio.open_connection("127.0.0.1", engine.port) for _ in range(30)]
    async with asyncio.timeout(20):
        for reader, _ in silent[:22]:
            assert await reader.read() == b""
    assert not any(reader.at_eof() for reader, _ in silent[22:])
    other, late = await connect(engine, heard := Told())
    await heard.until(lambda: len(heard.seen.get("s", [])) == 5)
    assert client.connected
    assert other.connected
    for one in (task, late):
        await end(one)
    for _, writer in silent:
        writer.transport.abort()
    await engine.stop()
