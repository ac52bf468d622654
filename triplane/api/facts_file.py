"""The numbered facts of any session, for other programs: from any number, for ever, also of sessions that are over."""

import re
import threading
from functools import lru_cache
from pathlib import Path
from typing import Final

from triplane.api.errors import ApiError
from triplane.flow.log import FILE, FactFile

NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
KEPT: Final = 32


class FactFiles:
    """The files of facts below a folder of sessions; for any thread.

    Attributes
    ----------
    followers
        How many programs follow one as it grows.
    """

    def __init__(self, sessions: Path) -> None:
        self.followers = 0
        self._sessions = sessions
        self._file = lru_cache(KEPT)(lambda path: (FactFile(path), threading.Lock()))

    def read(self, session_id: str, after: int, limit: int) -> list[bytes]:
        """Give up to ``limit`` facts behind number ``after``, each as JSON; answers 404 without such a session."""
        path = self._sessions / session_id / FILE
        if NAME.fullmatch(session_id) is None or not path.is_file():
            raise ApiError(404, f"There are no facts of a session {session_id[:100]!r}.")
        file, lock = self._file(path)
        with lock:  # what it remembers of its places is for one at a time
            return [line for line, _ in file.checked(after, limit)]
