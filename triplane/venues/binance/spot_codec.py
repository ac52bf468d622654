"""Binance spot, its words: typed orders to requests, answers and messages of the WebSocket API to typed reports.

Functions without state or input and output. What to know of the venue:

* There are balances, not positions, and nothing only reduces. What is owned of the base asset is the position: rounded
  down to the lot, and none at all below the smallest order.
* A buy pays its fee in the base asset (unless BNB pays fees): after buying 1 BTC one owns 0.999. Fills say so.
* Conditional orders are orders. One keeps its id when it triggers, so ``child_id`` then is its own id.
* A working order locks what it may spend, so that a stop and a target cannot rest for the same quantity.
* A cancel has a client id of its own. In messages it takes the place of the order's, which is in ``C``.
* Code −2010 says no more than that an order was refused; why is in the words.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from triplane.data.instruments import Instrument, plain
from triplane.errors import DataError
from triplane.venues.base import (
    ZERO,
    Balance,
    BalanceChange,
    Fill,
    NewOrder,
    OrderReport,
    OrderStatus,
    OrderType,
    PositionReport,
    Snapshot,
    VenueEvent,
)
from triplane.venues.errors import Refused, VenueError, Why
from triplane.venues.wire import Request, Row, number, positive

PAGE: Final = 1000
ORDER: Final = "/api/v3/order"
_TYPES: Final = {
    OrderType.MARKET: "MARKET",
    OrderType.LIMIT: "LIMIT",
    OrderType.STOP_MARKET: "STOP_LOSS",
    OrderType.TAKE_PROFIT_MARKET: "TAKE_PROFIT",
}
_KINDS: Final = {text: kind for kind, text in _TYPES.items()} | {
    # only in orders that others have placed: the nearest of ours
    "STOP_LOSS_LIMIT": OrderType.STOP_MARKET,
    "TAKE_PROFIT_LIMIT": OrderType.TAKE_PROFIT_MARKET,
}
_STATUS: Final = {
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
    "REJECTED": OrderStatus.REJECTED,
}
"""Any other word tells nothing final."""
_WORDS: Final = (
    ("Duplicate order", Why.DUPLICATE),
    ("insufficient balance", Why.FUNDS),
    ("would trigger immediately", Why.WOULD_TRIGGER),
    ("immediately match and take", Why.POST_ONLY),
    ("PERCENT_PRICE", Why.PRICE_BAND),
    ("MAX_NUM", Why.TOO_MANY),
)


def refined(error: VenueError) -> VenueError:
    """The error with its reason where only the venue's words tell it."""
    if not isinstance(error, Refused) or error.code not in ("-2010", "-1013"):
        return error
    text = str(error)
    why = next((why for words, why in _WORDS if words in text), error.why)
    return Refused(text, error.code, why, error.retry_at)


# ------------------------------------------------------------------------------------------------------- requests
def place(order: NewOrder) -> Request:
    """The request that places an order."""
    params = {
        "symbol": order.symbol,
        "side": "BUY" if order.side > 0 else "SELL",
        "type": _TYPES[order.type],
        "quantity": plain(order.quantity),
    }
    if order.type.conditional:
        params["stopPrice"] = plain(order.trigger or ZERO)
    elif order.type is OrderType.LIMIT:
        params["price"] = plain(order.price or ZERO)
        if order.time_in_force == "GTX":
            params["type"] = "LIMIT_MAKER"
        else:
            params["timeInForce"] = order.time_in_force
    params |= {"newClientOrderId": order.client_id, "newOrderRespType": "RESULT"}
    return Request("POST", ORDER, params)


def named(method: str, symbol: str, client_id: str) -> Request:
    """The request that asks for (GET) or cancels (DELETE) an order by its client id."""
    return Request(method, ORDER, {"symbol": symbol, "origClientOrderId": client_id})


def open_orders(symbol: str) -> Request:
    """The request for the working orders of a symbol."""
    return Request("GET", "/api/v3/openOrders", {"symbol": symbol})


def account() -> Request:
    """The request for all balances."""
    return Request("GET", "/api/v3/account", {"omitZeroBalances": "true"})


def price(symbol: str) -> Request:
    """The request for a last price."""
    return Request("GET", "/api/v3/ticker/price", {"symbol": symbol})


def trades(symbol: str, **more: str) -> Request:
    """The request for a page of own executions: the last ones, or as ``orderId``, ``startTime`` or ``fromId`` say."""
    return Request("GET", "/api/v3/myTrades", {"symbol": symbol, **more, "limit": str(PAGE)})


# ------------------------------------------------------------------------------------------------------- answers
def _side(text: str) -> int:
    if text not in ("BUY", "SELL"):
        raise DataError(f"the venue sent side {text!r}; it must be BUY or SELL")
    return 1 if text == "BUY" else -1


def _average(value: Decimal, filled: Decimal) -> Decimal | None:
    return value / filled if filled > 0 and value > 0 else None


def order_report(row: Row, client_id: str = "") -> OrderReport:
    """An order as REST shows it; ``client_id`` is that by which it was asked for, in case a cancel's is shown."""
    kind, side = _KINDS.get(row["type"], OrderType.LIMIT), _side(row["side"])
    filled, venue_id = number(row, "executedQty"), str(row["orderId"])
    triggered = kind.conditional and (filled > 0 or int(row.get("workingTime") or -1) > 0)
    return OrderReport(
        client_id=client_id or row["clientOrderId"],
        symbol=row["symbol"],
        side=side,
        type=kind,
        status=_STATUS.get(row["status"], OrderStatus.OPEN),
        quantity=number(row, "origQty"),
        filled=filled,
        average=_average(number(row, "cummulativeQuoteQty"), filled),
        price=positive(row, "price"),
        trigger=positive(row, "stopPrice"),
        reduce_only=side < 0,
        venue_id=venue_id,
        child_id=venue_id if triggered else "",
        updated=int(row.get("updateTime") or row.get("transactTime") or 0),
        reason=str(row.get("expiryReason") or ""),
    )


def fill(row: Row) -> Fill:
    """A row of myTrades; it does not tell the client id."""
    return Fill(
        symbol=row["symbol"],
        trade_id=str(row["id"]),
        venue_order_id=str(row["orderId"]),
        client_id="",
        side=1 if row["isBuyer"] else -1,
        price=number(row, "price"),
        quantity=number(row, "qty"),
        fee=number(row, "commission"),
        fee_asset=row["commissionAsset"],
        maker=bool(row["isMaker"]),
        time=int(row["time"]),
    )


@dataclass(frozen=True, slots=True)
class Owned:
    """What is owned of an asset."""

    free: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def all(self) -> Decimal:
        """Both parts."""
        return self.free + self.locked


def owned(row: Row) -> dict[str, Owned]:
    """Balances of the account, by asset."""
    return {b["asset"]: Owned(number(b, "free"), number(b, "locked")) for b in row["balances"]}


def rounded(quantity: Decimal, rules: Instrument) -> Decimal:
    """A quantity rounded down to the lot."""
    return (quantity / rules.lot_size).to_integral_value(ROUND_DOWN) * rules.lot_size


def is_dust(quantity: Decimal, price: Decimal, rules: Instrument) -> bool:
    """Whether no order could be made of it."""
    lots = rounded(quantity, rules)
    return lots <= 0 or lots < rules.min_quantity or lots * price < rules.min_notional


def entry_price(quantity: Decimal, last: Decimal, fills: Sequence[Fill], base: str, rules: Instrument) -> Decimal:
    """Average price at which a position was bought; 0 when the executions do not explain what is owned.

    They are followed back from now, each one's part in the balance undone, until no more than dust was owned; from
    there on each buy is averaged in and each sell leaves the average as it is. What came by other ways (deposits,
    other symbols of the same asset) leaves a rest that nothing explains.

    Parameters
    ----------
    quantity
        All that is owned now.
    last
        The price that dust is measured at, throughout.
    fills
        Own executions of the symbol up to now, oldest first.
    """
    held, first = quantity, len(fills)
    while first and not is_dust(held, last, rules):
        first -= 1
        held -= _gained(fills[first], base)
    if held < 0 or not is_dust(held, last, rules):
        return ZERO
    bought = average = ZERO
    for one in fills[first:]:
        if one.side > 0:
            average = (average * bought + one.price * one.quantity) / (bought + one.quantity)
        bought = max(bought + one.side * one.quantity, ZERO)
    return average


def _gained(one: Fill, base: str) -> Decimal:
    return one.side * one.quantity - (one.fee if one.fee_asset == base else ZERO)


def position(rules: Instrument, all_of_it: Decimal, last: Decimal, entry: Decimal) -> PositionReport:
    """What is owned of a symbol's base asset, as a position."""
    quantity = rounded(all_of_it, rules)
    gain = quantity * (last - entry) if entry else ZERO
    return PositionReport(rules.symbol, quantity, entry, last, gain)


def snapshot(
    time: int, positions: Iterable[PositionReport], orders: Iterable[Row], wealth: Mapping[str, Owned], quote: str
) -> Snapshot:
    """All open things."""
    cash = wealth.get(quote, Owned())
    return Snapshot(time, tuple(positions), tuple(map(order_report, orders)), Balance(quote, cash.all, cash.free))


# ------------------------------------------------------------------------------------------------------- stream
def events(message: Row) -> list[VenueEvent]:
    """What an event of the user data stream says; nothing for those that are not told.

    Raises
    ------
    DataError
        When a known event lacks a field or has an unusable one.
    """
    try:
        if message.get("e") == "executionReport":
            return _execution(message)
        if message.get("e") == "outboundAccountPosition":
            time = int(message["E"])
            return [BalanceChange(b["a"], number(b, "f") + number(b, "l"), "", time) for b in message["B"]]
    except (KeyError, TypeError) as error:
        raise DataError(f"{message['e']} of the venue cannot be read: {error!r}") from None
    return []


def _text(value: Any) -> str:
    return "" if value in (None, "null", "NONE") else str(value)


def _execution(o: Row) -> list[VenueEvent]:
    client_id, venue_id = _text(o["C"]) or o["c"], str(o["i"])
    kind, side, filled = _KINDS.get(o["o"], OrderType.LIMIT), _side(o["S"]), number(o, "z")
    triggered = kind.conditional and (filled > 0 or int(o.get("W") or -1) > 0)
    report = OrderReport(
        client_id=client_id,
        symbol=o["s"],
        side=side,
        type=kind,
        status=_STATUS.get(o["X"], OrderStatus.OPEN),
        quantity=number(o, "q"),
        filled=filled,
        average=_average(number(o, "Z"), filled),
        price=positive(o, "p"),
        trigger=positive(o, "P"),
        reduce_only=side < 0,
        venue_id=venue_id,
        child_id=venue_id if triggered else "",
        updated=int(o["T"]),
        reason=_text(o.get("r")) or _text(o.get("eR")),
    )
    if o["x"] != "TRADE" or not number(o, "l"):
        return [report]
    trade = Fill(
        symbol=o["s"],
        trade_id=str(o["t"]),
        venue_order_id=venue_id,
        client_id=client_id,
        side=side,
        price=number(o, "L"),
        quantity=number(o, "l"),
        fee=number(o, "n"),
        fee_asset=o.get("N") or "",
        maker=bool(o["m"]),
        time=int(o["T"]),
    )
    return [trade, report]
