"""The other end of an attacked server: connections that send what no client would."""

import asyncio
from contextlib import asynccontextmanager

import websockets
from attacked import TOKEN

from triplane.api.connections import ConnectionLimits

SLACK = 30.0
"""Seconds that nothing here takes unless it hangs."""
QUICK = ConnectionLimits(head_s=0.3, body_s=0.3, idle_s=0.3, write_s=0.3, linger_s=0.3)
"""To wait for a deadline."""
PATIENT = ConnectionLimits(head_s=900.0, body_s=900.0, idle_s=900.0, write_s=900.0, linger_s=900.0)


class Raw:
    """A connection that sends what no client would."""

    def __init__(self, reader, writer, port):
        self.reader, self.writer, self.port = reader, writer, port

    def send(self, data):
        self.writer.write(data if isinstance(data, bytes) else data.encode())

    def head(self, method="POST", path="/kill", *, token=False, end="\r\n", **fields):
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"Authorization: Bearer {TOKEN}"] if token else []
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        self.send("\r\n".join(lines) + "\r\n" + end)

    async def status(self):
        """Of the next answer, whose body is read too."""
        async with asyncio.timeout(SLACK):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            if "content-length: " in head:
                await self.reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
        return int(head.split()[1])

    async def ended(self):
        """Wait for the end; gives what came before."""
        async with asyncio.timeout(SLACK):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""


@asynccontextmanager
async def raw(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Raw(reader, writer, port)
    finally:
        writer.transport.abort()


async def kill(port):
    """What must always work: a new connection, the token, a small body."""
    async with raw(port) as client:
        client.head(token=True, Content_Length=2)
        client.send("{}")
        return await client.status()


def live(port, path="/x", token=TOKEN):
    return websockets.connect(
        f"ws://127.0.0.1:{port}{path}", additional_headers={"Authorization": f"Bearer {token}"}, compression=None
    )
