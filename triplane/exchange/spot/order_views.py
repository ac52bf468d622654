"""Spot orders, fills and balances as REST and the user data stream show them; ``E`` and ``T`` are market time."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from triplane.exchange.account import SIDES
from triplane.exchange.order_views import names
from triplane.exchange.positions import ZERO
from triplane.exchange.spot.account import SpotAccount, SpotFill, SpotOrder, text

Event = dict[str, Any]


# -------------------------------------------------------------------------------------------------------- REST
def ack(order: SpotOrder) -> dict[str, Any]:
    """The short answer to placing."""
    return {
        "symbol": order.symbol, "orderId": order.id, "orderListId": -1, "clientOrderId": order.client_id,
        "transactTime": order.updated,
    }  # fmt: skip


def _state(order: SpotOrder) -> dict[str, Any]:
    listing = order.listing
    out = {
        "price": text(listing.price(order.price)), "origQty": text(listing.quantity(order.lots)),
        "executedQty": text(listing.quantity(order.filled)), "origQuoteOrderQty": text(ZERO),
        "cummulativeQuoteQty": text(order.value), "status": order.status, "timeInForce": order.tif, "type": order.type,
        "side": SIDES[order.side], "selfTradePreventionMode": order.stp,
    }  # fmt: skip
    return out | ({"stopPrice": text(listing.price(order.trigger))} if order.trigger else {})


def answer(order: SpotOrder, kind: str) -> dict[str, Any]:
    """Answer to placing: ACK, RESULT or FULL."""
    if kind == "ACK":
        return ack(order)
    out = ack(order) | _state(order) | {"workingTime": order.working_since}
    if kind == "FULL":
        out["fills"] = [
            {
                "price": text(order.listing.price(f.ticks)), "qty": text(order.listing.quantity(f.lots)),
                "commission": text(f.fee), "commissionAsset": f.asset, "tradeId": f.id,
            }
            for f in order.fills
        ]  # fmt: skip
    return out


def cancelled(order: SpotOrder, cancel_id: str) -> dict[str, Any]:
    """Answer to cancelling; the cancel has a client id of its own."""
    return ack(order) | {"clientOrderId": cancel_id, "origClientOrderId": order.client_id} | _state(order)


def query(order: SpotOrder) -> dict[str, Any]:
    """Answer to a query."""
    out = ack(order) | _state(order)
    del out["transactTime"]
    return out | {
        "stopPrice": text(order.listing.price(order.trigger)), "icebergQty": text(ZERO), "time": order.time,
        "updateTime": order.updated, "isWorking": order.working_since >= 0, "workingTime": order.working_since,
    }  # fmt: skip


def show_fill(f: SpotFill) -> dict[str, Any]:
    """A row of myTrades."""
    listing = f.order.listing
    return {
        "symbol": listing.symbol, "id": f.id, "orderId": f.order.id, "orderListId": -1,
        "price": text(listing.price(f.ticks)), "qty": text(listing.quantity(f.lots)), "quoteQty": text(f.value),
        "commission": text(f.fee), "commissionAsset": f.asset, "time": f.time, "isBuyer": f.order.side > 0,
        "isMaker": f.maker, "isBestMatch": True,
    }  # fmt: skip


# -------------------------------------------------------------------------------------------------------- events
_ORDER: Final = names(
    "s:symbol S:side o:type f:timeInForce q:origQty p:price P:stopPrice F:icebergQty g:orderListId X:status i:orderId"
    " z:executedQty O:time Z:cummulativeQuoteQty Q:origQuoteOrderQty V:selfTradePreventionMode"
)


def execution_report(
    order: SpotOrder, execution: str, now: int, number: int, fill: SpotFill | None = None, cancel_id: str = ""
) -> Event:
    """Event executionReport with the execution type NEW, TRADE, CANCELED or EXPIRED.

    Of a cancel ``c`` is the cancel's own client id and ``C`` the order's.
    """
    listing, row, working = order.listing, query(order), order.working_since >= 0
    out: Event = {short: row[long] for short, long in _ORDER.items()} | {
        "e": "executionReport", "E": now, "T": now, "c": cancel_id or order.client_id,
        "C": order.client_id if cancel_id else "", "x": execution, "r": "NONE", "I": number,
        "l": text(listing.quantity(fill.lots if fill else 0)), "L": text(listing.price(fill.ticks if fill else 0)),
        "n": text(fill.fee) if fill else "0", "N": fill.asset if fill else None, "t": fill.id if fill else -1,
        "w": working and order.open, "m": fill.maker if fill else False, "M": bool(fill),
        "Y": text(fill.value if fill else ZERO),
    }  # fmt: skip
    return out | ({"W": order.working_since} if working else {})


def account_position(account: SpotAccount, assets: Iterable[str], now: int) -> Event:
    """Event outboundAccountPosition: the balances that may have changed."""
    rows = [{"a": asset, "f": free, "l": locked} for asset, free, locked in account.rows(assets)]
    return {"e": "outboundAccountPosition", "E": now, "u": account.updated, "B": rows}


def balance_update(asset: str, amount: Decimal, now: int) -> Event:
    """Event balanceUpdate: a deposit or a withdrawal."""
    return {"e": "balanceUpdate", "E": now, "a": asset, "d": text(amount), "T": now}


def stream_terminated(now: int) -> Event:
    """Event eventStreamTerminated: nothing more comes on this subscription."""
    return {"e": "eventStreamTerminated", "E": now}
