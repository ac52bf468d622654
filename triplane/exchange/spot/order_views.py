"""Spot orders and fills as REST shows them."""

from typing import Any

from triplane.exchange.account import SIDES
from triplane.exchange.positions import ZERO
from triplane.exchange.spot.account import SpotFill, SpotOrder, text


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
