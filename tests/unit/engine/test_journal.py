"""The journal: what is written can be read, torn ends are cut, damage is told."""

import os
import struct
import zlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from triplane.engine.journal import NO_SYMBOL, Journal, JournalError, Kind, Reader

META: dict[str, Any] = {
    "session": "s", "created_at": 1, "code": {"triplane": "1"},
    "setup": {"mode": "paper", "strategy": "α", "source": "demo", "instruments": [{"symbol": "BTCUSDT"}]},
}  # fmt: skip


def frames(path: Path) -> list[tuple[int, int, int, bytes]]:
    return [(f.kind, f.symbol, f.n, bytes(f.payload)) for f in Reader(path) if f.kind != Kind.SYNC]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.tpj"


def test_what_is_written_can_be_read_at_once(path: Path) -> None:
    with Journal.create(path, META) as journal:
        journal.append(Kind.CANDLE, b"abc", 3)
        journal.append(Kind.OUTPUT, b"", count=0)
        journal.append(Kind.OUTPUT, b"x" * 1000, count=5)
        expected = [(1, 3, 1, b"abc"), (5, NO_SYMBOL, 0, b""), (5, NO_SYMBOL, 5, b"x" * 1000)]

        assert frames(path) == expected
    reader = Reader(path)
    assert frames(path) == expected
    assert reader.meta == META
    assert reader.ending() is None
    assert all(frame.offset % 8 == 0 for frame in reader)
    assert reader.end == len(reader) == path.stat().st_size


def test_appending_goes_on_after_reopening_and_cuts_a_torn_end(path: Path) -> None:
    with Journal.create(path, META) as journal:
        journal.append(Kind.CANDLE, b"1")
    whole = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"\x05\0\0\0torn")
    reader = Reader(path)
    assert frames(path) == [(1, NO_SYMBOL, 1, b"1")]
    list(reader)
    assert reader.end == whole
    with Journal.open(path, reader.end) as journal:
        journal.append(Kind.CANDLE, b"2")
        journal.end({"decisions": 1})

    assert [payload for _, _, _, payload in frames(path)][:2] == [b"1", b"2"]
    assert Reader(path).ending() == {"decisions": 1}


def test_damage_to_safe_bytes_is_an_error_that_says_where(path: Path) -> None:
    with Journal.create(path, META) as journal:
        journal.append(Kind.CANDLE, b"first")
        at = journal.size
        journal.append(Kind.CANDLE, b"second!!")
        journal.sync()
        journal.append(Kind.CANDLE, b"third")
    data = bytearray(path.read_bytes())
    data[at + 18] ^= 1
    path.write_bytes(data)

    with pytest.raises(JournalError, match=f"damaged at byte {at}"):
        list(Reader(path))


def test_syncs_mark_only_what_is_new(path: Path) -> None:
    with Journal.create(path, META) as journal:
        journal.append(Kind.CANDLE, b"1")
        for _ in range(5):
            journal.sync()
        size = journal.size
        journal.append(Kind.CANDLE, b"2")
        safe = journal.flush()
        journal.append(Kind.CANDLE, b"3")
        journal.mark(safe)
    kinds = [frame.kind for frame in Reader(path)]

    assert kinds == [Kind.CANDLE, Kind.SYNC, Kind.CANDLE, Kind.CANDLE, Kind.SYNC, Kind.SYNC]
    assert size < path.stat().st_size


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"", "cannot be read"),
        (b"PAR1" * 20, "is not a journal"),
        (b"TRIPLANE-JOURNAL" + b"\x09" + b"\0" * 40, "has format 9; this version reads format 1"),
        (b"TRIPLANE-JOURNAL" + b"\x01\0\0\0" + b"\x05\0\0\0" + b"\0" * 40, "damaged in its header"),
    ],
)
def test_files_that_are_no_journal(path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(JournalError, match=said):
        Reader(path)


def headed(text: bytes) -> bytes:
    """A journal with a whole header that says this."""
    head = struct.pack("<16sIII4x", b"TRIPLANE-JOURNAL", 1, len(text), zlib.crc32(text))
    return head + text + b"\0" * (-len(text) % 8)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{}", "is not of a session: Object missing required field `session`"),
        (b"[]", "JSON that is not an object"),
        (b"[" * 200_000, "what is not JSON"),
        (b"{", "what is not JSON"),
        (b"\xff", "what is not JSON"),
        (msgspec.json.encode(META | {"setup": 5}), "is not of a session"),
        (msgspec.json.encode(META | {"created_at": 10**17}), "is not of a session"),
        (msgspec.json.encode(META | {"setup": META["setup"] | {"instruments": [{}]}}), "is not of a session"),
    ],
)
def test_a_whole_header_of_something_else_is_refused(path: Path, text: bytes, said: str) -> None:
    path.write_bytes(headed(text))
    with pytest.raises(JournalError, match=said):
        Reader(path)


def test_what_is_no_file_is_refused_and_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(JournalError, match="it is not a file"):
        Reader(path)


def test_an_ending_of_something_else_is_refused(path: Path) -> None:
    with Journal.create(path, META) as journal:
        journal.append(Kind.END, b"\x89TPEND!\n" + b"[" * 200_000)
    with pytest.raises(JournalError, match="what is not JSON"):
        Reader(path).ending()


def test_a_journal_is_never_begun_twice_or_outside_a_folder(path: Path, tmp_path: Path) -> None:
    Journal.create(path, META).close()
    with pytest.raises(JournalError, match="exists already"):
        Journal.create(path, META)
    with pytest.raises(JournalError, match="cannot be created"):
        Journal.create(tmp_path / "no" / "journal.tpj", META)
    with pytest.raises(JournalError, match="cannot be continued"):
        Journal.open(tmp_path / "no", 10)


def test_what_a_full_disk_does_not_take_waits_in_order(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.create(path, META)
    journal.append(Kind.CANDLE, b"1")
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) > 24:
            return write(descriptor, data[:7])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    journal.append(Kind.CANDLE, b"a candle that does not fit")
    assert journal.behind > 0
    journal.append(Kind.COMMAND, b"an exit")
    journal.mark(journal.flush())  # nothing is said to be safe that is not
    assert not journal.catch_up()
    assert [payload for _, _, _, payload in frames(path)] == [b"1"]
    monkeypatch.undo()
    journal.append(Kind.CANDLE, b"2")
    assert journal.behind == 0
    journal.close()

    assert [payload for _, _, _, payload in frames(path)] == [
        b"1", b"a candle that does not fit", b"an exit", b"2"
    ]  # fmt: skip


def test_a_disk_that_stays_full_ends_the_journal_in_the_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.create(path, META)

    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    monkeypatch.setattr("triplane.engine.journal.MOST_OWED", 1000)
    while journal.behind <= 960:
        journal.append(Kind.CANDLE, b"0123456789")
    with pytest.raises(JournalError, match="no room for"):
        journal.append(Kind.CANDLE, b"0123456789" * 10)
    monkeypatch.undo()
    journal.close()
    assert len(frames(path)) > 10
