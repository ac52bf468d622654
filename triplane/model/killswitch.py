"""The kill switch: a small file in the data folder, so that it stays on over a restart until a person resumes."""

import json
import os
from pathlib import Path
from typing import Any

from triplane.errors import TriplaneError


class KillSwitch:
    """On while ``kill_switch.json`` lies in the data folder; an unreadable file counts as on."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "kill_switch.json"

    @property
    def on(self) -> bool:
        """Whether entries are forbidden."""
        return self._path.exists()

    def read(self) -> dict[str, Any]:
        """Why and since when: ``{reason, flatten, time}``; empty when it is off or cannot be read."""
        try:
            found = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def set(self, reason: str, *, flatten: bool, time_ms: int) -> None:
        """Turn it on; it is on the disk when this returns."""
        fresh = self._path.with_suffix(".new")
        try:
            with fresh.open("w") as file:
                json.dump({"reason": reason, "flatten": flatten, "time": time_ms}, file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            raise TriplaneError(f"The kill switch {self._path} cannot be written: {error.strerror}.") from error

    def clear(self) -> None:
        """Turn it off."""
        self._path.unlink(missing_ok=True)
