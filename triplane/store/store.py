"""One database: opened and upgraded, filled with facts, read in pages.

Any thread may read and write; writers wait for each other, and SQLite runs in WAL mode, so that readers and a writer
never do. Every failure of the database leaves as a :class:`StoreError` with one sentence.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache, partialmethod
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Connection, Executable, Table, and_, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from triplane.errors import BadInput
from triplane.model.facts import Account, Fact, Session, SessionEnd, Trade
from triplane.model.money import money_text
from triplane.store.database import StoreError, address, connect, guard, shown
from triplane.store.migrations import FOLDER
from triplane.store.schema import SCHEMA, WHEN, Schema
from triplane.store.upgrade import bring_up_to_date

Row = dict[str, Any]
"""One record: column names to values."""

MAX_LIMIT = 500
"""The longest page."""


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
    schema
        Its tables.
    migrations
        Alembic's script folder.
    upgrade
        Whether an older database may be upgraded, and a missing one made.

    Raises
    ------
    StoreError
        The database cannot be opened.
    BadInput
        It was written by a newer Triplane, or it is older and must not be upgraded.
    """

    def __init__(
        self,
        target: Path | str,
        *,
        busy_ms: int = 5000,
        schema: Schema = SCHEMA,
        migrations: Path = FOLDER,
        upgrade: bool = True,
    ) -> None:
        url = address(target)
        self.name = shown(url)
        self.schema = schema
        self._statement = cache(self._upsert_of)
        try:
            self._engine = connect(url, busy_ms)
        except (ImportError, SQLAlchemyError) as error:
            raise StoreError(f"The database {self.name} cannot be used: {error}.") from error
        self._write = self._engine.execution_options(write=True)
        try:
            with guard(self.name, "opened"):
                if upgrade and url.get_backend_name() == "sqlite" and self.name != ":memory:":
                    Path(self.name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self.backup = bring_up_to_date(self._engine, schema.metadata, migrations, allowed=upgrade)
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
    def have(self, still: Connection | None = None) -> dict[str, int]:
        """Number of the newest fact that is stored, by session; ``still`` is of :meth:`snapshot`."""
        journal = self.schema.tables["journal"]
        with guard(self.name, "read"), nullcontext(still) if still else self._engine.connect() as connection:
            return {row.session_id: row.last_seq for row in connection.execute(select(journal))}

    def project(self, facts: Sequence[Fact], file: Path | None = None) -> int:
        """Store what facts of one session mean, each exactly once, in one transaction.

        Parameters
        ----------
        facts
            In order and without gaps. Those that are stored already are passed over.
        file
            Where the session's stream lies.

        Returns
        -------
        Number of the session's newest fact that is stored now. When facts are missing between that one and ``facts``,
        nothing was written.
        """
        session_id = facts[0].session_id
        with guard(self.name, "written"), self._write.begin() as connection:
            journal = self.schema.tables["journal"]
            query = select(journal.c.last_seq).where(journal.c.session_id == session_id).with_for_update()
            last: int = connection.execute(query).scalar() or 0
            new = facts[max(last + 1 - facts[0].seq, 0) :]
            if facts[0].seq > last + 1 or not new:
                return last
            self._add(connection, new, file)
            return new[-1].seq

    def replace(self, session_id: str, facts: Iterable[Sequence[Fact]], file: Path | None = None) -> int:
        """Forget a session and store it again from batches of all its facts: all of it, or nothing when that fails.

        What a person has acknowledged stays so. Gives the number of facts.

        Raises
        ------
        BadInput
            There are none, or some are missing.
        """
        count = 0
        with guard(self.name, "written"), self._write.begin() as connection:
            events = self.schema.tables["risk_events"]
            mine = (events.c.session_id == session_id) & events.c.acknowledged
            seen = list(connection.execute(select(events.c.alert_id).where(mine)).scalars())
            self._forget(connection, session_id)
            for batch in facts:
                if batch[0].seq != count + 1:
                    raise BadInput(f"Fact {count + 1} of session {session_id} is missing.")
                self._add(connection, batch, file)
                count += len(batch)
            if not count:
                raise BadInput(f"There are no facts of session {session_id}.")
            if seen:
                again = (events.c.session_id == session_id) & events.c.alert_id.in_(seen)
                connection.execute(events.update().where(again).values(acknowledged=True))
        return count

    def put(self, table: str, records: Sequence[Mapping[str, Any]]) -> None:
        """Insert or replace records that no fact leads to, such as results of backtests."""
        with guard(self.name, "written"), self._write.begin() as connection:
            self._upsert(connection, self._table(table), records)

    def acknowledge(self, alert_id: str) -> bool:
        """Mark a risk event as seen by a person; False when there is none with this id."""
        events = self.schema.tables["risk_events"]
        with guard(self.name, "written"), self._write.begin() as connection:
            done = connection.execute(events.update().where(events.c.alert_id == alert_id).values(acknowledged=True))
            return done.rowcount > 0

    # ------------------------------------------------------------------------------------------------------ reading
    def page(
        self,
        table: str,
        *,
        page: int = 1,
        limit: int = 100,
        start: int | None = None,
        end: int | None = None,
        session: str | None = None,
        **equal: Any,
    ) -> Page:
        """Read one page of a table, latest first; a row has the fields of its fact.

        Parameters
        ----------
        table
            Its name.
        page, limit
            Number of the page from 1, and its length, 1 to 500.
        start, end
            Only records from ``start`` on and before ``end``, ms.
        session
            Only of this session.
        equal
            Columns and the value they must have, such as ``symbol``; None means any. A symbol may be that of a
            row of a portfolio, ``BTCUSDT:sleeve``.
        """
        symbol, row, sleeve = str(equal.get("symbol") or "").partition(":")
        if row:
            equal |= {"symbol": symbol, "sleeve": sleeve}
        if page < 1 or not 1 <= limit <= MAX_LIMIT:
            raise BadInput(
                f"Page {page} with limit {limit} cannot be read; page starts at 1, limit is 1 to {MAX_LIMIT}."
            )
        source = self._table(table)
        conditions = _conditions(source, start, end, equal | {_SESSION.get(table, "session_id"): session})
        tie = source.c["seq"] if "seq" in source.c else source.primary_key.columns[0]
        query = select(source).where(*conditions).order_by(_when(source).desc(), tie.desc())
        with guard(self.name, "read"), self._engine.connect() as connection:
            total = connection.execute(select(func.count()).select_from(source).where(*conditions)).scalar_one()
            found = connection.execute(query.offset((page - 1) * limit).limit(limit)).mappings()
            return Page([dict(row) for row in found], page, limit, total)

    # lists: see page() for what they are filtered by
    trades = partialmethod(page, "trades")
    positions = partialmethod(page, "positions")
    signals = partialmethod(page, "signals")
    orders = partialmethod(page, "orders")
    fills = partialmethod(page, "fills")
    sessions = partialmethod(page, "sessions")
    risk_events = partialmethod(page, "risk_events")

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Everything read over this connection is of one moment, whoever writes meanwhile."""
        level = {} if self._engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        with guard(self.name, "read"), self._engine.connect() as connection:
            yield connection.execution_options(**level)

    def rows(self, table: str, session: str | None = None, still: Connection | None = None) -> Iterable[Row]:
        """Read a table, or what it has of one session, in the order of the facts, without holding it in memory."""
        source = self._table(table)
        key = source.c["seq"] if "seq" in source.c else source.primary_key.columns[0]
        query = select(source).order_by(key, *source.primary_key.columns)
        if session is not None:
            query = query.where(source.c[_SESSION.get(table, "session_id")] == session)
        with guard(self.name, "read"), nullcontext(still) if still else self._engine.connect() as connection:
            for row in connection.execute(query, execution_options={"yield_per": 1000}).mappings():
                yield dict(row)

    def _one(self, name: str, key: str) -> Row | None:
        """Give the record with an id, or None."""
        table = self.schema.tables[name]
        identity = table.c["order_id" if name == "orders" else "id"]
        with guard(self.name, "read"), self._engine.connect() as connection:
            found = connection.execute(select(table).where(identity == key)).mappings().first()
            return None if found is None else dict(found)

    session = partialmethod(_one, "sessions")
    signal = partialmethod(_one, "signals")
    order = partialmethod(_one, "orders")

    # ----------------------------------------------------------------------------------------------------- plumbing
    def _table(self, name: str) -> Table:
        table = self.schema.tables.get(name)
        if table is None:
            raise BadInput(f"There is no table {name!r}; the tables are {', '.join(sorted(self.schema.tables))}.")
        return table

    def _add(self, connection: Connection, facts: Sequence[Fact], file: Path | None) -> None:
        """Write facts of one session that follow what is stored; of one key the newest counts."""
        session_id = facts[0].session_id
        if facts[0].seq == 1:  # what an older version left under numbers that mean something else now
            for table in self.schema.numbered:
                connection.execute(table.delete().where(table.c.session_id == session_id))
        newest: dict[type[Fact], dict[Any, Fact]] = {}
        for fact in facts:
            plan = self.schema.plans.get(type(fact))
            if plan is not None:
                newest.setdefault(type(fact), {})[plan.key(fact)] = fact
        for kind, found in newest.items():
            self._upsert(connection, self.schema.plans[kind].table, [asdict(fact) for fact in found.values()])
        self._describe(connection, session_id, facts)
        where, size = ("", 0) if file is None else (str(file), file.stat().st_size if file.exists() else 0)
        mark = {"session_id": session_id, "path": where, "bytes": size, "last_seq": facts[-1].seq}
        self._upsert(connection, self.schema.tables["journal"], [mark])

    def _describe(self, connection: Connection, session_id: str, facts: Sequence[Fact]) -> None:
        """Keep the session's record up to date."""
        table = self.schema.tables["sessions"]
        changes: Row = {}
        worth: float | str | None = None
        for fact in facts:
            if isinstance(fact, Account):
                worth = fact.equity
                changes |= {"halt_reason": fact.halt_reason, "start_balance": money_text(fact.start_balance)}
            elif isinstance(fact, Trade):  # where candles come in batches, no account is told
                worth = fact.balance_after
            elif isinstance(fact, Session):
                told = {name: getattr(fact, name) for name in fact.__struct_fields__ if name in table.c}
                blank = dict.fromkeys(("ended_at", "halt_reason", "decisions_sha256"))
                self._upsert(connection, table, [told | blank | {"id": session_id, "status": "open", "net_pnl": "0"}])
            elif isinstance(fact, SessionEnd):
                changes |= {"status": "finished", "ended_at": fact.time, "decisions_sha256": fact.decisions_sha256}
        mine = table.c.id == session_id
        if worth is not None:
            told_balance = connection.execute(select(table.c.start_balance).where(mine)).scalar()
            balance = changes.get("start_balance", told_balance)
            changes["net_pnl"] = money_text(float(worth) - float(balance or 0))
        if changes:
            connection.execute(table.update().where(mine).values(changes))

    def _forget(self, connection: Connection, session_id: str) -> None:
        for table in self.schema.tables.values():
            column = _SESSION.get(table.name, "session_id")
            if column in table.c and table.name not in _KEPT:
                connection.execute(table.delete().where(table.c[column] == session_id))

    def _upsert(self, connection: Connection, table: Table, records: Sequence[Mapping[str, Any]]) -> None:
        """Insert or replace; all records have the same columns."""
        if not records:
            return
        if unknown := set(records[0]) - set(table.c.keys()):
            raise BadInput(f"{table.name} has no column {', '.join(sorted(unknown))}.")
        connection.execute(self._statement(table, tuple(records[0])), records)

    def _upsert_of(self, table: Table, names: tuple[str, ...]) -> Executable:
        """Build ``INSERT … ON CONFLICT … DO UPDATE`` for these columns."""
        insert: sqlite.Insert | postgresql.Insert
        insert = (sqlite if self._engine.dialect.name == "sqlite" else postgresql).insert(table)
        keys = [column.name for column in table.primary_key]
        changes = {name: insert.excluded[name] for name in names if name not in keys}
        newer = None
        if "seq" in names:  # of two sessions with one candle, the one with the higher id, whoever comes first
            said, known = (tuple_(of["session_id"], of["seq"]) for of in (insert.excluded, table.c))
            newer = said >= known
            if "volume" in names:  # a session that began within a bar knows only a part of it
                newer = and_(newer, insert.excluded["volume"] >= table.c["volume"])
        return insert.on_conflict_do_update(index_elements=keys, set_=changes, where=newer)


_SESSION = {"sessions": "id"}
"""The column with the session's id, where it is not ``session_id``."""
_KEPT = ("backtest_results", "parameter_sets")
"""Tables that no session fills."""


def _when(table: Table) -> ColumnElement[Any]:
    return table.c[WHEN.get(table.name, "time")]


def _conditions(
    table: Table, start: int | None, end: int | None, equal: Mapping[str, Any]
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if start is not None:
        conditions.append(_when(table) >= start)
    if end is not None:
        conditions.append(_when(table) < end)
    for name, value in equal.items():
        if value is None:
            continue
        if name not in table.c:
            raise BadInput(f"{table.name} cannot be filtered by {name!r}; it has {', '.join(table.c.keys())}.")
        conditions.append(table.c[name] == value)
    return conditions
