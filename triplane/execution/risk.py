"""The last check of an order before it leaves. Its result is a type: a venue places only what is ``Approved``.

The core has sized the order and checked every limit of the profile; here it is checked against the venue's rules, the
largest order allowed, and the current price. An order that can only reduce is always approved.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from triplane.data.instruments import Instrument
from triplane.venues.base import ZERO, Approved, NewOrder, OrderType
from triplane.venues.errors import Refused, Why
from triplane.venues.wire import check_grid

SLACK: Final = 1.05
"""An order's value may be so much above the largest position: the price has moved since it was sized."""
FAT_FINGER: Final = Decimal("0.2")
"""Largest distance of an entry's price from the market, as a fraction."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an entry must respect; 0 switches a bound off.

    Parameters
    ----------
    max_notional
        Quote currency, of one order.
    reference
        Price of the market now.
    """

    max_notional: Decimal = ZERO
    reference: Decimal = ZERO


def _refuse(field: str, value: object, allowed: str) -> Refused:
    return Refused(f"{field} is {value}; {allowed}.", why=Why.FILTER)


def approve(order: NewOrder, instrument: Instrument, bounds: Bounds | None = None) -> Approved[NewOrder]:
    """Approve an order, or raise Refused with the reason.

    Minimum notional and bounds are for entries: they never hold back an order that reduces.
    """
    check_grid(order, instrument)
    if (order.price is None) == (order.type is OrderType.LIMIT):
        raise _refuse("price", order.price, "a limit order needs one, others have none")
    if (order.trigger is not None) != order.type.conditional:
        raise _refuse("trigger", order.trigger, "a conditional order needs one, others have none")
    if order.reduce_only:
        return Approved(order)
    bounds = bounds or Bounds()
    price = order.price or order.trigger or bounds.reference
    if order.quantity < instrument.min_quantity:
        raise _refuse("quantity", order.quantity, f"the smallest order is {instrument.min_quantity}")
    if price and order.quantity * price < instrument.min_notional:
        raise _refuse("notional", order.quantity * price, f"the smallest order is worth {instrument.min_notional}")
    if bounds.max_notional and order.quantity * price > bounds.max_notional:
        raise _refuse("notional", order.quantity * price, f"at most {bounds.max_notional} may be ordered at once")
    if bounds.reference and abs(price - bounds.reference) > bounds.reference * FAT_FINGER:
        raise _refuse("price", price, f"it must be within {FAT_FINGER:.0%} of the market, {bounds.reference}")
    return Approved(order)


def approve_exit(order: NewOrder) -> Approved[NewOrder]:
    """Approve an order that closes a position; it is reduce-only wherever the venue knows such a flag."""
    return Approved(replace(order, reduce_only=True))
