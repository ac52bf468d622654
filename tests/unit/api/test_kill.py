"""The kill switch, thrown whatever has failed; and each part says what it did."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from triplane.api import kill
from triplane.api.errors import ApiError
from triplane.api.kill import KillPath, KillReport, RouterAddress
from triplane.model.killswitch import KillSwitch, Thrown

from .conftest import Page


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SILENT_S": 0.02, "AHEAD_S": 0.05}.items():
        monkeypatch.setattr(kill, name, value)


class Router:
    """A router's service as far as the kill switch goes."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, Any]] = []
        self.status, self.body = 200, {"cancelled": ["a", "b"], "closing": ["c"], "problems": []}
        self.go = threading.Event()
        self.go.set()
        router = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                router.asked.append((self.path, self.headers["authorization"], json.loads(body)))
                router.go.wait(10)
                text = json.dumps(router.body).encode()
                self.send_response(router.status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = RouterAddress(f"http://127.0.0.1:{self.server.server_port}", "router-token")
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()


@pytest.fixture
def router() -> Iterator[Router]:
    made = Router()
    yield made
    made.go.set()
    made.server.shutdown()
    made.server.server_close()


async def never() -> tuple[str, str]:
    await asyncio.Event().wait()
    return "ok", ""


def path(page: Page, router: Router | None = None, folder: Path | None = None) -> KillPath:
    return KillPath(page.link, folder or page.folder, None if router is None else router.address)


async def throw(path: KillPath, *, flatten: bool = False) -> KillReport:
    return await path.kill("enough", flatten=flatten, time_ms=7)


def steps(report: KillReport) -> dict[str, bool]:
    return {step.name: step.done for step in report.steps}


async def test_an_engine_that_is_well_does_it_all(page: Page) -> None:
    page.engine.answer = lambda *_: ("ok", "The kill switch is on: no entries until a person resumes.")
    report = await throw(path(page))
    assert (report.message, steps(report)) == (
        "The kill switch is on: no entries until a person resumes.", {"engine": True},
    )  # fmt: skip
    assert page.engine.commands == [("halt", None, {"reason": "enough", "flatten": False})]
    assert not KillSwitch(page.folder).on  # the engine writes it itself


async def test_over_the_api(page: Page, client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/kill-switch", json={"flatten": True, "reason": "a drill"})
    assert answer.json() == {
        "accepted": True, "message": "Done.", "steps": [{"name": "engine", "done": True, "text": "Done."}],
    }  # fmt: skip
    assert page.engine.commands == [("halt", None, {"reason": "a drill", "flatten": True})]
    await client.post("/api/kill-switch")
    assert page.engine.commands[1] == ("halt", None, {"reason": "by hand", "flatten": False})


async def test_the_router_acts_on_the_venue_before_the_engine_is_asked(page: Page, router: Router) -> None:
    order: list[str] = []
    page.engine.answer = lambda *_: order.append(f"engine, router {len(router.asked)}") or ("ok", "Done.")  # type: ignore[func-returns-value]
    report = await throw(path(page, router), flatten=True)
    assert order == ["engine, router 1"]
    assert router.asked == [("/api/v1/kill-switch", "Bearer router-token", {"reason": "enough", "flatten": True})]
    assert [step.text for step in report.steps] == [
        "The router refuses entries, cancelled 2 orders and is closing 1 positions.", "Done.",
    ]  # fmt: skip


async def test_a_router_that_hangs_holds_nothing_up(page: Page, router: Router) -> None:
    router.go.clear()
    page.engine.answer = lambda *_: router.go.set() or ("ok", "Done.")  # type: ignore[func-returns-value]
    report = await throw(path(page, router))  # the engine was asked while the router had not answered
    assert steps(report) == {"router": True, "engine": True}


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (
            503,
            {"code": "breaker", "message": "The breaker is open."},
            "The router could not do it: The breaker is open.",
        ),
        (
            200,
            {"cancelled": [], "closing": [], "problems": ["what became of x is not known"]},
            "The router refuses entries, cancelled 0 orders. But what became of x is not known.",
        ),
    ],
)
async def test_what_the_router_could_not_do_is_said(
    page: Page, router: Router, status: int, body: dict[str, Any], text: str
) -> None:
    router.status, router.body = status, body
    report = await throw(path(page, router))
    assert (report.steps[0].text, steps(report)["router"]) == (text, status == 200)


async def test_a_router_that_is_gone(page: Page) -> None:
    gone = KillPath(page.link, page.folder, RouterAddress("http://127.0.0.1:1", "t"))
    report = await throw(gone)
    assert steps(report) == {"router": False, "engine": True}
    assert report.steps[0].text.startswith("The router could not do it: ")


async def test_with_an_engine_that_is_frozen_the_switch_is_on_the_disk_and_the_engine_restarted(page: Page) -> None:
    page.clock.now += 5
    page.engine.answer = lambda *_: never()
    report = await throw(path(page), flatten=True)
    assert steps(report) == {"engine": False, "file": True, "restart": True}
    assert report.message == (
        "The engine has said nothing for 5 seconds; it may be frozen. The kill switch is on the disk: an engine that "
        "starts halts before anything else. The engine is being restarted."
    )
    assert KillSwitch(page.folder).read() == Thrown("enough", flatten=True, time=7)
    assert page.engine.restarts == 1


async def test_an_engine_that_refuses_is_not_believed(page: Page) -> None:
    page.engine.answer = lambda *_: ("failed", "OSError: no.")
    report = await throw(path(page))
    assert steps(report) == {"engine": False, "file": True, "restart": True}


async def test_with_a_frozen_engine_and_a_full_disk_the_restarted_engine_is_told(page: Page, tmp_path: Path) -> None:
    page.clock.now += 5

    async def after_the_restart() -> tuple[str, str]:
        while not page.engine.restarts:
            await asyncio.sleep(0.001)
        return "ok", "The kill switch is on: no entries until a person resumes."

    page.engine.answer = lambda *_: after_the_restart()
    report = await throw(path(page, folder=tmp_path / "not there"))
    assert [(step.name, step.done) for step in report.steps] == [
        ("engine", False), ("file", False), ("restart", True), ("engine", True),
    ]  # fmt: skip
    assert "cannot be written: No such file or directory." in report.message


async def test_when_no_part_can_be_reached_it_says_so(
    make_page: Callable[..., Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kill, "WITHIN", 0.03)
    monkeypatch.setattr(kill, "RESTART_S", 0.03)
    page = make_page()
    page.engine.answer = lambda *_: never()
    with pytest.raises(ApiError) as raised:
        await throw(path(page, folder=tmp_path / "not there"))
    assert raised.value.status == 503
    assert "The engine is starting." in raised.value.message


async def test_a_disk_that_hangs(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = threading.Event()
    monkeypatch.setattr(kill, "DISK_S", 0.02)
    monkeypatch.setattr(KillSwitch, "set", lambda *_, **__: hanging.wait(5))
    page.engine.answer = lambda *_: ("failed", "no")
    monkeypatch.setattr(page.link, "restart", lambda: asyncio.sleep(0, False))
    with pytest.raises(ApiError) as raised:
        await throw(path(page))
    hanging.set()
    assert "The disk does not answer, so the kill switch is not on it." in raised.value.message
    assert "Nobody here can restart the engine: do it by hand." in raised.value.message
