"""The numbered facts of any session, for other programs: from any number, for ever, also of sessions that are over."""

import re
import threading
from collections import OrderedDict
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
        self._files: OrderedDict[str, tuple[FactFile, threading.Lock]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, session_id: str, after: int, limit: int) -> list[bytes]:
        """Give up to ``limit`` facts behind number ``after``, each as JSON; answers 404 without such a session."""
        file, lock = self._file(session_id)
        with lock:  # what it remembers of its places is for one at a time
            return [line for line, _ in file.checked(after, limit)]

    def _file(self, session_id: str) -> tuple[FactFile, threading.Lock]:
        path = self._sessions / session_id / FILE
        if NAME.fullmatch(session_id) is None or not path.is_file():
            raise ApiError(404, f"There are no facts of a session {session_id[:100]!r}.")
        with self._lock:
            found = self._files.pop(session_id, None) or (FactFile(path), threading.Lock())
            self._files[session_id] = found
            if len(self._files) > KEPT:
                self._files.popitem(last=False)
        return found
