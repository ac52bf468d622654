"""The questions that the exchange in a box asks of the kernel's simulated broker, one compiled call each.

Like ``strategies/driver.py`` it is copied to the cache folder before it is used, so that its compiled functions are
found again: compiling them takes longer than everything else that the start of an exchange does.
"""

from decimal import Decimal
from typing import Final

import numpy as np

from triplane.data.instruments import Instrument
from triplane.kernel.broker import trade_price, worse_ticks
from triplane.kernel.codes import OrderType
from triplane.kernel.jit import Arr, entry, record
from triplane.kernel.ledger import liquidation_price
from triplane.kernel.prices import to_price, to_ticks
from triplane.kernel.records import CANDLE, COSTS, INSTRUMENT, ORDER

STATE: Final = record([("instrument", INSTRUMENT), ("costs", COSTS), ("order", ORDER), ("trade", CANDLE)])
NEVER: Final = -1


@entry
def fill(S: Arr, kind: int, side: int, level: int, trade: int) -> int:
    """Ticks at which an order that waits at ``level`` fills by a trade, or NEVER."""
    s = S[0]
    order, candle = s.order, s.trade
    order.type, order.side = kind, side
    order.price_ticks = order.trigger_ticks = level
    order.level = to_price(s.instrument, level)
    candle.open = candle.high = candle.low = candle.close = to_price(s.instrument, trade)
    price = trade_price(s, order, candle)
    return NEVER if np.isnan(price) else to_ticks(s.instrument, price, side > 0)


@entry
def taker(S: Arr, side: int, last: int) -> int:
    """Ticks at which an order fills that takes at once."""
    return worse_ticks(S[0], to_price(S[0].instrument, last), side)


@entry
def liquidation(entered: float, side: int, leverage: float, maintenance: float) -> float:
    """Price at which a position is liquidated."""
    return liquidation_price(entered, side, leverage, maintenance)


def warm() -> None:
    """Compile every function, or load it from the cache."""
    S = np.zeros(1, STATE)
    S["instrument"] = Instrument("X", Decimal(1), Decimal(1)).to_record()
    fill(S, OrderType.LIMIT, 1, 1, 1)
    taker(S, 1, 1)
    liquidation(1.0, 1, 1.0, 0.01)
