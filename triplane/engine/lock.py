"""A lock on a folder: two processes must never run the same session. The system lets go of it when its holder dies."""

import os
from pathlib import Path
from typing import Any

from triplane.errors import TriplaneError

if os.name == "nt":
    import msvcrt

    def _take(descriptor: int) -> None:
        module: Any = msvcrt
        module.locking(descriptor, module.LK_NBLCK, 1)

else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FolderLock:
    """Held from the moment it is made until :meth:`release`; raises TriplaneError when another process holds it."""

    def __init__(self, folder: Path) -> None:
        try:
            self._descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise TriplaneError(f"The folder {folder} cannot be written to: {error.strerror}.") from error
        try:
            _take(self._descriptor)
        except OSError as error:
            os.close(self._descriptor)
            raise TriplaneError(f"The session in {folder} is already running in another process.") from error

    def release(self) -> None:
        """Let go; may be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
