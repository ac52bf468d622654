"""Orders, conditional ("algo") orders and fills as REST shows them.

An acknowledgement carries neither ``avgPrice`` nor ``cumQuote``: fills come from the stream or from a query.
"""

from typing import Any

from triplane.exchange.account import SIDES, AlgoOrder, FuturesFill, FuturesOrder, OrderRequest


def _common(r: OrderRequest) -> dict[str, Any]:
    """What orders and algo orders show alike."""
    return {
        "symbol": r.market.symbol, "price": r.market.price(r.price), "timeInForce": r.tif, "reduceOnly": r.reduce_only,
        "closePosition": r.close_position, "side": SIDES[r.side], "positionSide": r.position_side,
        "workingType": r.working_type, "priceProtect": r.price_protect, "priceMatch": r.price_match,
        "selfTradePreventionMode": r.stp, "goodTillDate": r.good_till,
    }  # fmt: skip


def ack(order: FuturesOrder) -> dict[str, Any]:
    """Answer to placing, cancelling or amending."""
    r, m = order.request, order.request.market
    return _common(r) | {
        "orderId": order.id, "status": order.status, "clientOrderId": r.client_id, "origQty": m.quantity(r.lots),
        "executedQty": m.quantity(order.filled), "cumQty": m.quantity(order.filled), "type": order.shown_type,
        "stopPrice": m.price(r.trigger), "origType": r.type, "updateTime": order.updated,
    }  # fmt: skip


def full(order: FuturesOrder) -> dict[str, Any]:
    """Answer to a query."""
    out = ack(order) | {"avgPrice": order.average(), "cumQuote": format(order.value, "f"), "time": order.time}
    del out["cumQty"]
    return out


def show_algo(algo: AlgoOrder, query: bool = True) -> dict[str, Any]:
    """Answer to placing (``query`` false) or asking for an algo order."""
    r, m, child = algo.request, algo.request.market, algo.child
    out = _common(r) | {
        "algoId": algo.id, "clientAlgoId": r.client_id, "algoType": "CONDITIONAL", "orderType": r.type,
        "quantity": m.quantity(r.lots), "algoStatus": algo.status, "triggerPrice": m.price(r.trigger),
        "icebergQuantity": None, "createTime": algo.time, "updateTime": algo.updated, "triggerTime": algo.triggered,
    }  # fmt: skip
    if r.type == "TRAILING_STOP_MARKET":
        out |= {"activatePrice": m.price(r.activate), "callbackRate": format(r.callback, "f")}
    if query:
        out["actualOrderId"] = str(child.id) if child else ""
        out["actualPrice"] = child.average() if child else "0.00000"
        if child:
            out |= {"actualType": child.shown_type, "actualQty": m.quantity(child.filled)}
        out |= dict.fromkeys(("tpTriggerPrice", "tpPrice", "slTriggerPrice", "slPrice"), "0.000") | {"tpOrderType": ""}
    return out


def show_fill(f: FuturesFill) -> dict[str, Any]:
    """A row of userTrades."""
    r, m = f.order.request, f.order.request.market
    return {
        "symbol": m.symbol, "pair": m.symbol, "id": f.id, "orderId": f.order.id, "side": SIDES[r.side],
        "price": m.price(f.ticks), "qty": m.quantity(f.lots), "realizedPnl": format(f.realized, "f"),
        "marginAsset": "USDT", "quoteQty": format(f.ticks * m.tick * (f.lots * m.lot), "f"),
        "commission": format(f.fee, "f"), "commissionAsset": "USDT", "time": f.time, "positionSide": r.position_side,
        "buyer": r.side > 0, "maker": f.maker,
    }  # fmt: skip
