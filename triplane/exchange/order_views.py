"""Orders, fills and accounts as REST and the user data stream show them.

An acknowledgement carries neither ``avgPrice`` nor ``cumQuote``: fills come from the stream or from a query. What an
order shows over REST, its events show under short names; ``E`` and ``T`` are market time.
"""

from decimal import Decimal
from typing import Any, Final

from triplane.exchange.account import (
    SIDES,
    AlgoOrder,
    FuturesAccount,
    FuturesFill,
    FuturesOrder,
    OrderRequest,
    shown_type,
)
from triplane.exchange.positions import MarginPosition

Event = dict[str, Any]


# -------------------------------------------------------------------------------------------------------- REST
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
        "executedQty": m.quantity(order.filled), "cumQty": m.quantity(order.filled), "type": shown_type(r.type),
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
            out |= {"actualType": shown_type(r.type), "actualQty": m.quantity(child.filled)}
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


# -------------------------------------------------------------------------------------------------------- events
def names(pairs: str) -> dict[str, str]:
    """Short names and the long ones of REST, from ``"s:symbol q:origQty"``."""
    return dict(pair.split(":") for pair in pairs.split())


_COMMON: Final = names(
    "s:symbol S:side f:timeInForce p:price R:reduceOnly wt:workingType ps:positionSide cp:closePosition pP:priceProtect"
    " V:selfTradePreventionMode pm:priceMatch gtd:goodTillDate"
)
_ORDER: Final = _COMMON | names(
    "c:clientOrderId o:type q:origQty ap:avgPrice sp:stopPrice X:status i:orderId z:executedQty ot:origType"
)
_ALGO: Final = _COMMON | names(
    "caid:clientAlgoId aid:algoId at:algoType o:orderType q:quantity X:algoStatus ai:actualOrderId tp:triggerPrice"
    " tt:triggerTime"
)


def _event(kind: str, now: int, body: str, content: Any) -> Event:
    return {"e": kind, "E": now, "T": now, body: content}


def order_update(
    order: FuturesOrder, execution: str, now: int, fill: FuturesFill | None = None, reason: str = "0"
) -> Event:
    """ORDER_TRADE_UPDATE with the execution type NEW, TRADE, CALCULATED, CANCELED, EXPIRED or AMENDMENT."""
    r, m, row = order.request, order.request.market, full(order)
    body: Event = {short: row[long] for short, long in _ORDER.items()} | {
        "x": execution, "l": m.quantity(fill.lots if fill else 0), "L": m.price(fill.ticks if fill else 0), "T": now,
        "t": fill.id if fill else 0, "b": "0", "a": "0", "m": fill.maker if fill else False, "si": 0, "ss": 0,
        "rp": format(fill.realized if fill else Decimal(0), "f"), "er": reason,
    }  # fmt: skip
    if fill:
        body |= {"N": "USDT", "n": format(fill.fee, "f")}
    if r.type == "TRAILING_STOP_MARKET":
        body |= {"AP": m.price(r.activate), "cr": format(r.callback, "f")}
    return _event("ORDER_TRADE_UPDATE", now, "o", body)


def trade_lite(fill: FuturesFill) -> Event:
    """TRADE_LITE: the same fill once more, early and short."""
    r, m = fill.order.request, fill.order.request.market
    return {
        "e": "TRADE_LITE", "E": fill.time, "T": fill.time, "s": m.symbol, "q": m.quantity(r.lots),
        "p": m.price(r.price), "m": fill.maker, "c": r.client_id, "S": SIDES[r.side], "L": m.price(fill.ticks),
        "l": m.quantity(fill.lots), "t": fill.id, "i": fill.order.id,
    }  # fmt: skip


def account_update(
    account: FuturesAccount, reason: str, keys: list[tuple[str, str]], change: Decimal, now: int, realized: Decimal
) -> Event:
    """ACCOUNT_UPDATE: the wallet and the positions named by symbol and side, flat ones too.

    ``change`` is what the wallet gained except by profit and fees.
    """
    money = {"wb": account.wallet, "cw": account.cross_wallet, "bc": change}
    wallet = {"a": "USDT"} | {name: format(value, "f") for name, value in money.items()}
    rows = [_position(account, symbol, side, realized) for symbol, side in keys]
    return _event("ACCOUNT_UPDATE", now, "a", {"m": reason, "B": [wallet], "P": rows})


def _position(account: FuturesAccount, symbol: str, side: str, realized: Decimal) -> Event:
    position = account.positions.get((symbol, side))
    entry = format(position.entry, "f") if position else "0"
    return {
        "s": symbol, "pa": format(position.quantity, "f") if position else "0", "ep": entry, "bep": entry,
        "cr": format(position.realized if position else realized, "f"),
        "up": format(position.unrealized, "f") if position else "0",
        "mt": "isolated" if account.config(symbol).isolated else "cross",
        "iw": format(position.isolated, "f") if position else "0", "ps": side,
    }  # fmt: skip


def algo_update(algo: AlgoOrder, now: int) -> Event:
    """ALGO_UPDATE; the child's id is an empty text until there is a child."""
    row = show_algo(algo)
    body: Event = {short: row[long] for short, long in _ALGO.items()}
    if algo.status != "TRIGGERING":
        body |= {"ap": row["actualPrice"], "aq": row.get("actualQty", "0.00000")}
        body["act"] = row.get("actualType", "0")
    if algo.reason:
        body["rm"] = algo.reason
    return _event("ALGO_UPDATE", now, "o", body)


def trigger_reject(algo: AlgoOrder, now: int) -> Event:
    """CONDITIONAL_ORDER_TRIGGER_REJECT: it was triggered and its order rejected."""
    body = {"s": algo.request.market.symbol, "i": algo.id, "r": algo.reason}
    return _event("CONDITIONAL_ORDER_TRIGGER_REJECT", now, "or", body)


def margin_call(account: FuturesAccount, positions: list[MarginPosition], now: int) -> Event:
    """MARGIN_CALL: these positions are near their liquidation."""
    rows = [
        {
            "s": p.market.symbol, "ps": p.side, "pa": format(p.quantity, "f"),
            "mt": "ISOLATED" if account.is_isolated(p) else "CROSSED", "iw": format(p.isolated, "f"),
            "mp": p.market.price(p.market.last), "up": format(p.unrealized, "f"),
            "mm": format(account.maintenance(p), "f"),
        }
        for p in positions
    ]  # fmt: skip
    return {"e": "MARGIN_CALL", "E": now, "cw": format(account.cross_wallet, "f"), "p": rows}


def leverage_update(symbol: str, leverage: int, now: int) -> Event:
    """ACCOUNT_CONFIG_UPDATE: the leverage of a symbol changed."""
    return _event("ACCOUNT_CONFIG_UPDATE", now, "ac", {"s": symbol, "l": leverage})


def listen_key_expired(key: str, now: int) -> Event:
    """The listenKeyExpired event."""
    return {"e": "listenKeyExpired", "E": now, "listenKey": key}
