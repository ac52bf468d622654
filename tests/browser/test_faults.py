"""Triplane is broken while its page is open: the page says what it is, dims what is old, and close and kill work."""

import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from .conftest import Triplane

DIMMED = "getComputedStyle(document.querySelector({!r})).opacity < 0.5"
WHAT = {"account": "aside .fades", "market": ".chart-host", "lists": ".dock .fades"}


def dimmed(page: Any, *parts: str) -> None:
    for part in parts:
        page.wait(DIMMED.format(WHAT[part]))


def fresh(page: Any) -> None:
    """Nothing is wrong any more, and nothing old."""
    page.gone(".fault")
    page.gone(".age-note")
    page.wait("document.querySelector('.app').dataset.stale === ''")


def close(page: Any) -> None:
    page.click(".card.position button")
    page.see(".dialog", "Close BTC/USDT?")
    page.click(".dialog .danger")
    page.see(".toast", "closed at market")
    page.gone(".card.position")


def kill(page: Any) -> str:
    """Throw the kill switch; gives what each part did."""
    page.click(".kill")
    page.click(".dialog .danger")
    report = str(page.see(".steps"))
    page.click(".dialog .primary")
    return report


def test_a_frozen_engine(page: Any, triplane: Any) -> None:
    triplane.position()
    page.see(".card.position")
    triplane.signal("engine", signal.SIGSTOP)
    page.see(".fault.bad", "engine is frozen")
    dimmed(page, "account", "market")
    page.see("aside .age-note", "As it was", "ago")

    close(page)  # by an engine that was started again for it
    fresh(page)


def test_a_frozen_engine_is_killed(page: Any, triplane: Any) -> None:
    triplane.signal("engine", signal.SIGSTOP)
    page.see(".fault.bad", "engine is frozen")
    report = kill(page)
    assert "The kill switch is on the disk" in report
    assert "being restarted" in report
    page.see(".fault", "Trading is halted", "Stopped by hand")
    page.see(".state", "Halted")


def test_an_engine_that_was_killed(page: Any, triplane: Any) -> None:
    triplane.position()
    page.see(".card.position")
    triplane.signal("engine", signal.SIGKILL)
    page.see(".fault", "engine")
    dimmed(page, "account", "market")
    close(page)
    fresh(page)


def test_a_lost_connection_is_known_to_the_page_by_itself(page: Any, triplane: Any) -> None:
    health = triplane.get("/health")["page"]["pid"]
    triplane.signal("page", signal.SIGSTOP)
    page.see(".fault.bad", "connection to Triplane is lost")
    dimmed(page, "account", "market")
    subprocess.run(["kill", "-CONT", str(health)], check=True)
    page.see(".link.live")
    fresh(page)


def test_a_database_that_is_locked(page: Any, triplane: Any) -> None:
    position = triplane.position()
    page.click("#tab-trades")
    with closing(sqlite3.connect(triplane.folder / "triplane.sqlite", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        page.see(".fault.warn", "database")
        dimmed(page, "lists")
        assert "0.42" not in str(page.evaluate("getComputedStyle(document.querySelector('aside .fades')).opacity"))
        close(page)
        database.execute("ROLLBACK")
    fresh(page)
    triplane.until(lambda: position in [trade["id"] for trade in triplane.get("/trades/history")["items"]])


MIB = 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=320m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path, leave: int) -> None:
    """Take all space of a disk but so much."""
    free = shutil.disk_usage(path.parent).free
    with path.open("ab", buffering=0) as file:
        while (free := shutil.disk_usage(path.parent).free) > leave:
            try:
                file.write(bytes(min(MIB, free - leave)))
            except OSError:
                return


def test_a_disk_that_is_nearly_full_and_then_full(browser: Any, small_disk: Path, tmp_path: Path) -> None:
    running = Triplane(small_disk / "data", tmp_path / "log")
    try:
        running.position()
        browser.open(running.url, {})
        browser.see(".card.position")
        fill(small_disk / "ballast", 100 * MIB)
        browser.see(".fault.warn", "disk is nearly full")
        running.until(lambda: fill(small_disk / "ballast", 0) or running.get("/health")["told"]["disk_free"] == 0)
        browser.see(".fault.bad", "disk is full")
        close(browser)
        report = kill(browser)
        assert "The kill switch is on" in report
        browser.see(".fault.bad", "Trading is halted")
        (small_disk / "ballast").unlink()
        browser.wait("![...document.querySelectorAll('.fault')].some(e => e.innerText.includes('disk'))")
    finally:
        running.stop()
