"""What a process takes and may take, and how long it may take to end."""

import contextlib
import faulthandler
import os
import sys
from pathlib import Path
from typing import Final

DESCRIPTORS: Final = 8192
STOP_S: Final = 10.0
"""For a process that was told to stop."""


def raise_descriptors(wanted: int = DESCRIPTORS) -> int:
    """Raise the number of files this process may open as far as it is allowed; gives what it is then."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    aim = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < aim:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (aim, hard))
            soft = aim
    return wanted if soft == resource.RLIM_INFINITY else soft


def memory_mb() -> float:
    """Resident memory of this process, MB."""
    import resource  # noqa: PLC0415 - as above

    try:
        size = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:  # not Linux: the most that it ever was
        size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return round(size / 1e6, 1)


def end_within(seconds: float = STOP_S) -> None:
    """End this process after so long, whatever still runs: a task that cannot be cancelled, a thread, a compiled loop.

    It is not done in Python, where what hangs may hold the interpreter.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)  # standard error could be what hangs
    faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
