"""What a request for an order says, checked as spot checks it; no order only reduces, so every filter holds."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from triplane.exchange.errors import Rejected, reject_if
from triplane.exchange.filters import CLIENT_ID, places
from triplane.exchange.params import Params
from triplane.exchange.spot.account import Listing, SpotAccount, SpotOrder, text

TRIGGERS: Final = {
    "STOP_LOSS": "STOP_MARKET", "STOP_LOSS_LIMIT": "STOP_MARKET", "TAKE_PROFIT": "TAKE_PROFIT_MARKET",
    "TAKE_PROFIT_LIMIT": "TAKE_PROFIT_MARKET",
}  # fmt: skip
"""The conditional types, and by which of the kernel's kinds their trigger is reached."""
MARKETS: Final = ("MARKET", "STOP_LOSS", "TAKE_PROFIT")
"""Types that take what the market gives."""
ORDER_TYPES: Final = ("LIMIT", "LIMIT_MAKER", "MARKET", *TRIGGERS)
TIMES_IN_FORCE: Final = ("GTC", "IOC", "FOK")
STP: Final = ("EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT", "NONE")
MAX_ORDERS: Final = 200
MAX_ALGOS: Final = 5
"""Waiting conditional orders of a symbol."""
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
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": text(listing.price(_MAX_TICKS)), "tickSize": tick},
        {"filterType": "LOT_SIZE", **size},
        {"filterType": "MARKET_LOT_SIZE", **size},
        {
            "filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": high, "bidMultiplierDown": low,
            "askMultiplierUp": high, "askMultiplierDown": low, "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL", "minNotional": text(listing.min_notional), "applyMinToMarket": True,
            "maxNotional": "9000000.00000000", "applyMaxToMarket": False, "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MAX_ORDERS},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": MAX_ALGOS},
    ]  # fmt: skip


def _number(p: Params, name: str) -> Decimal:
    value = p.needed(name)
    reject_if(value <= 0, -1013, f"Invalid {name if name != 'stopPrice' else 'stop price'}.")
    reject_if(places(value) > _PLACES, -1111)
    return value


def _ticks(listing: Listing, p: Params, name: str) -> int:
    value = _number(p, name)
    reject_if(value % listing.market.tick or value > listing.price(_MAX_TICKS), -1013, "Filter failure: PRICE_FILTER")
    return int(value / listing.market.tick)


def order_of(account: SpotAccount, listings: Mapping[str, Listing], p: Params, new_id: Callable[[], str]) -> SpotOrder:
    """The order of a request; raises Rejected."""
    listing = p.of_symbol(listings)
    side, kind = p.side_and_type(ORDER_TYPES)
    client_id = p.get("newClientOrderId") or new_id()
    reject_if(not CLIENT_ID.fullmatch(client_id), -1100, "newClientOrderId")
    order = SpotOrder(account=account, listing=listing, client_id=client_id, side=side, type=kind)
    order.stp = p.choice("selfTradePreventionMode", STP)
    quantity = _number(p, "quantity")
    reject_if(quantity % listing.lot or quantity > listing.quantity(_MAX_LOTS), -1013, "Filter failure: LOT_SIZE")
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
        low, high = (listing.market.last * share for share in _BAND)
        reject_if(not low <= order.price <= high, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE")
        order.tif = p.choice("timeInForce", TIMES_IN_FORCE, -1115)
    price = order.price or order.trigger or listing.market.last
    reject_if(listing.price(price) * quantity < listing.min_notional, -1013, "Filter failure: NOTIONAL")
    return order
