"""Amounts come back digit for digit."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from triplane.errors import BadInput
from triplane.store import Store
from triplane.store.types import Money


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("money") / "triplane.sqlite") as opened:
        yield opened


AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**18), max_value=10**18)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(AMOUNTS, min_size=1, max_size=10))
def test_any_amount_comes_back_exactly(store: Store, amounts: list[Decimal]) -> None:
    rows = [session(f"s{number}", net_pnl=amount) for number, amount in enumerate(amounts)]
    store.put("sessions", rows)
    for number, amount in enumerate(amounts):
        found = store.session(f"s{number}")
        assert found is not None
        assert found["net_pnl"] == amount
        assert str(found["net_pnl"].as_tuple()) == str(Decimal(format(amount, "f")).as_tuple())


def test_stored_without_exponent() -> None:
    assert Money().process_bind_param(Decimal("1E-8"), sqlite.dialect()) == "0.00000001"
    assert Money().process_bind_param("12.50", sqlite.dialect()) == "12.50"
    assert Money().process_bind_param(3, sqlite.dialect()) == "3"


def test_postgresql_gets_a_numeric_without_limit() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    assert Money().load_dialect_impl(dialect).compile(dialect) == "NUMERIC"
    assert Money().process_bind_param("0.1", dialect) == Decimal("0.1")


@pytest.mark.parametrize("amount", [0.1, Decimal("NaN"), Decimal("Infinity")])
def test_what_is_not_exact_is_refused(amount: float | Decimal) -> None:
    with pytest.raises(BadInput, match=r"amount of .*(float|finite)"):
        Money().process_bind_param(amount, sqlite.dialect())  # type: ignore[arg-type]


def session(name: str, **fields: object) -> dict[str, object]:
    row: dict[str, object] = {
        "id": name,
        "status": "running",
        "mode": "paper",
        "strategy": "ema_cross",
        "symbols": ["BTCUSDT"],
        "timeframe": "15m",
        "source": "demo",
        "started_at": 1,
    }
    return row | fields
