"""Where an order fills: the kernel's simulated broker, asked about one trade at a time.

A trade is a candle whose four prices are equal, so no rule is decided here. Prices are whole ticks.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Final

import numpy as np

from triplane.data.instruments import Instrument
from triplane.exchange import rules_driver
from triplane.kernel.codes import OrderType
from triplane.strategies.drivers import ready

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


@lru_cache(maxsize=1)
def compiled() -> ModuleType:
    """The kernel's answers, compiled or from the cache."""
    return ready("rules", Path(rules_driver.__file__), "the exchange's rules")


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
        self._state = np.zeros(1, rules_driver.STATE)
        self._state["instrument"] = instrument.to_record()
        self._state["costs"]["slippage"] = slippage
        self._state["costs"]["through_ticks"] = through_ticks
        self._compiled = compiled()

    def fill(self, kind: str, side: int, level: int, trade: int) -> int | None:
        """Ticks at which an order that waits at ``level`` fills (or a trigger is reached) by a trade; None if not."""
        ticks: int = self._compiled.fill(self._state, int(KINDS[kind]), side, level, trade)
        return None if ticks == rules_driver.NEVER else ticks

    def taker(self, side: int, last: int) -> int:
        """Ticks at which an order fills that takes at once: the last price, slipped against it."""
        return int(self._compiled.taker(self._state, side, last))


def liquidation(entry: Decimal, side: int, notional: Decimal, margin: Decimal, rate: Decimal, cum: Decimal) -> Decimal:
    """Price at which a position is liquidated, 0 for never.

    The kernel's rule, with the leverage that the margin really gives; ``cum`` is the maintenance amount that the lower
    brackets save.
    """
    backing = margin + cum
    if backing <= 0:
        return entry
    price = compiled().liquidation(float(entry), side, float(notional / backing), float(rate))
    return Decimal(repr(float(price)))
