"""Binance USDⓈ-M futures, its words: typed orders to requests, answers and stream messages to typed reports.

Functions without state or input and output. What to know of the venue:

* Conditional orders live in the algo service under ids of their own. When one triggers, an order with a new id appears
  in the matching engine: its *child*. Messages of a child show the type of the conditional order it came from in
  ``ot`` / ``origType``; since the order service takes no conditional types any more, that marks a child. Its reports
  have the parent's client id, no ``venue_id``, and the child's id as ``child_id``. Should a child ever come under
  another client id, its fills still are the parent's by ``venue_order_id == child_id`` of the parent's own reports.
* TRADE_LITE is the same fill as ORDER_TRADE_UPDATE once more, and is left out. So is CONDITIONAL_ORDER_TRIGGER_REJECT:
  it names no client id, and ALGO_UPDATE says the same.
* An acknowledgement tells no fills; they come from the stream or a query.
* Funding is due on whole hours and booked some moments later, told with different times by stream and history: its
  ``time`` is the hour, so that both are the same payment.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from triplane.data.instruments import plain
from triplane.errors import DataError
from triplane.venues.base import (
    ZERO,
    Balance,
    BalanceChange,
    Cause,
    Fill,
    Funding,
    MarginCall,
    NewOrder,
    OrderReport,
    OrderStatus,
    OrderType,
    PositionReport,
    Snapshot,
    VenueEvent,
)
from triplane.venues.wire import Request, Row, number, positive

RECV_WINDOW: Final = 5000
WEEK_MS: Final = 7 * 86_400_000
HOUR_MS: Final = 3_600_000
PAGE: Final = 1000
KEPT_MS: Final = 89 * 86_400_000
"""How far back histories can be asked for; the venue keeps three months."""
_TYPES: Final = {
    OrderType.MARKET: "MARKET",
    OrderType.LIMIT: "LIMIT",
    OrderType.STOP_MARKET: "STOP_MARKET",
    OrderType.TAKE_PROFIT_MARKET: "TAKE_PROFIT_MARKET",
}
_KINDS: Final = {text: kind for kind, text in _TYPES.items()} | {
    # only in orders that others have placed: the nearest of ours
    "STOP": OrderType.STOP_MARKET,
    "TRAILING_STOP_MARKET": OrderType.STOP_MARKET,
    "TAKE_PROFIT": OrderType.TAKE_PROFIT_MARKET,
    "LIQUIDATION": OrderType.MARKET,
}
_STATUS: Final = {
    "NEW": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.OPEN,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
    "REJECTED": OrderStatus.REJECTED,
    # of the algo service; FINISHED is worked out from what was filled
    "TRIGGERING": OrderStatus.OPEN,
    "TRIGGERED": OrderStatus.OPEN,
}
_CAUSES: Final = (
    ("autoclose-", Cause.LIQUIDATION),
    ("adl_autoclose", Cause.ADL),
    ("settlement_autoclose-", Cause.SETTLEMENT),
    ("delivery_autoclose-", Cause.SETTLEMENT),
)


# ------------------------------------------------------------------------------------------------------- requests
def sign(params: dict[str, str], secret: str, timestamp: int, recv_window: int = RECV_WINDOW) -> str:
    """The query string of a signed request."""
    query = urlencode({**params, "recvWindow": recv_window, "timestamp": timestamp})
    return f"{query}&signature={hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()}"


def place(order: NewOrder, working_type: str = "CONTRACT_PRICE") -> Request:
    """The request that places an order; ``working_type`` is the price that triggers, CONTRACT_PRICE or MARK_PRICE."""
    params = {
        "symbol": order.symbol,
        "side": "BUY" if order.side > 0 else "SELL",
        "type": _TYPES[order.type],
        "quantity": plain(order.quantity),
    }
    if order.reduce_only:
        params["reduceOnly"] = "true"
    if order.type.conditional:
        trigger = {"triggerPrice": plain(order.trigger or ZERO), "workingType": working_type}
        params |= {"algoType": "CONDITIONAL", **trigger, "clientAlgoId": order.client_id}
        return Request("POST", "/fapi/v1/algoOrder", params)
    if order.type is OrderType.LIMIT:
        params |= {"price": plain(order.price or ZERO), "timeInForce": order.time_in_force}
    params["newClientOrderId"] = order.client_id
    return Request("POST", "/fapi/v1/order", params)


def _named(method: str, symbol: str, client_id: str, conditional: bool) -> Request:
    if conditional:
        return Request(method, "/fapi/v1/algoOrder", {"clientAlgoId": client_id})
    return Request(method, "/fapi/v1/order", {"symbol": symbol, "origClientOrderId": client_id})


def cancel(symbol: str, client_id: str, *, conditional: bool) -> Request:
    """The request that cancels an order by its client id."""
    return _named("DELETE", symbol, client_id, conditional)


def lookup(symbol: str, client_id: str, *, conditional: bool) -> Request:
    """The request that asks for an order by its client id."""
    return _named("GET", symbol, client_id, conditional)


def lookup_child(symbol: str, child_id: str) -> Request:
    """The request that asks for the order that a conditional order has become."""
    return Request("GET", "/fapi/v1/order", {"symbol": symbol, "orderId": child_id})


def open_orders(symbol: str, *, conditional: bool) -> Request:
    """The request for the working orders of a symbol."""
    return Request("GET", f"/fapi/v1/open{'AlgoOrders' if conditional else 'Orders'}", {"symbol": symbol})


def positions() -> Request:
    """The request for all positions."""
    return Request("GET", "/fapi/v3/positionRisk", {})


def balances() -> Request:
    """The request for all balances."""
    return Request("GET", "/fapi/v3/balance", {})


class Pages:
    """The requests for a history that is given out in weeks and pages, oldest first.

    ``request()`` until it is None, each answer through ``take``; ``rows`` then are all of them, each once, in order of
    time. A full page is followed by the next by id where rows can be asked for by id, otherwise from its last time on.
    """

    def __init__(self, path: str, params: dict[str, str], since: int, now: int, *, by_id: bool) -> None:
        self.path, self.params, self.now, self.by_id = path, params, now, by_id
        self.start, self.next_id = max(since, now - KEPT_MS), -1
        self._since = since
        self._rows: dict[Any, Row] = {}

    def request(self) -> Request | None:
        """What to ask next; None at the end."""
        if self.start > max(self.now, self._since):  # asked at least once, however late ``since`` is
            return None
        params = self.params | {"limit": str(PAGE)}
        if self.next_id >= 0:
            params["fromId"] = str(self.next_id)
        else:
            params["startTime"] = str(self.start)
            if self.start + WEEK_MS <= self.now:
                params["endTime"] = str(self.start + WEEK_MS - 1)
        return Request("GET", self.path, params)

    def take(self, rows: Sequence[Row]) -> None:
        """An answer."""
        known = len(self._rows)
        key = "id" if self.by_id else "tranId"
        self._rows.update({row[key]: row for row in rows})
        last = max((int(row["time"]) for row in rows), default=self.start)
        self.now = max(self.now, last)  # the venue's books may be ahead of its clock
        if len(rows) >= PAGE and len(self._rows) > known:
            self.next_id = max(row["id"] for row in rows) + 1 if self.by_id else -1
            self.start = last
        elif self.next_id >= 0:  # the end by id; whether a venue ends that at a week is not written, so ask on by time
            self.next_id, self.start = -1, last
        else:
            self.start += WEEK_MS

    @property
    def rows(self) -> list[Row]:
        """What has come, from ``since`` on."""
        ordered = sorted(self._rows.items(), key=lambda item: (int(item[1]["time"]), item[0]))
        return [row for _, row in ordered if int(row["time"]) >= self._since]


def fills(symbol: str, since: int, now: int) -> Pages:
    """The requests for the own executions from a time on."""
    return Pages("/fapi/v1/userTrades", {"symbol": symbol}, since, now, by_id=True)


def fills_of(symbol: str, venue_order_id: str) -> Request:
    """The request for the executions of one order: the first page of them."""
    return Request("GET", "/fapi/v1/userTrades", {"symbol": symbol, "orderId": venue_order_id, "limit": str(PAGE)})


def funding(symbol: str, since: int, now: int) -> Pages:
    """The requests for the funding payments from a time on."""
    return Pages("/fapi/v1/income", {"symbol": symbol, "incomeType": "FUNDING_FEE"}, since, now, by_id=False)


# ------------------------------------------------------------------------------------------------------- answers
def _kind(text: str) -> OrderType:
    return _KINDS.get(text, OrderType.LIMIT)


def _side(text: str) -> int:
    if text not in ("BUY", "SELL"):
        raise DataError(f"the venue sent side {text!r}; it must be BUY or SELL")
    return 1 if text == "BUY" else -1


def _state(text: str, quantity: Decimal, filled: Decimal) -> OrderStatus:
    """Status by the venue's word; an unknown word tells nothing final, and forced closes by what they filled."""
    if text == "FINISHED":
        return OrderStatus.FILLED if 0 < quantity <= filled else OrderStatus.EXPIRED
    if text in ("NEW_INSURANCE", "NEW_ADL"):
        return OrderStatus.FILLED if 0 < quantity <= filled else OrderStatus.OPEN
    return _STATUS.get(text, OrderStatus.OPEN)


def _id(value: object) -> str:
    text = "" if value is None else str(value)
    return "" if text in ("0", "None") else text


def order_report(row: Row) -> OrderReport:
    """An order as REST shows it, acknowledgement or query."""
    quantity, filled = number(row, "origQty"), number(row, "executedQty")
    kind, number_ = _kind(row.get("origType") or row["type"]), _id(row["orderId"])
    status = _state(row["status"], quantity, filled)
    return OrderReport(
        client_id=row["clientOrderId"],
        symbol=row["symbol"],
        side=_side(row["side"]),
        type=kind,
        status=status,
        quantity=quantity,
        filled=filled,
        average=positive(row, "avgPrice"),
        price=positive(row, "price"),
        trigger=positive(row, "stopPrice"),
        reduce_only=bool(row.get("reduceOnly")),
        venue_id="" if kind.conditional else number_,
        child_id=number_ if kind.conditional else "",
        updated=int(row.get("updateTime") or 0),
    )


def algo_report(row: Row) -> OrderReport:
    """A conditional order as REST shows it."""
    child, quantity = _id(row.get("actualOrderId")), number(row, "quantity")
    filled = number(row, "actualQty") if child else ZERO  # shown for cancelled ones too, where it means nothing
    status = _state(row["algoStatus"], quantity, filled)
    return OrderReport(
        client_id=row["clientAlgoId"],
        symbol=row["symbol"],
        side=_side(row["side"]),
        type=_kind(row.get("orderType") or row["type"]),
        status=status,
        quantity=quantity,
        filled=filled,
        average=positive(row, "actualPrice") if child else None,
        price=positive(row, "price"),
        trigger=positive(row, "triggerPrice"),
        reduce_only=bool(row.get("reduceOnly")),
        venue_id=_id(row["algoId"]),
        child_id=child,
        updated=int(row.get("updateTime") or 0),
        reason=str(row.get("rm") or "") if status in (OrderStatus.REJECTED, OrderStatus.EXPIRED) else "",
    )


def with_child(parent: OrderReport, child: OrderReport) -> OrderReport:
    """A conditional order whose state is that of the order that it has become."""
    return replace(
        parent,
        status=child.status,
        filled=child.filled,
        average=child.average,
        updated=max(parent.updated, child.updated),
        reason=child.reason,
    )


def cause_of(client_id: str) -> Cause:
    """Who wants an order, by its client id; the venue's own have marks."""
    return next((cause for mark, cause in _CAUSES if client_id.startswith(mark)), Cause.NONE)


def fill(row: Row) -> Fill:
    """A row of userTrades; it does not tell the client id."""
    return Fill(
        symbol=row["symbol"],
        trade_id=str(row["id"]),
        venue_order_id=str(row["orderId"]),
        client_id="",
        side=_side(row["side"]),
        price=number(row, "price"),
        quantity=number(row, "qty"),
        fee=number(row, "commission"),
        fee_asset=row.get("commissionAsset", ""),
        maker=bool(row.get("maker")),
        time=int(row["time"]),
    )


def funding_payment(row: Row) -> Funding:
    """A row of income of the type FUNDING_FEE."""
    return Funding(row["symbol"], number(row, "income"), int(row["time"]) // HOUR_MS * HOUR_MS)


def _ratio(margin: Decimal, maintenance: Decimal) -> float | None:
    return float(max(1 - maintenance / margin, ZERO)) if margin > 0 else None


def position_report(row: Row, shared: float | None = None) -> PositionReport:
    """A row of positionRisk; ``shared`` is the margin ratio of positions that share the wallet."""
    isolated = number(row, "isolatedMargin")
    return PositionReport(
        symbol=row["symbol"],
        quantity=number(row, "positionAmt"),
        entry_price=number(row, "entryPrice"),
        mark_price=number(row, "markPrice"),
        unrealized=number(row, "unRealizedProfit"),
        liquidation_price=positive(row, "liquidationPrice"),
        margin_ratio=_ratio(isolated, number(row, "maintMargin")) if isolated else shared,
    )


def snapshot(
    time: int,
    symbols: Iterable[str],
    algos: Iterable[Row],
    orders: Iterable[Row],
    risks: Iterable[Row],
    wallet: Iterable[Row],
    quote: str = "USDT",
) -> Snapshot:
    """All open things of some symbols, from the answers to the four questions."""
    wanted, rows = set(symbols), list(risks)
    row = next((row for row in wallet if row["asset"] == quote), {})
    need = sum((number(r, "maintMargin") for r in rows if not number(r, "isolatedMargin")), ZERO)
    shared = _ratio(number(row, "crossWalletBalance") + number(row, "crossUnPnl"), need)
    return Snapshot(
        time,
        tuple(position_report(r, shared) for r in rows if r["symbol"] in wanted and number(r, "positionAmt")),
        tuple(r for r in [*map(algo_report, algos), *map(order_report, orders)] if r.symbol in wanted),
        Balance(quote, number(row, "balance"), number(row, "availableBalance")),
    )


# ------------------------------------------------------------------------------------------------------- stream
def events(message: Row) -> list[VenueEvent]:
    """What a message of the private stream says, wrapped or not; nothing for those that are not told.

    Raises
    ------
    DataError
        When a known message lacks a field or has an unusable one.
    """
    body = message.get("data", message)
    read = _EVENTS.get(body.get("e", ""))
    try:
        return read(body) if read else []
    except (KeyError, TypeError) as error:
        raise DataError(f"{body['e']} of the venue cannot be read: {error!r}") from None


def _order_update(message: Row) -> list[VenueEvent]:
    o = message["o"]
    quantity, filled, number_ = number(o, "q"), number(o, "z"), str(o["i"])
    kind, status = _kind(o["ot"]), _state(o["X"], quantity, filled)
    ended_badly = status in (OrderStatus.REJECTED, OrderStatus.EXPIRED)
    report = OrderReport(
        client_id=o["c"],
        symbol=o["s"],
        side=_side(o["S"]),
        type=kind,
        status=status,
        quantity=quantity,
        filled=filled,
        average=positive(o, "ap"),
        price=positive(o, "p"),
        trigger=positive(o, "sp"),
        reduce_only=bool(o["R"]),
        venue_id="" if kind.conditional else number_,
        child_id=number_ if kind.conditional else "",
        updated=int(o["T"]),
        reason=f"expiry reason {o['er']}" if ended_badly and _id(o.get("er")) else "",
    )
    if o["x"] not in ("TRADE", "CALCULATED") or not o["t"] or not number(o, "l"):
        return [report]
    trade = Fill(
        symbol=o["s"],
        trade_id=str(o["t"]),
        venue_order_id=number_,
        client_id=o["c"],
        side=report.side,
        price=number(o, "L"),
        quantity=number(o, "l"),
        fee=number(o, "n"),
        fee_asset=o.get("N") or "",
        maker=bool(o["m"]),
        time=int(o["T"]),
        cause=cause_of(o["c"]),
    )
    return [trade, report]


def _algo_update(message: Row) -> list[VenueEvent]:
    o = message["o"]
    quantity, filled = number(o, "q"), number(o, "aq")
    status = _state(o["X"], quantity, filled)
    return [
        OrderReport(
            client_id=o["caid"],
            symbol=o["s"],
            side=_side(o["S"]),
            type=_kind(o["o"]),
            status=status,
            quantity=quantity,
            filled=filled,
            average=positive(o, "ap"),
            price=positive(o, "p"),
            trigger=positive(o, "tp"),
            reduce_only=bool(o.get("R")),
            venue_id=_id(o["aid"]),
            child_id=_id(o.get("ai")),
            updated=int(message["T"]),
            reason=str(o.get("rm") or "") if status in (OrderStatus.REJECTED, OrderStatus.EXPIRED) else "",
        )
    ]


def _account_update(message: Row) -> list[VenueEvent]:
    a, time = message["a"], int(message["T"])
    out: list[VenueEvent] = [BalanceChange(b["a"], number(b, "wb"), a["m"], time) for b in a.get("B", ())]
    if a["m"] == "FUNDING_FEE" and a.get("P"):  # a shared wallet's funding does not tell of which symbol; income does
        amount = sum((number(b, "bc") for b in a["B"]), ZERO)
        out.insert(0, Funding(a["P"][0]["s"], amount, time // HOUR_MS * HOUR_MS))
    return out


def _margin_call(message: Row) -> list[VenueEvent]:
    return [MarginCall(tuple(p["s"] for p in message["p"]), int(message["E"]))]


_EVENTS: Final = {
    "ORDER_TRADE_UPDATE": _order_update,
    "ALGO_UPDATE": _algo_update,
    "ACCOUNT_UPDATE": _account_update,
    "MARGIN_CALL": _margin_call,
}
