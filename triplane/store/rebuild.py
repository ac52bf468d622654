"""The store rebuilt from the journals, and the proof that it says what they say.

On SQLite everything happens in a copy, which takes the place of the old file at the end; the old one stays beside it.
Sessions are replaced one by one, so what no journal tells stays as it was: results of backtests,
parameter sets, and sessions whose journal is gone or cannot be read.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from triplane.errors import TriplaneError
from triplane.flow.log import FILE
from triplane.model.facts import Fact
from triplane.store.database import StoreError, guard
from triplane.store.projector import batches, project
from triplane.store.store import Row, Store
from triplane.store.upgrade import free_name

FactsOf = Callable[[Path], Iterator[Fact]]
"""Gives the facts of a session's folder from its journal."""

_UNREADABLE: Final = (TriplaneError, OSError, msgspec.MsgspecError)
_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_Digest = tuple[int, int]
_SHARED: Final = "candles"  # sessions of one market have them together


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What became of one session; ``error`` says why its journal cannot be read."""

    session_id: str
    facts: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """How one session is stored: facts of its journal, how many of them are, and which tables say something else."""

    session_id: str
    facts: int = 0
    stored: int = 0
    different: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Table to its rows in the store and its rows by the journal."""
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether the store says what the journal says, as far as it has come."""
        return not self.different and not self.error


# --------------------------------------------------------------------------------------------------------------- again
def rebuild(
    target: Path | str, folders: Sequence[Path], facts_of: FactsOf, tell: Callable[[Rebuilt], None]
) -> Path | None:
    """Store the sessions in ``folders`` again.

    Parameters
    ----------
    target
        A file, or an SQLAlchemy address, where it happens in place.
    folders
        Of the sessions.
    facts_of
        Gives the facts of a folder.
    tell
        Hears of each session.

    Returns
    -------
    Where the old file is now, None when there was none.

    Raises
    ------
    StoreError
        The database is in use, or cannot be written; it is as it was.
    """
    if isinstance(target, str) and "://" in target:
        with Store(target) as store:
            _replace(store, folders, facts_of, tell)
        return None
    path = Path(target)
    new = path.with_name(f"{path.name}.new")
    for left in path.parent.glob(f"{new.name}*"):
        left.unlink()
    with _alone(path) as old:
        if old is not None:
            with guard(str(path), "copied"):
                copy = sqlite3.connect(new)
                old.backup(copy)
                copy.close()
        with Store(new) as store:
            _replace(store, folders, facts_of, tell)
    backup = free_name(path, "before-rebuild") if path.exists() else None
    if backup is not None:
        backup.hardlink_to(path)
    new.replace(path)
    return backup


def _replace(store: Store, folders: Sequence[Path], facts_of: FactsOf, tell: Callable[[Rebuilt], None]) -> None:
    for folder in folders:
        try:
            tell(Rebuilt(folder.name, store.replace(folder.name, batches(facts_of(folder)), folder / FILE)))
        except StoreError:
            raise
        except _UNREADABLE as error:
            tell(Rebuilt(folder.name, error=str(error)))


@contextmanager
def _alone(path: Path) -> Iterator[sqlite3.Connection | None]:
    """Hold an SQLite file that nobody else has open; None when there is none, or it is too damaged to be copied."""
    if not path.exists():
        yield None
        return
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        healthy = True
        try:
            connection.execute("PRAGMA journal_mode = DELETE")  # only whoever is alone may end the write-ahead log
            connection.execute("BEGIN")  # and the check reads, so that nobody can change it from here on
            healthy = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
        except sqlite3.OperationalError as error:
            cause = "another program has it open; stop triplane up first" if "locked" in str(error) else str(error)
            raise StoreError(f"The database {path} cannot be rebuilt: {cause}.") from error
        except sqlite3.DatabaseError:
            healthy = False
        yield connection if healthy else None
    finally:
        connection.close()


# --------------------------------------------------------------------------------------------------------------- check
def check(target: Path | str, folders: Sequence[Path], facts_of: FactsOf) -> Iterator[Checked]:
    """Compare what is stored of the sessions in ``folders`` with their journals; nothing is written.

    The store is read once, of one moment, before any journal is: a session may run meanwhile.
    """
    with (
        Store(target, upgrade=False) as store,
        TemporaryDirectory() as place,
        Store(Path(place) / "check.sqlite") as fresh,
    ):
        names = sorted({"sessions", *(plan.table.name for plan in store.schema.plans.values())} - {_SHARED})
        with store.snapshot() as still:
            have, shared = store.have(still), _digest(store.rows(_SHARED, still=still))
            found = {
                (folder.name, table): _digest(store.rows(table, folder.name, still))
                for folder in folders
                for table in names
            }
        failed = False
        for folder in folders:
            stored = {table: found[folder.name, table] for table in names}
            checked = _check(stored, fresh, folder, facts_of, have.get(folder.name, 0))
            failed = failed or bool(checked.error)
            yield checked
        if not failed and {folder.name for folder in folders} >= set(have):
            made = _digest(fresh.rows(_SHARED))
            if shared != made:
                yield Checked("", different={_SHARED: (shared[0], made[0])})


def _check(tables: Mapping[str, _Digest], fresh: Store, folder: Path, facts_of: FactsOf, stored: int) -> Checked:
    count = 0

    def counted() -> Iterator[Fact]:
        nonlocal count
        for fact in facts_of(folder):
            count = fact.seq
            yield fact

    try:
        facts = counted()
        project(fresh, takewhile(lambda fact: fact.seq <= stored, facts))
        for _ in facts:
            pass
    except StoreError:
        raise
    except _UNREADABLE as error:
        return Checked(folder.name, error=str(error))
    if stored > count:
        return Checked(folder.name, count, stored, error=f"The store has {stored} facts, the journal only {count}.")
    different: dict[str, tuple[int, int]] = {}
    for table, of_store in tables.items():
        of_journal = _digest(fresh.rows(table, folder.name))
        if of_store != of_journal:
            different[table] = (of_store[0], of_journal[0])
    return Checked(folder.name, count, stored, different)


def _digest(rows: Iterable[Row]) -> _Digest:
    """Number of rows, and a digest that does not depend on their order."""
    count = total = 0
    for row in rows:
        row.pop("acknowledged", None)
        count += 1
        total += int.from_bytes(hashlib.sha256(_ENCODER.encode(row)).digest()[:16])
    return count, total
