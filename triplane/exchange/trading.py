"""Orders and conditional orders over REST."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from triplane.exchange.account import SIDES, AlgoOrder, FuturesAccount, FuturesOrder, shown_type
from triplane.exchange.errors import Rejected, found, reject_if
from triplane.exchange.exchange import Exchange
from triplane.exchange.filters import algo_request, check_band, check_notional, lots, order_request, ticks
from triplane.exchange.order_views import ack, full, show_algo, show_fill
from triplane.exchange.params import Params, between, find, own_trades, read_json, visible
from triplane.exchange.public import chosen

WEEK_MS: Final = 7 * 86_400_000
DONE: Final = {"code": 200, "msg": "The operation of cancel all open order is done."}


# -------------------------------------------------------------------------------------------------------- orders
def place(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """POST order."""
    order = x.matching.submit(order_request(a, x.markets, p, x.now, x.new_id))
    if p.get("newOrderRespType", "ACK") == "RESULT":
        return ack(order)
    none = order.request.market.quantity(0)
    return ack(order) | {"status": "NEW", "executedQty": none, "cumQty": none}


def test_order(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """POST order/test: checked and forgotten."""
    order_request(a, x.markets, p, x.now, x.new_id)
    return {}


def _find(x: Exchange, a: FuturesAccount, p: Params, code: int) -> FuturesOrder:
    order: FuturesOrder = find(a, p, p.of_symbol(x.markets).symbol, x.clock.now_ms(), code)
    return order


def query(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """GET order."""
    return full(_find(x, a, p, -2013))


def query_open(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """GET openOrder."""
    order = _find(x, a, p, -2013)
    reject_if(not order.open, -2013)
    return full(order)


def cancel(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """DELETE order."""
    return ack(x.matching.cancel(_find(x, a, p, -2011)))


def amend(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """PUT order."""
    order = _find(x, a, p, -2013)
    market, quantity, price = order.request.market, p.needed("quantity"), p.needed("price")
    reject_if(
        shown_type(order.request.type) != "LIMIT" or p.required("side") != SIDES[order.request.side], -1130, "side"
    )
    level, count = ticks(market, "price", price), lots(market, quantity)
    check_band(market, level)
    check_notional(replace(order.request, lots=count, price=level))
    return ack(x.matching.amend(order, level, count)) | {"pair": market.symbol}


def open_orders(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """GET openOrders."""
    markets = chosen(x, p)
    return [full(o) for o in visible(a.open.values(), x.clock.now_ms()) if o.request.market in markets]


def all_orders(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """GET allOrders."""
    market, first = p.of_symbol(x.markets), p.integer("orderId", 0) or 0
    rows = [o for o in a.orders.values() if o.request.market is market and o.id >= first]
    return [full(o) for o in _page(x, p, visible(rows, x.clock.now_ms()), 500)]


def cancel_all(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """DELETE allOpenOrders: not the conditional ones."""
    x.matching.cancel_all(a, p.of_symbol(x.markets))
    return DONE


def countdown(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """POST countdownCancelAll: a dead-man's switch for working orders; it does not touch conditional ones."""
    symbol = p.of_symbol(x.markets).symbol
    after = found(p.integer("countdownTime"), -1102, "countdownTime")
    a.countdowns.pop(symbol, None)
    if after > 0:
        a.countdowns[symbol] = x.clock.now_ms() + after
    return {"symbol": symbol, "countdownTime": str(after)}


def _each(rows: list[Any], do: Callable[[Any], Any]) -> list[Any]:
    """Each row by itself, a rejection in its place."""
    out = []
    for row in rows:
        try:
            out.append(do(row))
        except Rejected as error:
            out.append(error.to_dict())
    return out


def _list(p: Params, name: str) -> list[Any]:
    rows = read_json(p.get(name) or "[]")
    if not isinstance(rows, list):
        raise Rejected(-1130, name)
    return rows


def _batch(do: Callable[[Exchange, FuturesAccount, Params], Any]) -> Callable[[Exchange, FuturesAccount, Params], Any]:
    """The handler that does something with up to five orders."""

    def answer(x: Exchange, a: FuturesAccount, p: Params) -> Any:
        rows = _list(p, "batchOrders")
        reject_if(not 0 < len(rows) <= 5 or not all(isinstance(row, dict) for row in rows), -1130, "batchOrders")
        return _each(rows, lambda row: do(x, a, Params.of_json(row)))

    return answer


place_batch, amend_batch = _batch(place), _batch(amend)


def cancel_batch(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """DELETE batchOrders."""
    keys = [("orderId", row) for row in _list(p, "orderIdList")]
    keys += [("origClientOrderId", row) for row in _list(p, "origClientOrderIdList")]
    return _each(keys, lambda key: cancel(x, a, Params({"symbol": p.required("symbol"), key[0]: str(key[1])})))


# -------------------------------------------------------------------------------------------------------- algo orders
def place_algo(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """POST algoOrder."""
    return show_algo(x.algos.submit(algo_request(a, x.markets, p, x.now, x.new_id)), query=False)


def _find_algo(x: Exchange, a: FuturesAccount, p: Params, code: int) -> AlgoOrder:
    """The algo order of ``algoId`` or ``clientAlgoId``; raises Rejected with ``code``."""
    number, text = p.integer("algoId"), p.get("clientAlgoId")
    if number is None and not text:
        raise Rejected(-1102, "algoid")
    named = [o for o in a.algos.values() if (o.request.client_id == text if number is None else o.id == number)]
    return found(next(iter(visible(named[-1:], x.clock.now_ms())), None), code)


def query_algo(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """GET algoOrder."""
    return show_algo(_find_algo(x, a, p, -2013))


def cancel_algo(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """DELETE algoOrder."""
    algo = x.algos.cancel(_find_algo(x, a, p, -2011))
    return {"algoId": algo.id, "clientAlgoId": algo.request.client_id, "code": "200", "msg": "success"}


def _algos(x: Exchange, a: FuturesAccount, p: Params) -> list[AlgoOrder]:
    markets, first = chosen(x, p), int(p.get("algoId") or 0)
    rows = visible(a.algos.values(), x.clock.now_ms())
    return [o for o in rows if o.request.market in markets and o.id >= first]


def open_algos(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """GET openAlgoOrders."""
    return [show_algo(o) for o in _algos(x, a, p) if o.open]


def all_algos(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """GET allAlgoOrders."""
    p.required("symbol")
    return [show_algo(o) for o in _page(x, p, _algos(x, a, p), 500)]


def cancel_algos(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """DELETE algoOpenOrders."""
    market = p.of_symbol(x.markets)
    for algo in [o for o in a.algos.values() if o.open and o.request.market is market]:
        x.algos.cancel(algo)
    return DONE


# -------------------------------------------------------------------------------------------------------- history
def _page(x: Exchange, p: Params, rows: list[Any], default: int) -> list[Any]:
    """At most ``limit`` rows of at most seven days: the last ones, or the first ones from a start."""
    start, end = p.integer("startTime"), p.integer("endTime")
    limit = p.limit(default, 1000)
    ids = any(p.get(name) for name in ("fromId", "orderId", "algoId"))
    if not ids or start is not None or end is not None:
        reject_if(start is not None and end is not None and end - start > WEEK_MS, -1130, "startTime")
        last = end if end is not None else start + WEEK_MS if start is not None else x.now
        rows = between(rows, start if start is not None else last - WEEK_MS, last)
    return rows[:limit] if ids or start is not None else rows[-limit:]


def user_trades(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """GET userTrades."""
    return [show_fill(f) for f in _page(x, p, own_trades(a, p, p.of_symbol(x.markets).symbol), 500)]


def force_orders(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """GET forceOrders: liquidations."""
    rows = [o for o in a.orders.values() if o.liquidation and p.get("symbol", o.symbol) == o.symbol]
    return [full(o) for o in _page(x, p, rows, 50)]
