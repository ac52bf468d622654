"""A lock on a folder: two processes must never run the same session. The system lets go of it when its holder dies."""

from pathlib import Path

from filelock import FileLock, Timeout

from triplane.errors import TriplaneError


class FolderHeld(TriplaneError):  # noqa: N818 - reads as what it is
    """Somebody holds the lock of ``folder``."""

    def __init__(self, folder: Path, taken: str = "") -> None:
        super().__init__(taken or f"The session in {folder} is already running in another process.")
        self.folder = folder


def held(folder: Path) -> bool:
    """Whether a process holds the lock of a folder now."""
    if not folder.is_dir():  # FileLock would make it
        return False
    lock = FileLock(folder / "lock", timeout=0, mode=0o600, thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:  # a folder that cannot be written cannot be locked either
        return False
    lock.release()
    return False


class FolderLock:
    """Held from the moment it is made until :meth:`release`; raises FolderHeld when somebody holds it.

    Parameters
    ----------
    folder
        Of a session, or of all data.
    taken
        The sentence when it is held.
    patience
        Seconds to wait; somebody may only be looking whether it is held.
    """

    def __init__(self, folder: Path, taken: str = "", patience: float = 0.0) -> None:
        if not folder.is_dir():  # FileLock would make it
            raise TriplaneError(f"The folder {folder} cannot be written to: there is no such folder.")
        # a session is made in one thread and closed in another; a soft lock would survive the process that made it
        self._lock = FileLock(folder / "lock", timeout=patience, mode=0o600, thread_local=False, fallback_to_soft=False)
        try:
            self._lock.acquire()
        except Timeout:
            raise FolderHeld(folder, taken) from None
        except OSError as error:
            raise TriplaneError(f"The folder {folder} cannot be written to: {error.strerror}.") from error

    def release(self) -> None:
        """Let go; may be called twice."""
        self._lock.release()
