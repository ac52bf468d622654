"""The thread between a process of ``triplane up`` and the supervisor that started it.

Down the child's standard input comes one line, its configuration (secrets never stand in arguments or environment);
then nothing, and its end says that the supervisor is gone or wants the child to stop. Up its standard output go lines
of JSON: a beat twice a second, and what it asks for.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from triplane.flow.lifetime import work_until
from triplane.flow.limits import end_within, raise_descriptors

BEAT_S: Final = 0.5


def read_config() -> bytes:
    """The line with the configuration."""
    line = b""
    while not line.endswith(b"\n") and (piece := os.read(0, 1 << 16)):
        line += piece
    return line


_begun = b""
"""What is left of a line for which the pipe had no room."""


def tell(message: Mapping[str, Any]) -> None:
    """Tell the supervisor; never waits, and does not mind when nobody listens.

    A line that finds no room is left out; one that was begun is ended first, so that only whole lines arrive.
    """
    global _begun  # noqa: PLW0603 - there is one standard output
    _begun = _write(_begun)
    if not _begun:
        line = msgspec.json.encode(message) + b"\n"
        rest = _write(line)
        _begun = rest if len(rest) < len(line) else b""


def _write(data: bytes) -> bytes:
    """Write what there is room for; gives the rest."""
    try:
        return data[os.write(1, data) :] if data else b""
    except BlockingIOError:
        return data
    except OSError:
        return b""


def prepare() -> None:
    """Make standard output a pipe that is never waited for, and let as many files be open as may be."""
    raise_descriptors()
    if os.name == "posix":
        os.set_blocking(1, False)


async def parent_gone() -> None:
    """Return when the supervisor closes standard input; soon after that this process ends, whatever hangs in it."""
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()

    def wait() -> None:
        # not by sys.stdin, whose lock a thread that waits would hold while the interpreter ends
        with contextlib.suppress(OSError):
            while os.read(0, 1 << 16):
                pass
        end_within()
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(gone.set)

    threading.Thread(target=wait, name="supervisor", daemon=True).start()
    await gone.wait()


async def beat(**more: Any) -> None:
    """Say that the loop turns, for ever."""
    while True:
        tell({"beat": True, **more})
        await asyncio.sleep(BEAT_S)


async def serve(**more: Any) -> None:
    """Say so until the supervisor is gone."""
    await work_until(parent_gone(), beat(**more))
