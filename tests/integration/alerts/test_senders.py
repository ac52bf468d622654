"""Alerts over real sockets: a Discord webhook, a plain webhook, a mail server, which refuse, hang or are away too."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from triplane.alerts import senders
from triplane.alerts.alert import Alert
from triplane.alerts.config import AlertTarget
from triplane.alerts.samples import samples
from triplane.alerts.senders import NotSent, Sender, make_sender, message
from triplane.alerts.service import open_sender

TOKEN = "s3cretT0kenOfMine"
ALERT = Alert(kind="closed", severity="info", title="BTCUSDT long closed: +5", tone="good", text="Well done.",
              fields=(("P&L", "+5"),), where="PAPER · demo", time=1_700_000_000_000)  # fmt: skip


@dataclass
class Service:
    """An HTTP service that records what it is sent."""

    status: int = 204
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    hangs: bool = False
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    base: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.got.append((request.path_qs, await request.json()))
        if self.hangs:
            await self.let_go.wait()
        return web.Response(status=self.status, text=self.body, headers=self.headers)


@pytest.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    made = Service()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", made.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        made.base = f"127.0.0.1:{server.port}"
        monkeypatch.setattr(senders, "DISCORD", f"http://{made.base}")
        yield made
        made.let_go.set()


def sender_of(url: str) -> Sender:
    return open_sender(AlertTarget.model_validate(url))


async def refusal(sender: Sender) -> NotSent:
    with pytest.raises(NotSent) as caught:
        await sender.send(ALERT)
    await sender.close()
    return caught.value


async def test_discord_gets_embeds(service: Service) -> None:
    sender = sender_of(f"discord://12345678/{TOKEN}?thread=9")
    for alert in samples():
        assert await sender.send(alert) == "204 No Content"
    await sender.close()

    assert [path for path, _ in service.got] == [f"/api/webhooks/12345678/{TOKEN}?thread_id=9"] * 15
    sent = [body["embeds"][0] for _, body in service.got]
    expected = [message(alert)["embeds"][0] for alert in samples()]
    assert [embed | {"timestamp": 0} for embed in sent] == [embed | {"timestamp": 0} for embed in expected]


async def test_discord_asks_to_wait(service: Service) -> None:
    service.status, service.headers, service.body = 429, {"Retry-After": "1.5"}, '{"message": "slow down"}'
    error = await refusal(sender_of(f"discord://12345678/{TOKEN}"))

    assert str(error) == '429 Too Many Requests {"message": "slow down"}'
    assert (error.after, error.final) == (1.5, False)


@pytest.mark.parametrize(("status", "final"), [(401, True), (404, True), (400, True), (302, True), (503, False)])
async def test_discord_refuses(service: Service, status: int, final: bool) -> None:
    service.status, service.body = status, f"no {TOKEN} here"
    error = await refusal(sender_of(f"discord://12345678/{TOKEN}"))

    assert str(error).startswith(str(status))
    assert str(error).endswith("no … here")
    assert (error.after, error.final) == (None, final)


@pytest.mark.parametrize(
    ("status", "final"), [(401, True), (404, True), (410, True), (429, False), (500, False), (503, False)]
)
async def test_another_service_refuses(service: Service, status: int, final: bool) -> None:
    service.status = status
    error = await refusal(sender_of(f"json://{service.base}/hooks/{TOKEN}"))

    assert (str(status) in str(error), error.final) == (True, final)


@pytest.mark.parametrize("address", ["discord://12345678/{token}", "json://user:{token}@{base}/hooks/{token}"])
async def test_a_service_that_hangs(service: Service, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "REQUEST_S", 0.1)
    service.hangs = True
    url = address.format(token=TOKEN, base=service.base) + "?rto=0.1"
    error = await refusal(sender_of(url))

    assert len(service.got) == 1
    assert TOKEN not in str(error)
    assert not error.final


@pytest.mark.parametrize("address", ["discord://12345678/{token}", "json://user:{token}@{base}/hooks/{token}"])
async def test_a_service_that_is_away(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        base = f"127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setattr(senders, "DISCORD", f"http://{base}")
        error = await refusal(sender_of(address.format(token=TOKEN, base=base)))

    assert TOKEN not in str(error)
    assert "onnect" in str(error)


async def test_a_plain_webhook(service: Service) -> None:
    service.status = 200
    sender = sender_of(f"json://{service.base}/hooks/mine")
    assert await sender.send(ALERT) == "sent"
    await sender.close()

    ((path, body),) = service.got
    assert path == "/hooks/mine"
    assert (body["title"], body["message"], body["type"]) == (
        "BTCUSDT long closed: +5",
        "Well done.\nP&L: +5\nPAPER · demo",
        "success",
    )


async def test_a_plain_webhook_refuses(service: Service) -> None:
    service.status = 500
    error = await refusal(sender_of(f"json://{service.base}/hooks/{TOKEN}"))

    assert "500" in str(error)
    assert TOKEN not in str(error)
    assert not error.final


class MailServer:
    """Just enough SMTP to be given mail."""

    def __init__(self, refuses: bool = False) -> None:
        self.mail: list[str] = []
        self._refuses = refuses

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test\r\n")
        while line := (await reader.readline()).decode().strip():
            word = line.split()[0].upper()
            if word == "DATA":
                writer.write(b"354 go on\r\n")
                self.mail.append((await reader.readuntil(b"\r\n.\r\n")).decode())
            refused = word == "RCPT" and self._refuses
            writer.write(b"550 nobody here\r\n" if refused else b"221 bye\r\n" if word == "QUIT" else b"250 ok\r\n")
        writer.close()


@pytest.mark.parametrize("refuses", [False, True])
async def test_mail(refuses: bool) -> None:
    mail = MailServer(refuses)
    server = await asyncio.start_server(mail.serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        sender = make_sender(f"mailto://127.0.0.1:{port}?from=bot@triplane.test&to=me@triplane.test&mode=insecure")
        if refuses:
            await refusal(sender)
            assert mail.mail == []
            return
        assert await sender.send(ALERT) == "sent"
        await sender.close()

    (text,) = mail.mail
    assert "Subject: BTCUSDT long closed: +5" in text
    assert "me@triplane.test" in text
    assert "P&L: +5" in text
