"""From the core's audit rows to orders: ticks and lots become exact decimals, and each order gets its identity."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from triplane.data.instruments import Instrument
from triplane.execution.ids import client_order_id
from triplane.execution.orders import WorkingOrder
from triplane.kernel import codes
from triplane.kernel.codes import Leg
from triplane.venues.base import NewOrder, OrderType


def placed(session_id: str, instruments: Sequence[Instrument], row: Any, now: int) -> WorkingOrder:
    """The order of a *place* row."""
    k, leg, number = int(row["symbol"]), int(row["leg"]), int(row["order"])
    instrument = instruments[k]
    new = NewOrder(
        client_order_id(session_id, k, int(row["decision"]), leg, number),
        instrument.symbol,
        int(row["side"]),
        OrderType(codes.OrderType.labels[row["type"]]),
        instrument.quantity(int(row["quantity_lots"])),
        instrument.price(int(row["price_ticks"])) if row["price_ticks"] else None,
        instrument.price(int(row["trigger_ticks"])) if row["trigger_ticks"] else None,
        bool(row["flag"]),
    )
    return WorkingOrder(new, k, leg, number, 0, now, int(row["time"]))


def amended(session_id: str, instruments: Sequence[Instrument], row: Any, old: WorkingOrder, now: int) -> WorkingOrder:
    """The next revision of an order, of an *amend* row: another order at the venue."""
    instrument, revision = instruments[old.k], int(row["bits"])
    new = replace(
        old.new,
        client_id=client_order_id(session_id, old.k, int(row["decision"]), old.leg, old.number, revision),
        type=OrderType.STOP_MARKET if old.leg == Leg.STOP else OrderType.TAKE_PROFIT_MARKET,
        quantity=instrument.quantity(int(row["quantity_lots"])),
        trigger=instrument.price(int(row["trigger_ticks"])),
    )
    return WorkingOrder(new, old.k, old.leg, old.number, revision, now, old.decided_at)
