"""The formats of Binance USDⓈ-M futures: typed orders to requests, answers and stream messages to typed reports.

Pure functions. What to know of the venue:

* Conditional orders live in the algo service under ids of their own. When one triggers, an order with a new id appears
  in the matching engine: its *child*. Messages of a child show the type of the conditional order it came from in
  ``ot`` / ``origType``; since the order service takes no conditional types any more, that marks a child. Its reports
  have the parent's client id, no ``venue_id``, and the child's id as ``child_id``. Should a child ever come under
  another client id, its fills still are the parent's by ``venue_order_id == child_id`` of the parent's own reports.
* TRADE_LITE is the same fill as ORDER_TRADE_UPDATE once more, and is left out. So is CONDITIONAL_ORDER_TRIGGER_REJECT:
  it names no client id, and ALGO_UPDATE says the same.
* An acknowledgement tells no fills; they come from the stream or a query.
* Funding is due on whole hours and booked some moments later, with different times in stream and history: its ``time``
  is the hour, so that both are recognised as the same payment.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from msgspec.structs import replace

from triplane.data.instruments import plain
from triplane.errors import DataError
from triplane.venues.base import (
    ZERO,
    Balance,
    BalanceChange,
    Cause,
    Execution,
    Funding,
    MarginCall,
    NewOrder,
    OrderReport,
    OrderType,
    PositionReport,
    Snapshot,
    VenueEvent,
)
from triplane.venues.binance.common import ENDED_BADLY, Names, order_params, own_trade, pushed_trade, report, side_of
from triplane.venues.wire import HttpRequest, Row, number, positive

RECV_WINDOW: Final = 5000
WEEK_MS: Final = 7 * 86_400_000
HOUR_MS: Final = 3_600_000
PAGE: Final = 1000
KEPT_MS: Final = 89 * 86_400_000
"""How far back histories can be asked for; the venue keeps three months."""
_KINDS: Final = {kind.name: kind for kind in OrderType} | {
    # only in orders that others have placed: the nearest of our types
    "STOP": OrderType.STOP_MARKET,
    "TRAILING_STOP_MARKET": OrderType.STOP_MARKET,
    "TAKE_PROFIT": OrderType.TAKE_PROFIT_MARKET,
    "LIQUIDATION": OrderType.MARKET,
}
_ORDER: Final = Names(
    "clientOrderId", "symbol", "side", "origQty", "executedQty", "avgPrice", "price", "stopPrice", "reduceOnly",
    "updateTime",
)  # fmt: skip
_ALGO: Final = Names(
    "clientAlgoId", "symbol", "side", "quantity", "actualQty", "actualPrice", "price", "triggerPrice", "reduceOnly",
    "updateTime",
)  # fmt: skip
_ORDER_EVENT: Final = Names("c", "s", "S", "q", "z", "ap", "p", "sp", "R", "T")
_ALGO_EVENT: Final = Names("caid", "s", "S", "q", "aq", "ap", "p", "tp", "R", "T")
_CAUSES: Final = (
    ("autoclose-", Cause.LIQUIDATION),
    ("adl_autoclose", Cause.ADL),
    ("settlement_autoclose-", Cause.SETTLEMENT),
    ("delivery_autoclose-", Cause.SETTLEMENT),
)


# ------------------------------------------------------------------------------------------------------- requests
def sign(params: Any, secret: str, timestamp: int) -> str:
    """The query string of a signed request."""
    query = urlencode({**params, "recvWindow": RECV_WINDOW, "timestamp": timestamp})
    return f"{query}&signature={hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()}"


def place(order: NewOrder) -> HttpRequest:
    """The request that places an order; the last price triggers, not the mark price."""
    params = order_params(order, order.type.name)
    if order.reduce_only:
        params["reduceOnly"] = "true"
    if order.type.conditional:
        trigger = {"triggerPrice": plain(order.trigger or ZERO), "workingType": "CONTRACT_PRICE"}
        params |= {"algoType": "CONDITIONAL", **trigger, "clientAlgoId": order.client_id}
        return HttpRequest("POST", "/fapi/v1/algoOrder", params)
    if order.type is OrderType.LIMIT:
        params |= {"price": plain(order.price or ZERO), "timeInForce": order.time_in_force}
    params["newClientOrderId"] = order.client_id
    return HttpRequest("POST", "/fapi/v1/order", params)


def _named(method: str, symbol: str, client_id: str, conditional: bool) -> HttpRequest:
    if conditional:
        return HttpRequest(method, "/fapi/v1/algoOrder", {"clientAlgoId": client_id})
    return HttpRequest(method, "/fapi/v1/order", {"symbol": symbol, "origClientOrderId": client_id})


def cancel(symbol: str, client_id: str, *, conditional: bool) -> HttpRequest:
    """The request that cancels an order by its client id."""
    return _named("DELETE", symbol, client_id, conditional)


def lookup(symbol: str, client_id: str, *, conditional: bool) -> HttpRequest:
    """The request that asks for an order by its client id."""
    return _named("GET", symbol, client_id, conditional)


def lookup_child(symbol: str, child_id: str) -> HttpRequest:
    """The request that asks for the order that a conditional order has become."""
    return HttpRequest("GET", "/fapi/v1/order", {"symbol": symbol, "orderId": child_id})


def open_orders(symbol: str, *, conditional: bool) -> HttpRequest:
    """The request for the working orders of a symbol."""
    return HttpRequest("GET", f"/fapi/v1/open{'AlgoOrders' if conditional else 'Orders'}", {"symbol": symbol})


def positions() -> HttpRequest:
    """The request for all positions."""
    return HttpRequest("GET", "/fapi/v3/positionRisk")


def balances() -> HttpRequest:
    """The request for all balances."""
    return HttpRequest("GET", "/fapi/v3/balance")


class Pages:
    """The requests for a history that is returned in weeks and pages, oldest first.

    ``request()`` until it is None, each answer through ``take``; ``rows`` then are all of them, each once, in order of
    time. A full page is followed by the next by id where rows can be asked for by id, otherwise from its last time on.
    """

    def __init__(self, path: str, params: dict[str, str], since: int, now: int, *, by_id: bool) -> None:
        self.path, self.params, self.now, self.by_id = path, params, now, by_id
        self.start, self.next_id = max(since, now - KEPT_MS), -1
        self._since = since
        self._rows: dict[Any, Row] = {}

    def request(self) -> HttpRequest | None:
        """The next request; None at the end."""
        if self.start > max(self.now, self._since):  # asked at least once, however late ``since`` is
            return None
        params = self.params | {"limit": str(PAGE)}
        if self.next_id >= 0:
            params["fromId"] = str(self.next_id)
        else:
            params["startTime"] = str(self.start)
            if self.start + WEEK_MS <= self.now:
                params["endTime"] = str(self.start + WEEK_MS - 1)
        return HttpRequest("GET", self.path, params)

    def take(self, rows: Sequence[Row]) -> None:
        known = len(self._rows)
        key = "id" if self.by_id else "tranId"
        self._rows.update({row[key]: row for row in rows})
        last = max((int(row["time"]) for row in rows), default=self.start)
        self.now = max(self.now, last)  # the venue's books may be ahead of its clock
        if len(rows) >= PAGE and len(self._rows) > known:
            self.next_id = max(row["id"] for row in rows) + 1 if self.by_id else -1
            self.start = last
        elif (
            self.next_id >= 0
        ):  # the end by id; whether the venue ends that at a week is not documented, so go on by time
            self.next_id, self.start = -1, last
        else:
            self.start += WEEK_MS

    @property
    def rows(self) -> list[Row]:
        """All rows from ``since`` on."""
        ordered = sorted(self._rows.items(), key=lambda item: (int(item[1]["time"]), item[0]))
        return [row for _, row in ordered if int(row["time"]) >= self._since]


def fills(symbol: str, since: int, now: int) -> Pages:
    """The requests for own executions from a time on."""
    return Pages("/fapi/v1/userTrades", {"symbol": symbol}, since, now, by_id=True)


def fills_of(symbol: str, venue_order_id: str) -> HttpRequest:
    """The request for the executions of one order: the first page of them."""
    return HttpRequest("GET", "/fapi/v1/userTrades", {"symbol": symbol, "orderId": venue_order_id, "limit": str(PAGE)})


def funding(symbol: str, since: int, now: int) -> Pages:
    """The requests for the funding payments from a time on."""
    return Pages("/fapi/v1/income", {"symbol": symbol, "incomeType": "FUNDING_FEE"}, since, now, by_id=False)


# ------------------------------------------------------------------------------------------------------- answers
def _kind(text: str) -> OrderType:
    return _KINDS.get(text, OrderType.LIMIT)


def _id(value: object) -> str:
    text = "" if value is None else str(value)
    return "" if text in ("0", "None") else text


def order_report(row: Row) -> OrderReport:
    """An order as REST shows it, acknowledgement or query."""
    kind = _kind(row.get("origType") or row["type"])
    return report(row, _ORDER, kind, row["status"], **_ids(kind, _id(row["orderId"])))


def _ids(kind: OrderType, number_: str) -> dict[str, str]:
    """What an order of the order service is: one of ours, or the child of a conditional one."""
    return {"child_id": number_} if kind.conditional else {"venue_id": number_}


def algo_report(row: Row) -> OrderReport:
    """A conditional order as REST shows it."""
    child = _id(row.get("actualOrderId"))
    known: dict[str, Any] = {"venue_id": _id(row["algoId"]), "child_id": child}
    if not child:  # the quantity is shown for cancelled ones too, where it means nothing
        known |= {"filled": ZERO, "average": None}
    kind = _kind(row.get("orderType") or row["type"])
    return _with_reason(report(row, _ALGO, kind, row["algoStatus"], **known), str(row.get("rm") or ""))


def _with_reason(of: OrderReport, reason: str) -> OrderReport:
    return replace(of, reason=reason) if reason and of.status in ENDED_BADLY else of


def cause_of(client_id: str) -> Cause:
    """Who caused an order, by its client id; the venue's own have prefixes."""
    return next((cause for mark, cause in _CAUSES if client_id.startswith(mark)), Cause.NONE)


def fill(row: Row) -> Execution:
    """A row of userTrades; it does not tell the client id."""
    return own_trade(row, side_of(row["side"]), maker=bool(row.get("maker")))


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
    """The events in a message of the private stream, wrapped or not; none for messages that are ignored.

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
    kind = _kind(o["ot"])
    known = {"reduce_only": bool(o["R"]), "updated": int(o["T"]), **_ids(kind, str(o["i"]))}
    reason = f"expiry reason {o['er']}" if _id(o.get("er")) else ""
    said = _with_reason(report(o, _ORDER_EVENT, kind, o["X"], **known), reason)
    if o["x"] not in ("TRADE", "CALCULATED") or not o["t"] or not number(o, "l"):
        return [said]
    return [pushed_trade(o, o["c"], cause_of(o["c"])), said]


def _algo_update(message: Row) -> list[VenueEvent]:
    o = message["o"]
    known = {"venue_id": _id(o["aid"]), "child_id": _id(o.get("ai")), "updated": int(message["T"])}
    return [_with_reason(report(o, _ALGO_EVENT, _kind(o["o"]), o["X"], **known), str(o.get("rm") or ""))]


def _account_update(message: Row) -> list[VenueEvent]:
    a, time = message["a"], int(message["T"])
    out: list[VenueEvent] = [BalanceChange(b["a"], number(b, "wb"), a["m"], time) for b in a.get("B", ())]
    if a["m"] == "FUNDING_FEE" and a.get("P"):  # for a shared wallet the event does not name the symbol; income does
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
