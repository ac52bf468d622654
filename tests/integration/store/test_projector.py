"""Facts become the same tables, however they are told and whatever fails in between; and nobody waits for that."""

import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.store.story import everything, story
from triplane.flow.log import FILE
from triplane.model.facts import TABLES, Fact, Order, Signal
from triplane.model.live import ENCODER
from triplane.store import Projector, Store, StoreError, project

STORIES = {name: story(name, 50, seed) for seed, name in enumerate(("a", "b"), 1)}


def journal(folder: Path, facts: Sequence[Fact], *, upto: int | None = None) -> Path:
    """The session's file of facts."""
    path = folder / facts[0].session_id / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(ENCODER.encode(fact) + b"\n" for fact in facts[:upto]))
    return path


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sessions")
    for facts in STORIES.values():
        journal(folder, facts)
    return folder


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The tables when each session is told once, in one go."""
    with Store(tmp_path_factory.mktemp("once") / "once.sqlite") as store:
        for facts in STORIES.values():
            project(store, facts)
        return everything(store)


def test_the_tables_hold_what_the_facts_said(target: Path | str, sessions: Path) -> None:
    facts = STORIES["a"]
    with Store(target) as store:
        projector = Projector(store, sessions)
        projector.on_facts(facts)
        assert projector.step()
        assert (projector.lag, projector.error, store.have()) == (0, "", {"a": len(facts)})
        found = everything(store)
    assert all(found[name] for name in TABLES), "the story tells of every table"
    plan = {kind: name for name, kind in TABLES.items()}
    newest: dict[str, dict[Any, dict[str, Any]]] = {name: {} for name in TABLES}
    with Store(":memory:") as store:
        keys = {kind: store.schema.plans[kind].key for kind in plan}
    for fact in facts:
        if type(fact) in plan:
            told = msgspec.to_builtins(fact)
            del told["event"]
            newest[plan[type(fact)]][keys[type(fact)](fact)] = told
    for name, rows in newest.items():
        for row in found[name]:
            row.pop("acknowledged", None)
        by_number = sorted(found[name], key=lambda row: row["seq"])
        assert by_number == sorted(rows.values(), key=lambda row: row["seq"])
    assert [row["status"] for row in found["sessions"]] == ["finished"]


PIECES = st.lists(
    st.tuples(
        st.sampled_from(("a", "b")),
        st.integers(0, 400),
        st.integers(1, 300),
        st.sampled_from(("tell", "tell", "store", "die")),
    ),
    max_size=25,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=PIECES, most=st.integers(1, 200))
def test_however_it_is_told_and_wherever_it_is_killed(
    pieces: list[tuple[str, int, int, str]], most: int, sessions: Path, expected: dict[str, list[dict[str, Any]]]
) -> None:
    """Any chunks, again, with gaps, interleaved, between two crashes: the same tables as told once."""
    with Store(":memory:") as store:
        projector = Projector(store, sessions, most=most)
        for name, start, length, what in pieces:
            projector.on_facts(STORIES[name][start : start + length])
            if what == "store":
                projector.step()
            elif what == "die":  # what waited in memory is gone
                projector = Projector(store, sessions, most=most)
        for facts in STORIES.values():
            projector.on_facts(facts[-1:])
        while projector.lag:
            assert projector.step(), projector.error
        assert everything(store) == expected


class Dying:
    """A database that is lost in the middle of a transaction, again and again."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.deaths = 0
        self._chance = Random(1)
        self._upsert = store._upsert
        monkeypatch.setattr(store, "_upsert", self)

    def __call__(self, *given: Any) -> None:
        if self._chance.random() < 0.06:
            self.deaths += 1
            raise StoreError("The disk is gone.")
        self._upsert(*given)


def test_killed_inside_a_transaction(
    target: Path | str, sessions: Path, expected: dict[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(target) as store:
        with monkeypatch.context() as patch:
            dying = Dying(store, patch)
            for upto in (40, 90, 150, 10_000):
                projector = Projector(store, sessions)
                for facts in STORIES.values():
                    projector.on_facts(facts[:upto])
                while projector.lag:
                    projector.step()
            assert dying.deaths > 3
        assert everything(store) == expected


def test_a_locked_database_loses_nothing_and_says_so(
    tmp_path: Path, sessions: Path, expected: dict[str, list[dict[str, Any]]]
) -> None:
    path = tmp_path / "triplane.sqlite"
    with Store(path, busy_ms=1) as store:
        projector = Projector(store, sessions, most=50)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for name, facts in STORIES.items():
                for start in range(0, len(facts), 10):
                    projector.on_facts(facts[start : start + 10])
                assert not projector.step(), name
            assert "another program is writing to it" in projector.error
            assert projector.lag == sum(map(len, STORIES.values()))
            assert sum(len(stream.facts) for stream in projector._streams.values()) <= 50
            assert projector.age > 0
        while projector.lag:
            assert projector.step()
        assert (projector.error, projector.age) == ("", 0.0)
        assert everything(store) == expected


def test_the_thread_goes_on_where_it_failed(
    tmp_path: Path, sessions: Path, expected: dict[str, list[dict[str, Any]]]
) -> None:
    path = tmp_path / "triplane.sqlite"
    with Store(path, busy_ms=1) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        projector = Projector(store, sessions, most=50)
        other.execute("BEGIN IMMEDIATE")
        projector.start()
        for facts in STORIES.values():
            projector.on_facts(facts)
        assert not projector.flush(0.01)
        other.execute("ROLLBACK")
        assert projector.flush(30)
        assert everything(store) == expected
        projector.close()


def test_what_nobody_tells_any_more_is_found(
    tmp_path: Path, sessions: Path, expected: dict[str, list[dict[str, Any]]]
) -> None:
    """Sessions that ended while no page was there: one is known in part, one not at all."""
    with Store(tmp_path / "triplane.sqlite") as store:
        project(store, STORIES["a"][:50])
        projector = Projector(store, sessions)
        projector.discover()
        assert projector.lag == len(STORIES["a"]) - 50 + len(STORIES["b"])
        projector.start()
        assert projector.flush(30)
        projector.close()
        assert everything(store) == expected


@pytest.mark.parametrize(
    ("content", "lag"),
    [
        (b"", 0),
        (b'{"seq":1', 0),
        (b'{"seq":1}\n', 1),
        (b'{"seq":1}\n{"seq":2,"x":"' + b"y" * 9000 + b'"}\n{"se', 2),
        (b'{"seq":1}\nnonsense\n', 0),
        (b"[" * 100_000 + b"\n", 0),
    ],
)
def test_the_newest_fact_of_a_file(tmp_path: Path, content: bytes, lag: int) -> None:
    file = tmp_path / "s" / FILE
    file.parent.mkdir()
    file.write_bytes(content)
    with Store(":memory:") as store:
        projector = Projector(store, tmp_path)
        projector.discover()
        assert projector.lag == lag


def test_what_waits_is_stored_at_the_end(tmp_path: Path) -> None:
    with Store(tmp_path / "triplane.sqlite") as store:
        projector = Projector(store, tmp_path)
        projector.start()
        projector.on_facts(STORIES["a"])
        projector.close()
        assert not [thread for thread in threading.enumerate() if thread.name == "projector"]
        assert store.have() == {"a": len(STORIES["a"])}


def test_an_end_without_a_database_is_an_end(tmp_path: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    with Store(path, busy_ms=1) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        projector = Projector(store, tmp_path)
        projector.start()
        projector.on_facts(STORIES["a"])
        projector.close(30)
        assert projector.lag == len(STORIES["a"])


def test_a_session_that_cannot_be_stored_does_not_stop_another(tmp_path: Path, sessions: Path) -> None:
    first, *rest = story("c", 5)
    broken = next(fact for fact in rest if type(fact).__name__ == "Candle")
    facts: list[Fact] = [first, msgspec.structs.replace(broken, seq=2, close=None)]
    with Store(tmp_path / "triplane.sqlite") as store:
        projector = Projector(store, sessions)
        projector.on_facts(facts)
        projector.on_facts(STORIES["b"])
        assert projector.step()
        assert "NOT NULL" in projector.error
        assert store.have() == {"b": len(STORIES["b"])}
        assert projector.lag == 2


def test_facts_that_are_not_in_the_file_yet_are_waited_for(tmp_path: Path) -> None:
    facts = STORIES["a"]
    journal(tmp_path, facts, upto=20)
    with Store(":memory:") as store:
        projector = Projector(store, tmp_path)
        projector.on_facts(facts[50:60])
        assert projector.step()
        assert not projector.step()
        assert projector.error == f"Facts 21 to 50 are not in {tmp_path / 'a' / FILE} yet."
        journal(tmp_path, facts, upto=50)
        while projector.lag:
            assert projector.step()
        assert store.have() == {"a": 60}


def test_a_damaged_file_is_passed_over_until_it_is_made_anew(tmp_path: Path) -> None:
    facts = STORIES["a"]
    path = journal(tmp_path, facts)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:20], b"nonsense\n", *lines[21:]]))
    with Store(":memory:") as store:
        projector = Projector(store, tmp_path)
        projector.discover()
        while projector.step():
            pass
        assert (projector.lag, projector.error, store.have()) == (0, "", {"a": 20})
        projector.on_facts(facts[-5:-2])
        assert not projector.step()
        assert (projector.lag, projector.error) == (0, "")
        path.unlink()
        journal(tmp_path, facts)
        projector.on_facts(facts[-2:])
        while projector.lag:
            assert projector.step()
        assert store.have() == {"a": len(facts)}


def test_a_database_that_was_changed_behind_its_back(tmp_path: Path, sessions: Path) -> None:
    """Made again, or restored from a backup: what is missing is read again."""
    facts = STORIES["a"]
    with Store(tmp_path / "triplane.sqlite") as store:
        projector = Projector(store, sessions)
        projector.on_facts(facts[:100])
        projector.step()
        store.put("journal", [{"session_id": "a", "path": "", "bytes": 0, "last_seq": 30}])
        projector.on_facts(facts[100:110])
        while projector.lag:
            projector.step()
        assert store.have() == {"a": 110}


def test_a_session_begun_again_is_rid_of_what_an_older_version_wrote(tmp_path: Path) -> None:
    facts = STORIES["a"]
    with Store(tmp_path / "triplane.sqlite") as store:
        old = {"session_id": "a", "seq": -1, "time": 5, "symbol": "", "decision": 0, "values": {"x": 1}}
        store.put("settings", [old])
        project(store, facts)
        assert [row["values"] for row in store.page("settings").items] == [{"max_trades_day": 2}]
        last_words = {fact.order_id: fact.status for fact in facts if isinstance(fact, Order)}
        assert {row["order_id"]: row["status"] for row in store.rows("orders")} == last_words
        fates = {fact.id: fact.status for fact in facts if isinstance(fact, Signal)}
        assert {row["id"]: row["status"] for row in store.rows("signals")} == fates
