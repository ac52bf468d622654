"""Brings a database to today's schema when it is opened.

A new database is made from the schema at once. An older one is first copied beside itself, then taken through the
revisions in ``migrations``, and at last given the tables, columns and indices that the facts of today have more: a
further field of a fact needs no revision. All that is one transaction. One that a newer Triplane has written is
refused: guessing at tables that changed their meaning could lose data.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Engine, Index, MetaData, Table, inspect, null, text

from triplane.errors import BadInput
from triplane.store.database import shown
from triplane.store.migrations import FOLDER, HEAD

Lack = Table | Column[Any] | Index


def bring_up_to_date(engine: Engine, metadata: MetaData, folder: Path = FOLDER, *, allowed: bool = True) -> Path | None:
    """Create or upgrade the database behind ``engine``.

    Parameters
    ----------
    engine
        Connected to SQLite or PostgreSQL.
    metadata
        The tables that there should be.
    folder
        Alembic's script folder.
    allowed
        Whether anything may be changed.

    Returns
    -------
    The backup copy that was made before an upgrade of an SQLite file, else None.

    Raises
    ------
    BadInput
        The database was written by a newer program, or it is older and nothing may be changed.
    """
    with engine.connect() as connection:
        current = _revision(connection)
        head, known = _revisions(current, folder)
        if current is not None and current not in known:
            raise BadInput(
                f"The database {shown(engine.url)} has revision {current!r}, which this version does not know; its "
                f"newest is {head!r}. A newer Triplane wrote it, so use that one or another data folder."
            )
        if current == head and not _lacks(connection, metadata):
            return None
    if not allowed:
        raise BadInput(f"The database {shown(engine.url)} is of an older version; triplane up brings it up to date.")
    backup = _backup(engine, current) if current is not None else None
    with engine.execution_options(write=True).begin() as connection:
        current = _revision(connection)  # another process may have been here while this one waited for the lock
        if current is None:
            metadata.create_all(connection)
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": head})
        elif current != head:
            _migrate(connection, folder)
        _complete(connection, metadata)
    return backup


def _revision(connection: Connection) -> str | None:
    """Read the revision of the database; None when it is new."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _revisions(current: str | None, folder: Path) -> tuple[str | None, set[str | None]]:
    """The newest revision and all that are known; Alembic is slow to load, so only where it is needed."""
    if folder == FOLDER and current in (None, HEAD):
        return HEAD, {HEAD}
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    scripts = ScriptDirectory(str(folder))
    return scripts.get_current_head(), {script.revision for script in scripts.walk_revisions()}


def _migrate(connection: Connection, folder: Path) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _lacks(connection: Connection, metadata: MetaData) -> list[Lack]:
    """What the schema has and the database has not."""
    there = inspect(connection)
    tables = set(there.get_table_names())
    lacks: list[Lack] = []
    for table in metadata.sorted_tables:
        if table.name not in tables:
            lacks.append(table)
            continue
        columns = {column["name"] for column in there.get_columns(table.name)}
        indices = {index["name"] for index in there.get_indexes(table.name)}
        lacks += [column for column in table.c if column.name not in columns]
        lacks += [index for index in table.indexes if index.name not in indices]
    return lacks


def _complete(connection: Connection, metadata: MetaData) -> None:
    """Add what the database lacks; where a row has no value for a new column, that is the default of its field."""
    lacks = _lacks(connection, metadata)
    if not lacks:
        return
    from alembic.migration import MigrationContext  # noqa: PLC0415
    from alembic.operations import Operations  # noqa: PLC0415

    alter = Operations(MigrationContext.configure(connection))
    for lack in lacks:
        if not isinstance(lack, Column):
            lack.create(connection)
            continue
        alter.add_column(lack.table.name, Column(lack.name, lack.type))
        default = lack.info.get("default")
        if default is not None:
            connection.execute(lack.table.update().where(lack.is_(null())).values({lack: default}))


def _backup(engine: Engine, revision: str) -> Path | None:
    """Copy an SQLite file beside itself; None where there is no file."""
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database or database == ":memory:":
        return None
    return _copy(Path(database), free_name(Path(database), f"before-{revision}"))


def free_name(source: Path, mark: str) -> Path:
    """A name beside ``source`` that no other copy has."""
    target = source.with_name(f"{source.name}.{mark}")
    number = 1
    while target.exists():
        number += 1
        target = source.with_name(f"{source.name}.{mark}-{number}")
    return target


def _copy(source: Path, target: Path) -> Path:
    """Copy an SQLite file, complete or not at all."""
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    with closing(sqlite3.connect(source)) as connection:  # a plain copy would miss what is still in the write-ahead log
        connection.execute("VACUUM INTO ?", (str(partial),))
    os.replace(partial, target)  # noqa: PTH105 - atomic on every platform
    return target
