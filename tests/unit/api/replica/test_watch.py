"""What is said of an engine that is heard, starts, is frozen or dead."""

import os
import subprocess
import sys

import pytest

from triplane.api.replica.watch import STARTING_S, EngineWatch, lives

from ..conftest import Clock
from ..streams import health


@pytest.mark.parametrize(
    ("after", "alive", "state", "text"),
    [
        (0.0, True, "ok", ""),
        (2.2, False, "ok", ""),
        (3.0, True, "silent", "The engine has said nothing for 3 seconds; it may be frozen."),
        (40.2, False, "dead", "The engine does not run; it was last heard 40 seconds ago."),
    ],
)
def test_an_engine_that_was_heard(after: float, alive: bool, state: str, text: str) -> None:
    clock = Clock()
    watch = EngineWatch(clock, lambda pid: alive and pid == 1)
    watch.on_health(health())
    clock.now += after
    found = watch.state()
    assert (found.state, found.text, found.heard_s) == (state, text, pytest.approx(after))
    assert watch.well == (state == "ok")


def test_an_engine_that_was_never_heard() -> None:
    clock = Clock()
    watch = EngineWatch(clock)
    assert (watch.state().state, watch.state().heard_s, watch.well) == ("starting", None, False)
    clock.now += STARTING_S
    assert (watch.state().state, watch.state().text) == (
        "dead",
        "The engine has not been heard since the page started.",
    )


def test_processes_that_there_are() -> None:
    assert lives(os.getpid())
    assert lives(1)
    over = subprocess.Popen([sys.executable, "-c", ""])
    over.wait()
    assert not lives(over.pid)
