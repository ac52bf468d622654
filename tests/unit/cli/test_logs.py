"""A line of a log neither fails nor blocks, wherever it goes; nor does what else a trading process prints."""

import fcntl
import os
import subprocess
import sys
import textwrap
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from triplane.cli.logs import AGAIN_S, KNOWN, Repeats

LINES = 1500
BEGIN = """
import logging, sys, threading
import structlog
from triplane.cli.logs import configure_logs
from triplane.cli.outlet import STDERR, STDOUT
from triplane.venues.keys import hide
configure_logs()
log = structlog.get_logger("test")
"""


def run(code, stdout=subprocess.PIPE, stderr=subprocess.PIPE):
    """A process; what ``report`` says in it comes back apart from both streams."""
    there, here = os.pipe()
    report = f"import os\ndef report(*values): os.write({here}, (' '.join(map(str, values)) + chr(10)).encode())\n"
    process = subprocess.Popen(
        [sys.executable, "-c", report + BEGIN + textwrap.dedent(code)],
        stdout=stdout, stderr=stderr, text=True, pass_fds=[here],
    )  # fmt: skip
    os.close(here)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    with os.fdopen(there) as said:
        return process.returncode, said.read(), out, err


@contextmanager
def unread(full=True, blocking=True):
    """A pipe whose other end is never read, or is closed."""
    there, here = os.pipe()
    if not full:
        os.close(there)
        there = None
    else:
        os.set_blocking(here, False)
        with suppress(BlockingIOError):
            while True:
                os.write(here, b"x" * 4096)
        os.set_blocking(here, blocking)
    try:
        yield here
    finally:
        os.close(here)
        if there is not None:
            os.close(there)


@contextmanager
def target(kind):
    if kind == "full disk":
        with Path("/dev/full").open("w") as file:
            yield file
    elif kind == "closed pipe":
        with unread(full=False) as pipe:
            yield pipe
    else:
        with unread(blocking=kind == "full pipe") as pipe:
            yield pipe


KINDS = ["full disk", "closed pipe", "full pipe", "full pipe that does not block"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_that_cannot_be_written(kind):
    code = f"""
        for number in range({LINES}):
            log.error("a fault", number=number)
            logging.getLogger("uvicorn.error").error(f"another {{number}}")
        STDERR.drain(0.2)
        report("goes on", STDERR.lost)
    """
    with target(kind) as stderr:
        status, said, _, _ = run(code, stderr=stderr)
    assert (status, said.split()[:2]) == (0, ["goes", "on"])
    assert 2 * LINES - 1000 - 16 <= int(said.split()[2]) <= 2 * LINES  # up to the queue's length may still wait


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_trading_process_prints(kind):
    code = """
        from triplane.cli.output import console, errors, never_block, one_sentence, print_figures, print_json
        from triplane.errors import BadInput
        never_block()
        for _ in range(1500):
            console.print("[bold]a line[/]" * 10)
            errors.print("another")
            print_json({"a": [1, 2, 3]})
        print_figures("Figures", {"a": 1.5})
        report("goes on", STDOUT.lost > 0)
        with one_sentence():
            raise BadInput("it ends")
    """
    with target(kind) as full:
        status, said, _, _ = run(code, stdout=full, stderr=full)
    assert said.split() == ["goes", "on", "True"]
    assert status == 1  # the exception of typer that nobody takes here


def test_lost_lines_are_told_when_there_is_room_again():
    code = """
        full, empty = os.open("/dev/full", os.O_WRONLY), os.dup(2)
        os.dup2(full, 2)
        for number in range(7):
            log.error("unheard")
        report(STDERR.drain())
        os.dup2(empty, 2)
        log.error("heard")
        log.error("and the next")
    """
    status, said, _, err = run(code)
    assert (status, said) == (0, "True\n")
    lines = err.splitlines()
    assert "heard" in lines[0]
    assert lines[1] == "7 lines are missing here: nobody took them, or they could not be written."
    assert "and the next" in lines[2]
    assert len(lines) == 3


def test_every_line_is_there_at_the_end_in_order_and_without_secrets():
    code = """
        hide("planted-key-123456")
        for number in range(900):
            log.warning("line", number=number, key="planted-key-123456")
        log.info("not shown")
        try:
            raise ValueError("planted-key-123456")
        except ValueError:
            log.exception("it failed")
            logging.getLogger("aiohttp").exception("a library failed")
        sys.exit(3)
    """
    status, _, out, err = run(code)
    assert (status, out) == (3, "")
    lines = err.splitlines()
    assert [line.split("number=")[1].split()[0] for line in lines[:900]] == [str(number) for number in range(900)]
    assert "ValueError: …" in err
    assert "[ERROR] aiohttp: a library failed" in err
    assert "planted" not in err
    assert "not shown" not in err


def test_a_value_that_cannot_be_shown():
    code = """
        class Bad:
            def __repr__(self): raise RuntimeError("no")
            __str__ = __repr__
        log.error("a fault", value=Bad())
        log.error("a fault %d", "of words")
        logging.getLogger("library").error(Bad())
        logging.getLogger("another").error("%d", "words")
        log.error("x" * 100_000)
        report("goes on")
    """
    status, said, _, err = run(code)
    assert (status, said) == (0, "goes on\n")
    lines = err.splitlines()
    assert len(lines) == 5
    assert "a fault (what belongs to it cannot be shown: RuntimeError)" in lines[0]
    assert len(lines[4]) < 20_000


def test_no_standard_error_at_all():
    code = """
        sys.stderr = None
        log.error("a fault")
        report(STDERR.drain(), STDERR.lost)
    """
    assert run(code)[:2] == (0, "True 1\n")


def test_what_a_library_repeats_is_written_once_in_some_seconds():
    code = """
        for _ in range(1000):
            logging.getLogger("asyncio").warning("socket.send() raised exception.")
            for reason in ("one", "two"):
                try:
                    raise ValueError(reason)
                except ValueError:
                    logging.getLogger("uvicorn.error").exception("it failed")
    """
    _, _, _, err = run(code)
    assert err.count("socket.send() raised exception.") == 1
    assert err.count("it failed") == 2


def test_how_often_a_line_was_held_back_is_told():
    now = 0.0
    repeats = Repeats(lambda: now)
    assert [repeats.held("a") for _ in range(4)] == [0, None, None, None]
    assert repeats.held("b") == 0
    now = AGAIN_S
    assert [repeats.held("a"), repeats.held("a"), repeats.held("b")] == [3, None, 0]
    for number in range(10 * KNOWN):
        repeats.held(str(number))
    assert len(repeats._lines) <= KNOWN


def test_a_slow_reader_gets_every_line():
    """A pipe that does not block is waited for, by the thread alone."""
    there, here = os.pipe()
    os.set_blocking(here, False)
    fcntl.fcntl(here, fcntl.F_SETPIPE_SZ, 4096)
    code = """
        for number in range(500):
            log.error("x" * 100, number=number)
        print("goes on", flush=True)
        STDERR.drain(30)
    """
    with os.fdopen(there, "rb") as reader:
        command = [sys.executable, "-c", BEGIN + textwrap.dedent(code)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=here)
        os.close(here)
        assert process.stdout.readline() == b"goes on\n"  # before anything was read
        assert reader.read().count(b"number=") == 500
        process.communicate(timeout=60)
        assert process.returncode == 0
