"""The events of the spot user data stream. ``E`` and ``T`` are market time."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from triplane.exchange.events import names
from triplane.exchange.positions import ZERO
from triplane.exchange.spot.account import SpotAccount, SpotFill, SpotOrder, text
from triplane.exchange.spot.order_views import query

Event = dict[str, Any]
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
