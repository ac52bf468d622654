"""More connections than a server can hold, and what will not end when it is told to stop."""

import asyncio
import json
import resource
import socket
import subprocess
import sys
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from attacked import served
from attackers import PATIENT, SLACK, kill, live, raw

from triplane.api.server import GRACE_S


@contextmanager
def process(loop, soft=256, hard=1024, spare="", status=0):
    """A server in a process of its own, with so many descriptors; it is told to stop at the end."""
    started = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("attacked.py")), loop, str(soft), str(hard), str(spare)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield json.loads(started.stdout.readline())
        out, _ = started.communicate("", timeout=SLACK)
        assert started.returncode == status
        assert status or json.loads(out.splitlines()[-1])["dropped"] > 0
    finally:
        started.kill()
        started.wait()


@pytest.fixture
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2048:
        pytest.skip("this machine does not let one process open 1,200 connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def attack(port, kind, many):
    """Open so many connections, none of which lets go."""
    host = f"Host: 127.0.0.1:{port}\r\n"
    said = {
        "nothing": "",
        "half a head": f"POST /kill HTTP/1.1\r\n{host}A: ",
        "a slow body": f"POST /open/login HTTP/1.1\r\n{host}Content-Length: 100\r\n\r\n{{",
        "a refused body": f"POST /kill HTTP/1.1\r\n{host}Content-Length: 100\r\n\r\n{{",
        "an answer that nobody takes": f"GET /open/big HTTP/1.1\r\n{host}\r\n",
        "rest": f"GET /open/x HTTP/1.1\r\n{host}\r\n",
    }[kind].encode()
    held = []
    for _ in range(many):
        one = socket.create_connection(("127.0.0.1", port), timeout=SLACK)
        held.append(one)
        with suppress(ConnectionError):
            one.send(said)
    return held


KINDS = ["nothing", "half a head", "a slow body", "a refused body", "an answer that nobody takes", "rest"]


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request):
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    return request.param


@pytest.mark.usefixtures("many_descriptors")
async def test_1200_connections_do_not_keep_the_kill_switch_out():
    """The server's deadlines are minutes away, and it may open fewer files than there are connections."""
    with process("asyncio") as told:
        assert told["descriptors"] == 1024
        port = told["port"]
        async with raw(port) as page:
            page.head(token=True, Content_Length=0)
            assert await page.status() == 200
            for number, kind in enumerate(KINDS):
                held = await asyncio.to_thread(attack, port, kind, 1200 if number < 3 else 400)
                try:
                    assert await kill(port) == 200
                    page.head(token=True, Content_Length=2)  # who is known is still connected
                    page.send("{}")
                    assert await page.status() == 200, kind
                finally:
                    for one in held:
                        one.close()


async def test_no_descriptor_left(loop):
    with process(loop, 256, 256, spare=6) as told:
        held = await asyncio.to_thread(attack, told["port"], "half a head", 60)
        try:
            for _ in range(3):
                assert await kill(told["port"]) == 200
        finally:
            for one in held:
                one.close()


async def test_it_stops_whatever_hangs():
    async with AsyncExitStack() as clients, AsyncExitStack() as stack:
        app, server, port = await stack.enter_async_context(served(PATIENT, GRACE_S))
        for kind in ("half a head", "half a body", "stuck", "stubborn", "big"):
            client = await clients.enter_async_context(raw(port))
            client.writer.transport.pause_reading()
            if kind == "half a head":
                client.head(end="")
            elif kind == "half a body":
                client.head(token=True, Content_Length=10)
            else:
                client.head("GET", f"/open/{kind}")
        live_client = await live(port, "/big")
        live_client.transport.pause_reading()
        assert await kill(port) == 200  # so that all of them are under way
        assert len(server.server_state.tasks) == 5
        app.stays = True  # and the application itself does not end
        async with asyncio.timeout(10.0):  # what is promised
            await stack.aclose()
        live_client.transport.abort()
        assert not server.server_state.connections


async def test_a_process_ends_whatever_hangs():
    with process("asyncio", status=1) as told:
        async with raw(told["port"]) as first, raw(told["port"]) as second:
            first.head("GET", "/open/immortal")
            second.head("GET", "/open/thread")
            assert await kill(told["port"]) == 200
