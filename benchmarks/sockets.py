"""From a fact in the engine's log to 500 open pages: how long a message takes, and what that costs the page.

Three processes over loopback: this one is the engine's end of the wire and emits 200 facts a second, each with the time
at which it was made; the page is the very process that ``triplane up`` starts; a third one holds the sockets, and notes
when the bytes of a message have come to each of them.
"""

import asyncio
import json
import os
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from multiprocessing import Process, Queue
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import table
from triplane.flow.listening import listen
from triplane.flow.log import FactLog
from triplane.flow.server import FlowServer
from triplane.model.facts import Error, Session
from triplane.model.live import Answer, Command, FeedHealth, Health, SessionHealth
from triplane.model.settings import TradingSettings

SOCKETS = 500
RATE = 200
SECONDS = 10.0
TEXT = "x" * 500
TOKEN, SECRET = "a token", "a secret"
MARK = re.compile(rb'"message":"at ([0-9.]+) ')
WARM_UP = 3.0


def _connect(port: int) -> socket.socket:
    """A socket that is subscribed."""
    made = socket.create_connection(("127.0.0.1", port))
    made.sendall(
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        head += made.recv(4096)
    assert head.startswith(b"HTTP/1.1 101"), head
    said = b'{"op":"subscribe","topics":["error"]}'
    made.sendall(b"\x81" + bytes([0x80 | len(said)]) + b"\0\0\0\0" + said)
    made.setblocking(False)
    return made


def _sockets(port: int, results: "Queue[list[float]]") -> None:
    """Hold the sockets; as cheaply as that goes, for it is not what is measured."""
    selector = selectors.DefaultSelector()
    rest: dict[socket.socket, bytes] = {}
    for _ in range(SOCKETS):
        made = _connect(port)
        rest[made] = b""
        selector.register(made, selectors.EVENT_READ)
    delays: list[float] = []
    begin = time.perf_counter() + WARM_UP
    while (now := time.perf_counter()) < begin + SECONDS:
        for key, _ in selector.select(0.1):
            client: Any = key.fileobj
            data = rest[client] + client.recv(1 << 18)
            now, end = time.perf_counter(), 0
            for found in MARK.finditer(data):
                end = found.end()
                if now > begin:
                    delays.append(now - float(found[1]))
            rest[client] = data[end:]
    results.put(delays)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _health(seq: int) -> Health:
    session = SessionHealth(
        session_id="s", status="running", mode="paper", strategy="none", symbols=["BTCUSDT"], timeframe="1m",
        speed="max", started_at=0, seq=seq, feed=FeedHealth(source="none", connected=True),
    )  # fmt: skip
    return Health(
        at=0, pid=os.getpid(), started_at=0, version="", loop_s=0.0, disk_free=None, disk_low=False, memory_mb=0.0,
        kill_switch=False, kill_reason=None, sessions=[session],
    )  # fmt: skip


async def _emit(folder: Path, server_at: Any, until: asyncio.Event) -> None:
    async def handle(command: Command) -> Answer:
        return Answer(id=command.id, code="ok", message="")

    (folder / "sessions" / "s").mkdir(parents=True)
    log = FactLog(folder / "sessions" / "s")
    log.take([
        Session(
            session_id="s", seq=1, time=0, mode="paper", venue="none", source="none", strategy="none",
            strategy_text="", parameters={}, symbols=["BTCUSDT"], base="1m", timeframe="1m", start_balance="1",
            started_at=0, settings=TradingSettings().model_dump(),
        )
    ])  # fmt: skip
    loop = asyncio.get_running_loop()
    log.go_live(loop.call_soon)
    server = FlowServer(server_at, SECRET, handle)
    await server.start()
    server.add("s", log)
    seq, due, told = 1, loop.time(), 0.0
    while not until.is_set():
        due += 1 / RATE
        await asyncio.sleep(max(due - loop.time(), 0))
        seq += 1
        log.take([Error(session_id="s", seq=seq, time=seq, code="c", message=f"at {time.perf_counter()} {TEXT}")])
        if due - told > 0.5:
            told = due
            server.say(_health(log.last_seq))
    await server.stop()
    log.close()


async def _measure() -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wire, page_at = listen(0), listen(0)
        port = page_at.getsockname()[1]
        told = {
            "secret": SECRET, "engine_port": wire.getsockname()[1], "data_dir": name, "token": TOKEN, "port": port,
            "database": f"{name}/triplane.sqlite", "fd": page_at.fileno(), "config": {"data_dir": name},
        }  # fmt: skip
        page = subprocess.Popen(  # noqa: ASYNC220 - before anything runs
            [sys.executable, "-m", "triplane.cli.process", "page"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            pass_fds=[page_at.fileno()],
        )  # fmt: skip
        assert page.stdin is not None
        page.stdin.write(json.dumps(told).encode() + b"\n")
        page.stdin.flush()
        until = asyncio.Event()
        emitting = asyncio.create_task(_emit(folder, wire, until))
        assert page.stdout is not None
        await asyncio.to_thread(page.stdout.readline)  # its first beat: it serves
        results: Queue[list[float]] = Queue()
        clients = Process(target=_sockets, args=(port, results), daemon=True)
        clients.start()
        cpu, begin = _cpu(page.pid), time.perf_counter()
        delays = np.array(await asyncio.to_thread(results.get)) * 1000
        share = (_cpu(page.pid) - cpu) / (time.perf_counter() - begin)
        memory = _memory_mb(page.pid)
        until.set()
        await emitting
        page.stdin.close()
        page.wait(15)
    expected = SOCKETS * RATE * SECONDS
    return [
        ("messages a second", f"{len(delays) / SECONDS:,.0f} of {expected / SECONDS:,.0f}"),
        *((f"p{percent:g}", f"{np.percentile(delays, percent):.1f} ms") for percent in (50, 99, 99.9)),
        ("page's share of a core", f"{100 * share:.0f} %"),
        ("page's memory", f"{memory:.0f} MB"),
    ]


def main() -> None:
    """Measure and print."""
    table(f"{SOCKETS} sockets, {RATE} facts a second", ("", ""), asyncio.run(_measure()))


if __name__ == "__main__":
    main()
