"""``triplane db``: the store rebuilt and checked, from the command line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from triplane.cli import db
from triplane.cli.main import make_app
from triplane.engine.lock import FolderLock
from triplane.errors import TriplaneError
from triplane.model.facts import Error, Fact, Session, SessionEnd
from triplane.store import Store, project
from triplane.store.rebuild import Checked


def facts(session_id: str) -> list[Fact]:
    head: dict[str, Any] = {"session_id": session_id, "time": 1}
    return [
        Session(
            **head, seq=1, mode="paper", venue="demo", source="demo", strategy="x", strategy_text="", parameters={},
            symbols=["BTCUSDT"], base="1m", timeframe="1m", start_balance="10000", started_at=1, settings={},
        ),
        Error(**head, seq=2, code="feed_lost", message="Gone."),
        SessionEnd(**head, seq=3, decisions_sha256="ab"),
    ]  # fmt: skip


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with two sessions and a store that knows a part of one."""
    monkeypatch.setattr(db, "facts_of", lambda folder: iter(facts(folder.name)))
    for name in ("a", "b"):
        folder = tmp_path / "sessions" / name
        folder.mkdir(parents=True)
        (folder / "journal.tpj").write_bytes(b"")
    with Store(tmp_path / "triplane.sqlite") as store:
        project(store, facts("a")[:2])
    return tmp_path


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(make_app(["db"]), ["db", *map(str, arguments)])
    return result.exit_code, result.output


def test_rebuilt_and_checked(data: Path) -> None:
    code, out = run("check", "--data-dir", data)
    assert code == 0
    assert "2 of 3" in out
    assert "the same so far; the last 1 follow when triplane up starts again" in " ".join(out.replace("│", " ").split())
    code, out = run("rebuild", "--data-dir", data)
    assert code == 0, out
    assert f"{data / 'triplane.sqlite.before-rebuild'}" in out.replace("\n", "")
    code, out = run("check", "--data-dir", data, "--json")
    assert code == 0
    assert [(one["session_id"], one["stored"], one["ok"]) for one in json.loads(out)] == [
        ("a", 3, True),
        ("b", 3, True),
    ]


def test_a_session_that_runs_is_compared_as_far_as_it_is_stored(data: Path) -> None:
    lock = FolderLock(data / "sessions" / "a")
    try:
        code, out = run("check", "a", "--data-dir", data)
    finally:
        lock.release()
    assert code == 0
    assert "the same so far; the last 1 follow while it runs" in " ".join(out.replace("│", " ").split())


def test_candles_of_all_sessions_have_no_count(data: Path) -> None:
    shown = db._row(Checked("", different={"candles": (3, 2)}), running=False)
    assert shown == ("all", "", "different: candles (3 rows, 2 by the journal); triplane db rebuild")


def test_one_session_of_another_database(data: Path) -> None:
    other = data / "other.sqlite"
    code, out = run("rebuild", "b", "--data-dir", data, "--database", other, "--json")
    assert (code, json.loads(out)) == (0, {"sessions": [{"session_id": "b", "facts": 3, "error": ""}], "backup": None})
    with Store(other) as store:
        assert store.have() == {"b": 3}


def test_a_difference_is_a_failure(data: Path) -> None:
    with Store(data / "triplane.sqlite") as store, store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE errors SET message = 'Here.'")
    code, out = run("check", "--data-dir", data)
    assert code == 1
    assert "errors (1 rows, with other values)" in " ".join(out.split())


def test_a_journal_that_cannot_be_read_is_a_failure(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def of(folder: Path) -> Iterator[Fact]:
        if folder.name == "a":
            raise TriplaneError("The journal of a is torn.")
        return iter(facts(folder.name))

    monkeypatch.setattr(db, "facts_of", of)
    for command in ("rebuild", "check"):
        code, out = run(command, "--data-dir", data)
        assert code == 1
        assert "The journal of a is torn." in out
    with Store(data / "triplane.sqlite") as store:
        assert store.have() == {"a": 2, "b": 3}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rebuild", "--data-dir", "nowhere"), "data-dir is nowhere, which holds no sessions"),
        (("rebuild", "z"), "There is no session z in"),
        (
            ("check", "--database", "missing.sqlite"),
            "There is no database missing.sqlite; triplane db rebuild makes it",
        ),
    ],
)
def test_what_cannot_be_done(data: Path, arguments: tuple[str, ...], said: str) -> None:
    where = () if "--data-dir" in arguments else ("--data-dir", data)
    code, out = run(*arguments, *where)
    assert code == 2
    assert said in " ".join(out.split())
