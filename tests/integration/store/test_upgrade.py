"""An older database is copied and upgraded with all it holds, and a newer one is refused."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, create_engine, select

from triplane.errors import BadInput
from triplane.store import Store, StoreError
from triplane.store.migrations import FOLDER, HEAD
from triplane.store.schema import METADATA

NEXT = '''"""A column more."""

import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "{head}"


def upgrade() -> None:
    """Add a column and fill it."""
    op.add_column("sessions", sa.Column("note", sa.String()))
    op.execute("UPDATE sessions SET note = 'upgraded ' || id")
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


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    return migrations(tmp_path / "newer", "")


def migrations(folder: Path, more: str) -> Path:
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9999_next.py").write_text(NEXT.format(head=HEAD, more=more))
    return folder


def fill(store: Store) -> None:
    row = {"id": "s", "status": "ended", "mode": "paper", "strategy": "ema_cross", "symbols": ["BTCUSDT"],
           "timeframe": "1m", "source": "demo", "started_at": 1, "net_pnl": "0.1"}  # fmt: skip
    store.put("sessions", [row])


def test_the_newest_revision_is_the_one_the_program_expects() -> None:
    assert ScriptDirectory(str(FOLDER)).get_current_head() == HEAD


def test_the_revisions_make_exactly_the_tables_of_the_schema(tmp_path: Path) -> None:
    Store(tmp_path / "triplane.sqlite").close()
    engine = create_engine(f"sqlite:///{tmp_path / 'triplane.sqlite'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


@pytest.mark.parametrize("revision", revisions())
def test_from_every_revision_with_a_record_in_every_table(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "triplane.sqlite"
    engine = create_engine(f"sqlite:///{path}")
    old = MetaData()
    with engine.begin() as connection:
        command.upgrade(config(connection), revision)
        old.reflect(connection)
        for table in old.tables.values():
            if table.name != "alembic_version":
                connection.execute(table.insert(), {column.name: sample(table, column.name) for column in table.c})
    engine.dispose()
    with Store(path) as store:
        assert (store.backup is None) == (revision == HEAD)
        assert store.sessions().items[0]["net_pnl"] == 7
        assert store.trades().total == 0
        for read in (store.positions, store.signals, store.orders, store.fills, store.risk_events, store.decisions):
            assert read().items[0]["seq"] == 7
    now = MetaData()
    with engine.connect() as connection:
        now.reflect(connection)
        for name in old.tables.keys() - {"alembic_version"}:
            assert len(connection.execute(select(now.tables[name])).all()) == 1
    engine.dispose()


def sample(table: Table, column: str) -> object:
    """Make a value that fits the column: "7" is a name, an amount and JSON."""
    kind = table.c[column].type.python_type
    return kind(7) if kind in (int, float, bool, str) else 7


def test_an_older_database_is_copied_then_upgraded(tmp_path: Path, newer: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    with Store(path) as store:
        fill(store)
        assert store.backup is None
    with Store(path, migrations=newer) as store:
        backup = store.backup
    assert backup == tmp_path / f"triplane.sqlite.before-{HEAD}"
    with closing(sqlite3.connect(path)) as now, closing(sqlite3.connect(backup)) as then:
        assert now.execute("SELECT id, net_pnl, note FROM sessions").fetchall() == [("s", "0.1", "upgraded s")]
        assert then.execute("SELECT id, net_pnl FROM sessions").fetchall() == [("s", "0.1")]
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
    with Store(path) as store:
        fill(store)
    broken = migrations(tmp_path / "broken", 'op.execute("UPDATE nowhere SET x = 1")')
    with pytest.raises(StoreError, match="cannot be opened: no such table: nowhere"):
        Store(path, migrations=broken)
    with Store(path) as store:
        assert store.sessions().total == 1
        assert "note" not in store.sessions().items[0]


def test_a_newer_database_is_refused(tmp_path: Path, newer: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    Store(path, migrations=newer).close()
    with pytest.raises(BadInput, match=rf"revision 'next', which this version does not know; its newest is '{HEAD}'"):
        Store(path)
