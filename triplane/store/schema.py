"""The tables, derived from the declarations of the facts; how an older database gets there is in ``upgrade``.

A fact that names a table has one column for each of its fields, so that a row has the shape of the fact in JSON. Every
such table has ``session_id`` and ``seq``: a fact that is older than the one that is stored under the same key changes
nothing, which makes writing twice the same as writing once. There are no foreign keys, so that rows can arrive in any
order and tables can be moved to a store for time series.

By hand are only the tables that no fact describes alone, and :data:`WHEN` and :data:`EXTRAS`, which say how tables are
asked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

import sqlalchemy as sa
from msgspec import NODEFAULT, inspect
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from triplane.model import facts
from triplane.model.facts import Fact
from triplane.store.types import Money

WHEN: Final = {
    "orders": "created_at",
    "signals": "generated_at",
    "fills": "filled_at",
    "positions": "entry_time",
    "trades": "exit_time",
    "sessions": "started_at",
    "backtest_results": "created_at",
    "parameter_sets": "created_at",
}
"""The column that says when a row was, where it is not ``time``; lists are ordered and filtered by it."""

EXTRAS: Final[dict[str, Callable[[], tuple[SchemaItem, ...]]]] = {
    "orders": lambda: (sa.UniqueConstraint("client_order_id"),),
    "fills": lambda: (sa.Index(None, "order_id"),),
    "signals": lambda: (sa.Index(None, "order_id"),),
    # beyond the fact: what a person has seen, which no projection sets back
    "risk_events": lambda: (sa.Column("acknowledged", sa.Boolean(), nullable=False, default=False),),
}
"""What derived tables have beside the columns of their facts."""

_NAMES: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
_TYPES: Final[dict[type, type[TypeEngine[Any]]]] = {
    inspect.StrType: sa.String,
    inspect.IntType: sa.BigInteger,
    inspect.FloatType: sa.Double,
    inspect.BoolType: sa.Boolean,
}
_NUMBER: Final = ("session_id", "seq")


@dataclass(frozen=True, slots=True)
class Plan:
    """Where facts of one kind are kept, and what a fact is known by there."""

    table: sa.Table
    key: Callable[[Fact], Any]


class Schema:
    """The tables of a store.

    Parameters
    ----------
    kinds
        Facts by the name of their table.
    """

    def __init__(self, kinds: Mapping[str, type[Fact]] = facts.TABLES) -> None:
        self.metadata = sa.MetaData(naming_convention=_NAMES)
        self.tables: Mapping[str, sa.Table] = self.metadata.tables
        self.plans = {kind: self._derive(name, kind) for name, kind in kinds.items()}
        _by_hand(self.metadata)

    def _derive(self, name: str, kind: type[Fact]) -> Plan:
        fields = _fields(kind)
        keys = tuple(field.name for field in fields if _meaning(field)[2].get("key")) or _NUMBER
        columns = [_column(field, key=field.name in keys) for field in fields]
        index = sa.Index(None, "session_id", WHEN.get(name, "time"))
        table = sa.Table(name, self.metadata, *columns, index, *EXTRAS.get(name, tuple)())
        return Plan(table, attrgetter(*keys))

    @property
    def numbered(self) -> list[sa.Table]:
        """The derived tables whose rows have no other key than the fact's number."""
        tables = [plan.table for plan in self.plans.values()]
        return [table for table in tables if tuple(table.primary_key.columns.keys()) == _NUMBER]


def _fields(kind: type[Fact]) -> tuple[inspect.Field, ...]:
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)  # noqa: S101 - a Fact is a Struct
    return described.fields


def _meaning(field: inspect.Field) -> tuple[inspect.Type, bool, dict[str, Any]]:
    """The type behind annotations, whether it may be None, and what the annotations say."""
    kind, nullable = field.type, False
    said: dict[str, Any] = {}
    while True:
        if isinstance(kind, inspect.Metadata):
            said |= kind.extra or {}
            kind = kind.type
            continue
        if isinstance(kind, inspect.UnionType):
            nullable = nullable or kind.includes_none
            rest = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
            if len(rest) == 1:
                kind = rest[0]
                continue
        return kind, nullable or isinstance(kind, inspect.AnyType), said


def _column(field: inspect.Field, *, key: bool = False) -> sa.Column[Any]:
    kind, nullable, said = _meaning(field)
    made = Money() if said.get("column") == "money" else _TYPES.get(type(kind), lambda: sa.JSON(none_as_null=True))()
    default = field.default if field.default_factory is NODEFAULT else field.default_factory()
    given = default is not NODEFAULT  # may be missing, so that a version which does not know the field can write
    return sa.Column(
        field.name,
        made,
        primary_key=key,
        nullable=(nullable or given) and not key,
        autoincrement=False,
        info={"default": default} if given else {},
    )


def _by_hand(metadata: sa.MetaData) -> None:
    """The tables that no fact describes alone."""
    head = {field.name for field in _fields(Fact)}
    told = [_column(field) for field in _fields(facts.Session) if field.name not in head]
    sa.Table(
        "sessions",
        metadata,
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("status", sa.String(), nullable=False),  # open or finished; who runs it knows whether it runs
        *told,
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("halt_reason", sa.Text()),
        sa.Column("decisions_sha256", sa.String()),
        sa.Column("net_pnl", Money()),
        sa.Index(None, "started_at"),
    )
    sa.Table(
        "parameter_sets",
        metadata,
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("version", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("data_sha256", sa.String(), nullable=False),
        sa.Column("train_from", sa.BigInteger(), nullable=False),
        sa.Column("train_to", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
    )
    sa.Table(
        "backtest_results",
        metadata,
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("timeframe", sa.String(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("decisions_sha256", sa.String(), nullable=False),
        sa.Index(None, "created_at"),
    )
    sa.Table(  # how far each session is stored, where its stream lies, and how long that was then
        "journal",
        metadata,
        sa.Column("session_id", sa.String(), primary_key=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
    )


SCHEMA: Final = Schema()
"""The tables of today's facts."""
