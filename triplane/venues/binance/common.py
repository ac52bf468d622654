"""What the formats of Binance spot and futures have in common: codes of sides and states, orders and executions."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final, NamedTuple

from triplane.data.instruments import Market, plain
from triplane.errors import DataError
from triplane.venues.base import Cause, Execution, NewOrder, OrderReport, OrderStatus, OrderType
from triplane.venues.wire import Row, number, positive

ENDED_BADLY: Final = (OrderStatus.REJECTED, OrderStatus.EXPIRED)
_STATUS: Final = {
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
    "REJECTED": OrderStatus.REJECTED,
}


class Names(NamedTuple):
    """What the fields of an order are called in one kind of message."""

    client_id: str
    symbol: str
    side: str
    quantity: str
    filled: str
    average: str
    price: str
    trigger: str
    reduce_only: str
    updated: str


def ccxt_markets(rows: Iterable[Row], market: Market) -> dict[str, dict[str, Any]]:
    """The rows of exchangeInfo as ccxt keeps them, see :func:`triplane.data.binance.find_market`."""
    spot = market == "spot"
    return {
        row["symbol"]: {
            "id": row["symbol"],
            "active": row["status"] == "TRADING" and row.get("isSpotTradingAllowed", True),
            "spot": spot,
            "swap": not spot,
            "linear": not spot,
            "info": row,
        }
        for row in rows
    }


def side_of(text: str) -> int:
    """+1 or −1; raises DataError."""
    if text not in ("BUY", "SELL"):
        raise DataError(f"the venue sent side {text!r}; it must be BUY or SELL")
    return 1 if text == "BUY" else -1


def state_of(text: str, quantity: Decimal, filled: Decimal) -> OrderStatus:
    """Status by the venue's word; an unknown word says nothing final.

    The algo service's FINISHED and forced closes are judged by what they filled.
    """
    if text in ("FINISHED", "NEW_INSURANCE", "NEW_ADL") and 0 < quantity <= filled:
        return OrderStatus.FILLED
    return OrderStatus.EXPIRED if text == "FINISHED" else _STATUS.get(text, OrderStatus.OPEN)


def order_params(order: NewOrder, kind: str) -> dict[str, str]:
    """What every request that places an order says."""
    side = "BUY" if order.side > 0 else "SELL"
    return {"symbol": order.symbol, "side": side, "type": kind, "quantity": plain(order.quantity)}


def report(row: Row, names: Names, kind: OrderType, status: str, **known: Any) -> OrderReport:
    """An order as a message shows it; ``known`` replaces what the row says."""
    quantity = number(row, names.quantity)
    fields = {
        "client_id": known["client_id"] if "client_id" in known else row[names.client_id],
        "filled": number(row, names.filled),
        "average": positive(row, names.average),
        "price": positive(row, names.price),
        "trigger": positive(row, names.trigger),
        "reduce_only": bool(row.get(names.reduce_only)),
        "updated": int(row.get(names.updated) or 0),
    } | known
    state = state_of(status, quantity, fields["filled"])
    side = side_of(row[names.side])
    return OrderReport(symbol=row[names.symbol], side=side, type=kind, status=state, quantity=quantity, **fields)


def own_trade(row: Row, side: int, *, maker: bool) -> Execution:
    """A row of the account's trades; it does not tell the client id."""
    return Execution(
        row["symbol"], str(row["id"]), str(row["orderId"]), "", side, number(row, "price"), number(row, "qty"),
        number(row, "commission"), row.get("commissionAsset", ""), maker, int(row["time"]),
    )  # fmt: skip


def pushed_trade(o: Row, client_id: str, cause: Cause = Cause.NONE) -> Execution:
    """The execution that an order's event of the user stream tells."""
    return Execution(
        o["s"], str(o["t"]), str(o["i"]), client_id, side_of(o["S"]), number(o, "L"), number(o, "l"), number(o, "n"),
        o.get("N") or "", bool(o["m"]), int(o["T"]), cause,
    )  # fmt: skip
