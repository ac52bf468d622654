"""Orders and conditional orders over REST."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson

from triplane.exchange.account import FuturesAccount, FuturesFill
from triplane.exchange.errors import Rejected
from triplane.exchange.filters import (
    Params,
    algo_request,
    check_band,
    check_notional,
    lots,
    order_request,
    ticks,
)
from triplane.exchange.orders import SIDES, AlgoOrder, FuturesOrder, ack, full, show_algo
from triplane.exchange.public import limit_of, market_of

if TYPE_CHECKING:
    from triplane.exchange.exchange import Exchange

WEEK_MS = 7 * 86_400_000
DONE = {"code": 200, "msg": "The operation of cancel all open order is done."}


# -------------------------------------------------------------------------------------------------------- orders
def place(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """POST order."""
    order = x.matching.submit(order_request(a, x.markets, p, x.now, x.new_id))
    if p.get("newOrderRespType", "ACK") == "RESULT":
        return ack(order)
    return ack(order) | {"status": "NEW", "executedQty": _none(order), "cumQty": _none(order)}


def _none(order: FuturesOrder) -> str:
    return order.request.market.quantity(0)


def test_order(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """POST order/test: checked and forgotten."""
    order_request(a, x.markets, p, x.now, x.new_id)
    return {}


def find(x: "Exchange", a: FuturesAccount, p: Params, code: int) -> FuturesOrder:
    """The order of ``orderId`` or ``origClientOrderId``; raises Refused with ``code``, also while a fault hides it."""
    symbol, number, text = market_of(x, p).symbol, p.integer("orderId"), p.get("origClientOrderId")
    if number is None and not text:
        raise Rejected(-1102, "orderId")
    order = a.orders.get(number) if number is not None else a.by_client.get((symbol, text or ""))
    if order is None or order.request.market.symbol != symbol or order.hidden_until > x.clock.now_ms():
        raise Rejected(code)
    return order


def query(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """GET order."""
    return full(find(x, a, p, -2013))


def query_open(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """GET openOrder."""
    order = find(x, a, p, -2013)
    if not order.open:
        raise Rejected(-2013)
    return full(order)


def cancel(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """DELETE order."""
    return ack(x.matching.cancel(find(x, a, p, -2011)))


def amend(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """PUT order."""
    order = find(x, a, p, -2013)
    market = order.request.market
    quantity, price = p.number("quantity"), p.number("price")
    if quantity is None or price is None:
        raise Rejected(-1102, "quantity" if quantity is None else "price")
    if order.shown_type != "LIMIT" or p.required("side") != SIDES[order.request.side]:
        raise Rejected(-1130, "side")
    level, count = ticks(market, "price", price), lots(market, quantity)
    check_band(market, level)
    check_notional(replace(order.request, lots=count, price=level))
    return ack(x.matching.amend(order, level, count)) | {"pair": market.symbol}


def _visible(x: "Exchange", rows: list[Any]) -> list[Any]:
    return [row for row in rows if row.hidden_until <= x.clock.now_ms()]


def open_orders(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """GET openOrders."""
    rows = [o for o in a.open.values() if not p.get("symbol") or o.request.market is market_of(x, p)]
    return [full(o) for o in _visible(x, rows)]


def all_orders(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """GET allOrders."""
    market, first = market_of(x, p), p.integer("orderId", 0) or 0
    rows = [o for o in a.orders.values() if o.request.market is market and o.id >= first]
    return [full(o) for o in _page(x, p, _visible(x, rows), lambda o: o.time, 500)]


def cancel_all(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """DELETE allOpenOrders."""
    x.cancel_all(a, market_of(x, p).symbol)
    return DONE


def countdown(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """POST countdownCancelAll: a dead-man's switch for working orders; conditional ones it does not touch."""
    symbol, after = market_of(x, p).symbol, p.integer("countdownTime")
    if after is None:
        raise Rejected(-1102, "countdownTime")
    a.countdowns.pop(symbol, None)
    if after > 0:
        a.countdowns[symbol] = x.clock.now_ms() + after
    return {"symbol": symbol, "countdownTime": str(after)}


def _each(rows: list[Any], do: Callable[[Any], Any]) -> list[Any]:
    """Each row by itself, a refusal in its place."""
    out = []
    for row in rows:
        try:
            out.append(do(row))
        except Rejected as error:
            out.append(error.to_dict())
    return out


def _list(p: Params, name: str) -> list[Any]:
    try:
        rows = orjson.loads(p.get(name) or "[]")
    except orjson.JSONDecodeError:
        raise Rejected(-1130, name) from None
    if not isinstance(rows, list):
        raise Rejected(-1130, name)
    return rows


def _batch(x: "Exchange", a: FuturesAccount, p: Params, do: Callable[["Exchange", FuturesAccount, Params], Any]) -> Any:
    rows = _list(p, "batchOrders")
    if not 0 < len(rows) <= 5 or not all(isinstance(row, dict) for row in rows):
        raise Rejected(-1130, "batchOrders")
    return _each(rows, lambda row: do(x, a, Params({k: _text(v) for k, v in row.items()})))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def place_batch(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """POST batchOrders."""
    return _batch(x, a, p, place)


def amend_batch(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """PUT batchOrders."""
    return _batch(x, a, p, amend)


def cancel_batch(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """DELETE batchOrders."""
    keys = [("orderId", row) for row in _list(p, "orderIdList")]
    keys += [("origClientOrderId", row) for row in _list(p, "origClientOrderIdList")]
    return _each(keys, lambda key: cancel(x, a, Params({"symbol": p.required("symbol"), key[0]: str(key[1])})))


# -------------------------------------------------------------------------------------------------------- algo orders
def place_algo(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """POST algoOrder."""
    return show_algo(x.algos.submit(algo_request(a, x.markets, p, x.now, x.new_id)), query=False)


def find_algo(x: "Exchange", a: FuturesAccount, p: Params, code: int) -> AlgoOrder:
    """The algo order of ``algoId`` or ``clientAlgoId``; raises Refused with ``code``."""
    number, text = p.integer("algoId"), p.get("clientAlgoId")
    if number is None and not text:
        raise Rejected(-1102, "algoid")
    found = a.algos.get(number) if number is not None else None
    if number is None:
        found = next((o for o in reversed(a.algos.values()) if o.request.client_id == text), None)
    if found is None or found.hidden_until > x.clock.now_ms():
        raise Rejected(code)
    return found


def query_algo(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """GET algoOrder."""
    return show_algo(find_algo(x, a, p, -2013))


def cancel_algo(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """DELETE algoOrder."""
    algo = x.algos.cancel(find_algo(x, a, p, -2011))
    return {"algoId": algo.id, "clientAlgoId": algo.request.client_id, "code": "200", "msg": "success"}


def _algos(x: "Exchange", a: FuturesAccount, p: Params) -> list[AlgoOrder]:
    rows = [o for o in a.algos.values() if not p.get("symbol") or o.request.market is market_of(x, p)]
    return [o for o in _visible(x, rows) if not p.get("algoId") or o.id >= int(p["algoId"])]


def open_algos(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """GET openAlgoOrders."""
    return [show_algo(o) for o in _algos(x, a, p) if o.open]


def all_algos(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """GET allAlgoOrders."""
    p.required("symbol")
    return [show_algo(o) for o in _page(x, p, _algos(x, a, p), lambda o: o.time, 500)]


def cancel_algos(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """DELETE algoOpenOrders."""
    market = market_of(x, p)
    for algo in [o for o in a.algos.values() if o.open and o.request.market is market]:
        x.algos.cancel(algo)
    return DONE


# -------------------------------------------------------------------------------------------------------- history
def _page(x: "Exchange", p: Params, rows: list[Any], time: Callable[[Any], int], default: int) -> list[Any]:
    """At most ``limit`` rows of at most seven days: the last ones, or the first ones from a start."""
    start, end = p.integer("startTime"), p.integer("endTime")
    limit = limit_of(p, default, 1000)
    ids = any(p.get(name) for name in ("fromId", "orderId", "algoId"))
    if not ids or start is not None or end is not None:
        if start is not None and end is not None and end - start > WEEK_MS:
            raise Rejected(-1130, "startTime")
        last = end if end is not None else start + WEEK_MS if start is not None else x.now
        first = start if start is not None else last - WEEK_MS
        rows = [row for row in rows if first <= time(row) <= last]
    return rows[:limit] if ids or start is not None else rows[-limit:]


def user_trades(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """GET userTrades."""
    market, first, number = market_of(x, p), p.integer("fromId", 0) or 0, p.integer("orderId")
    rows = [f for f in a.fills if f.order.request.market is market and f.id >= first]
    rows = [f for f in rows if number is None or f.order.id == number]
    return [show_fill(f) for f in _page(x, p, rows, lambda f: f.time, 500)]


def show_fill(f: FuturesFill) -> dict[str, Any]:
    """A row of userTrades."""
    r = f.order.request
    m = r.market
    value: Decimal = f.ticks * m.tick * (f.lots * m.lot)
    return {
        "symbol": m.symbol, "pair": m.symbol, "id": f.id, "orderId": f.order.id, "side": SIDES[r.side],
        "price": m.price(f.ticks), "qty": m.quantity(f.lots), "realizedPnl": format(f.realized, "f"),
        "marginAsset": "USDT", "quoteQty": format(value, "f"), "commission": format(f.fee, "f"),
        "commissionAsset": "USDT", "time": f.time, "positionSide": r.position_side, "buyer": r.side > 0,
        "maker": f.maker,
    }  # fmt: skip


def force_orders(x: "Exchange", a: FuturesAccount, p: Params) -> Any:
    """GET forceOrders: liquidations."""
    rows = [
        o
        for o in a.orders.values()
        if o.liquidation and p.get("symbol", o.request.market.symbol) == o.request.market.symbol
    ]
    return [full(o) for o in _page(x, p, rows, lambda o: o.time, 50)]
