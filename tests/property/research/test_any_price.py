"""A market of any price trades alike: the grid follows the price, and no integer grows past what a float can hold."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triplane.data.generator import generate
from triplane.data.instruments import Instrument
from triplane.errors import BadInput
from triplane.kernel.codes import Check, RowKind
from triplane.kernel.rows import OUTPUT, of_kind
from triplane.model.settings import PLAIN, CostSettings
from triplane.research.backtest import Backtest, simulate

MARKET = generate(seed=8, start_ms=1_735_689_600_000, n=3000)
INTEGERS = [name for name in OUTPUT.names or () if OUTPUT[name].kind == "i"]


def scaled(price: float) -> Any:
    market = MARKET.copy()
    for name in ("open", "high", "low", "close"):
        market[name] *= price / MARKET["open"][0]
    return market


def run(price: float, **more: Any) -> Backtest:
    costs = CostSettings.model_validate(PLAIN)  # the volume is not scaled, so what a size costs would be
    return simulate(scaled(price), strategy="ema_cross", symbol="X", timeframe="1m", costs=costs, **more)


def multiples(result: Backtest) -> Any:
    return of_kind(result.rows, RowKind.TRADE)["r_multiple"]


BASE = run(100.0)


@settings(max_examples=40)
@given(st.floats(-12.0, 13.0))
def test_the_price_changes_nothing_but_the_scale(exponent: float) -> None:
    result = run(10.0**exponent)
    for name in INTEGERS:
        assert np.abs(result.rows[name]).max() < 2**53, name
    assert len(multiples(result)) == len(multiples(BASE)) > 5
    # nine digits of the price leave five of a stop that is a thousandth of it away
    assert multiples(result) == pytest.approx(multiples(BASE), abs=2e-3)
    assert result.metrics["final_equity"] == pytest.approx(BASE.metrics["final_equity"], abs=0.5)


@pytest.mark.parametrize("price", [3.1e-9, 2e11])
def test_the_prices_of_the_smallest_and_dearest(price: float) -> None:
    first = BASE.trade_columns["entry_price"][0] * price / 100.0
    assert run(price).trade_columns["entry_price"][0] == pytest.approx(first, rel=1e-6)


def test_what_does_not_fit_is_refused_with_symbol_and_value() -> None:
    old = Instrument("X", Decimal("0.00000001"), Decimal("0.00000001"))
    with pytest.raises(BadInput, match=r"X: the price 1\.\d+e\+11 does not fit its tick of 0\.00000001"):
        run(2e11, instrument=old)
    with pytest.raises(BadInput, match=r"X: the price \d\.\d+e-09 does not fit its tick of 0\.00000001"):
        run(3.1e-9, instrument=old)
    with pytest.raises(BadInput, match=r"quantity is 1e18; it must be at most 90071992\.54740991 X"):
        run(1.0, quantity="1e18")


def test_a_size_that_does_not_fit_is_refused_in_the_core() -> None:
    fine = Instrument("X", Decimal("0.000000000000001"), Decimal("0.00000001"))
    result = run(3.1e-9, instrument=fine)
    rejects = of_kind(result.rows, RowKind.REJECT)
    assert len(result.trade_columns["pnl"]) == 0
    assert {Check(check).label for check in rejects["check"]} == {"max_position_size"}
    assert (rejects["value"] > rejects["limit"] * 0.999).all()
