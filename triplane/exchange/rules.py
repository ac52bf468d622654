"""Where an order fills: the kernel's simulated broker, asked about one trade at a time.

A trade is a candle whose four prices are equal, so no rule is decided here. Prices are whole ticks.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

import numpy as np

from triplane.data.instruments import Instrument
from triplane.kernel.broker import trade_price, worse_ticks
from triplane.kernel.codes import OrderType
from triplane.kernel.jit import record
from triplane.kernel.ledger import liquidation_price
from triplane.kernel.prices import to_price, to_ticks
from triplane.kernel.records import CANDLE, COSTS, INSTRUMENT, ORDER

_STATE: Final = record([("instrument", INSTRUMENT), ("costs", COSTS)])
KINDS: Final = {
    "LIMIT": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    **dict.fromkeys(("STOP", "STOP_MARKET", "TRAILING_STOP_MARKET"), OrderType.STOP_MARKET),
    **dict.fromkeys(("TAKE_PROFIT", "TAKE_PROFIT_MARKET"), OrderType.TAKE_PROFIT_MARKET),
}
"""The kernel's kind of each order type: how its level is reached."""

MAKER_FEE: Final = Decimal("0.0002")
TAKER_FEE: Final = Decimal("0.0005")
SLIPPAGE: Final = 0.00005
CENT: Final = Decimal("0.00000001")
"""Smallest unit of money."""


def money(value: Decimal) -> Decimal:
    """An amount in whole units of the smallest money."""
    return value.quantize(CENT, ROUND_HALF_EVEN)


class Rules:
    """The simulated broker's answers for one instrument.

    Parameters
    ----------
    instrument
        Grid and maintenance margin.
    slippage, through_ticks
        As in the kernel's COSTS.
    """

    def __init__(self, instrument: Instrument, slippage: float = SLIPPAGE, through_ticks: int = 1) -> None:
        self.through_ticks = through_ticks
        state = np.zeros(1, _STATE)
        state["instrument"] = instrument.to_record()
        state["costs"]["slippage"] = slippage
        state["costs"]["through_ticks"] = through_ticks
        orders, candles = np.zeros(1, ORDER), np.zeros(1, CANDLE)
        self._state, self._order, self._candle = state[0], orders[0], candles[0]
        self._instrument = self._state.instrument
        self.fill("LIMIT", 1, 1, 1)  # compiles now, so that the first order need not wait
        self.taker(1, 1)
        liquidation(Decimal(1), 1, Decimal(1), Decimal(1), Decimal("0.01"), Decimal(0))

    def fill(self, kind: str, side: int, level: int, trade: int) -> int | None:
        """Ticks at which an order that waits at ``level`` fills (or a trigger is reached) by a trade; None if not."""
        order, instrument = self._order, self._instrument
        order.type, order.side = KINDS[kind], side
        order.price_ticks = order.trigger_ticks = level
        order.level = to_price(instrument, level)
        candle = self._candle
        candle.open = candle.high = candle.low = candle.close = to_price(instrument, trade)
        price = trade_price(self._state, order, self._candle)
        return None if price != price else int(to_ticks(instrument, price, side > 0))  # noqa: PLR0124 - NaN

    def taker(self, side: int, last: int) -> int:
        """Ticks at which an order fills that takes at once: the last price, slipped against it."""
        return int(worse_ticks(self._state, to_price(self._instrument, last), side))


def liquidation(entry: Decimal, side: int, notional: Decimal, margin: Decimal, rate: Decimal, cum: Decimal) -> Decimal:
    """Price at which a position is liquidated, 0 for never.

    The kernel's rule, with the leverage that the margin really gives; ``cum`` is the maintenance amount that the lower
    brackets save.
    """
    backing = margin + cum
    if backing <= 0:
        return entry
    price = liquidation_price(float(entry), side, float(notional / backing), float(rate))
    return Decimal(repr(float(price)))
