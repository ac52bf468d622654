"""Reading a journal again: its inputs as steps, and the proof that the same rows come out of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from triplane.engine.journal import NO_SYMBOL, Frame, JournalError, Kind, Reader
from triplane.errors import TriplaneError
from triplane.kernel.codes import RowKind
from triplane.kernel.inputs import COMMAND
from triplane.kernel.records import CANDLE, LIMITS
from triplane.kernel.rows import OUTPUT
from triplane.kernel.rules import RULES

Array = np.ndarray[Any, Any]
CHUNK: Final = 4096
"""Candles journaled one by one that are replayed at once."""


class Step(NamedTuple):
    """One input, or many candles: ``which`` holds the symbol of each record, ``symbol`` that of a command."""

    kind: Kind
    symbol: int
    which: Array
    records: Array


@dataclass(frozen=True, slots=True)
class Difference:
    """The first row that did not come out as journaled; ``what`` is a sentence."""

    seq: int
    time: int
    what: str


class ReplayError(TriplaneError):
    """A replay gave other rows than the journal holds."""

    def __init__(self, reader: Reader, difference: Difference, rows: int) -> None:
        self.difference = difference
        self.rows = rows
        super().__init__(
            f"Replaying {reader.path} gives another result at row {difference.seq} (time {difference.time}): "
            f"{difference.what}"
        )


class OtherRules(TriplaneError):  # noqa: N818 - reads as what it is
    """A journal was made by other rules than those of today, so its decisions cannot be made again."""


def require_rules(reader: Reader) -> None:
    """Raise :class:`OtherRules` unless the journal was made by the rules of today."""
    made_by = reader.meta.get("rules", 1)
    if made_by != RULES:
        raise OtherRules(
            f"The journal {reader.path} was made by version {made_by} of the trading rules; this Triplane has version "
            f"{RULES} and cannot make its decisions again."
        )


class Recheck:
    """Compares rows that are made again with the rows in the journal, whatever the pieces they come in."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._expected = bytearray()
        self._made = bytearray()
        self.rows = 0

    def expect(self, payload: memoryview) -> None:
        """Rows that the journal holds."""
        self._expected += payload

    def made(self, rows: Array) -> None:
        """Rows that came out again; raises ReplayError."""
        if len(rows):
            self._made += rows.tobytes()
        self._compare()

    def missing(self) -> Array:
        """Rows that the journal lacks at its end; raises ReplayError when it has some that did not come out."""
        self._compare()
        if self._expected:
            first = np.frombuffer(self._expected, OUTPUT, 1)[0]
            what = f"the journaled {_kind(first)} did not come out."
            raise ReplayError(self._reader, Difference(int(first["seq"]), int(first["time"]), what), self.rows)
        return np.frombuffer(bytes(self._made), OUTPUT)

    def _compare(self) -> None:
        n = min(len(self._expected), len(self._made))
        if n == 0:
            return
        if self._expected[:n] != self._made[:n]:
            raise ReplayError(self._reader, first_difference(self._expected[:n], self._made[:n]), self.rows)
        del self._expected[:n]
        del self._made[:n]
        self.rows += n // OUTPUT.itemsize


def first_difference(expected: bytes | bytearray, made: bytes | bytearray) -> Difference:
    """Say how two equally long runs of rows, known to differ, differ first."""
    old, new = np.frombuffer(expected, OUTPUT), np.frombuffer(made, OUTPUT)
    at = next(i for i in range(len(old)) if old[i].tobytes() != new[i].tobytes())
    a, b = old[at], new[at]
    if a["kind"] != b["kind"]:
        what = f"{_kind(b)} instead of {_kind(a)}."
    else:
        names = [n for n in OUTPUT.names or () if a[n].tobytes() != b[n].tobytes()]
        what = f"{_kind(a)}: " + ", ".join(f"{n} {_show(b[n])} instead of {_show(a[n])}" for n in names) + "."
    return Difference(int(a["seq"]), int(a["time"]), what)


def _kind(row: Any) -> str:
    return RowKind.labels[row["kind"]] if 0 <= row["kind"] < len(RowKind.labels) else f"row of kind {row['kind']}"


def _show(value: Any) -> str:
    return str(value.tolist())


def load_inputs(reader: Reader, recheck: Recheck, one_by_one: bool) -> Iterator[Step]:
    """Give the inputs of a journal in order, and its rows to ``recheck`` on the way.

    Parameters
    ----------
    one_by_one
        Candles that came by themselves come so again; otherwise they are gathered.
    """
    waiting: list[Frame] = []
    for frame in reader:
        kind = frame.kind
        if kind == Kind.OUTPUT:
            recheck.expect(frame.payload)
            continue
        if kind == Kind.CANDLE and one_by_one:
            yield Step(Kind.CANDLE, frame.symbol, _symbols(1, frame.symbol), _copy(frame, CANDLE, 1))
            continue
        if kind == Kind.CANDLE:
            opened = _opened(frame)
            if waiting and (len(waiting) == CHUNK or opened == _opened(waiting[-1])):
                yield _gathered(waiting)  # a candle of the same time that came later was a moment of its own
                waiting.clear()
            waiting.append(frame)
            continue
        if waiting:
            yield _gathered(waiting)
            waiting.clear()
        if kind in (Kind.CANDLES, Kind.MOMENT):
            yield _batch(frame)
        elif kind == Kind.COMMAND:
            yield Step(Kind.COMMAND, frame.symbol, _symbols(1, frame.symbol), _copy(frame, COMMAND, 1))
        elif kind == Kind.LIMITS:
            yield Step(Kind.LIMITS, NO_SYMBOL, _symbols(1, 0), _copy(frame, LIMITS, 1))
        elif kind in (Kind.NOTE, Kind.AMENDMENT):
            yield Step(Kind(kind), frame.symbol, _symbols(1, 0), np.frombuffer(bytes(frame.payload), np.uint8))
        elif kind not in (Kind.SYNC, Kind.END):
            raise JournalError(f"The journal {reader.path} holds an unknown kind of frame, {kind}, at {frame.offset}.")
    if waiting:
        yield _gathered(waiting)


def _opened(frame: Frame) -> bytes:
    """The open time of a single candle."""
    return bytes(frame.payload[:8])


def _symbols(n: int, k: int) -> Array:
    return np.full(n, k, np.int64)


def _copy(frame: Frame, dtype: "np.dtype[Any]", n: int, offset: int = 0) -> Array:
    """Records of a payload, writable (the compiled step knows one kind of array)."""
    return np.frombuffer(frame.payload, dtype, n, offset).copy()


def _gathered(frames: list[Frame]) -> Step:
    """Single candles as one step."""
    candles = np.frombuffer(b"".join(f.payload for f in frames), CANDLE).copy()
    which = np.fromiter((f.symbol for f in frames), np.int64, len(frames))
    return Step(Kind.CANDLES, frames[0].symbol, which, candles)


def _batch(frame: Frame) -> Step:
    n = frame.n
    if frame.symbol == NO_SYMBOL:
        which = _copy(frame, np.dtype(np.int64), n)
        return Step(Kind(frame.kind), int(which[0]), which, _copy(frame, CANDLE, n, 8 * n))
    return Step(Kind.CANDLES, frame.symbol, _symbols(n, frame.symbol), _copy(frame, CANDLE, n))
