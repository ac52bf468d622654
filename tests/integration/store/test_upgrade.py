"""An older database is copied and upgraded with all it holds, and a newer one is refused."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, Table, create_engine, select

from tests.integration.store.revision_0001 import TABLES
from tests.integration.store.story import story
from triplane.errors import BadInput
from triplane.store import Store, StoreError, project
from triplane.store.migrations import FOLDER, HEAD
from triplane.store.schema import SCHEMA

OLD = Path(__file__).with_name("revision_0002.sql")
SESSION = "261121-162939-b4ac"
NEXT = '''"""A column more."""

import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "{head}"


def upgrade() -> None:
    """Add a column and fill it."""
    op.add_column("sessions", sa.Column("remark", sa.String()))
    op.execute("UPDATE sessions SET remark = 'upgraded ' || id")
    {more}
'''


def config(connection: object) -> Config:
    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.attributes["connection"] = connection
    return made


def revisions() -> list[str]:
    scripts = ScriptDirectory(str(FOLDER))
    return [script.revision for script in scripts.walk_revisions()][::-1]


def reached(target: Path | str) -> Engine:
    return create_engine(target if isinstance(target, str) else f"sqlite:///{target}")


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    return migrations(tmp_path / "newer", "")


def migrations(folder: Path, more: str) -> Path:
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9999_next.py").write_text(NEXT.format(head=HEAD, more=more))
    return folder


def fill(path: Path) -> None:
    with Store(path) as store:
        project(store, story("s", 5)[:-1])
        assert store.backup is None


def test_the_newest_revision_is_the_one_the_program_expects() -> None:
    assert ScriptDirectory(str(FOLDER)).get_current_head() == HEAD


@pytest.mark.parametrize("revision", revisions()[:-1])
def test_from_every_revision_with_a_record_in_every_table(target: Path | str, revision: str) -> None:
    """The same tables, columns, types and keys as in a new database, and no record is lost."""
    engine = reached(target)
    old, now = MetaData(), MetaData()
    with engine.begin() as connection:
        TABLES.create_all(connection)
        command.stamp(config(connection), "0001")
        command.upgrade(config(connection), revision)
        old.reflect(connection)
        for table in old.tables.values():
            if table.name != "alembic_version":
                connection.execute(table.insert(), {column.name: sample(table, column.name) for column in table.c})
    with Store(target) as store:
        assert (store.backup is None) == isinstance(target, str)
        assert store.sessions().items[0]["net_pnl"] == "7"
        for name in ("positions", "signals", "orders", "fills", "risk_events"):
            assert [row["time"] for row in store.rows(name)] == [7]
        assert store.have() == {"7": 0}
    with engine.connect() as connection:
        now.reflect(connection)
        for name in old.tables.keys() - {"alembic_version", "decisions", "indicators"}:
            assert len(connection.execute(select(now.tables[name])).all()) == 1, name
    engine.dispose()
    assert set(now.tables) - {"alembic_version"} == set(SCHEMA.tables)
    for name, table in SCHEMA.tables.items():
        assert {(c.name, kind(c)) for c in now.tables[name].c} == {(c.name, kind(c)) for c in table.c}
        assert set(now.tables[name].primary_key.columns.keys()) == set(table.primary_key.columns.keys())
        assert {index.name for index in table.indexes} <= {index.name for index in now.tables[name].indexes}


def kind(column: object) -> str:
    """What a value of the column is in Python; amounts are text or decimals, as the database has them."""
    name: str = column.type.python_type.__name__  # type: ignore[attr-defined]
    return {"Decimal": "str", "object": "str"}.get(name, name)


def sample(table: Table, column: str) -> object:
    """Make a value that fits the column: "7" is a name, an amount and JSON."""
    if column == "seq" and table.name == "settings":
        return 8
    kind = table.c[column].type.python_type
    return kind(7) if kind in (int, float, bool, str) else 7


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database as the version before the facts wrote it."""
    path = tmp_path / "triplane.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD.read_text())
    return path


def test_a_database_of_the_version_before_the_facts(old: Path) -> None:
    with Store(old) as store:
        assert store.backup == old.with_name("triplane.sqlite.before-0002")
        trades, positions = store.trades(), store.positions()
        assert (trades.total, positions.total, store.orders().total, store.fills().total) == (4, 5, 20, 11)
        first = trades.items[-1]
        assert (first["id"], first["position_id"], first["seq"]) == (first["position_id"], first["id"], 0)
        told = ("time", "exit_time", "exit_price", "pnl", "balance_after", "exit_reason", "bars_held", "r_multiple")
        assert [first[name] for name in told] == [
            1735918740000, 1735918740000, "58288.72941176", "5.57072688", "10005.57072688", "target", 4,
            1.5442498419914283,
        ]  # fmt: skip
        (opened,) = store.positions(status="open").items
        assert (opened["size"], opened["quantity"], opened["take_profits"]) == ("0.50", "0.50", [])
        assert {row["size"] for row in store.positions(status="closed").items} == {"0"}
        session = store.session(SESSION)
        assert session is not None
        assert (session["status"], session["net_pnl"], session["timeframe"]) == ("finished", "-6.86174688", "15m")
        signal = store.signals().items[-1]
        assert (signal["action"], signal["agent"], signal["time"]) == ("enter", "ict_blocks", 1735914600000)
        assert signal["execution_latency_ms"] == 0
        assert store.order(f"{SESSION}.17")["time"] == 1736251080000  # type: ignore[index]
        (alert,) = store.risk_events(acknowledged=True).items
        assert (alert["symbol"], alert["time"], alert["details"]) == ("", 1736251020000, {"value": 0.031})
        assert [row["values"] for row in store.page("settings").items] == [{"max_trades_day": 2}]
        assert [row["metrics"] for row in store.page("backtest_results").items] == [{"trades": 3}]
        assert store.have() == {SESSION: 0}
    with closing(sqlite3.connect(old.with_name("triplane.sqlite.before-0002"))) as before:
        assert before.execute("SELECT count(*) FROM decisions").fetchone() == (2,)
        assert before.execute("SELECT version_num FROM alembic_version").fetchone() == ("0002",)


def test_opened_again_nothing_happens(old: Path) -> None:
    Store(old).close()
    there = sorted(old.parent.iterdir())
    with Store(old) as store:
        assert store.backup is None
    assert sorted(old.parent.iterdir()) == there


def test_facts_take_the_place_of_what_was_there_before(old: Path) -> None:
    """The session is read again under its new numbers; what a person saw stays seen."""
    with Store(old) as store:
        facts = story(SESSION, 30)
        project(store, facts)
        assert store.have() == {SESSION: len(facts)}
        replaced = {row["order_id"] for row in store.rows("orders") if row["seq"]}
        assert replaced == {fact.order_id for fact in facts if hasattr(fact, "client_order_id")}
        assert [row["values"] for row in store.page("settings").items] == [{"max_trades_day": 2}]
        assert store.session(SESSION)["strategy_text"] == "does x"  # type: ignore[index]
        assert store.risk_events(acknowledged=True).total == 1


def test_what_must_not_be_upgraded_is_refused(old: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is of an older version; triplane up brings it up to date"):
        Store(old, upgrade=False)
    assert [path.name for path in tmp_path.iterdir()] == ["triplane.sqlite"]
    Store(old).close()
    Store(old, upgrade=False).close()


def test_an_older_database_is_copied_then_upgraded(tmp_path: Path, newer: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    fill(path)
    with Store(path, migrations=newer) as store:
        backup = store.backup
    assert backup == tmp_path / f"triplane.sqlite.before-{HEAD}"
    with closing(sqlite3.connect(path)) as now, closing(sqlite3.connect(backup)) as then:
        assert now.execute("SELECT id, net_pnl, remark FROM sessions").fetchall() == [("s", "0", "upgraded s")]
        assert then.execute("SELECT id, net_pnl FROM sessions").fetchall() == [("s", "0")]
        assert then.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
    with Store(path, migrations=newer) as store:
        assert store.backup is None


def test_a_copy_never_overwrites_another(tmp_path: Path, newer: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    Store(path).close()
    (tmp_path / f"triplane.sqlite.before-{HEAD}").write_text("kept")
    with Store(path, migrations=newer) as store:
        assert store.backup == tmp_path / f"triplane.sqlite.before-{HEAD}-2"
    assert (tmp_path / f"triplane.sqlite.before-{HEAD}").read_text() == "kept"


def test_an_upgrade_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    fill(path)
    broken = migrations(tmp_path / "broken", 'op.execute("UPDATE nowhere SET x = 1")')
    with pytest.raises(StoreError, match="cannot be opened: no such table: nowhere"):
        Store(path, migrations=broken)
    with Store(path) as store:
        assert store.sessions().total == 1
        assert "remark" not in store.sessions().items[0]


def test_a_newer_database_is_refused(tmp_path: Path, newer: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    Store(path, migrations=newer).close()
    with pytest.raises(BadInput, match=rf"revision 'next', which this version does not know; its newest is '{HEAD}'"):
        Store(path)
