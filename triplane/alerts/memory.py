"""What the alerts must not forget over a restart, in one small file of the data folder.

It says how far each session's facts have been told and which conditions (a halt, a dead engine) have been announced and
are not over yet, so that nothing is announced again. After more than two minutes away, and at the first start, what has
happened meanwhile is history and is passed over; conditions that hold are still announced.
"""

import os
import time
from pathlib import Path
from typing import Final

import msgspec
import structlog

from triplane.alerts.alert import Kind, Severity
from triplane.flow.log import FILE

log = structlog.get_logger(__name__)

NAME: Final = "alerts.json"
OLD_MS: Final = 120_000
"""What is older than this is not told any more."""
TAIL: Final = 1 << 20


class Active(msgspec.Struct, frozen=True, kw_only=True):
    """A condition that was announced, and what is said when it is over."""

    kind: Kind
    severity: Severity
    over: str
    where: str = ""
    symbol: str = ""
    session_id: str = ""


class _Seq(msgspec.Struct):
    seq: int


class Memory(msgspec.Struct, kw_only=True):
    """The content of the file.

    Attributes
    ----------
    have
        Number of the newest fact of each session that was taken.
    open
        Positions whose opening was told, by their id, with their session.
    active
        Announced conditions.
    places
        Whose each session is, such as ``PAPER · ict_blocks``.
    killed
        Why the kill switch was thrown, by session.
    engine
        When the engine that was heard last had started; 0 after an orderly end.
    """

    at: int = 0
    have: dict[str, int] = {}
    open: dict[str, str] = {}
    active: dict[str, Active] = {}
    places: dict[str, str] = {}
    killed: dict[str, str] = {}
    engine: int = 0

    @classmethod
    def load(cls, data_dir: Path, now_ms: int) -> "Memory":
        """Read the file; :attr:`have` covers what is history now."""
        try:
            memory = msgspec.json.decode((data_dir / NAME).read_bytes(), type=cls)
        except FileNotFoundError:
            memory = cls()
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("what was told before cannot be read; history is passed over", error=str(error))
            memory = cls()
        newest = {path.parent.name: newest_seq(path) for path in (data_dir / "sessions").glob(f"*/{FILE}")}
        recent = now_ms - memory.at < OLD_MS
        memory.have = {session: memory.have.get(session, 0) for session in newest} if recent else newest
        memory.open = {position: session for position, session in memory.open.items() if session in newest}
        memory.places = {session: place for session, place in memory.places.items() if session in newest}
        memory.killed = {session: reason for session, reason in memory.killed.items() if session in newest}
        return memory

    def save(self, data_dir: Path, now_ms: int) -> None:
        """Write the file; a disk that takes nothing costs no more than an alert that is told twice."""
        self.at = now_ms
        path = data_dir / NAME
        fresh = path.with_suffix(".new")
        try:
            fresh.write_bytes(msgspec.json.encode(self))
            fresh.replace(path)
        except OSError as error:
            log.warning("what was told cannot be noted", error=error.strerror)


def newest_seq(path: Path) -> int:
    """Number of the last whole line of a file of facts; 0 when there is none."""
    if not path.is_file():
        return 0
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
            lines = file.read().rpartition(b"\n")[0]
        return msgspec.json.decode(lines.rpartition(b"\n")[2], type=_Seq).seq
    except (OSError, ValueError, RecursionError, msgspec.MsgspecError):
        return 0


def wall_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
