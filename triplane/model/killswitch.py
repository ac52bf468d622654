"""The kill switch: a small file in the data folder, so that it stays on over a restart until a person resumes."""

import os
from pathlib import Path
from typing import Annotated, Final

import msgspec

from triplane.errors import TriplaneError

LONGEST: Final = 500
"""Characters of a reason."""
MOST: Final = 16 * 1024
"""Bytes of a file that is read; one that was written here is shorter."""


class Thrown(msgspec.Struct, frozen=True):
    """Why it is on and since when, as the file tells."""

    reason: Annotated[str, msgspec.Meta(max_length=LONGEST)]
    flatten: bool
    time: int


UNREADABLE: Final = Thrown("the kill switch file cannot be read", flatten=False, time=0)


class KillSwitch:
    """On while anything named ``kill_switch.json`` lies in the data folder, whether it can be read or not."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "kill_switch.json"

    @property
    def on(self) -> bool:
        """Whether entries are forbidden."""
        try:
            self._path.lstat()  # a link to nowhere counts too
        except FileNotFoundError:
            return False
        except OSError:  # who may not look cannot say that it is off
            return True
        return True

    def read(self) -> Thrown | None:
        """Why and since when; None when it is off."""
        if not self.on:
            return None
        try:
            if not self._path.is_file():  # opening a pipe would wait for ever
                return UNREADABLE
            with self._path.open("rb") as file:
                found = msgspec.json.decode(file.read(MOST + 1), type=Thrown)
            found.reason.encode()  # what cannot be sent on must not get further than here
        except (OSError, ValueError, RecursionError, msgspec.MsgspecError):
            return UNREADABLE if self.on else None
        return found

    def set(self, reason: str, *, flatten: bool, time_ms: int) -> None:
        """Turn it on; it is on the disk when this returns."""
        reason = reason.encode(errors="replace").decode()[:LONGEST]
        fresh = self._path.with_suffix(".new")
        try:
            with fresh.open("wb") as file:
                file.write(msgspec.json.encode(Thrown(reason, flatten, time_ms)))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            raise TriplaneError(f"The kill switch {self._path} cannot be written: {error.strerror}.") from error

    def clear(self) -> None:
        """Turn it off."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise TriplaneError(f"The kill switch {self._path} cannot be taken away: {error.strerror}.") from error
