"""A connection to SQLite or PostgreSQL, and what a database says when it fails, in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from triplane.errors import BadInput, TriplaneError
from triplane.model.live import ENCODER


class StoreError(TriplaneError):
    """The database cannot be opened, read or written; the text says why."""


def address(target: Path | str) -> URL:
    """Read a file's path or an SQLAlchemy address."""
    if isinstance(target, str) and "://" in target:
        try:
            return make_url(target)
        except SQLAlchemyError as error:
            raise BadInput(
                f"The database address {target!r} cannot be read; give a file or scheme://user@host/name."
            ) from error
    return URL.create("sqlite", database=str(target))


def shown(url: URL) -> str:
    """The database as people know it: a file's path, or the address without its password."""
    return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string()


def connect(url: URL, busy_ms: int) -> Engine:
    """Make the engine behind a store."""
    json: dict[str, Any] = {
        "json_serializer": lambda value: ENCODER.encode(value).decode(),
        "json_deserializer": msgspec.json.decode,
    }
    if url.get_backend_name() != "sqlite":
        return create_engine(url, **json)
    engine = create_engine(url, connect_args={"timeout": busy_ms / 1000, "check_same_thread": False}, **json)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions behind our back
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")  # survives a crash of the process; the journal has the rest
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # a writer takes its lock at once, so that it waits for another one instead of failing half-way
        immediate = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


_CAUSES: Final = (
    ("locked", "another program is writing to it; stop that one or use another data folder"),
    ("readonly", "it is read-only; use a data folder that can be written to"),
    ("read-only", "it is read-only; use a data folder that can be written to"),
    ("Permission denied", "its folder cannot be written to; use another data folder"),
    ("unable to open", "the file or its folder cannot be opened or created; use a data folder that can be written to"),
    ("not a database", "it is not a database; triplane db rebuild makes a new one from the journals"),
    ("malformed", "it is damaged; triplane db rebuild makes a new one from the journals"),
    ("full", "the disk is full"),
)


@contextmanager
def guard(name: str, done: str) -> Iterator[None]:
    """Turn what the database ``name`` says into one sentence; ``done`` is opened, read or written."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(_sentence(name, done, str(error.orig))) from error
    except (OSError, SQLAlchemyError) as error:
        raise StoreError(_sentence(name, done, str(error).splitlines()[0])) from error


def _sentence(name: str, done: str, said: str) -> str:
    cause = next((text for mark, text in _CAUSES if mark in said), said.rstrip("."))
    return f"The database {name} cannot be {done}: {cause}."
