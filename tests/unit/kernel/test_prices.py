"""Prices and quantities of the kernel are the nearest floats of an instrument's exact decimals."""

from decimal import Decimal

from triplane.data.instruments import Instrument
from triplane.kernel.prices import to_price, to_quantity

BTC = Instrument("BTCUSDT", Decimal("0.10"), Decimal("0.001"), Decimal("0.001"), Decimal(100), 0.004)


def test_the_kernel_gives_the_nearest_float_of_the_decimal() -> None:
    record = BTC.to_record()[0]
    for steps in (3, 7, 123_457, 999_999):
        assert to_price(record, steps) == float(BTC.price(steps))
        assert to_quantity(record, steps) == float(BTC.quantity(steps))
