"""What a request for an order says, checked as the exchange does: the symbol's filters, position mode, parameters.

Numbers are text without an exponent. The minimum notional never holds an exit up: orders that only reduce are exempt.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Any, Final

from triplane.exchange.account import CONDITIONAL, ORDER_TYPES, TIMES_IN_FORCE, FuturesAccount, OrderRequest, shown_type
from triplane.exchange.errors import Rejected
from triplane.exchange.market import Market
from triplane.exchange.params import Params

CLIENT_ID: Final = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
_BAND: Final = Decimal("0.05"), Decimal("1.95")
"""Lowest and highest limit price, in mark prices."""
_MAX_LOTS: Final = 10_000_000
_GTD_AHEAD: Final = 600_000


def price_precision(market: Market) -> int:
    """Decimals that a price may be sent with: one more than the tick has, as for many real symbols."""
    return market.decimals[0] + 1


def filters(market: Market) -> list[dict[str, Any]]:
    """The symbol's filters as exchangeInfo shows them."""
    tick, lot = market.tick, market.lot
    least = format(max(market.instrument.min_quantity, lot), "f")
    size = {"minQty": least, "maxQty": market.quantity(_MAX_LOTS), "stepSize": format(lot, "f")}
    prices = {"minPrice": format(tick, "f"), "maxPrice": format(tick * 10**9, "f"), "tickSize": format(tick, "f")}
    low, high = (format(share, ".4f") for share in _BAND)
    return [
        {"filterType": "PRICE_FILTER", **prices},
        {"filterType": "LOT_SIZE", **size},
        {"filterType": "MARKET_LOT_SIZE", **size},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
        {"filterType": "MIN_NOTIONAL", "notional": format(market.instrument.min_notional, "f")},
        {"filterType": "PERCENT_PRICE", "multiplierUp": high, "multiplierDown": low, "multiplierDecimal": "4"},
    ]


def ticks(market: Market, name: str, value: Decimal) -> int:
    """A price on the grid; raises Rejected."""
    if value <= 0:
        raise Rejected(-4001 if name == "price" else -4006)
    if places(value) > price_precision(market):
        raise Rejected(-1111)
    if value % market.tick:
        raise Rejected(-4014)
    if value > market.tick * 10**9:
        raise Rejected(-4002)
    return int(value / market.tick)


def lots(market: Market, value: Decimal) -> int:
    """A quantity on the grid; raises Rejected."""
    if value <= 0:
        raise Rejected(-4003)
    if places(value) > market.decimals[1]:
        raise Rejected(-1111)
    if value % market.lot:
        raise Rejected(-4023)
    if value < market.instrument.min_quantity:
        raise Rejected(-4004)
    count = int(value / market.lot)
    if count > _MAX_LOTS:
        raise Rejected(-4005)
    return count


def places(value: Decimal) -> int:
    """Decimals of a number."""
    return max(-int(value.normalize().as_tuple().exponent), 0)


def check_band(market: Market, price: int) -> None:
    """Limit prices stay within a band around the mark price."""
    low, high = (market.last * share for share in _BAND)
    if price > high:
        raise Rejected(-4016, format(market.instrument.price(int(high)), "f"))
    if price < low:
        text = (low * market.tick).quantize(market.tick, ROUND_UP if low % 1 else ROUND_DOWN)
        raise Rejected(-4024, format(text, "f"))


def check_notional(request: OrderRequest) -> None:
    """Small orders are rejected unless they only reduce."""
    market = request.market
    if request.reduce_only or request.close_position:
        return
    price = request.price if shown_type(request.type) == "LIMIT" else request.trigger or market.last
    if price * market.tick * (request.lots * market.lot) < market.instrument.min_notional:
        raise Rejected(-4164, format(market.instrument.min_notional, "f"))


def _common(account: FuturesAccount, markets: Mapping[str, Market], p: Params, client_id: str) -> OrderRequest:
    """Symbol, side, type, mode, id."""
    market = p.of_symbol(markets)
    side, kind = p.side_and_type(ORDER_TYPES)
    if not CLIENT_ID.fullmatch(client_id):
        raise Rejected(-4015)
    position_side = p.choice("positionSide", ("BOTH", "LONG", "SHORT"))
    if account.hedge == (position_side == "BOTH"):
        raise Rejected(-4061)
    if account.hedge and "reduceOnly" in p:
        raise Rejected(-1106, "reduceonly")
    if p.get("priceMatch", "NONE") != "NONE":
        raise Rejected(-5037)
    return OrderRequest(
        account, market, client_id, side, position_side, kind, "GTC", 0, 0,
        reduce_only=p.flag("reduceOnly"),
        working_type=p.choice("workingType", ("CONTRACT_PRICE", "MARK_PRICE")),
        price_protect=p.flag("priceProtect"),
        stp=p.get("selfTradePreventionMode", "EXPIRE_MAKER"),
    )  # fmt: skip


def _complete(request: OrderRequest, p: Params, now: int) -> OrderRequest:
    """With price and time in force, and worth enough."""
    market, limit = request.market, shown_type(request.type) == "LIMIT"
    price = p.number("price")
    tif = p.choice("timeInForce", TIMES_IN_FORCE, -1115)
    if limit:
        price = p.needed("price")
        if request.type == "LIMIT":
            p.required("timeInForce")
        good_till = int(p.required("goodTillDate")) if tif == "GTD" else 0
        if tif == "GTD" and good_till <= now + _GTD_AHEAD:
            raise Rejected(-5040)
        request = replace(request, price=ticks(market, "price", price), tif=tif, good_till=good_till)
        check_band(market, request.price)
    check_notional(request)
    return request


def order_request(
    account: FuturesAccount, markets: Mapping[str, Market], p: Params, now: int, new_id: Callable[[], str]
) -> OrderRequest:
    """A request of ``/fapi/v1/order``; raises Rejected."""
    request = _common(account, markets, p, p.get("newClientOrderId") or new_id())
    if request.type in CONDITIONAL:
        raise Rejected(-4120)
    for name in ("price", "timeInForce") if request.type == "MARKET" else ():
        if p.get(name):
            raise Rejected(-1106, name)
    request.lots = lots(request.market, p.needed("quantity"))
    return _complete(request, p, now)


def algo_request(
    account: FuturesAccount, markets: Mapping[str, Market], p: Params, now: int, new_id: Callable[[], str]
) -> OrderRequest:
    """A request of ``/fapi/v1/algoOrder``; raises Rejected."""
    if p.required("algoType") != "CONDITIONAL":
        raise Rejected(-1130, "algoType")
    request = _common(account, markets, p, p.get("clientAlgoId") or new_id())
    market, kind = request.market, request.type
    if kind not in CONDITIONAL:
        raise Rejected(-1116)
    close, quantity = p.flag("closePosition"), p.number("quantity")
    if close:
        if kind not in ("STOP_MARKET", "TAKE_PROFIT_MARKET"):
            raise Rejected(-4136, kind)
        if quantity:
            raise Rejected(-4137)
        if p.get("reduceOnly"):
            raise Rejected(-1106, "reduceonly")
        request.close_position = True
    else:
        request.lots = lots(market, p.needed("quantity"))
    if kind == "TRAILING_STOP_MARKET":
        request.callback = p.needed("callbackRate")
        if not Decimal("0.1") <= request.callback <= 10:
            raise Rejected(-1130, "callbackRate")
        activate = p.number("activatePrice") or p.number("activationPrice")
        request.activate = ticks(market, "activatePrice", activate) if activate else 0
    else:
        request.trigger = ticks(market, "triggerPrice", p.needed("triggerPrice"))
    return _complete(request, p, now)
