"""Tables are what the facts declare: a new field is a new column, and a row is the fact."""

from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec
import pytest
from sqlalchemy import JSON, BigInteger, Boolean, Double, String
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from tests.unit.store.samples import order, session
from triplane.model.facts import TABLES, Fact, Key, Meta, Millis, Money, Order
from triplane.store import Projector, Store
from triplane.store import types as store_types
from triplane.store.schema import SCHEMA, Schema


class Part(msgspec.Struct, frozen=True):
    name: str


class Everything(Fact, frozen=True, kw_only=True, tag="everything.v1"):
    """One field of each kind."""

    table: ClassVar[str | None] = "everything"

    name: Annotated[str, Key]
    amount: Money
    maybe: Money | None
    described: Annotated[Money | None, Meta(description="An amount.")] = None
    at: Millis
    count: Annotated[int, Meta(description="How many.")]
    ratio: float | None
    on: bool
    parts: list[Part]
    values: dict[str, float | None] = msgspec.field(default_factory=dict)
    what: Any = None


class OrderWithMore(Order, frozen=True, kw_only=True, tag="order.v1"):
    """An order with a further field, as a later version would declare it."""

    colour: str = "blue"
    tags: list[str] = msgspec.field(default_factory=list)


@pytest.mark.parametrize(
    ("name", "kind", "nullable"),
    [
        ("session_id", String, False),
        ("seq", BigInteger, False),
        ("name", String, False),
        ("amount", store_types.Money, False),
        ("maybe", store_types.Money, True),
        ("described", store_types.Money, True),
        ("at", BigInteger, False),
        ("count", BigInteger, False),
        ("ratio", Double, True),
        ("on", Boolean, False),
        ("parts", JSON, False),
        ("values", JSON, True),
    ],
)
def test_each_kind_of_field(name: str, kind: type[object], nullable: bool) -> None:
    column = Schema({"everything": Everything}).tables["everything"].c[name]
    assert (type(column.type), column.nullable) == (kind, nullable)


def test_every_fact_with_a_table_has_one_with_its_fields() -> None:
    for name, kind in TABLES.items():
        beyond = {"acknowledged"} if name == "risk_events" else set()
        assert set(SCHEMA.tables[name].c.keys()) - beyond == set(kind.__struct_fields__)


def test_the_key_is_what_is_marked_or_the_number() -> None:
    keys = {name: set(SCHEMA.tables[name].primary_key.columns.keys()) for name in TABLES}
    assert keys["candles"] == {"venue", "symbol", "tf", "open_time"}
    assert keys["zones"] == {"session_id", "id"}
    assert keys["orders"] == {"order_id"}
    assert keys["indicators"] == keys["errors"] == {"session_id", "seq"}


def test_one_of_each_kind_comes_back_as_it_is_in_json(tmp_path: Path) -> None:
    fact = Everything(
        session_id="s", seq=1, time=2, name="n", amount="0.10", maybe=None, at=3, count=4, ratio=5.0, on=True,
        parts=[Part("a")], values={"x": None},
    )  # fmt: skip
    with Store(tmp_path / "all.sqlite", schema=Schema({"everything": Everything})) as store:
        store.project([fact])
        expected = msgspec.to_builtins(fact)
        del expected["event"]
        assert store.page("everything").items == [expected]


def test_a_new_field_is_a_new_column_of_an_old_database(tmp_path: Path) -> None:
    """Declared, it is there: the table grows, old rows have the default, new ones what was told."""
    path, more = tmp_path / "triplane.sqlite", Schema(TABLES | {"orders": OrderWithMore})
    with Store(path) as store:
        store.project([session(), order(1, 2)])
        assert "colour" not in store.orders().items[0]
    with Store(path, schema=more) as store:
        assert store.backup == tmp_path / "triplane.sqlite.before-0003"
        assert [(row["colour"], row["tags"]) for row in store.orders().items] == [("blue", [])]
        projector = Projector(store, tmp_path)
        old = {name: getattr(order(2, 3), name) for name in Order.__struct_fields__}
        projector.on_facts([OrderWithMore(**old, colour="red", tags=["x"])])
        assert projector.step()
        assert [(row["order_id"], row["colour"], row["tags"]) for row in store.orders().items] == [
            ("o2", "red", ["x"]),
            ("o1", "blue", []),
        ]
    with Store(path, schema=more) as store:
        assert store.backup is None


def test_the_version_before_still_writes(tmp_path: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    Store(path, schema=Schema(TABLES | {"orders": OrderWithMore})).close()
    with Store(path) as store:
        assert store.backup is None
        store.project([session(), order(1, 2)])
        assert store.orders().total == 1


def test_every_table_is_one_that_postgresql_understands() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    made = {table.name: str(CreateTable(table).compile(dialect=dialect)) for table in SCHEMA.metadata.sorted_tables}
    assert not [name for name, text in made.items() if "DATETIME" in text]
    assert "price NUMERIC" in made["orders"]
    assert "take_profits JSON NOT NULL" in made["positions"]
