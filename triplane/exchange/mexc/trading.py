"""Orders and plan orders of MEXC over REST."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from triplane.exchange.account import FuturesOrder, OrderRequest
from triplane.exchange.market import Market
from triplane.exchange.mexc import views
from triplane.exchange.mexc.account import MexcAccount
from triplane.exchange.mexc.dialect import MexcDialect
from triplane.exchange.mexc.errors import TEXTS, MexcRejected, reject_if
from triplane.exchange.mexc.market import Query, chosen, market_of, page, paged, whole
from triplane.exchange.params import between, visible
from triplane.exchange.positions import MAX_LEVERAGE

LONGEST_ID: Final = 32
TIMES: Final = {1: "GTC", 2: "GTX", 3: "IOC", 4: "FOK", 5: "GTC", 6: "GTC"}
"""Time in force by order type; 5 is at market, and so is 6, at the current price."""
CYCLES: Final = {1: 24 * views.HOUR, 2: 168 * views.HOUR}
"""How long a plan order waits, by its code."""
WEEK_MS: Final = 168 * views.HOUR
QUARTER_MS: Final = 90 * 24 * views.HOUR


# -------------------------------------------------------------------------------------------------------- requests
def _decimal(q: Query, name: str, code: int) -> Decimal:
    value = q.get(name)
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise MexcRejected(code)
    try:
        number = Decimal(value)
    except ArithmeticError:
        raise MexcRejected(code) from None
    reject_if(not number.is_finite() or number <= 0, code)
    return number


def _ticks(market: Market, q: Query, name: str, code: int) -> int:
    price = _decimal(q, name, code)
    reject_if(price % market.tick, 2015)
    return int(price / market.tick)


def _request(mexc: MexcDialect, a: MexcAccount, q: Query, kind: int) -> OrderRequest:
    """What orders and plan orders have in common, without price and trigger."""
    market, side, open_type = market_of(mexc, q.get("symbol")), whole(q, "side", 0), whole(q, "openType", 0)
    volume = _decimal(q, "vol", 2011)
    reject_if(side not in (1, 2, 3, 4), 2001)
    reject_if(open_type not in (1, 2), 2002)
    reject_if(kind not in TIMES, 2029)
    if volume % 1 or not market.instrument.min_quantity <= volume * market.lot or volume > views.MAX_CONTRACTS:
        raise MexcRejected(2011)
    reject_if(whole(q, "positionMode", 0) not in (0, 1 if a.hedge else 2), 7002)
    reduces = q.get("reduceOnly") in (True, "true")
    if a.hedge and reduces:
        raise MexcRejected(600)  # "two-way positions will not accept this parameter"
    client_id = str(q.get("externalOid") or "_m_" + mexc.x.new_id(29))
    reject_if(len(client_id) > LONGEST_ID, 2030)
    closes, place = side in (2, 4), "BOTH"
    if a.hedge:
        place = "LONG" if side in (1, 4) else "SHORT"
    elif closes:
        reduces = True  # in one-way mode a closing side can only reduce (to be confirmed on the real venue)
    if not closes and not reduces:
        _open_as(a, market, open_type, whole(q, "leverage", 0))
    return OrderRequest(
        a, market, client_id, 1 if side in (1, 2) else -1, place, "MARKET" if kind in (5, 6) else "LIMIT", TIMES[kind],
        int(volume), 0, reduce_only=reduces,
    )  # fmt: skip


def _open_as(a: MexcAccount, market: Market, open_type: int, leverage: int) -> None:
    """Margin type and leverage come with the order that opens."""
    config = a.config(market.symbol)
    busy = any(key[0] == market.symbol for key in a.positions)
    busy = busy or any(o.request.market is market for o in a.open.values())
    reject_if((open_type == 1 and not leverage) or not 0 <= leverage <= MAX_LEVERAGE, 2006)
    reject_if(busy and config.isolated != (open_type == 1), 2027)
    reject_if(busy and config.isolated and leverage != config.leverage, 2021)
    config.isolated = open_type == 1
    config.leverage = leverage or config.leverage


def _check_price(market: Market, side: int, ticks: int) -> None:
    reject_if(side > 0 and ticks > market.last * (1 + views.LIMIT_RATE), 2003)
    reject_if(side < 0 and ticks < market.last * (1 - views.LIMIT_RATE), 2004)


# -------------------------------------------------------------------------------------------------------- orders
def create(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """POST order/create. A known external id answers with the order that has it (to be confirmed on the real venue).

    A post-only order that would take is accepted, and cancelled at once.
    """
    market, client_id = market_of(mexc, q.get("symbol")), str(q.get("externalOid") or "")
    found = a.by_client.get((market.symbol, client_id)) if client_id else None
    if found is None:
        request = _request(mexc, a, q, whole(q, "type", 0))
        if request.type == "LIMIT":
            request.price = _ticks(market, q, "price", 2007)
            _check_price(market, request.side, request.price)
        found = mexc.matching.submit(request)
    return {"orderId": str(found.id), "ts": mexc.x.wall()}


def submit(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """POST order/submit: the older form, which answers with the bare id."""
    return create(mexc, a, q)["orderId"]


def _shown(mexc: MexcDialect, order: FuturesOrder | None) -> FuturesOrder | None:
    """None also while a fault hides it."""
    return order if order is not None and visible([order], mexc.x.clock.now_ms()) else None


def _find(mexc: MexcDialect, a: MexcAccount, number: object) -> FuturesOrder | None:
    text = str(number)
    return _shown(mexc, a.orders.get(int(text)) if text.isdecimal() else None)


def _external(mexc: MexcDialect, a: MexcAccount, symbol: object, client_id: object) -> FuturesOrder | None:
    return _shown(mexc, a.by_client.get((market_of(mexc, symbol).symbol, str(client_id))))


def _answer(a: MexcAccount, order: FuturesOrder | None) -> Any:
    if order is None:
        raise MexcRejected(2040)
    return views.order(a, order)


def query(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """GET order/get/{id}."""
    return _answer(a, _find(mexc, a, q["arguments"][0]))


def query_external(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """GET order/external/{symbol}/{external id}."""
    return _answer(a, _external(mexc, a, *q["arguments"]))


def batch_query(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """GET order/batch_query."""
    found = [_find(mexc, a, number) for number in str(q.get("order_ids", "")).split(",")]
    return [views.order(a, order) for order in found if order is not None]


def _cancel(mexc: MexcDialect, number: object, order: FuturesOrder | None) -> Any:
    code = 2040
    if order is not None:
        code = 0 if order.open else 2041
        if order.open:
            mexc.matching.cancel(order)
    shown = order.id if order is not None else number
    return {"orderId": shown, "errorCode": code, "errorMsg": TEXTS[code] if code else "success"}


def _list(q: Query) -> list[Any]:
    reject_if(not isinstance(q.get("list"), list), 600)
    return list(q["list"])


def cancel(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """POST order/cancel: a list of ids."""
    return [_cancel(mexc, number, _find(mexc, a, number)) for number in _list(q)]


def cancel_external(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """POST order/cancel_with_external (one, or a list) and order/batch_cancel_with_external (a list)."""
    rows = _list(q) if "list" in q else [q]
    reject_if(not all(isinstance(row, dict) for row in rows), 600)
    return [_cancel(mexc, 0, _external(mexc, a, row.get("symbol"), row.get("externalOid"))) for row in rows]


def cancel_all(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """POST order/cancel_all: of a symbol, or of all."""
    for market in chosen(mexc, q):
        mexc.matching.cancel_all(a, market)


def open_orders(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """GET order/list/open_orders, also with a symbol in the path; newest first."""
    markets = chosen(mexc, {"symbol": q["arguments"][0]} if q["arguments"] else q)
    rows = [o for o in visible(a.open.values(), mexc.x.clock.now_ms()) if o.request.market in markets]
    return [views.order(a, o) for o in page(q, rows[::-1])]


def _listed(mexc: MexcDialect, q: Query, rows: Iterable[Any], show: Callable[[Any], Any]) -> list[Any]:
    """The page of orders or plan orders that was asked for, newest first."""
    markets = chosen(mexc, q)
    states = {int(s) for s in str(q.get("states", "")).split(",") if s.isdecimal()}
    found = [row for row in visible(rows, mexc.x.clock.now_ms()) if row.request.market in markets]
    shown = [show(row) for row in reversed(between(found, *_span(mexc, q)))]
    return page(q, [row for row in shown if not states or row["state"] in states])


def history(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """GET order/list/history_orders: what ended, newest first."""
    return _listed(mexc, q, [o for o in a.orders.values() if not o.open], lambda o: views.order(a, o))


def _span(mexc: MexcDialect, q: Query) -> tuple[int, int]:
    """Start and end of a query: the last week, at most 90 days."""
    last = whole(q, "end_time", 0) or mexc.x.now
    first = whole(q, "start_time", 0) or last - WEEK_MS
    reject_if(last - first > QUARTER_MS, 600)
    return first, last


def _deals(mexc: MexcDialect, a: MexcAccount, q: Query) -> list[Any]:
    market = market_of(mexc, q.get("symbol"))
    rows = [f for f in a.fills if f.order.request.market is market]
    return [views.fill(f) for f in reversed(between(rows, *_span(mexc, q)))]


def order_deals(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """GET order/list/order_deals: executions of a symbol, newest first."""
    return page(q, _deals(mexc, a, q))


def order_deals_v3(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """GET order/list/order_deals/v3: the same with counts of pages."""
    return paged(q, _deals(mexc, a, q))


def deal_details(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """GET order/deal_details/{id}."""
    order = _find(mexc, a, q["arguments"][0])
    return [views.fill(f) for f in a.fills if f.order is order]


# -------------------------------------------------------------------------------------------------------- plan orders
def place_plan(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """POST planorder/place and planorder/place/v2."""
    kind = whole(q, "orderType", 0)
    request = replace(_request(mexc, a, {**q, "externalOid": ""}, kind), tif=TIMES.get(kind, "GTC"))
    market, rising = request.market, whole(q, "triggerType", 0)
    reject_if(rising not in (1, 2), 3002)
    reject_if(whole(q, "trend", 0) not in (1, 2, 3), 3001)
    cycle = CYCLES.get(whole(q, "executeCycle", 0))
    if cycle is None:
        raise MexcRejected(3003)
    request.trigger = _ticks(market, q, "triggerPrice", 3004)
    if request.type == "LIMIT":
        request.price = _ticks(market, q, "price", 2007)
    stop = (rising == 1) == (request.side > 0)
    request.type = ("STOP" if stop else "TAKE_PROFIT") + ("" if request.price else "_MARKET")
    request.good_till = mexc.x.now + cycle
    return str(mexc.algos.submit(request).id)


def plans(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """GET planorder/list/orders, newest first."""
    return _listed(mexc, q, a.algos.values(), lambda p: views.plan(a, p))


def cancel_plans(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """POST planorder/cancel: a list of symbol and id."""
    for row in _list(q):
        number = str(row.get("orderId", "")) if isinstance(row, dict) else ""
        plan = a.algos.get(int(number)) if number.isdecimal() else None
        if plan is None or not visible([plan], mexc.x.clock.now_ms()):
            raise MexcRejected(2040)
        mexc.algos.cancel(plan)


def cancel_all_plans(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """POST planorder/cancel_all: of a symbol, or of all."""
    markets = chosen(mexc, q)
    for plan in [p for p in a.algos.values() if p.open and p.request.market in markets]:
        mexc.algos.cancel(plan)
