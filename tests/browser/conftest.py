"""A real Triplane, and a page of a real browser that shows it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

ROOT: Final = Path(__file__).parents[2]
CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PLAYWRIGHT: Final = ROOT / "ui" / "node_modules" / "playwright-core"
BUILT: Final = ROOT / "triplane" / "api" / "static" / "index.html"
PATIENCE_S: Final = 60.0
"""How long is tried; never how long something may take."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser or a page there is nothing to see."""
    if CHROMIUM is None:
        why = "there is no Chromium on this machine"
    elif not PLAYWRIGHT.exists() or not BUILT.exists():
        why = "the page has not been built (make setup)"
    else:
        return
    for item in items:
        if Path(item.path).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.skip(reason=why))


class Page:
    """The browser's page: every call is one of ``driver.mjs``."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __getattr__(self, method: str) -> Any:
        def call(*args: Any) -> Any:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps({"method": method, "args": args}) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
            if "error" in answer:
                raise AssertionError(f"{method}{args}: {answer['error']}")
            return answer["value"]

        return call

    def wait(self, expression: str) -> Any:
        """Wait until an expression of the page is true; gives its value."""
        return self.until(expression, PATIENCE_S * 1000)

    def see(self, selector: str, *words: str) -> str:
        """Wait until something of this kind shows these words; gives all of its text."""
        holds = " && ".join(f"e.innerText.includes({json.dumps(word)})" for word in words) or "true"
        found = f"[...document.querySelectorAll({json.dumps(selector)})].find(e => {holds})"
        return str(self.wait(f"(() => {{ const found = {found}; return found && (found.innerText || ' '); }})()"))

    def gone(self, selector: str) -> None:
        """Wait until nothing of this kind is there."""
        self.wait(f"document.querySelector({json.dumps(selector)}) === null")


@pytest.fixture(scope="module")  # both cost time as long as they live
def browser() -> Iterator[Page]:
    driver = Path(__file__).with_name("driver.mjs")
    process = subprocess.Popen(
        ["node", str(driver), str(CHROMIUM)],
        cwd=ROOT / "ui", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    yield Page(process)
    process.stdin.close()
    process.wait(30)
    process.stdout.close()


class Triplane:
    """``triplane up`` as a person starts it, and what the tests do to it."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder = folder
        self._log = log.open("w")
        command = [sys.executable, "-m", "triplane.cli.main", "up", "--json", "--port", "0", "--data-dir", str(folder)]
        self._process = subprocess.Popen(
            [*command, "--timeframe", "5m", "--trading.cooldown-bars", "0", "--trading.max-trades-day", "1000"],
            stdout=subprocess.PIPE, stderr=self._log, text=True,
        )  # fmt: skip
        ready = json.loads("".join(iter(self._process.stdout.readline, "}\n")) + "}")
        self.url, self.session = ready["url"], ready["session"]
        address, _, token = self.url.partition("/?token=")
        headers = {"Authorization": f"Bearer {token}", "Origin": address}
        self.address = address
        self.http = httpx.Client(base_url=address, headers=headers, timeout=60)
        self.until(lambda: self.get("/health")["ready"])

    def get(self, path: str, **query: Any) -> Any:
        return self.http.get(path, params=query).raise_for_status().json()

    def post(self, path: str, **body: Any) -> Any:
        answer = self.http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    @staticmethod
    def until(holds: Any) -> Any:
        """Wait until it holds; gives what it gave."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if found := holds():
                return found
            time.sleep(0.1)
        raise AssertionError("it never was so")

    def signal(self, process: str, number: int) -> None:
        """Do something to ``engine`` or ``page``."""
        health = self.get("/health")
        os.kill((health["told"] if process == "engine" else health["page"])["pid"], number)

    def well(self) -> None:
        """Bring it to where every test begins: the engine runs, and the session looks for signals with no position."""
        self.until(lambda: self.get("/health")["ready"])
        if self.get("/health")["told"]["kill_switch"]:
            self.post(f"/api/sessions/{self.session}/resume", acknowledge=True)
        for position in self.get("/trades/portfolio", session=self.session)["open_positions"]:
            self.post(f"/trades/close/{position['id']}")
        self.until(lambda: self.get("/system/status", session=self.session)["state"] in ("SCANNING", "IN_POSITION"))

    def position(self) -> str:
        """Open a position, as if a signal had come; gives its id."""
        while True:
            status = self.get("/system/status", session=self.session)
            if status["current_position_id"]:
                return str(status["current_position_id"])
            if status["state"] == "SCANNING":
                self.post("/trades/simulate", symbol=status["symbol"], side="buy")
            time.sleep(0.2)

    def stop(self) -> int:
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(60)
        self._process.stdout.close()
        self._log.close()
        self.http.close()
        return code


@pytest.fixture(scope="module")  # both cost time as long as they live
def triplane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triplane]:
    folder = tmp_path_factory.mktemp("triplane")
    running = Triplane(folder / "data", folder / "log")
    yield running
    running.stop()


@pytest.fixture
def page(browser: Page, triplane: Triplane) -> Page:
    """The page as somebody sees it who has just signed in."""
    triplane.well()
    browser.open(triplane.url, {"viewport": {"width": 1440, "height": 900}})
    browser.goto(f"{triplane.address}/?session={triplane.session}")
    browser.see(".link.live")
    browser.wait("document.querySelectorAll('canvas').length > 0")
    return browser
