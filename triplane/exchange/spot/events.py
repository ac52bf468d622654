"""The events of the spot user data stream. ``E`` and ``T`` are market time."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from triplane.exchange.orders import SIDES, ZERO
from triplane.exchange.spot.account import SpotAccount, SpotFill, text
from triplane.exchange.spot.orders import SpotOrder

Event = dict[str, Any]


def execution_report(
    order: SpotOrder, execution: str, now: int, number: int, fill: SpotFill | None = None, cancel_id: str = ""
) -> Event:
    """Event executionReport with the execution type NEW, TRADE, CANCELED or EXPIRED.

    Of a cancel ``c`` is the cancel's own client id and ``C`` the order's.
    """
    listing = order.listing
    working = order.working_since >= 0
    out: Event = {
        "e": "executionReport",
        "E": now,
        "s": listing.symbol,
        "c": cancel_id or order.client_id,
        "S": SIDES[order.side],
        "o": order.type,
        "f": order.tif,
        "q": text(listing.quantity(order.lots)),
        "p": text(listing.price(order.price)),
        "P": text(listing.price(order.trigger)),
        "F": text(ZERO),
        "g": -1,
        "C": order.client_id if cancel_id else "",
        "x": execution,
        "X": order.status,
        "r": "NONE",
        "i": order.id,
        "l": text(listing.quantity(fill.lots if fill else 0)),
        "z": text(listing.quantity(order.filled)),
        "L": text(listing.price(fill.ticks if fill else 0)),
        "n": text(fill.fee) if fill else "0",
        "N": fill.asset if fill else None,
        "T": now,
        "t": fill.id if fill else -1,
        "I": number,
        "w": working and order.open,
        "m": fill.maker if fill else False,
        "M": bool(fill),
        "O": order.time,
        "Z": text(order.value),
        "Y": text(fill.value if fill else ZERO),
        "Q": text(ZERO),
        "V": order.stp,
    }
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
