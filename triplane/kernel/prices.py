"""Between float prices and the integer ticks and lots of an instrument.

A tick size is kept as a fraction ``tick_num / price_scale`` (0.1 is 1 / 10), so that ``ticks * tick_num / price_scale``
is the correctly rounded float of the exact decimal: 3 ticks of 0.1 are 0.3, not 0.30000000000000004. The rounding
functions forgive the last bits of a float, so that a price that *is* on the grid stays where it is. A number that no
float tells from its neighbours is not on any grid: it becomes ``LARGEST``, which checks refuse.
"""

import numpy as np

from triplane.kernel.jit import Rec, njit
from triplane.kernel.records import LARGEST


@njit
def snap(x: float, up: bool) -> int:
    """Round ``x`` to a whole number, down or up, unless it already is one but for float noise."""
    if not abs(x) < LARGEST:
        return LARGEST if x > 0.0 else -LARGEST
    nearest = np.rint(x)
    if abs(x - nearest) <= max(1e-7, 1e-15 * abs(x)):
        return int(nearest)
    return int(np.ceil(x)) if up else int(np.floor(x))


@njit
def to_price(instrument: Rec, ticks: int) -> float:
    """Price of a number of ticks, quote currency."""
    return float(float(ticks) * instrument.tick_num / instrument.price_scale)


@njit
def to_ticks(instrument: Rec, price: float, up: bool) -> int:
    """Ticks of a price, rounded down or up to the grid."""
    return snap(price * instrument.price_scale / instrument.tick_num, up)


@njit
def to_quantity(instrument: Rec, lots: int) -> float:
    """Quantity of a number of lots, base units."""
    return float(float(lots) * instrument.lot_num / instrument.quantity_scale)


@njit
def to_lots(instrument: Rec, quantity: float) -> int:
    """Lots of a quantity, always rounded down."""
    return snap(quantity * instrument.quantity_scale / instrument.lot_num, False)
