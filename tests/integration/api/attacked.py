"""A server as ``triplane up`` serves, with an application that does what an attacked one must survive.

As a script it serves in a process of its own, whose descriptors the caller bounds, and says its port.
"""

import asyncio
import json
import os
import resource
import sys
import threading
from contextlib import asynccontextmanager, suppress
from typing import Any

from triplane.api.auth import Access, Guard
from triplane.api.connections import ConnectionLimits
from triplane.api.server import make_server
from triplane.flow.limits import end_within, raise_descriptors
from triplane.flow.listening import listen

TOKEN = "token-of-the-test"
BIG = b"x" * 65536


class App:
    """Answers by path; ``/kill`` needs the token, ``/open/…`` does not."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.gone = asyncio.Event()
        self.entered = asyncio.Event()
        self.stuck = asyncio.Event()
        self.stays = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.entered.set()
        kind = scope.get("path", "").rpartition("/")[2]
        if scope["type"] == "lifespan":
            await self.lifespan(receive, send)
        elif scope["type"] == "websocket":
            await self.socket(kind, receive, send)
        elif kind == "big":
            await self.big(send)
        elif kind == "stuck":
            self.stuck.set()
            await asyncio.Event().wait()
        elif kind in ("stubborn", "immortal"):
            self.stuck.set()
            await stubborn(1 if kind == "stubborn" else 10**9)
        elif kind == "thread":
            self.stuck.set()
            await asyncio.to_thread(threading.Event().wait)
        else:
            message, body = {"more_body": True}, b""
            while message.get("more_body"):
                message = await receive()
                body += message.get("body", b"")
            self.bodies.append(body)
            await answer(send, b"done")

    async def lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self.stays:
            await asyncio.Event().wait()
        await send({"type": "lifespan.shutdown.complete"})

    async def socket(self, kind: str, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        if kind == "big":
            while True:
                await send({"type": "websocket.send", "bytes": BIG})
        while (message := await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": str(len(message["text"]))})
        self.gone.set()

    async def big(self, send: Any) -> None:
        """Far more than the buffers of both ends hold."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1000):
            await send({"type": "http.response.body", "body": BIG, "more_body": True})
        await send({"type": "http.response.body"})


async def stubborn(times: int) -> None:
    """What does not let itself be cancelled, so often."""
    for _ in range(times):
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


async def answer(send: Any, body: bytes) -> None:
    head = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def served(limits: ConnectionLimits | None = None, grace: int = 0):
    """A server in this process; gives its application, itself and its port. What hangs gets ``grace`` seconds."""
    listener = listen(0)
    port = listener.getsockname()[1]
    app = App()
    guard = Guard(app, Access(TOKEN, port), lambda _, path: path.startswith("/open/"))
    server = make_server(guard, limits, log_level="critical", timeout_graceful_shutdown=grace)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await app.entered.wait()
    try:
        yield app, server, port
    finally:
        server.should_exit = True
        await serving


async def main(spare: int | None) -> None:
    """Serve until told to stop; ``spare``: descriptors that are left when serving begins."""
    patient = ConnectionLimits(head_s=900.0, body_s=900.0, idle_s=900.0, write_s=900.0)  # so that nothing else helps
    async with served(patient) as (_, server, port):
        held: list[int] = []
        with suppress(OSError):
            while spare is not None:
                held.append(os.dup(0))
        for descriptor in held[-(spare or 1) :]:
            os.close(descriptor)
        sys.stdout.write(json.dumps({"port": port, "descriptors": raise_descriptors()}) + "\n")
        sys.stdout.flush()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, sys.stdin.read)
        end_within(2.0)
        sys.stdout.write(json.dumps({"dropped": server.server_state.dropped}) + "\n")


if __name__ == "__main__":
    loop_name, soft, hard, left = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(soft), int(hard)))
    factory = None
    if loop_name == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main(int(left) if left else None))
