"""A fixed quantity as whole lots, or a sentence that says what the smallest one is."""

from decimal import Decimal

import pytest

from triplane.data.instruments import Instrument
from triplane.engine.settings import fixed_lots
from triplane.errors import BadInput

COIN = Instrument("BTCUSDT", Decimal("0.1"), Decimal("0.001"))


@pytest.mark.parametrize(
    ("quantity", "lots"), [(None, 0), (0.5, 500), ("0.0019", 1), (Decimal(2), 2000), (1e-3, 1), (3, 3000)]
)
def test_a_quantity_is_rounded_down_to_lots(quantity: float | str | Decimal | None, lots: int) -> None:
    assert fixed_lots(COIN, quantity) == lots


@pytest.mark.parametrize("quantity", [0, "abc", -1, 0.0009, float("nan")])
def test_less_than_a_lot_is_refused(quantity: float | str) -> None:
    with pytest.raises(BadInput, match=f"quantity is {quantity}; it must be at least one lot, 0.001 BTCUSDT"):
        fixed_lots(COIN, quantity)
    with pytest.raises(BadInput, match=r"at least one lot, 0\.00000001 X"):
        fixed_lots(Instrument.research("X"), 0)
