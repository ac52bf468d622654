"""One database: opened and upgraded, written in batches, read in pages.

Any thread may read and write; writers wait for each other, and SQLite runs in WAL mode, so that readers and a writer
never do. Every failure of the database leaves as a :class:`StoreError` with one sentence.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Table,
    Text,
    cast,
    create_engine,
    event,
    func,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from triplane.errors import BadInput, TriplaneError
from triplane.store import schema
from triplane.store.migrations import FOLDER
from triplane.store.upgrade import bring_up_to_date

Row = dict[str, Any]
"""One record: column names to values."""

Upsert = sqlite.Insert | postgresql.Insert

NEVER = -1
"""``last_seq`` of a session that nothing has been written of."""

MAX_LIMIT = 500
"""The longest page."""


class StoreError(TriplaneError):
    """The database cannot be opened, read or written; the text says why."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: ``items`` (``limit`` at most), its number from 1, and how many there are in all."""

    items: list[Row]
    page: int
    limit: int
    total: int


class Store:
    """The database at ``target``.

    Parameters
    ----------
    target
        A file, which is created when absent, or an SQLAlchemy address such as ``postgresql+psycopg://…``.
    busy_ms
        How long to wait for another process that is writing, milliseconds.
    migrations
        Alembic's script folder.

    Raises
    ------
    StoreError
        The database cannot be opened.
    BadInput
        It was written by a newer Triplane.
    """

    def __init__(self, target: Path | str, *, busy_ms: int = 5000, migrations: Path = FOLDER) -> None:
        url = _address(target)
        self.name = str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string()
        self._statements: dict[str, Upsert] = {}
        try:
            self._engine = _engine(url, busy_ms)
        except (ImportError, SQLAlchemyError) as error:
            raise StoreError(f"The database {self.name} cannot be used: {error}.") from error
        try:
            with self._guard("opened"):
                if url.get_backend_name() == "sqlite" and self.name != ":memory:":
                    Path(self.name).parent.mkdir(parents=True, exist_ok=True)
                self.backup = bring_up_to_date(self._engine, migrations)
        except BaseException:
            self._engine.dispose()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database; on SQLite the write-ahead log is folded into the file."""
        self._engine.dispose()

    # ------------------------------------------------------------------------------------------------------ writing
    def write(
        self,
        session_id: str,
        last_seq: int,
        rows: Mapping[str, Sequence[Row]],
        *,
        path: str = "",
        size: int = 0,
        decisions_sha256: str | None = None,
    ) -> bool:
        """Store what rows up to ``last_seq`` of a session's journal mean, exactly once, in one transaction.

        Parameters
        ----------
        session_id
            Whose journal.
        last_seq
            Number of the last journal row that the batch covers.
        rows
            Table name to *complete* records. A record with ``seq`` replaces a stored one with the same key only when
            its ``seq`` is higher; one without (candles, indicators) always does.
        path, size, decisions_sha256
            Where the journal lies, its length in bytes, and the digest of its decisions so far.

        Returns
        -------
        False when everything up to ``last_seq`` was stored before, and nothing was done.
        """
        with self._guard("written"), self._engine.execution_options(write=True).begin() as connection:
            if last_seq <= self._last_seq(connection, session_id):
                return False
            for name, records in rows.items():
                self._upsert(connection, _table(name), records)
            journal = {
                "session_id": session_id,
                "path": path,
                "bytes": size,
                "last_seq": last_seq,
                "decisions_sha256": decisions_sha256,
            }
            self._upsert(connection, schema.JOURNAL, [journal])
        return True

    def put(self, table: str, records: Sequence[Row]) -> None:
        """Insert or replace records that no journal leads to: sessions, candles, backtest results, settings."""
        with self._guard("written"), self._engine.execution_options(write=True).begin() as connection:
            self._upsert(connection, _table(table), records)

    def acknowledge(self, alert_id: str) -> bool:
        """Mark a risk event as seen by a person; False when there is none with this id."""
        events = schema.RISK_EVENTS
        with self._guard("written"), self._engine.execution_options(write=True).begin() as connection:
            done = connection.execute(events.update().where(events.c.alert_id == alert_id).values(acknowledged=True))
            return done.rowcount > 0

    def last_seq(self, session_id: str) -> int:
        """Give the number of the last journal row that is stored, or :data:`NEVER`."""
        with self._guard("read"), self._engine.connect() as connection:
            return self._last_seq(connection, session_id)

    def journal(self, session_id: str) -> Row | None:
        """Give where the journal of a session lies and how far it is stored."""
        return self._one(schema.JOURNAL, session_id)

    # ------------------------------------------------------------------------------------------------------ reading
    def trades(self, **filters: Any) -> Page:
        """Give closed positions, the latest exit first. Filters: see :meth:`_page`."""
        return self._page(schema.POSITIONS, schema.POSITIONS.c.exit_time, status="closed", **filters)

    def positions(self, **filters: Any) -> Page:
        """Give positions, open and closed, the latest entry first. Filters: see :meth:`_page`."""
        return self._page(schema.POSITIONS, schema.POSITIONS.c.entry_time, **filters)

    def signals(self, **filters: Any) -> Page:
        """Give signals, the latest first. Filters: see :meth:`_page`, and ``status``, ``order_id``."""
        return self._page(schema.SIGNALS, schema.SIGNALS.c.generated_at, **filters)

    def orders(self, **filters: Any) -> Page:
        """Give orders, the latest first. Filters: see :meth:`_page`, and ``status``."""
        return self._page(schema.ORDERS, schema.ORDERS.c.created_at, **filters)

    def fills(self, **filters: Any) -> Page:
        """Give fills, the latest first. Filters: see :meth:`_page`, and ``order_id``."""
        return self._page(schema.FILLS, schema.FILLS.c.time, **filters)

    def sessions(self, **filters: Any) -> Page:
        """Give sessions, the latest start first. Filters: see :meth:`_page`, and ``status``, ``traded`` (a symbol)."""
        return self._page(schema.SESSIONS, schema.SESSIONS.c.started_at, **filters)

    def risk_events(self, **filters: Any) -> Page:
        """Give risk events, the latest first. Filters: see :meth:`_page`, and ``severity``, ``acknowledged``."""
        return self._page(schema.RISK_EVENTS, schema.RISK_EVENTS.c.timestamp, **filters)

    def decisions(self, **filters: Any) -> Page:
        """Give the log of decisions in sentences, the latest first. Filters: see :meth:`_page`, and ``kind``."""
        return self._page(schema.DECISIONS, schema.DECISIONS.c.time, **filters)

    def settings(self, **filters: Any) -> Page:
        """Give the history of settings, the latest first. Filters: see :meth:`_page`."""
        return self._page(schema.SETTINGS, schema.SETTINGS.c.changed_at, **filters)

    def backtest_results(self, **filters: Any) -> Page:
        """Give stored backtests, the latest first. Filters: see :meth:`_page`, and ``strategy``."""
        return self._page(schema.BACKTEST_RESULTS, schema.BACKTEST_RESULTS.c.created_at, **filters)

    def session(self, session_id: str) -> Row | None:
        """Give one session, or None."""
        return self._one(schema.SESSIONS, session_id)

    def signal(self, signal_id: str) -> Row | None:
        """Give one signal, or None."""
        return self._one(schema.SIGNALS, signal_id)

    def order(self, order_id: str) -> Row | None:
        """Give one order, or None."""
        return self._one(schema.ORDERS, order_id)

    def candles(
        self, venue: str, symbol: str, timeframe: str, *, before: int | None = None, limit: int = 500
    ) -> list[Row]:
        """Give the last ``limit`` stored candles that opened before ``before`` (ms), oldest first."""
        table = schema.CANDLES
        query = select(table).where(table.c.venue == venue, table.c.symbol == symbol, table.c.timeframe == timeframe)
        if before is not None:
            query = query.where(table.c.open_time < before)
        query = query.order_by(table.c.open_time.desc()).limit(limit)
        with self._guard("read"), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()][::-1]

    def _page(
        self,
        table: Table,
        when: Column[Any],
        *,
        page: int = 1,
        limit: int = 100,
        start: int | None = None,
        end: int | None = None,
        session: str | None = None,
        **equal: Any,
    ) -> Page:
        """Read one page of ``table``, latest first.

        Parameters
        ----------
        page, limit
            Number of the page from 1, and its length, 1 to 500.
        start, end
            Only records from ``start`` on and before ``end``, ms.
        session
            Only of this session.
        equal
            Columns and the value they must have, such as ``symbol``; None means any.
        """
        if page < 1 or not 1 <= limit <= MAX_LIMIT:
            raise BadInput(
                f"Page {page} with limit {limit} cannot be read; page starts at 1, limit is 1 to {MAX_LIMIT}."
            )
        conditions: list[ColumnElement[bool]] = []
        if start is not None:
            conditions.append(when >= start)
        if end is not None:
            conditions.append(when < end)
        if session is not None:
            conditions.append(table.c["id" if table is schema.SESSIONS else "session_id"] == session)
        traded = equal.pop("traded", None) if table is schema.SESSIONS else None
        if traded is not None:  # the symbols of a session are a JSON list of names
            conditions.append(cast(table.c.symbols, Text).contains(f'"{traded}"', autoescape=True))
        for name, value in equal.items():
            if name not in table.c:
                raise BadInput(f"{table.name} cannot be filtered by {name!r}; it has {', '.join(table.c.keys())}.")
            if value is not None:
                conditions.append(table.c[name] == value)
        tie = table.c["seq"] if "seq" in table.c else table.primary_key.columns[0]
        query = select(table).where(*conditions).order_by(when.desc(), tie.desc())
        with self._guard("read"), self._engine.connect() as connection:
            total = connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()
            found = connection.execute(query.offset((page - 1) * limit).limit(limit)).mappings()
            return Page([dict(row) for row in found], page, limit, total)

    def _one(self, table: Table, key: str) -> Row | None:
        with self._guard("read"), self._engine.connect() as connection:
            found = connection.execute(select(table).where(table.primary_key.columns[0] == key)).mappings().first()
            return None if found is None else dict(found)

    # ----------------------------------------------------------------------------------------------------- plumbing
    @staticmethod
    def _last_seq(connection: Connection, session_id: str) -> int:
        table = schema.JOURNAL
        found = connection.execute(select(table.c.last_seq).where(table.c.session_id == session_id)).scalar()
        return NEVER if found is None else int(found)

    def _upsert(self, connection: Connection, table: Table, records: Sequence[Row]) -> None:
        """Insert or replace; of several records with one key the last counts."""
        if not records:
            return
        known = set(table.c.keys())
        keys = [column.name for column in table.primary_key]
        latest: dict[object, Row] = {}
        for number, record in enumerate(records):
            if not known.issuperset(record):
                unknown = ", ".join(sorted(set(record) - known))
                raise BadInput(f"{table.name} has no column {unknown}; it has {', '.join(table.c.keys())}.")
            key: object = tuple(record.get(name) for name in keys)
            if keys == ["id"] and "id" not in record:  # numbered by the database
                key = number
            latest.pop(key, None)  # so that the order of the records stays that of their last change
            latest[key] = record
        names = [name for name in table.c.keys() if any(name in record for record in latest.values())]  # noqa: SIM118
        connection.execute(
            self._statement(table, names), [{name: record.get(name) for name in names} for record in latest.values()]
        )

    def _statement(self, table: Table, names: list[str]) -> Upsert:
        """Build ``INSERT … ON CONFLICT … DO UPDATE`` for these columns, once."""
        label = f"{table.name}({','.join(names)})"
        statement = self._statements.get(label)
        if statement is None:
            insert: Upsert
            insert = (sqlite if self._engine.dialect.name == "sqlite" else postgresql).insert(table)
            keys = [column.name for column in table.primary_key]
            changes = {name: insert.excluded[name] for name in names if name not in keys}
            newer = insert.excluded["seq"] > table.c["seq"] if "seq" in changes else None
            statement = insert.on_conflict_do_update(index_elements=keys, set_=changes, where=newer)
            self._statements[label] = statement
        return statement

    @contextmanager
    def _guard(self, done: str) -> Iterator[None]:
        """Turn what a database says into one sentence."""
        try:
            yield
        except DBAPIError as error:
            raise StoreError(_sentence(self.name, done, str(error.orig))) from error
        except (OSError, SQLAlchemyError) as error:
            raise StoreError(_sentence(self.name, done, str(error).splitlines()[0])) from error


def _table(name: str) -> Table:
    table = schema.METADATA.tables.get(name)
    if table is None:
        raise BadInput(f"There is no table {name!r}; the tables are {', '.join(sorted(schema.METADATA.tables))}.")
    return table


def _address(target: Path | str) -> URL:
    if isinstance(target, str) and "://" in target:
        try:
            return make_url(target)
        except SQLAlchemyError as error:
            raise BadInput(
                f"The database address {target!r} cannot be read; give a file or scheme://user@host/name."
            ) from error
    return URL.create("sqlite", database=str(target))


def _engine(url: URL, busy_ms: int) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url)
    engine = create_engine(url, connect_args={"timeout": busy_ms / 1000, "check_same_thread": False})

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


_CAUSES = (
    ("locked", "another program is writing to it; stop that one or use another data folder"),
    ("readonly", "it is read-only; use a data folder that can be written to"),
    ("read-only", "it is read-only; use a data folder that can be written to"),
    ("Permission denied", "its folder cannot be written to; use another data folder"),
    ("unable to open", "the file or its folder cannot be opened or created; use a data folder that can be written to"),
    ("not a database", "it is not a database; move it away and Triplane makes a new one from the journals"),
    ("malformed", "it is damaged; move it away and Triplane makes a new one from the journals"),
    ("full", "the disk is full"),
)


def _sentence(name: str, done: str, said: str) -> str:
    cause = next((text for mark, text in _CAUSES if mark in said), said.rstrip("."))
    return f"The database {name} cannot be {done}: {cause}."
