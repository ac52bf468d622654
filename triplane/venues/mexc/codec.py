"""The formats of MEXC futures: typed orders to requests, answers and stream messages to typed reports.

Pure functions. What to know of the venue:

* Quantities are contracts; :class:`Contract` turns them into base units and back, exactly.
* ``side`` says what happens to which position: 1 opens a long, 2 closes a short, 3 opens a short, 4 closes a long. What
  may only reduce is sent as a closing side in both position modes, in one-way mode with ``reduceOnly`` besides, so that
  a reducing buy can close a short and nothing else.
* A client id (``externalOid``) has at most 32 letters. Longer ones, and ones that do not fit into a path, are sent as
  their digest; :class:`triplane.venues.mexc.client_ids.ClientIds` knows which id is meant.
* Stops and targets are *plan orders* at market. They show no client id; they end after seven days; and when triggered
  they become an order with another id, their *child*, under a client id of the venue's. The type of a plan order
  follows from its side and the direction of its trigger.
* Numbers are JSON numbers; they must have been read as decimals.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from triplane.data.instruments import Instrument, plain
from triplane.data.mexc import contract_rules
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
    OrderStatus,
    OrderType,
    PositionReport,
)
from triplane.venues.wire import HttpRequest, Row, number, positive

PRIVATE: Final = "/api/v1/private/"
PUBLIC: Final = "/api/v1/contract/"
PAGE: Final = 100
DAY_MS: Final = 86_400_000
SPAN_MS: Final = 90 * DAY_MS - 1
"""Longest time that one query may cover; its end may lie in the future."""
KEPT_MS: Final = 89 * DAY_MS
"""How far back executions can be asked for."""
PLAN_DAYS: Final = 7
_PLAN_CYCLE: Final = 2  # the code of seven days
_PLAIN_ID: Final = re.compile(r"[.A-Za-z0-9_-]{1,32}")
_TIMES: Final = {"GTC": 1, "GTX": 2, "IOC": 3, "FOK": 4}
_STATES: Final = {3: OrderStatus.FILLED, 4: OrderStatus.CANCELLED, 5: OrderStatus.REJECTED}
_PLAN_STATES: Final = {2: OrderStatus.CANCELLED, 4: OrderStatus.EXPIRED, 5: OrderStatus.REJECTED}
_CAUSES: Final = {2: Cause.LIQUIDATION, 3: Cause.LIQUIDATION, 4: Cause.ADL, 5: Cause.SETTLEMENT, 6: Cause.LIQUIDATION}
_EXPIRED: Final = {
    10: "its position has closed", 18: "IOC: not filled at once", 19: "FOK: not filled as a whole",
    20: "post-only: it would have taken", 21: "market: nothing to fill it",
}  # fmt: skip
"""Reasons for which the venue ends an order that nobody cancelled."""


@dataclass(frozen=True, slots=True)
class Contract:
    """A row of contract/detail: how many base units a contract is, and the instrument."""

    instrument: Instrument
    size: Decimal
    most_leverage: int
    tradable: bool
    by_api: bool

    def contracts(self, quantity: Decimal) -> int | str:
        """A quantity as it is sent."""
        count = quantity / self.size
        return int(count) if count == count.to_integral_value() else plain(count)

    def base(self, row: Row, name: str) -> Decimal:
        """A field in base units."""
        return number(row, name) * self.size


def contract(row: Row) -> Contract:
    """A row of contract/detail."""
    rules, size = contract_rules(row), number(row, "contractSize")
    tradable = row.get("state") in (0, "0") and not row.get("isHidden")
    return Contract(rules, size, int(number(row, "maxLeverage")), tradable, row.get("apiAllowed") is not False)


def rows(data: Any) -> list[Row]:
    """The rows of an answer, whether bare or a page of them."""
    found = data.get("resultList") if isinstance(data, Mapping) else data
    return list(found or [])


# ------------------------------------------------------------------------------------------------------- requests
def external(client_id: str) -> str:
    """The client id as the venue can take it."""
    return client_id if _PLAIN_ID.fullmatch(client_id) else hashlib.sha256(client_id.encode()).hexdigest()[:32]


def _common(order: NewOrder, c: Contract, leverage: int, hedge: bool) -> dict[str, Any]:
    side = (2 if order.reduce_only else 1) if order.side > 0 else (4 if order.reduce_only else 3)
    out: dict[str, Any] = {
        "symbol": order.symbol, "vol": c.contracts(order.quantity), "side": side, "openType": 1,
        "positionMode": 1 if hedge else 2, "externalOid": external(order.client_id),
    }  # fmt: skip
    if leverage:
        out["leverage"] = leverage
    if order.reduce_only and not hedge:
        out["reduceOnly"] = True
    return out


def place(order: NewOrder, c: Contract, leverage: int, *, hedge: bool = False) -> HttpRequest:
    """The request that places an order, on isolated margin.

    ``externalOid`` goes with plan orders too: the venue is not known to keep it there (to be confirmed on the real
    venue), but if it shows it, it is read.
    """
    params = _common(order, c, leverage, hedge)
    if order.type.conditional:
        rising = (order.side > 0) == (order.type is OrderType.STOP_MARKET)
        params |= {
            "triggerPrice": plain(order.trigger or ZERO), "triggerType": 1 if rising else 2,
            "executeCycle": _PLAN_CYCLE, "orderType": 5, "trend": 1,
        }  # fmt: skip
        return HttpRequest("POST", f"{PRIVATE}planorder/place/v2", params)
    params["type"] = 5 if order.type is OrderType.MARKET else _TIMES[order.time_in_force]
    if order.type is OrderType.LIMIT:
        params["price"] = plain(order.price or ZERO)
    return HttpRequest("POST", f"{PRIVATE}order/create", params)


def cancel(symbol: str, client_id: str) -> HttpRequest:
    """The request that cancels an order."""
    row = {"symbol": symbol, "externalOid": external(client_id)}
    return HttpRequest("POST", f"{PRIVATE}order/batch_cancel_with_external", [row])


def cancel_plan(symbol: str, number_: str) -> HttpRequest:
    """The request that cancels a plan order."""
    return HttpRequest("POST", f"{PRIVATE}planorder/cancel", [{"symbol": symbol, "orderId": number_}])


def lookup(symbol: str, client_id: str) -> HttpRequest:
    """The request that asks for an order by its client id."""
    return HttpRequest("GET", f"{PRIVATE}order/external/{symbol}/{external(client_id)}", {})


def plans(symbol: str, states: str, now: int) -> HttpRequest:
    """The request for the plan orders of the time that they can live, newest first; ``states`` empty for all."""
    start = now - (PLAN_DAYS + 2) * DAY_MS
    params = {"symbol": symbol, "start_time": start, "end_time": start + SPAN_MS}
    return HttpRequest("GET", f"{PRIVATE}planorder/list/orders", params | ({"states": states} if states else {}))


def paging(page: int) -> dict[str, int]:
    """The parameters of a page, from 1 on."""
    return {"page_num": page, "page_size": PAGE}


# ------------------------------------------------------------------------------------------------------- answers
def _id(value: object) -> str:
    text = "" if value is None else str(value)
    return "" if text == "0" else text


def _side(row: Row) -> tuple[int, bool]:
    """Buy or sell, and whether it closes."""
    side = int(row["side"])
    if side not in (1, 2, 3, 4):
        raise DataError(f"the venue sent side {side}; it must be 1, 2, 3 or 4")
    return (1 if side in (1, 2) else -1), side in (2, 4)


def ack(order: NewOrder, data: Any) -> OrderReport:
    """The acknowledgement of an order: its id, bare or with the time."""
    said = data if isinstance(data, Mapping) else {"orderId": data}
    return OrderReport(
        order.client_id, order.symbol, order.side, order.type, OrderStatus.OPEN, order.quantity, price=order.price,
        trigger=order.trigger, reduce_only=order.reduce_only, venue_id=_id(said.get("orderId")),
        updated=int(said.get("ts") or 0),
    )  # fmt: skip


def order_report(row: Row, c: Contract) -> OrderReport:
    """An order, from an answer or a push; ``client_id`` is as the venue has it."""
    side, closes = _side(row)
    code, status = int(row.get("errorCode") or 0), _STATES.get(int(row["state"]), OrderStatus.OPEN)
    if status is OrderStatus.CANCELLED and code in _EXPIRED:
        status = OrderStatus.EXPIRED
    market = int(row["orderType"]) in (5, 6)
    return OrderReport(
        client_id=str(row.get("externalOid") or ""), symbol=row["symbol"], side=side,
        type=OrderType.MARKET if market else OrderType.LIMIT, status=status, quantity=c.base(row, "vol"),
        filled=c.base(row, "dealVol"), average=positive(row, "dealAvgPrice"),
        price=None if market else positive(row, "price"), reduce_only=closes or row.get("reduceOnly") is True,
        venue_id=_id(row["orderId"]), updated=int(row.get("updateTime") or 0),
        reason=_EXPIRED.get(code, f"error {code}" if code and status.final else ""),
    )  # fmt: skip


def plan_report(row: Row, c: Contract) -> OrderReport:
    """A plan order; once executed it stays open, because its child lives on."""
    side, closes = _side(row)
    stop = (int(row["triggerType"]) == 1) == (side > 0)
    status, code = _PLAN_STATES.get(int(row["state"]), OrderStatus.OPEN), int(row.get("errorCode") or 0)
    reason = f"it ended after {PLAN_DAYS} days" if status is OrderStatus.EXPIRED else ""
    return OrderReport(
        client_id=str(row.get("externalOid") or ""), symbol=row["symbol"], side=side,
        type=OrderType.STOP_MARKET if stop else OrderType.TAKE_PROFIT_MARKET, status=status,
        quantity=c.base(row, "vol"), trigger=positive(row, "triggerPrice"),
        reduce_only=closes or row.get("reduceOnly") is True, venue_id=_id(row["id"]), child_id=_id(row.get("orderId")),
        updated=int(row.get("updateTime") or 0), reason=f"error {code}" if code else reason,
    )  # fmt: skip


def fill(row: Row, c: Contract) -> Execution:
    """An execution, from an answer or a push; only pushes tell the client id, as the venue has it."""
    return Execution(
        symbol=row["symbol"], trade_id=str(row["id"]), venue_order_id=str(row["orderId"]),
        client_id=str(row.get("externalOid") or ""), side=_side(row)[0], price=number(row, "price"),
        quantity=c.base(row, "vol"), fee=number(row, "fee"), fee_asset=str(row.get("feeCurrency") or ""),
        maker=not (row.get("isTaker") or row.get("taker")), time=int(row["timestamp"]),
        cause=_CAUSES.get(int(row.get("category") or 0), Cause.NONE),
    )  # fmt: skip


def funding_payment(row: Row) -> Funding:
    """A row of funding_records."""
    return Funding(row["symbol"], number(row, "funding"), int(row["settleTime"]))


def position_report(row: Row, c: Contract, mark: Decimal) -> PositionReport:
    """A row of open_positions, with the fair price."""
    quantity = c.base(row, "holdVol") * (1 if int(row["positionType"]) == 1 else -1)
    entry = number(row, "holdAvgPrice", "openAvgPrice")
    profit = (mark - entry) * quantity
    margin, ratio = number(row, "im") + profit, None
    if int(row["openType"]) == 1 and margin > 0:
        needed = abs(quantity) * mark * Decimal(repr(c.instrument.maintenance_margin))
        ratio = float(max(1 - needed / margin, ZERO))
    return PositionReport(row["symbol"], quantity, entry, mark, profit, positive(row, "liquidatePrice"), ratio)


def balance(row: Row) -> Balance:
    """A row of account/assets."""
    return Balance(row["currency"], number(row, "equity") - number(row, "unrealized"), number(row, "availableBalance"))


def balance_change(row: Row, time: int) -> BalanceChange:
    """A push of the asset: its three parts are the wallet (to be confirmed on the real venue)."""
    wallet = sum((number(row, name) for name in ("availableBalance", "frozenBalance", "positionMargin")), ZERO)
    return BalanceChange(row["currency"], wallet, "", time)


def margin_call(row: Row, time: int) -> MarginCall:
    """A push of the risk of liquidation."""
    return MarginCall((row["symbol"],), time)
