"""The formats of Binance spot: typed orders to requests, answers and messages of the WebSocket API to typed reports.

Pure functions. What to know of the venue:

* There are balances, not positions, and nothing only reduces. What is owned of the base asset is the position: rounded
  down to the lot, and none at all below the smallest order.
* A buy pays its fee in the base asset (unless BNB pays fees): after buying 1 BTC one owns 0.999. Fills say so.
* Conditional orders are ordinary orders. One keeps its id when it triggers, so ``child_id`` then is its own id.
* A working order locks what it may spend, so that a stop and a target cannot rest for the same quantity.
* A cancel has a client id of its own. In messages it takes the place of the order's, which is in ``C``.
* Code −2010 says no more than that an order was refused; the reason is in the text.
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
    Execution,
    NewOrder,
    OrderReport,
    OrderType,
    PositionReport,
    Snapshot,
    VenueEvent,
)
from triplane.venues.binance.common import Names, order_params, own_trade, pushed_trade, report
from triplane.venues.errors import Refused, VenueError, Why
from triplane.venues.wire import HttpRequest, Row, number

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
_ORDER: Final = Names(
    "clientOrderId", "symbol", "side", "origQty", "executedQty", "", "price", "stopPrice", "", "updateTime"
)
_EVENT: Final = Names("c", "s", "S", "q", "z", "", "p", "P", "", "T")
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
def place(order: NewOrder) -> HttpRequest:
    """The request that places an order."""
    params = order_params(order, _TYPES[order.type])
    if order.type.conditional:
        params["stopPrice"] = plain(order.trigger or ZERO)
    elif order.type is OrderType.LIMIT:
        params["price"] = plain(order.price or ZERO)
        if order.time_in_force == "GTX":
            params["type"] = "LIMIT_MAKER"
        else:
            params["timeInForce"] = order.time_in_force
    params |= {"newClientOrderId": order.client_id, "newOrderRespType": "RESULT"}
    return HttpRequest("POST", ORDER, params)


def named(method: str, symbol: str, client_id: str) -> HttpRequest:
    """The request that asks for (GET) or cancels (DELETE) an order by its client id."""
    return HttpRequest(method, ORDER, {"symbol": symbol, "origClientOrderId": client_id})


def open_orders(symbol: str) -> HttpRequest:
    """The request for the working orders of a symbol."""
    return HttpRequest("GET", "/api/v3/openOrders", {"symbol": symbol})


def account() -> HttpRequest:
    """The request for all balances."""
    return HttpRequest("GET", "/api/v3/account", {"omitZeroBalances": "true"})


def price(symbol: str) -> HttpRequest:
    """The request for a last price."""
    return HttpRequest("GET", "/api/v3/ticker/price", {"symbol": symbol})


def trades(symbol: str, **more: str) -> HttpRequest:
    """The request for a page of own executions: the last ones, or as ``orderId``, ``startTime`` or ``fromId`` say."""
    return HttpRequest("GET", "/api/v3/myTrades", {"symbol": symbol, **more, "limit": str(PAGE)})


# ------------------------------------------------------------------------------------------------------- answers
def _known(kind: OrderType, row: Row, side: str, filled: str, spent: str, number_: str, working: str) -> dict[str, Any]:
    """Where messages of spot differ from those of the futures; the names are those of the row."""
    venue_id, base, quote = str(row[number_]), number(row, filled), number(row, spent)
    triggered = kind.conditional and (base > 0 or int(row.get(working) or -1) > 0)
    return {
        "venue_id": venue_id,
        "child_id": venue_id if triggered else "",
        "average": quote / base if base > 0 and quote > 0 else None,
        "reduce_only": row[side] == "SELL",
    }


def order_report(row: Row, client_id: str = "") -> OrderReport:
    """An order as REST shows it; ``client_id`` is that by which it was asked for, in case a cancel's is shown."""
    kind = _KINDS.get(row["type"], OrderType.LIMIT)
    known = _known(kind, row, "side", "executedQty", "cummulativeQuoteQty", "orderId", "workingTime")
    known |= {"client_id": client_id or row["clientOrderId"], "reason": str(row.get("expiryReason") or "")}
    known["updated"] = int(row.get("updateTime") or row.get("transactTime") or 0)
    return report(row, _ORDER, kind, row["status"], **known)


def fill(row: Row) -> Execution:
    """A row of myTrades; it does not tell the client id."""
    return own_trade(row, 1 if row["isBuyer"] else -1, maker=bool(row["isMaker"]))


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


def entry_price(quantity: Decimal, last: Decimal, fills: Sequence[Execution], base: str, rules: Instrument) -> Decimal:
    """Average price at which a position was bought; 0 when the executions do not explain what is owned.

    They are followed back from now, each one's part in the balance undone, until no more than dust was owned; from
    there on each buy is averaged in and each sell leaves the average as it is. What came by other ways (deposits,
    other symbols of the same asset) leaves a remainder that nothing explains.

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


def _gained(one: Execution, base: str) -> Decimal:
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
    kind, client_id = _KINDS.get(o["o"], OrderType.LIMIT), _text(o["C"]) or o["c"]
    known = _known(kind, o, "S", "z", "Z", "i", "W") | {"client_id": client_id, "updated": int(o["T"])}
    said = report(o, _EVENT, kind, o["X"], **known, reason=_text(o.get("r")) or _text(o.get("eR")))
    return [said] if o["x"] != "TRADE" or not number(o, "l") else [pushed_trade(o, client_id), said]
