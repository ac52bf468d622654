"""The store rebuilt from the journals: the same tables, nothing of a person's lost, and a proof that finds lies."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tests.integration.store.story import everything, story
from triplane.errors import TriplaneError
from triplane.model.facts import Fact
from triplane.store import Store, StoreError, project
from triplane.store.rebuild import Checked, Rebuilt, check, rebuild

STORIES = {name: story(name, 30, seed) for seed, name in enumerate(("a", "b", "c"), 1)}
FOLDERS = [Path("sessions") / name for name in STORIES]
RESULT = {
    "id": "r", "created_at": 5, "strategy": "x", "symbol": "BTCUSDT", "timeframe": "1h", "data": "file",
    "parameters": {}, "metrics": {"sharpe": 1.5}, "decisions_sha256": "ab",
}  # fmt: skip


def facts_of(folder: Path) -> Iterator[Fact]:
    return iter(STORIES[folder.name])


def torn(folder: Path) -> Iterator[Fact]:
    """As :func:`facts_of`, but one journal is damaged."""
    for fact in facts_of(folder):
        if folder.name == "b" and fact.seq == 50:
            raise TriplaneError("The journal of b is damaged.")
        yield fact


def fill(target: Path | str) -> None:
    with Store(target) as store:
        for facts in STORIES.values():
            project(store, facts)
        store.put("backtest_results", [RESULT])
        for row in store.risk_events(session="b").items:
            store.acknowledge(row["alert_id"])


def test_made_again_it_is_the_same(target: Path | str) -> None:
    fill(target)
    with Store(target) as store:
        before = everything(store)
        for table in ("orders", "trades", "candles"):
            with store._engine.begin() as connection:
                connection.execute(store.schema.tables[table].delete())
    told: list[Rebuilt] = []
    backup = rebuild(target, FOLDERS, facts_of, told.append)
    assert told == [Rebuilt(name, len(facts)) for name, facts in STORIES.items()]
    with Store(target) as store:
        assert everything(store) == before
        assert store.risk_events(acknowledged=True).total > 0
        assert store.have() == {name: len(facts) for name, facts in STORIES.items()}
    if isinstance(target, Path):
        assert backup == target.with_name("triplane.sqlite.before-rebuild")
        with Store(backup) as store:
            assert store.orders().total == 0
        assert not list(target.parent.glob("*.new*"))


def test_from_nothing(tmp_path: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    assert rebuild(path, FOLDERS, facts_of, lambda _: None) is None
    assert [checked.ok for checked in check(path, FOLDERS, facts_of)] == [True] * 3


def test_one_session_alone(tmp_path: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    fill(path)
    with Store(path) as store:
        before = everything(store)
    rebuild(path, FOLDERS[1:2], facts_of, lambda _: None)
    with Store(path) as store:
        assert everything(store) == before


def test_a_journal_that_cannot_be_read_keeps_what_is_stored(tmp_path: Path) -> None:
    path, told = tmp_path / "triplane.sqlite", list[Rebuilt]()
    fill(path)
    with Store(path) as store:
        before = everything(store)
    rebuild(path, FOLDERS, torn, told.append)
    assert [one.error for one in told] == ["", "The journal of b is damaged.", ""]
    with Store(path) as store:
        assert everything(store) == before


def test_a_damaged_database_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    fill(path)
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    backup = rebuild(path, FOLDERS, facts_of, lambda _: None)
    assert backup is not None
    assert backup.stat().st_size == len(content)
    assert [checked.ok for checked in check(path, FOLDERS, facts_of)] == [True] * 3


def test_a_database_in_use_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    fill(path)
    with Store(path) as store:
        before = everything(store)
        with pytest.raises(StoreError, match="cannot be rebuilt: another program has it open; stop triplane up"):
            rebuild(path, FOLDERS, facts_of, lambda _: None)
        assert everything(store) == before
    assert [one.name for one in tmp_path.iterdir()] == ["triplane.sqlite"]


LIES = [
    ("UPDATE trades SET pnl = '9.99' WHERE session_id = 'b' AND seq = (SELECT max(seq) FROM trades)", "b", "trades"),
    ("DELETE FROM fills WHERE session_id = 'a' AND seq = (SELECT min(seq) FROM fills)", "a", "fills"),
    ("UPDATE sessions SET net_pnl = '1' WHERE id = 'c'", "c", "sessions"),
    ("UPDATE candles SET close = close + 1 WHERE open_time = 60000", "", "candles"),
]


@pytest.mark.parametrize(("lie", "session", "table"), LIES)
def test_a_lie_is_found(tmp_path: Path, lie: str, session: str, table: str) -> None:
    path = tmp_path / "triplane.sqlite"
    fill(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        lie = lie.replace(f"FROM {table})", f"FROM {table} WHERE session_id = '{session}')")
        assert connection.execute(lie).rowcount == 1
        content = "\n".join(connection.iterdump())
        found = [(one.session_id, list(one.different)) for one in check(path, FOLDERS, facts_of) if not one.ok]
        assert found == [(session, [table])]
        assert "\n".join(connection.iterdump()) == content


def test_how_a_fact_is_written_makes_no_difference(tmp_path: Path) -> None:
    """A whole number where a float is declared, and another order of names, as the engine and a file may have them."""
    path = tmp_path / "triplane.sqlite"
    first, *rest = STORIES["a"]
    values = {"n": 1, "m": 2.0}
    with Store(path) as store:
        project(store, [msgspec.structs.replace(first, parameters=values), *rest])
    again = msgspec.structs.replace(first, parameters={"m": 2.0, "n": 1.0})
    (checked,) = check(path, FOLDERS[:1], lambda _: iter([again, *rest]))
    assert checked.ok
    with Store(path) as store:
        assert store.session("a")["parameters"] == values  # type: ignore[index]


def test_a_store_that_is_behind_says_the_same_so_far(target: Path | str) -> None:
    with Store(target) as store:
        for name, facts in STORIES.items():
            project(store, facts[: {"a": 60, "b": 0, "c": 10_000}[name]])
    checked = list(check(target, FOLDERS, facts_of))
    assert [(one.ok, one.stored, one.facts) for one in checked] == [
        (True, 60, len(STORIES["a"])),
        (True, 0, len(STORIES["b"])),
        (True, len(STORIES["c"]), len(STORIES["c"])),
    ]


def test_a_session_that_runs_meanwhile_is_compared_as_it_was(target: Path | str) -> None:
    with Store(target) as store:
        project(store, STORIES["a"][:60])

        def running(folder: Path) -> Iterator[Fact]:
            """Stores on while its journal is read."""
            for fact in facts_of(folder):
                project(store, [fact])
                yield fact

        (checked,) = check(target, FOLDERS[:1], running)
        assert (checked.stored, checked.different, checked.error) == (60, {}, "")
        assert store.have() == {"a": len(STORIES["a"])}


def test_a_store_that_knows_more_than_the_journal_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    fill(path)
    (found,) = check(path, FOLDERS[:1], lambda folder: iter(STORIES[folder.name][:20]))
    assert found == Checked(
        "a", 20, len(STORIES["a"]), error=f"The store has {len(STORIES['a'])} facts, the journal only 20."
    )


def test_a_journal_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    fill(path)
    assert [one.error for one in check(path, FOLDERS, torn)] == ["", "The journal of b is damaged.", ""]
