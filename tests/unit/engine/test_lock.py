"""One process a session: the lock is taken once, and nobody needs to clean up after a holder that died."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from triplane.engine.lock import FolderLock
from triplane.errors import TriplaneError

HOLD = """
import sys
from pathlib import Path
from triplane.engine.lock import FolderLock

lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_folder_is_locked_once(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    with pytest.raises(TriplaneError, match="already running in another process"):
        FolderLock(tmp_path)
    lock.release()
    lock.release()
    FolderLock(tmp_path).release()
    with pytest.raises(TriplaneError, match="cannot be written to"):
        FolderLock(tmp_path / "no")
    assert (tmp_path / "lock").stat().st_mode & 0o077 == 0


def test_a_lock_of_another_thread_is_released(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        lock = pool.submit(FolderLock, tmp_path).result()
    lock.release()
    FolderLock(tmp_path).release()


def test_a_lock_dies_with_its_holder(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(TriplaneError, match="already running in another process"):
            FolderLock(tmp_path)
        holder.kill()
    FolderLock(tmp_path).release()
