"""The log of facts: one line a fact, read by number from anywhere, while it grows and after it was made anew."""

import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from triplane.flow import log as module
from triplane.flow.log import STRIDE, FactFile, FactLog
from triplane.model.facts import Error, Fact
from triplane.model.live import FROM_ENGINE


def facts(first: int, n: int, text: str = "x") -> list[Fact]:
    return [
        Error(session_id="s", seq=seq, time=seq * 10, code="c", message=text * (seq % 50))
        for seq in range(first, first + n)
    ]


def numbers(file: FactFile, after: int, limit: int = 10**9) -> list[int]:
    found = []
    for line in file.lines(after, limit):
        fact = FROM_ENGINE.decode(line)
        assert isinstance(fact, Error)
        found.append(fact.seq)
    return found


def live(folder: Path, n: int) -> FactLog:
    log = FactLog(folder)
    log.take(facts(1, n))
    log.go_live(lambda call: call())
    return log


def test_lines_are_read_by_their_number(tmp_path: Path) -> None:
    n = 3 * STRIDE + 7
    live(tmp_path, n).close()
    file = FactFile(tmp_path / "facts.jsonl")
    for after in (0, 1, STRIDE - 1, STRIDE, STRIDE + 1, 2 * STRIDE, n - 1, n, n + 5, 3):
        assert numbers(file, after) == list(range(after + 1, n + 1))
    assert numbers(file, 2 * STRIDE + 3, 4) == list(range(2 * STRIDE + 4, 2 * STRIDE + 8))
    assert numbers(FactFile(tmp_path / "no"), 0) == []


def test_a_reader_follows_what_is_appended(tmp_path: Path) -> None:
    log = live(tmp_path, 10)
    file = FactFile(log.path)
    assert numbers(file, 0) == list(range(1, 11))
    heard: list[tuple[int, int]] = []
    log.on_lines = lambda first, lines: heard.append((first, len(lines)))
    log.take(facts(11, 600))
    log.take([])
    log.close()
    assert heard == [(11, 600)]
    assert numbers(file, 10) == list(range(11, 611))
    assert log.last_seq == 610


def test_a_torn_line_is_not_read(tmp_path: Path) -> None:
    log = live(tmp_path, 5)
    log.close()
    whole = log.path.read_bytes()
    log.path.write_bytes(whole[:-3])
    assert numbers(FactFile(log.path), 0) == [1, 2, 3, 4]


def test_opened_again_the_log_is_made_anew(tmp_path: Path) -> None:
    log = live(tmp_path, 3 * STRIDE)
    file = FactFile(log.path)
    assert len(numbers(file, 0)) == 3 * STRIDE
    log.close()
    again = FactLog(tmp_path)
    again.take(facts(1, 2 * STRIDE, "longer"))
    assert len(numbers(file, 0)) == 3 * STRIDE  # the old one is read until the new one is whole
    again.go_live(lambda call: call())
    again.close()
    assert numbers(file, STRIDE + 1) == list(range(STRIDE + 2, 2 * STRIDE + 1))


def test_lines_are_made_behind_what_is_urgent(tmp_path: Path) -> None:
    log = live(tmp_path, 1)
    later: list[Any] = []
    log.schedule = later.append
    log.take(facts(2, 3))
    log.take(facts(5, 2))
    assert (log.last_seq, len(later)) == (1, 1)
    later.pop()()
    assert log.last_seq == 6
    log.close()
    assert numbers(FactFile(log.path), 0) == [1, 2, 3, 4, 5, 6]


def test_a_full_disk_stops_nobody_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full, real = threading.Event(), os.write
    tried = threading.Event()

    def write(descriptor: int, data: Any) -> int:
        if full.is_set():
            tried.set()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data)

    monkeypatch.setattr(module.os, "write", write)
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    log = live(tmp_path, 2)
    heard: list[int] = []
    log.on_lines = lambda first, _lines: heard.append(first)
    full.set()
    log.take(facts(3, 4))
    assert tried.wait(10)
    log.take(facts(7, 1))
    assert heard == [3, 7]  # readers on the wire have them all the same
    log.take(facts(8, 1))
    assert log.failed == os.strerror(errno.ENOSPC)
    full.clear()
    log.close()
    assert log.failed == ""
    assert numbers(FactFile(log.path), 0) == list(range(1, 9))


def test_a_folder_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    log = live(tmp_path / "no", 2)
    heard: list[int] = []
    log.on_lines = lambda first, _lines: heard.append(first)
    log.take(facts(3, 1))
    assert (log.last_seq, heard, log.failed) == (3, [3], "No such file or directory")
    log.close()


def damaged(folder: Path, line: bytes) -> FactFile:
    """Nine facts, the sixth of them spoilt."""
    live(folder, 9).close()
    path = folder / "facts.jsonl"
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:5], line or lines[6], *lines[6:]]) + b"\n")
    return FactFile(path)


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense", b"\0" * 512, b"[" * 100_000, b"\xff\xfe", b'{"event":"of.another.version"}', b"{}",
        b'{"event":"answer","id":1,"code":"ok","message":""}', b"",
    ],
    ids=["garbage", "zeros", "deep", "bytes", "version", "empty", "answer", "another-number"],
)  # fmt: skip
def test_a_damaged_line_ends_the_story_and_no_reader(tmp_path: Path, line: bytes) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    file = damaged(folder, line)
    with capture_logs() as said:
        for _ in range(3):
            assert [fact.seq for fact in file.facts(0)] == [1, 2, 3, 4, 5]
            assert file.facts(5) == []
    assert file.bad == 6
    assert [(one["event"], one["line"]) for one in said] == [("facts are passed over", 6)]
    live(folder, 9).close()  # a start of the session makes it anew
    assert [fact.seq for fact in file.facts(5)] == [6, 7, 8, 9]
    assert file.bad == 0


def test_facts_of_another_session_are_passed_over(tmp_path: Path) -> None:
    live(tmp_path, 3).close()
    assert FactFile(tmp_path / "facts.jsonl").facts(0) == []


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "facts.jsonl")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "facts.jsonl", tmp_path / "folder"):
        assert FactFile(path).facts(0) == []
