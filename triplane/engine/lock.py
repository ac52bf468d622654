"""A lock on a folder: two processes must never run the same session. The system lets go of it when its holder dies."""

from pathlib import Path

from filelock import FileLock, Timeout

from triplane.errors import TriplaneError


class FolderHeld(TriplaneError):  # noqa: N818 - reads as what it is
    """Somebody runs the session in ``folder``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"The session in {folder} is already running in another process.")
        self.folder = folder


def held(folder: Path) -> bool:
    """Whether a process runs the session in a folder now."""
    try:
        FolderLock(folder).release()
    except TriplaneError:
        return True
    return False


class FolderLock:
    """Held from the moment it is made until :meth:`release`; raises FolderHeld when somebody holds it."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():  # FileLock would make it
            raise TriplaneError(f"The folder {folder} cannot be written to: there is no such folder.")
        # a session is made in one thread and closed in another; a soft lock would survive the process that made it
        self._lock = FileLock(folder / "lock", timeout=0, mode=0o600, thread_local=False, fallback_to_soft=False)
        try:
            self._lock.acquire()
        except Timeout:
            raise FolderHeld(folder) from None
        except OSError as error:
            raise TriplaneError(f"The folder {folder} cannot be written to: {error.strerror}.") from error

    def release(self) -> None:
        """Let go; may be called twice."""
        self._lock.release()
