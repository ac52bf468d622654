"""TEMPORARY until the harden branch lands."""

import shutil
from pathlib import Path


def disk_low(path: Path) -> tuple[int | None, bool]:
    try:
        free = shutil.disk_usage(path).free
    except OSError:
        return None, False
    return free, free < 200_000_000
