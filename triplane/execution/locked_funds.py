"""Venues where a resting order locks the funds that it would sell (spot): stop and targets cannot rest side by side.

Targets are then watched here and sold at market when they are reached. The stop is cancelled first to free the coins,
for targets and exits alike, and is placed again for what is left. In between the position has no stop, which cannot be
avoided on spot.
"""

from msgspec.structs import replace

from triplane.execution.blotter import Blotter
from triplane.execution.orders import Fate, WorkingOrder
from triplane.kernel.codes import Leg
from triplane.venues.base import OrderType


class LockedFunds:
    """Decides which order has to wait for which.

    Parameters
    ----------
    active
        Whether the venue locks funds; otherwise nothing ever waits.
    """

    def __init__(self, blotter: Blotter, *, active: bool) -> None:
        self.active = active
        self._blotter = blotter
        self._prices = [0.0] * len(blotter.instruments)

    def on_price(self, k: int, price: float) -> None:
        """The newest price of symbol ``k``."""
        self._prices[k] = price

    def _reached(self, order: WorkingOrder) -> bool:
        price, trigger = self._prices[order.k], order.new.trigger
        if trigger is None:
            return order.new.type is OrderType.MARKET
        return price > 0.0 and (price - float(trigger)) * order.new.side <= 0.0

    def _way_out(self, k: int) -> bool:
        """Whether an exit, or a target that was reached, is waiting to be sent."""
        return any(
            o.fate is Fate.WANTED
            and self._blotter.is_wanted(o)
            and (o.leg == Leg.EXIT or (o.leg > Leg.STOP and self._reached(o)))
            for o in self._blotter.live(k)
        )

    def must_yield(self, order: WorkingOrder) -> bool:
        """Whether a wanted stop has to be cancelled, because it locks what an exit needs."""
        return self.active and order.leg == Leg.STOP and self._way_out(order.k)

    def free(self, order: WorkingOrder) -> bool:
        """Whether nothing else locks what an order would sell; a target also has to be reached."""
        if not self.active or order.leg == Leg.ENTRY:
            return True
        others = [
            o
            for o in self._blotter.live(order.k)
            if o is not order and o.leg != Leg.ENTRY and o.fate is not Fate.WANTED
        ]
        if order.leg == Leg.STOP:
            return not others and not self._way_out(order.k)
        if order.leg != Leg.EXIT:
            if others or not self._reached(order):
                return False
            order.new = replace(order.new, type=OrderType.MARKET, trigger=None)
        return not others
