"""What the alerts remember over a restart."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from triplane.alerts.memory import OLD_MS, Active, Memory, newest_seq

NOW = 1_000_000_000


def facts(data_dir: Path, session: str, text: str) -> Path:
    folder = data_dir / "sessions" / session
    folder.mkdir(parents=True)
    path = folder / "facts.jsonl"
    path.write_text(text)
    return path


def line(seq: int, length: int = 10) -> str:
    return f'{{"event":"error.v1","seq":{seq},"message":"{"x" * length}"}}\n'


@pytest.mark.parametrize(
    ("text", "seq"),
    [
        ("", 0),
        (line(1), 1),
        (line(1) + line(2), 2),
        (line(1) + line(2)[:-5], 1),
        (line(2)[:-5], 0),
        (line(1, 700_000) + line(2, 700_000) + line(3, 10), 3),
        ("what is this\n", 0),
    ],
)
def test_the_newest_whole_line(tmp_path: Path, text: str, seq: int) -> None:
    assert newest_seq(facts(tmp_path, "s", text)) == seq


def test_at_the_first_start_everything_is_history(tmp_path: Path) -> None:
    facts(tmp_path, "a", line(1) + line(2))
    facts(tmp_path, "b", "")

    assert Memory.load(tmp_path, NOW).have == {"a": 2, "b": 0}


def test_after_a_short_absence_nothing_is_passed_over_and_nothing_told_twice(tmp_path: Path) -> None:
    facts(tmp_path, "a", line(1) + line(2) + line(3))
    facts(tmp_path, "new", line(1))
    memory = Memory(
        have={"a": 2, "gone": 5},
        open={"p": "a", "q": "gone"},
        places={"a": "PAPER", "gone": ""},
        killed={"a": "Enough."},
        engine=7,
    )
    memory.active["halted a"] = Active(kind="halted", severity="critical", over="resumed", session_id="a")
    memory.save(tmp_path, NOW)

    again = Memory.load(tmp_path, NOW + OLD_MS - 1)
    assert again.have == {"a": 2, "new": 0}
    assert again.killed == {"a": "Enough."}
    assert (again.open, again.places) == ({"p": "a"}, {"a": "PAPER"})
    assert (again.active, again.engine) == (memory.active, 7)


def test_after_a_long_absence_what_has_happened_meanwhile_is_history(tmp_path: Path) -> None:
    facts(tmp_path, "a", line(1) + line(2) + line(3))
    memory = Memory(have={"a": 2})
    memory.active["halted a"] = Active(kind="halted", severity="critical", over="resumed", session_id="a")
    memory.save(tmp_path, NOW)

    again = Memory.load(tmp_path, NOW + OLD_MS)
    assert again.have == {"a": 3}
    assert again.active == memory.active


def test_a_damaged_file_is_told_and_history_is_passed_over(tmp_path: Path) -> None:
    facts(tmp_path, "a", line(4))
    (tmp_path / "alerts.json").write_text('{"at": "noon"}')
    with capture_logs() as logs:
        memory = Memory.load(tmp_path, NOW)

    assert memory.have == {"a": 4}
    assert [entry["log_level"] for entry in logs] == ["warning"]


def test_a_folder_that_cannot_be_written_is_told_and_stops_nothing(tmp_path: Path) -> None:
    with capture_logs() as logs:
        Memory().save(tmp_path / "none", NOW)

    assert [entry["error"] for entry in logs] == ["No such file or directory"]
