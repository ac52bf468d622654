"""Whatever happens to the end of a journal, what was whole before it is read, and safe bytes never change unnoticed."""

import tempfile
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triplane.engine.journal import Journal, JournalError, Kind, Reader

META = {
    "session": "x", "created_at": 1, "code": {},
    "setup": {"mode": "paper", "strategy": "x", "source": "demo", "instruments": []},
}  # fmt: skip
PAYLOADS = st.lists(
    st.tuples(st.sampled_from(list(Kind)[:5]), st.integers(0, 65535), st.binary(max_size=60)), max_size=12
)


def written(path: Path, payloads: list[tuple[Kind, int, bytes]], syncs: set[int]) -> list[int]:
    """Write frames, syncing after some; returns the offset behind each frame."""
    ends = []
    journal = Journal.create(path, META)
    for i, (kind, symbol, payload) in enumerate(payloads):
        journal.append(kind, payload, symbol, i)
        ends.append(journal.size)
        if i in syncs:
            journal.sync()
    import os

    os.close(journal._descriptor)
    return ends


def read(path: Path) -> list[tuple[int, int, bytes, int]]:
    return [(f.kind, f.symbol, bytes(f.payload), f.n) for f in Reader(path) if f.kind != Kind.SYNC]


@given(payloads=PAYLOADS, syncs=st.sets(st.integers(0, 11)), data=st.data())
def test_any_truncation_leaves_the_whole_frames_before_it(
    payloads: list[tuple[Kind, int, bytes]], syncs: set[int], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.tpj"
        ends = written(path, payloads, syncs)
        start, size = Reader(path).start, path.stat().st_size
        cut = data.draw(st.integers(start, size))
        with path.open("r+b") as file:
            file.truncate(cut)
        kept = sum(end <= cut for end in ends)
        expected = [(k, s, p, i) for i, (k, s, p) in enumerate(payloads[:kept])]

        assert read(path) == expected
        reader = Reader(path)
        list(reader)
        with Journal.open(path, reader.end) as journal:
            journal.append(Kind.OUTPUT, b"after", 1, 9)
        assert read(path) == [*expected, (Kind.OUTPUT, 1, b"after", 9)]


@given(payloads=PAYLOADS.filter(bool), syncs=st.sets(st.integers(0, 11)), data=st.data())
def test_a_flipped_bit_is_damage_where_it_was_safe_and_a_torn_end_behind(
    payloads: list[tuple[Kind, int, bytes]], syncs: set[int], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.tpj"
        ends = written(path, payloads, syncs)
        whole = read(path)
        safe = max((ends[i] for i in syncs if i < len(ends)), default=0)
        content = bytearray(path.read_bytes())
        at = data.draw(st.integers(Reader(path).start, len(content) - 1))
        content[at] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(content)
        hit = sum(end <= at for end in ends)
        if at < safe:
            in_padding = any(
                end - (-len(payload) % 8) <= at < end for end, (_, _, payload) in zip(ends, payloads, strict=True)
            )
            with nullcontext() if in_padding else pytest.raises(JournalError, match="damaged at byte"):
                assert read(path) == whole  # padding between frames is nobody's
        else:
            found = read(path)
            assert found[:hit] == whole[:hit]
            assert found in (whole[:hit], whole)


def test_a_mark_inside_a_payload_is_not_taken_for_a_sync(tmp_path: Path) -> None:
    path = tmp_path / "journal.tpj"
    with Journal.create(path, META) as journal:
        journal.append(Kind.OUTPUT, b"\x89TPSYNC\n" + b"\xff" * 8)
        journal.append(Kind.OUTPUT, b"\x89TPEND!\n{}")
    assert Reader(path).ending() is None
    content = path.read_bytes()
    reader = Reader(path)
    offsets = [frame.offset for frame in reader]
    path.write_bytes(content[: offsets[2] - 1])
    assert len(read(path)) == 1
    with pytest.raises(JournalError):
        Reader(tmp_path / "missing")
