"""Brings a database to today's schema when it is opened.

A new database is created, an older one is first copied beside itself and then upgraded in one transaction, and one
that a newer Triplane has written is refused: guessing at unknown tables could lose data.
"""

import os
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from triplane.errors import BadInput
from triplane.store.migrations import FOLDER, HEAD


def bring_up_to_date(engine: Engine, folder: Path = FOLDER) -> Path | None:
    """Create or upgrade the database behind ``engine``.

    Parameters
    ----------
    engine
        Connected to SQLite or PostgreSQL.
    folder
        Alembic's script folder.

    Returns
    -------
    The backup copy that was made before an upgrade of an SQLite file, else None.

    Raises
    ------
    BadInput
        The database was written by a newer program.
    """
    with engine.connect() as connection:
        current = _revision(connection)
    if current == HEAD and folder == FOLDER:
        return None
    from alembic import command  # noqa: PLC0415 - slow to load, and needed only when there is something to upgrade
    from alembic.config import Config  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current not in known:
        raise BadInput(
            f"The database {_where(engine)} has revision {current!r}, which this version does not know; its newest is "
            f"{scripts.get_current_head()!r}. A newer Triplane wrote it, so use that one or another data folder."
        )
    if current == scripts.get_current_head():
        return None
    backup = _backup(engine, current) if current is not None else None
    with engine.execution_options(write=True).begin() as connection:
        # another process may have upgraded while this one waited for the lock
        if MigrationContext.configure(connection).get_current_revision() == current:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    return backup


def _revision(connection: Connection) -> str | None:
    """Read the revision of the database; None when it is new."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _where(engine: Engine) -> str:
    return str(engine.url.database) if engine.dialect.name == "sqlite" else engine.url.render_as_string()


def _backup(engine: Engine, revision: str) -> Path | None:
    """Copy an SQLite file beside itself, complete or not at all; None where there is no file."""
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database or database == ":memory:":
        return None
    source = Path(database)
    target = source.with_name(f"{source.name}.before-{revision}")
    number = 1
    while target.exists():
        number += 1
        target = source.with_name(f"{source.name}.before-{revision}-{number}")
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    # SQLite's own copy, because a plain one would miss what still lies in the write-ahead log
    reading, writing = sqlite3.connect(source), sqlite3.connect(partial)
    try:
        reading.backup(writing)
    finally:
        writing.close()
        reading.close()
    os.replace(partial, target)  # noqa: PTH105 - atomic on every platform
    return target
