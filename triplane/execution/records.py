"""What became of each client order id, so that an id means one order for ever.

With a folder, every line is handed to the operating system before its order is sent, so neither an exception nor
``kill -9`` loses one; :meth:`OrderRecords.sync`, called about once a second, also flushes them to the disk, in case of
a power cut. A last line that was torn when the process ended was never acted on, and is dropped. Without a folder the
records are kept in memory only.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import orjson
from filelock import FileLock, Timeout

from triplane.data.instruments import plain
from triplane.errors import DataError, TriplaneError
from triplane.venues.base import NewOrder, OrderReport, Shape
from triplane.venues.errors import Refused, Why

FILE: Final = "orders.jsonl"
LOCK: Final = "router.lock"
S = TypeVar("S", bound=Shape)


class RecordState(StrEnum):
    """What is known of an order that was to be sent."""

    SENT = "sent"  # it may have arrived
    FREE = "free"  # refused for a temporary reason: it may be sent again
    ANSWERED = "answered"
    REFUSED = "refused"  # permanently


@dataclass(slots=True)
class OrderRecord:
    """One client order id.

    Attributes
    ----------
    sent_at
        Venue time of the last attempt, ms.
    """

    order: NewOrder
    sent_at: int
    state: RecordState = RecordState.SENT
    report: OrderReport | None = None
    refusal: Refused | None = None


class KillSwitchState(Shape, frozen=True):
    """Whether entries are refused; since when (ms) and why."""

    active: bool = False
    since: int = 0
    reason: str = ""


def _plain(value: object) -> object:
    """The file has our own names, and sides as numbers."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Shape):
        return msgspec.structs.asdict(value)
    raise TypeError(type(value).__name__)


def _shape(of: type[S], row: dict[str, Any]) -> S:
    """What :func:`_plain` wrote."""
    names = dict(zip(of.__struct_fields__, of.__struct_encode_fields__, strict=True))
    return msgspec.convert({names[name]: value for name, value in row.items()}, of)


class OrderRecords:
    """All records of a venue and account.

    Parameters
    ----------
    folder
        Where they are kept; None = only in memory.

    Raises
    ------
    TriplaneError
        The folder cannot be written, or another process uses it.
    DataError
        A line of the file cannot be read.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.kill = KillSwitchState()
        self._records: dict[str, OrderRecord] = {}
        self._file = -1
        self._lock: FileLock | None = None
        self._size = 0
        self._dirty = False
        if folder is not None:
            try:
                self._open(folder)
            except OSError as error:
                self.close()
                raise TriplaneError(f"The router's folder {folder} cannot be used: {error.strerror}.") from None
            except BaseException:
                self.close()
                raise

    def __iter__(self) -> Iterator[OrderRecord]:
        return iter(self._records.values())

    def get(self, client_id: str) -> OrderRecord | None:
        return self._records.get(client_id)

    def sent(self, order: NewOrder, now: int) -> None:
        """An attempt is about to be made; raises OSError, and forgets it, when that cannot be written."""
        self._write({"id": order.client_id, "at": now, "order": order})
        self.remember(order, now)

    def remember(self, order: NewOrder, now: int) -> None:
        """The same in memory only."""
        self._records[order.client_id] = OrderRecord(order, now)

    def answered(self, client_id: str, report: OrderReport) -> None:
        """The venue has the order. A write that fails does no harm: the order would be looked up."""
        record = self._records[client_id]
        record.state, record.report = RecordState.ANSWERED, report
        with suppress(OSError):
            self._write({"id": client_id, "report": report})

    def refused(self, client_id: str, error: Refused) -> None:
        """The venue refused this order for good."""
        record = self._records[client_id]
        record.state, record.refusal = RecordState.REFUSED, error
        with suppress(OSError):
            self._write({"id": client_id, "refused": [str(error), error.code, error.why]})

    def free(self, client_id: str) -> None:
        """It was not carried out, and may be tried again."""
        self._records[client_id].state = RecordState.FREE
        with suppress(OSError):
            self._write({"id": client_id, "free": True})

    def switch(self, kill: KillSwitchState) -> None:
        """Keep the kill switch; it holds in memory even when this raises OSError."""
        self.kill = kill
        self._write({"kill": kill})
        self.sync()

    # ------------------------------------------------------------------------------------------------------- the file
    def sync(self) -> None:
        """Flush everything to the disk."""
        if self._dirty:
            self._dirty = False
            os.fsync(self._file)

    def close(self) -> None:
        """Release the folder; may be called twice."""
        if self._file >= 0:
            with suppress(OSError):
                self.sync()
            os.close(self._file)
        self._file = -1
        if self._lock is not None:
            self._lock.release()

    def _write(self, row: dict[str, Any]) -> None:
        if self._file < 0:
            return
        line = orjson.dumps(row, default=_plain) + b"\n"
        if os.write(self._file, line) != len(line):  # the disk is full: do not leave half a line for the next one
            os.ftruncate(self._file, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += len(line)
        self._dirty = True

    def _open(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = FileLock(folder / LOCK, timeout=0, mode=0o600, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout:
            raise TriplaneError(f"Another router uses the folder {folder}; give each its own.") from None
        path = folder / FILE
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._file = os.open(path, flags, 0o600)
        content = path.read_bytes()
        self._size = content.rfind(b"\n") + 1
        os.ftruncate(self._file, self._size)
        for number, line in enumerate(content[: self._size].splitlines(), 1):
            try:
                self._take(orjson.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError, msgspec.ValidationError):
                raise DataError(f"{path}, line {number}, is not a record of the router.") from None

    def _take(self, row: dict[str, Any]) -> None:
        if "kill" in row:
            self.kill = _shape(KillSwitchState, row["kill"])
        elif "order" in row:
            self._records[row["id"]] = OrderRecord(_shape(NewOrder, row["order"]), int(row["at"]))
        elif "report" in row:
            record = self._records[row["id"]]
            record.state, record.report = RecordState.ANSWERED, _shape(OrderReport, row["report"])
        elif "refused" in row:
            text, code, why = row["refused"]
            record = self._records[row["id"]]
            record.state, record.refusal = RecordState.REFUSED, Refused(text, code, Why(why))
        else:
            self._records[row["id"]].state = RecordState.FREE
