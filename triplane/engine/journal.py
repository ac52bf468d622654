"""The journal: every input that enters the core and every row that leaves it, in order, in one append-only file.

Layout: a header (magic, format, JSON about the session, its checksum), then frames. A frame is 16 bytes of head
(payload length, CRC-32 over head and payload, kind, symbol, count) and a payload padded to 8 bytes, so that records
can be read where they lie.

``append`` hands the bytes to the operating system before it returns: they survive the end of this process by any
means. ``sync`` brings them to the disk, in batches because that takes milliseconds, and then writes a SYNC frame that
says how much is safe there. So a frame that cannot be read has one of two meanings. Behind the last safe byte it is
the torn end of a crash: reading stops there and opening for append cuts it off. Before it, something safe was
damaged later: that is an error, and it says where.

Each SYNC frame also holds the SHA-256 of all bytes before it, so the frames are a chain: nothing in the middle can be
changed or left out without the rest telling (:meth:`Reader.chain`). What is cut off at the end tells nothing by itself;
for that the account keeps the length and the digest that it has seen (``account.py``).

A disk that takes nothing any more must not keep a position from its exit: frames then wait in memory, in order, and are
written when there is room again (:attr:`Journal.behind`). Whoever decides must not open anything meanwhile.
"""

import hashlib
import json
import mmap
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Final, NamedTuple, Self

import msgspec
import structlog

from triplane.errors import TriplaneError

log = structlog.get_logger(__name__)

MAGIC: Final = b"TRIPLANE-JOURNAL"
FORMAT: Final = 1
MOST_OWED: Final = 64 * 1024 * 1024
"""Bytes that may wait in memory for a full disk."""
NO_SYMBOL: Final = 0xFFFF
"""Symbol of a frame that concerns all, or several."""

_HEADER: Final = struct.Struct("<16sIII4x")
_HEAD: Final = struct.Struct("<IIHHI")
_CHECKED: Final = struct.Struct("<IHHI")
_PADS: Final = tuple(b"\0" * n for n in range(8))
_SYNC_MARK: Final = b"\x89TPSYNC\n"
_END_MARK: Final = b"\x89TPEND!\n"
_SYNC: Final = struct.Struct("<8sQ")
_CHAINED: Final = struct.Struct("<8sQ32s")


class Kind(IntEnum):
    """What a frame holds."""

    CANDLE = 1  # one CANDLE of the frame's symbol, a moment of its own
    CANDLES = 2  # `n` CANDLEs of the frame's symbol, or with NO_SYMBOL: `n` int64 symbol numbers, then CANDLEs
    COMMAND = 3  # one COMMAND to the frame's symbol
    LIMITS = 4  # one LIMITS record, from here on for all symbols
    OUTPUT = 5  # `n` OUTPUT rows
    SYNC = 6  # everything before this offset is on the disk; SHA-256 of all bytes before this frame
    END = 7  # the session is over; JSON
    NOTE = 8  # what no core decides and a person should know for ever (a venue's order id, a finding, a reason); JSON
    MOMENT = 9  # the CANDLEs of one time that were taken together: `n` int64 symbol numbers, then CANDLEs
    AMENDMENT = 10  # the session goes on with other settings; JSON


class JournalError(TriplaneError):
    """A journal cannot be read or written; the text says where and why."""


class _Instrument(msgspec.Struct):
    symbol: str


class _Setup(msgspec.Struct):
    mode: str
    strategy: str
    source: str
    instruments: list[_Instrument]


class _Meta(msgspec.Struct):
    """What every reader may count on in a header; the rest is for whoever replays the journal."""

    session: str
    created_at: Annotated[int, msgspec.Meta(ge=0, lt=1 << 45)]  # a time that can be shown
    setup: _Setup
    code: dict[str, str]


class Anchor(msgspec.Struct, frozen=True):
    """How long a journal was, and the SHA-256 of so many bytes of it."""

    bytes: int
    sha256: str


class Frame(NamedTuple):
    """One frame; ``payload`` is a view into the mapped file."""

    offset: int
    kind: int
    symbol: int
    n: int
    payload: memoryview


def _checksum(length: int, kind: int, symbol: int, count: int, payload: bytes | memoryview) -> int:
    return zlib.crc32(payload, zlib.crc32(_CHECKED.pack(length, kind, symbol, count)))


def _object(path: Path, text: bytes) -> dict[str, Any]:
    """JSON of a journal, which anybody may have written."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise JournalError(f"The journal {path} holds what is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise JournalError(f"The journal {path} holds JSON that is not an object.")
    return found


def _frame(kind: int, symbol: int, count: int, payload: bytes) -> bytes:
    length = len(payload)
    crc = _checksum(length, kind, symbol, count, payload)
    return b"".join((_HEAD.pack(length, crc, kind, symbol, count), payload, _PADS[-length % 8]))


class Reader:
    """A journal, mapped into memory.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    meta : dict
        What the header says about the session.
    start : int
        Offset of the first frame.
    end : int
        Offset behind the last frame read so far; after a whole iteration, behind the last good one.

    Raises
    ------
    JournalError
        The file does not exist, is no journal, or has a header that is damaged or not of a session.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            if path.exists() and not path.is_file():  # opening a pipe would wait for ever
                raise JournalError(f"The journal {path} cannot be read: it is not a file.")
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
            raise JournalError(f"The journal {path} cannot be read: {error}.") from error
        self._view = memoryview(self._map)
        if len(self._view) < _HEADER.size or self._map[: len(MAGIC)] != MAGIC:
            raise JournalError(f"The file {path} is not a journal.")
        _, version, length, crc = _HEADER.unpack_from(self._view)
        if version != FORMAT:
            raise JournalError(f"The journal {path} has format {version}; this version reads format {FORMAT}.")
        text = bytes(self._view[_HEADER.size : _HEADER.size + length])
        if len(text) < length or zlib.crc32(text) != crc:
            raise JournalError(f"The journal {path} is damaged in its header.")
        self.meta = _object(path, text)
        try:
            msgspec.convert(self.meta, _Meta)
        except msgspec.ValidationError as error:
            raise JournalError(f"The journal {path} is not of a session: {error}.") from error
        self.start = self.end = _HEADER.size + length + -length % 8

    def __len__(self) -> int:
        """Bytes in the file."""
        return len(self._view)

    def __iter__(self) -> Iterator[Frame]:
        """Frames in order, up to the torn end if there is one; raises JournalError where safe bytes are damaged."""
        size, at = len(self._view), self.start
        while at < size:
            frame = self._at(at)
            if frame is None:
                self._torn(at)
                break
            at += _HEAD.size + len(frame.payload) + -len(frame.payload) % 8
            self.end = at
            yield frame

    def _at(self, at: int) -> Frame | None:
        """The frame that begins at an offset, or None when none is whole there."""
        begin = at + _HEAD.size
        if begin > len(self._view):
            return None
        length, crc, kind, symbol, count = _HEAD.unpack_from(self._view, at)
        if begin + length + -length % 8 > len(self._view):
            return None
        payload = self._view[begin : begin + length]
        if crc != _checksum(length, kind, symbol, count, payload):
            return None
        return Frame(at, kind, symbol, count, payload)

    def _torn(self, at: int) -> None:
        """Tell a torn end from damage: the last SYNC frame says how far the file was safe."""
        mark = self._last(Kind.SYNC, _SYNC_MARK)
        safe = 0 if mark is None else int(_SYNC.unpack_from(mark.payload)[1])
        if at < safe:
            raise JournalError(
                f"The journal {self.path} is damaged at byte {at}: {safe - at} bytes from there on had been written "
                "safely and cannot be trusted now."
            )

    def _last(self, kind: Kind, mark: bytes) -> Frame | None:
        """The last whole frame of a kind, whose payload begins with its mark."""
        at = len(self._map)
        while (at := self._map.rfind(mark, self.start, at)) >= 0:
            frame = self._at(at - _HEAD.size) if at - _HEAD.size >= self.start else None
            if frame is not None and frame.kind == kind:
                return frame
        return None

    def chain(self) -> Anchor:
        """Check the chain of digests up to the last good frame; raises JournalError where it is broken."""
        digest, done = hashlib.sha256(), 0
        for frame in self:
            if frame.kind == Kind.SYNC and len(frame.payload) == _CHAINED.size:
                digest.update(self._view[done : frame.offset])
                done = frame.offset
                if _CHAINED.unpack(frame.payload)[2] != digest.digest():
                    raise JournalError(
                        f"The journal {self.path} was changed before byte {done}: its digest is another."
                    )
        digest.update(self._view[done : self.end])
        return Anchor(self.end, digest.hexdigest())

    def holds(self, anchor: Anchor) -> None:
        """Raise JournalError unless the journal begins with what was anchored."""
        if len(self._view) < anchor.bytes:
            lost = anchor.bytes - len(self._view)
            raise JournalError(f"The journal {self.path} was cut: its last {lost} bytes are gone.")
        if hashlib.sha256(self._view[: anchor.bytes]).hexdigest() != anchor.sha256:
            raise JournalError(f"The journal {self.path} is not the one that was written: its digest differs.")

    def ending(self) -> dict[str, Any] | None:
        """What was written when the session was over, or None while it is not."""
        frame = self._last(Kind.END, _END_MARK)
        if frame is None:
            return None
        return _object(self.path, bytes(frame.payload[len(_END_MARK) :]))


class Journal:
    """A journal, open for append. Make one with :meth:`create` or :meth:`open`.

    All methods are for one thread, except that :meth:`flush` may run in another one at the same time.
    """

    def __init__(self, path: Path, descriptor: int, begun: "bytes | memoryview") -> None:
        self.path = path
        self.size = len(begun)
        self._digest = hashlib.sha256(begun)
        self._descriptor = descriptor
        self._marked = 0
        self._owed = bytearray()

    @classmethod
    def create(cls, path: Path, meta: Mapping[str, Any]) -> Self:
        """Begin a journal; the file appears whole or not at all. Raises JournalError, also when it exists."""
        text = json.dumps(meta, sort_keys=True, separators=(",", ":")).encode()
        header = _HEADER.pack(MAGIC, FORMAT, len(text), zlib.crc32(text)) + text + _PADS[-len(text) % 8]
        fresh = path.with_suffix(".new")
        if path.exists():
            raise JournalError(f"The journal {path} exists already.")
        try:
            with fresh.open("wb") as file:
                file.write(header)
                file.flush()
                os.fsync(file.fileno())
            fresh.rename(path)
            return cls(path, os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0)), header)
        except OSError as error:
            raise JournalError(f"The journal {path} cannot be created: {error.strerror or error}.") from error

    @classmethod
    def open(cls, path: Path, end: int) -> Self:
        """Go on behind the last good frame, :attr:`Reader.end`; what is torn behind it is cut off."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
            os.ftruncate(descriptor, end)
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
                return cls(path, descriptor, memoryview(whole))
        except OSError as error:
            raise JournalError(f"The journal {path} cannot be continued: {error.strerror or error}.") from error

    @property
    def behind(self) -> int:
        """Bytes that wait because the disk does not take them."""
        return len(self._owed)

    def append(self, kind: Kind, payload: bytes, symbol: int = NO_SYMBOL, count: int = 1) -> None:
        """Write a frame; it is with the operating system on return, whole, unless the disk is full.

        Raises
        ------
        JournalError
            More waits than may (:data:`MOST_OWED`).
        """
        data = _frame(kind, symbol, count, payload)
        if self._owed:
            self._owed += data
            self.catch_up()
        elif (reason := self._write(data)) is not None:
            self._owed += data
            log.error("the journal cannot be written", path=str(self.path), reason=reason)
        if len(self._owed) > MOST_OWED:
            raise JournalError(f"The journal {self.path} cannot be written: no room for {len(self._owed):,} bytes.")

    def forget_owed(self) -> None:
        """Take back what waits, to write something before it."""
        self._owed.clear()

    def catch_up(self) -> bool:
        """Try to write what waits; true when nothing does."""
        if self._owed and self._write(bytes(self._owed)) is None:
            self._owed.clear()
            log.warning("the journal is whole again", path=str(self.path))
        return not self._owed

    def _write(self, data: bytes) -> str | None:
        """Write whole frames or nothing; says why not."""
        done = 0
        try:
            while done < len(data):
                done += os.write(self._descriptor, data[done:] if done else data)
        except OSError as error:
            if done:
                os.ftruncate(self._descriptor, self.size)
            return error.strerror or str(error)
        self.size += len(data)
        self._digest.update(data)
        return None

    def anchor(self) -> Anchor:
        """Length and digest of what has been written; worth keeping elsewhere once it is on the disk."""
        return Anchor(self.size, self._digest.hexdigest())

    def end(self, ending: Mapping[str, Any]) -> None:
        """Write that the session is over."""
        self.append(Kind.END, _END_MARK + json.dumps(ending, sort_keys=True).encode())
        self.sync()

    def flush(self) -> int:
        """Bring what has been appended to the disk; returns how much that is, for :meth:`mark`. Takes milliseconds."""
        size = self.size
        if size > self._marked:
            os.fsync(self._descriptor)
        return size

    def mark(self, safe: int) -> None:
        """Note in the journal that everything before ``safe`` is on the disk."""
        if safe > self._marked and not self._owed:
            self.append(Kind.SYNC, _CHAINED.pack(_SYNC_MARK, safe, self._digest.digest()))
            self._marked = self.size if safe + _HEAD.size + _CHAINED.size == self.size else safe

    def sync(self) -> None:
        """Flush and mark at once."""
        self.mark(self.flush())

    def close(self) -> None:
        """Sync and let go of the file; may be called twice."""
        if self._descriptor >= 0:
            if self.catch_up():
                self.sync()
                os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
