"""Amounts come back digit for digit."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, select
from sqlalchemy.dialects import postgresql, sqlite

from triplane.errors import BadInput
from triplane.store.types import Money

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**18), max_value=10**18)
TABLE = Table("amounts", MetaData(), Column("n", Integer(), primary_key=True), Column("amount", Money()))


@settings(max_examples=60, deadline=None)
@given(amounts=st.lists(AMOUNTS, min_size=1, max_size=10))
def test_any_amount_comes_back_exactly(amounts: list[Decimal]) -> None:
    texts = [format(amount, "f") for amount in amounts]
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        TABLE.metadata.create_all(connection)
        connection.execute(TABLE.insert(), [{"n": n, "amount": text} for n, text in enumerate(texts)])
        assert list(connection.execute(select(TABLE.c.amount).order_by(TABLE.c.n)).scalars()) == texts
    engine.dispose()


def test_written_without_exponent() -> None:
    assert Money().process_bind_param(Decimal("1E-8"), sqlite.dialect()) == "0.00000001"
    assert Money().process_bind_param("12.50", sqlite.dialect()) == "12.50"
    assert Money().process_bind_param(3, sqlite.dialect()) == "3"


def test_postgresql_gets_a_numeric_without_limit_and_gives_text() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    assert Money().load_dialect_impl(dialect).compile(dialect) == "NUMERIC"
    assert Money().process_bind_param("0.1", dialect) == Decimal("0.1")
    assert Money().process_result_value(Decimal("1E-8"), dialect) == "0.00000001"
    assert Money().process_result_value(Decimal("12.50"), dialect) == "12.50"


@pytest.mark.parametrize("amount", [0.1, Decimal("NaN"), "Infinity", "ten"])
def test_what_is_not_exact_is_refused(amount: float | Decimal | str) -> None:
    with pytest.raises(BadInput, match=r"amount of .*(float|finite|not a number)"):
        Money().process_bind_param(amount, sqlite.dialect())  # type: ignore[arg-type]
