"""What a request for an order says, checked as spot checks it; no order only reduces, so every filter holds."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from triplane.exchange.errors import Rejected
from triplane.exchange.filters import Params
from triplane.exchange.spot.account import Listing, SpotAccount, text
from triplane.exchange.spot.orders import MARKETS, ORDER_TYPES, STP, TIMES_IN_FORCE, TRIGGERS, SpotOrder

MAX_ORDERS: Final = 200
MAX_ALGOS: Final = 5
"""Waiting conditional orders of a symbol."""
_CLIENT_ID: Final = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
_MAX_LOTS: Final = 1_000_000_000
_MAX_TICKS: Final = 10**9
_BAND: Final = Decimal("0.2"), Decimal(5)
"""Lowest and highest limit price, in last prices."""
_PLACES: Final = 8


def filters(listing: Listing) -> list[dict[str, Any]]:
    """The symbol's filters as exchangeInfo shows them."""
    lot, low, high = text(listing.lot), *map(str, _BAND)
    size = {"minQty": lot, "maxQty": text(listing.quantity(_MAX_LOTS)), "stepSize": lot}
    tick = text(listing.market.tick)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": tick,
            "maxPrice": text(listing.price(_MAX_TICKS)),
            "tickSize": tick,
        },
        {"filterType": "LOT_SIZE", **size},
        {"filterType": "MARKET_LOT_SIZE", **size},
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": high,
            "bidMultiplierDown": low,
            "askMultiplierUp": high,
            "askMultiplierDown": low,
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": text(listing.min_notional),
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MAX_ORDERS},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": MAX_ALGOS},
    ]


def _number(p: Params, name: str) -> Decimal:
    value = p.number(name)
    if value is None:
        raise Rejected(-1102, name)
    if value <= 0:
        raise Rejected(-1013, f"Invalid {name if name != 'stopPrice' else 'stop price'}.")
    if -int(value.normalize().as_tuple().exponent) > _PLACES:
        raise Rejected(-1111)
    return value


def _ticks(listing: Listing, p: Params, name: str) -> int:
    value = _number(p, name)
    if value % listing.market.tick or value > listing.price(_MAX_TICKS):
        raise Rejected(-1013, "Filter failure: PRICE_FILTER")
    return int(value / listing.market.tick)


def _check_band(listing: Listing, price: int) -> None:
    low, high = (listing.market.last * share for share in _BAND)
    if not low <= price <= high:
        raise Rejected(-1013, "Filter failure: PERCENT_PRICE_BY_SIDE")


def order_of(account: SpotAccount, listings: Mapping[str, Listing], p: Params, new_id: Callable[[], str]) -> SpotOrder:
    """The order of a request; raises Refused."""
    listing = listings.get(p.required("symbol"))
    if listing is None:
        raise Rejected(-1121)
    side, kind = p.required("side"), p.required("type")
    if side not in ("BUY", "SELL"):
        raise Rejected(-1117)
    if kind not in ORDER_TYPES:
        raise Rejected(-1116)
    client_id = p.get("newClientOrderId") or new_id()
    if not _CLIENT_ID.fullmatch(client_id):
        raise Rejected(-1100, "newClientOrderId")
    order = SpotOrder(account, listing, client_id, 1 if side == "BUY" else -1, kind)
    order.stp = p.choice("selfTradePreventionMode", STP)
    quantity = _number(p, "quantity")
    if quantity % listing.lot or quantity > listing.quantity(_MAX_LOTS):
        raise Rejected(-1013, "Filter failure: LOT_SIZE")
    order.lots = int(quantity / listing.lot)
    for name, wanted in (
        ("price", kind not in MARKETS),
        ("timeInForce", kind not in MARKETS and kind != "LIMIT_MAKER"),
        ("stopPrice", kind in TRIGGERS),
    ):
        if wanted:
            p.required(name)
        elif p.get(name):
            raise Rejected(-1106, name)
    if kind in TRIGGERS:
        order.trigger = _ticks(listing, p, "stopPrice")
    if kind not in MARKETS:
        order.price = _ticks(listing, p, "price")
        _check_band(listing, order.price)
        order.tif = p.choice("timeInForce", TIMES_IN_FORCE, -1115)
    price = order.price or order.trigger or listing.market.last
    if listing.price(price) * quantity < listing.min_notional:
        raise Rejected(-1013, "Filter failure: NOTIONAL")
    return order
