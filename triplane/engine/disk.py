"""Space on the disk: entries stop while there is still enough to write down every exit.

A reserved file is given back when the disk is full all the same, however fast that came, for what it takes to close the
open positions and to write that down.
"""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Final

MIB: Final = 1024 * 1024
STOP: Final = 200 * MIB
"""Below this much free space entries stop."""
RESUME: Final = 250 * MIB
"""With this much they go on; more, so that it does not go to and fro."""
RESERVE: Final = 8 * MIB


def free_bytes(path: Path) -> int | None:
    """What may still be written where ``path`` is; None when that cannot be told."""
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None


def take(path: Path, size: int) -> None:
    """Make a file that takes real space: of what cannot be compressed, for neither holes nor zeros do so everywhere."""
    try:
        with path.open("wb") as file:
            for start in range(0, size, MIB):
                file.write(os.urandom(min(MIB, size - start)))
    except OSError:
        give_back(path)


def give_back(path: Path) -> None:
    """Let the space of a file go."""
    with contextlib.suppress(OSError):  # it has gone, or nothing can be done here at all
        path.unlink()


class DiskSpace:
    """Watches the space where the sessions are, and holds a reserve there.

    Attributes
    ----------
    low : bool
        Whether there is too little to open positions; also when it cannot be told.
    """

    def __init__(self, folder: Path, *, stop: int = STOP, resume: int = RESUME, reserve: int = RESERVE) -> None:
        self.low = False
        self._folder, self._stop, self._resume = folder, stop, resume
        self._file, self._reserve = folder / "reserve", reserve

    def look(self) -> tuple[int | None, bool]:
        """Give the free bytes, and whether they are too few to open positions."""
        free = free_bytes(self._folder)
        self.low = free is None or free < (self._resume if self.low else self._stop)
        if free is not None and free < self._reserve:
            give_back(self._file)
        elif free is not None and free >= self._resume and not os.path.lexists(self._file):
            take(self._file, self._reserve)
        return free, self.low
