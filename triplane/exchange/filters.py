"""What a request for an order says, checked as the exchange does: the symbol's filters, position mode, parameters.

Numbers are text without an exponent. Orders that only reduce are exempt from the minimum notional, so it never holds
back an exit.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Any, Final

from triplane.exchange.account import CONDITIONAL, ORDER_TYPES, TIMES_IN_FORCE, FuturesAccount, OrderRequest, shown_type
from triplane.exchange.errors import Rejected, reject_if
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
    reject_if(value <= 0, -4001 if name == "price" else -4006)
    reject_if(places(value) > price_precision(market), -1111)
    reject_if(value % market.tick, -4014)
    reject_if(value > market.tick * 10**9, -4002)
    return int(value / market.tick)


def lots(market: Market, value: Decimal) -> int:
    """A quantity on the grid; raises Rejected."""
    reject_if(value <= 0, -4003)
    reject_if(places(value) > market.decimals[1], -1111)
    reject_if(value % market.lot, -4023)
    reject_if(value < market.instrument.min_quantity, -4004)
    count = int(value / market.lot)
    reject_if(count > _MAX_LOTS, -4005)
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
    reject_if(not CLIENT_ID.fullmatch(client_id), -4015)
    position_side = p.choice("positionSide", ("BOTH", "LONG", "SHORT"))
    reject_if(account.hedge == (position_side == "BOTH"), -4061)
    reject_if(account.hedge and "reduceOnly" in p, -1106, "reduceonly")
    reject_if(p.get("priceMatch", "NONE") != "NONE", -5037)
    reduce_only, working_type = p.flag("reduceOnly"), p.choice("workingType", ("CONTRACT_PRICE", "MARK_PRICE"))
    return OrderRequest(
        account, market, client_id, side, position_side, kind, reduce_only=reduce_only, working_type=working_type,
        price_protect=p.flag("priceProtect"), stp=p.get("selfTradePreventionMode", "EXPIRE_MAKER"),
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
        reject_if(tif == "GTD" and good_till <= now + _GTD_AHEAD, -5040)
        request = replace(request, price=ticks(market, "price", price), tif=tif, good_till=good_till)
        check_band(market, request.price)
    check_notional(request)
    return request


def order_request(
    account: FuturesAccount, markets: Mapping[str, Market], p: Params, now: int, new_id: Callable[[], str]
) -> OrderRequest:
    """A request of ``/fapi/v1/order``; raises Rejected."""
    request = _common(account, markets, p, p.get("newClientOrderId") or new_id())
    reject_if(request.type in CONDITIONAL, -4120)
    for name in ("price", "timeInForce") if request.type == "MARKET" else ():
        reject_if(p.get(name), -1106, name)
    request.lots = lots(request.market, p.needed("quantity"))
    return _complete(request, p, now)


def algo_request(
    account: FuturesAccount, markets: Mapping[str, Market], p: Params, now: int, new_id: Callable[[], str]
) -> OrderRequest:
    """A request of ``/fapi/v1/algoOrder``; raises Rejected."""
    reject_if(p.required("algoType") != "CONDITIONAL", -1130, "algoType")
    request = _common(account, markets, p, p.get("clientAlgoId") or new_id())
    market, kind = request.market, request.type
    reject_if(kind not in CONDITIONAL, -1116)
    close, quantity = p.flag("closePosition"), p.number("quantity")
    if close:
        reject_if(kind not in ("STOP_MARKET", "TAKE_PROFIT_MARKET"), -4136, kind)
        reject_if(quantity, -4137)
        reject_if(p.get("reduceOnly"), -1106, "reduceonly")
        request.close_position = True
    else:
        request.lots = lots(market, p.needed("quantity"))
    if kind == "TRAILING_STOP_MARKET":
        request.callback = p.needed("callbackRate")
        reject_if(not Decimal("0.1") <= request.callback <= 10, -1130, "callbackRate")
        activate = p.number("activatePrice") or p.number("activationPrice")
        request.activate = ticks(market, "activatePrice", activate) if activate else 0
    else:
        request.trigger = ticks(market, "triggerPrice", p.needed("triggerPrice"))
    return _complete(request, p, now)
