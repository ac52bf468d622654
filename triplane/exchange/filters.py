"""What a request says, checked as the exchange checks it: the symbol's filters, the position mode, the parameters.

Numbers are text without an exponent. The minimum notional never holds an exit up: orders that only reduce are exempt.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Any, Final

from triplane.exchange.account import FuturesAccount
from triplane.exchange.errors import Rejected
from triplane.exchange.market import Market
from triplane.exchange.orders import CONDITIONAL, ORDER_TYPES, TIMES_IN_FORCE, ZERO, OrderRequest, shown_type

_NUMBER: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_CLIENT_ID: Final = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
_BAND: Final = Decimal("0.05"), Decimal("1.95")
"""Lowest and highest limit price, in mark prices."""
_MAX_LOTS: Final = 10_000_000
_GTD_AHEAD: Final = 600_000


class Params(dict[str, str]):
    """Parameters of a request."""

    def required(self, name: str) -> str:
        """A text that must be there."""
        value = self.get(name, "")
        if not value:
            raise Rejected(-1102, name)
        return value

    def number(self, name: str) -> Decimal | None:
        """A number, None when it was not sent."""
        text = self.get(name, "")
        if not text:
            return None
        negative = text.startswith("-")
        if not _NUMBER.fullmatch(text[1:] if negative else text):
            raise Rejected(-1100, name)
        return Decimal(text)

    def integer(self, name: str, default: int | None = None) -> int | None:
        """A whole number."""
        text = self.get(name, "")
        if not text:
            return default
        if not text.lstrip("-").isdecimal():
            raise Rejected(-1102, name)
        return int(text)

    def flag(self, name: str) -> bool:
        """A truth value, false when it was not sent."""
        text = self.get(name, "").lower()
        if text not in ("", "true", "false"):
            raise Rejected(-1130, name)
        return text == "true"

    def choice(self, name: str, allowed: tuple[str, ...], code: int = -1130) -> str:
        """One of the allowed texts, the first one when it was not sent."""
        value = self.get(name) or allowed[0]
        if value not in allowed:
            raise Rejected(code, name)
        return value


def price_precision(market: Market) -> int:
    """Decimals that a price may be sent with: one more than the tick has, as for many real symbols."""
    return market.decimals[0] + 1


def filters(market: Market) -> list[dict[str, Any]]:
    """The symbol's filters as exchangeInfo shows them."""
    tick, lot = market.tick, market.lot
    least = format(max(market.instrument.min_quantity, lot), "f")
    size = {"minQty": least, "maxQty": market.quantity(_MAX_LOTS), "stepSize": format(lot, "f")}
    low, high = (format(share, ".4f") for share in _BAND)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": format(tick, "f"),
            "maxPrice": format(tick * 10**9, "f"),
            "tickSize": format(tick, "f"),
        },
        {"filterType": "LOT_SIZE", **size},
        {"filterType": "MARKET_LOT_SIZE", **size},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
        {"filterType": "MIN_NOTIONAL", "notional": format(market.instrument.min_notional, "f")},
        {"filterType": "PERCENT_PRICE", "multiplierUp": high, "multiplierDown": low, "multiplierDecimal": "4"},
    ]


def ticks(market: Market, name: str, value: Decimal) -> int:
    """A price on the grid; raises Refused."""
    if value <= 0:
        raise Rejected(-4001 if name == "price" else -4006)
    if _places(value) > price_precision(market):
        raise Rejected(-1111)
    if value % market.tick:
        raise Rejected(-4014)
    if value > market.tick * 10**9:
        raise Rejected(-4002)
    return int(value / market.tick)


def lots(market: Market, value: Decimal) -> int:
    """A quantity on the grid; raises Refused."""
    if value <= 0:
        raise Rejected(-4003)
    if _places(value) > market.decimals[1]:
        raise Rejected(-1111)
    if value % market.lot:
        raise Rejected(-4023)
    if value < market.instrument.min_quantity:
        raise Rejected(-4004)
    count = int(value / market.lot)
    if count > _MAX_LOTS:
        raise Rejected(-4005)
    return count


def _places(value: Decimal) -> int:
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
    """Small orders are refused unless they only reduce."""
    market = request.market
    if request.reduce_only or request.close_position:
        return
    price = request.price if shown_type(request.type) == "LIMIT" else request.trigger or market.last
    if price * market.tick * (request.lots * market.lot) < market.instrument.min_notional:
        raise Rejected(-4164, format(market.instrument.min_notional, "f"))


def _common(account: FuturesAccount, markets: Mapping[str, Market], p: Params, client_id: str) -> OrderRequest:
    """Symbol, side, type, mode, id."""
    market = markets.get(p.required("symbol"))
    if market is None:
        raise Rejected(-1121)
    side, kind = p.required("side"), p.required("type")
    if side not in ("BUY", "SELL"):
        raise Rejected(-1117)
    if kind not in ORDER_TYPES:
        raise Rejected(-1116)
    if not _CLIENT_ID.fullmatch(client_id):
        raise Rejected(-4015)
    position_side = p.choice("positionSide", ("BOTH", "LONG", "SHORT"))
    if account.hedge == (position_side == "BOTH"):
        raise Rejected(-4061)
    if account.hedge and "reduceOnly" in p:
        raise Rejected(-1106, "reduceonly")
    if p.get("priceMatch", "NONE") != "NONE":
        raise Rejected(-5037)
    return OrderRequest(
        account, market, client_id, 1 if side == "BUY" else -1, position_side, kind, "GTC", 0, 0,
        reduce_only=p.flag("reduceOnly"),
        working_type=p.choice("workingType", ("CONTRACT_PRICE", "MARK_PRICE")),
        price_protect=p.flag("priceProtect"),
        stp=p.get("selfTradePreventionMode", "EXPIRE_MAKER"),
    )  # fmt: skip


def _price_and_tif(request: OrderRequest, p: Params, now: int) -> OrderRequest:
    market, limit = request.market, shown_type(request.type) == "LIMIT"
    price = p.number("price")
    tif = p.choice("timeInForce", TIMES_IN_FORCE, -1115)
    if not limit:
        return request
    if price is None:
        raise Rejected(-1102, "price")
    if request.type == "LIMIT":
        p.required("timeInForce")
    good_till = 0
    if tif == "GTD":
        good_till = int(p.required("goodTillDate"))
        if good_till <= now + _GTD_AHEAD:
            raise Rejected(-5040)
    level = ticks(market, "price", price)
    check_band(market, level)
    return replace(request, price=level, tif=tif, good_till=good_till)


def order_request(
    account: FuturesAccount, markets: Mapping[str, Market], p: Params, now: int, new_id: Callable[[], str]
) -> OrderRequest:
    """A request of ``/fapi/v1/order``; raises Refused."""
    request = _common(account, markets, p, p.get("newClientOrderId") or new_id())
    if request.type in CONDITIONAL:
        raise Rejected(-4120)
    if request.type == "MARKET":
        for name in ("price", "timeInForce"):
            if p.get(name):
                raise Rejected(-1106, name)
    quantity = p.number("quantity")
    if quantity is None:
        raise Rejected(-1102, "quantity")
    request.lots = lots(request.market, quantity)
    request = _price_and_tif(request, p, now)
    check_notional(request)
    return request


def algo_request(
    account: FuturesAccount, markets: Mapping[str, Market], p: Params, now: int, new_id: Callable[[], str]
) -> OrderRequest:
    """A request of ``/fapi/v1/algoOrder``; raises Refused."""
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
    elif quantity is None:
        raise Rejected(-1102, "quantity")
    else:
        request.lots = lots(market, quantity)
    if kind == "TRAILING_STOP_MARKET":
        rate = p.number("callbackRate")
        if rate is None:
            raise Rejected(-1102, "callbackRate")
        if not Decimal("0.1") <= rate <= 10:
            raise Rejected(-1130, "callbackRate")
        request.callback = rate
        activate = p.number("activatePrice") or p.number("activationPrice") or ZERO
        request.activate = ticks(market, "activatePrice", activate) if activate else 0
    else:
        trigger = p.number("triggerPrice")
        if trigger is None:
            raise Rejected(-1102, "triggerPrice")
        request.trigger = ticks(market, "triggerPrice", trigger)
    request = _price_and_tif(request, p, now)
    check_notional(request)
    return request
