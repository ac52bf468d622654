"""Spot over REST, ``/api/v3``."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import orjson

from triplane.exchange import public, views
from triplane.exchange.errors import Rejected
from triplane.exchange.filters import Params
from triplane.exchange.market import Market
from triplane.exchange.spot.account import FEE, Listing, SpotAccount, text
from triplane.exchange.spot.filters import filters, order_of
from triplane.exchange.spot.orders import (
    MARKETS,
    ORDER_TYPES,
    STP,
    TRIGGERS,
    SpotOrder,
    answer,
    cancelled,
    query,
    show_fill,
)
from triplane.exchange.spot.streams import shape

if TYPE_CHECKING:
    from triplane.exchange.spot.dialect import SpotDialect

DAY_MS: Final = 86_400_000
_PAGE: Final = 1000


class ReplaceRejected(Rejected):
    """A cancelReplace of which one half or both failed."""

    def __init__(self, cancel: Any, order: Any) -> None:
        failed = [isinstance(half, Rejected) for half in (cancel, order)]
        super().__init__(-2022)
        both = failed[0] and (failed[1] or order is None)
        self.code, self.status = (-2022, 400) if both else (-2021, 409)
        self.text = f"Order cancel-replace {'' if both else 'partially '}failed."
        self.data = {
            "cancelResult": "FAILURE" if failed[0] else "SUCCESS",
            "newOrderResult": "FAILURE" if failed[1] else "NOT_ATTEMPTED" if order is None else "SUCCESS",
            "cancelResponse": cancel.to_dict() if isinstance(cancel, Rejected) else cancel,
            "newOrderResponse": order.to_dict() if isinstance(order, Rejected) else order,
        }

    def to_dict(self) -> dict[str, Any]:
        """The body of the answer."""
        return super().to_dict() | {"data": self.data}


# -------------------------------------------------------------------------------------------------------- market
def _chosen(s: "SpotDialect", p: Params) -> list[Listing]:
    """The listings of ``symbol`` or ``symbols``, all without."""
    names = [p["symbol"]] if p.get("symbol") else orjson.loads(p.get("symbols") or "null")
    if names is None:
        return list(s.listings.values())
    if not isinstance(names, list) or not all(name in s.listings for name in names):
        raise Rejected(-1121)
    return [s.listings[name] for name in names]


def _each(s: "SpotDialect", p: Params, show: Callable[[Market], dict[str, Any]]) -> Any:
    rows = [show(listing.market) for listing in _chosen(s, p)]
    return rows[0] if p.get("symbol") else rows


def ping(_s: "SpotDialect", _a: None, _p: Params) -> Any:
    """Nothing."""
    return {}


def time(s: "SpotDialect", _a: None, _p: Params) -> Any:
    """The server's wall time."""
    return {"serverTime": s.x.wall()}


def _symbol(listing: Listing) -> dict[str, Any]:
    precisions = ("baseAssetPrecision", "quotePrecision", "quoteAssetPrecision", "baseCommissionPrecision",
                  "quoteCommissionPrecision")  # fmt: skip
    no = ("icebergAllowed", "ocoAllowed", "otoAllowed", "opoAllowed", "quoteOrderQtyMarketAllowed",
          "allowTrailingStop", "amendAllowed", "pegInstructionsAllowed", "isMarginTradingAllowed")  # fmt: skip
    return (
        {
            "symbol": listing.symbol,
            "status": "TRADING",
            "baseAsset": listing.base,
            "quoteAsset": listing.quote,
            "orderTypes": list(ORDER_TYPES),
            "cancelReplaceAllowed": True,
            "isSpotTradingAllowed": True,
            "filters": filters(listing),
            "permissions": [],
            "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": STP[0],
            "allowedSelfTradePreventionModes": list(STP),
        }
        | dict.fromkeys(precisions, 8)
        | dict.fromkeys(no, False)
    )


def exchange_info(s: "SpotDialect", _a: None, p: Params) -> Any:
    """Symbols, filters, limits."""
    limits = [("REQUEST_WEIGHT", "MINUTE", 1, s.limits.weight)]
    limits += [("ORDERS", name.split()[1], int(name.split()[0]), most) for _, _, most, name in s.limits.windows]
    return {
        "timezone": "UTC",
        "serverTime": s.x.wall(),
        "rateLimits": [
            {"rateLimitType": kind, "interval": unit, "intervalNum": n, "limit": limit}
            for kind, unit, n, limit in limits
        ],
        "exchangeFilters": [],
        "symbols": [_symbol(listing) for listing in _chosen(s, p)],
    }


def klines(s: "SpotDialect", _a: None, p: Params) -> Any:
    """Candles, the last one forming."""
    p["limit"] = str(min(p.integer("limit", 500) or 500, _PAGE))
    return public.klines(s.x, None, p)


def agg_trades(s: "SpotDialect", _a: None, p: Params) -> Any:
    """Recent public trades."""
    return [{key: row[key] for key in "apqflTm"} | {"M": True} for row in public.agg_trades(s.x, None, p)]


def depth(s: "SpotDialect", _a: None, p: Params) -> Any:
    """The book."""
    market = public.market_of(s.x, p)
    bids, asks = market.book(min(public.limit_of(p, 100, 5000), 50))
    sides = {"bids": views.levels(market, bids), "asks": views.levels(market, asks)}
    return {"lastUpdateId": s.hub.book_ids[market.symbol], **sides}


def ticker_24hr(s: "SpotDialect", _a: None, p: Params) -> Any:
    """The last 24 hours."""

    def show(m: Market) -> dict[str, Any]:
        row = views.day(m)
        best = _best(m)
        del best["symbol"]
        return row | best | {"prevClosePrice": row["openPrice"]}

    return _each(s, p, show)


def _best(m: Market) -> dict[str, Any]:
    e = shape(m, views.book_ticker_event(m))
    return {"symbol": m.symbol, "bidPrice": e["b"], "bidQty": e["B"], "askPrice": e["a"], "askQty": e["A"]}


def ticker_price(s: "SpotDialect", _a: None, p: Params) -> Any:
    """Last prices."""
    return _each(s, p, lambda m: {"symbol": m.symbol, "price": m.price(m.last)})


def book_ticker(s: "SpotDialect", _a: None, p: Params) -> Any:
    """Best prices."""
    return _each(s, p, _best)


# -------------------------------------------------------------------------------------------------------- orders
def place(s: "SpotDialect", a: SpotAccount, p: Params) -> Any:
    """POST order."""
    order = order_of(a, s.listings, p, s.x.new_id)
    kinds = (
        ("ACK", "RESULT", "FULL") if order.type in MARKETS[1:] or order.type in TRIGGERS else ("FULL", "ACK", "RESULT")
    )
    kind = p.choice("newOrderRespType", kinds if order.type != "LIMIT_MAKER" else ("ACK", "RESULT", "FULL"))
    return answer(s.matching.submit(order), kind)


def _find(
    s: "SpotDialect", a: SpotAccount, p: Params, code: int, names: tuple[str, str] = ("orderId", "origClientOrderId")
) -> SpotOrder:
    """The order of an id or a client id; raises Refused with ``code``, also while a fault hides it."""
    symbol, number, client_id = public.market_of(s.x, p).symbol, p.integer(names[0]), p.get(names[1])
    if number is None and not client_id:
        raise Rejected(-1102, names[0])
    order = a.orders.get(number) if number is not None else a.by_client.get((symbol, client_id or ""))
    if order is None or order.listing.symbol != symbol or order.hidden_until > s.x.clock.now_ms():
        raise Rejected(code)
    return order


def get_order(s: "SpotDialect", a: SpotAccount, p: Params) -> Any:
    """GET order."""
    return query(_find(s, a, p, -2013))


def _cancel(s: "SpotDialect", order: SpotOrder, cancel_id: str | None) -> dict[str, Any]:
    cancel_id = cancel_id or s.x.new_id()
    return cancelled(s.matching.cancel(order, cancel_id), cancel_id)


def cancel(s: "SpotDialect", a: SpotAccount, p: Params) -> Any:
    """DELETE order."""
    return _cancel(s, _find(s, a, p, -2011), p.get("newClientOrderId"))


def replace(s: "SpotDialect", a: SpotAccount, p: Params) -> Any:
    """POST order/cancelReplace: cancel one, then place another, which may use what the first one locked."""
    mode = p.choice("cancelReplaceMode", ("", "STOP_ON_FAILURE", "ALLOW_FAILURE"))
    if not mode:
        raise Rejected(-1102, "cancelReplaceMode")
    order_of(a, s.listings, p, s.x.new_id)  # what cannot be an order cancels nothing
    gone: Any = None
    made: Any = None
    try:
        order = _find(s, a, p, -2011, ("cancelOrderId", "cancelOrigClientOrderId"))
        gone = _cancel(s, order, p.get("cancelNewClientOrderId"))
    except Rejected as error:
        if error.code != -2011:
            raise
        gone = error
    if mode == "ALLOW_FAILURE" or not isinstance(gone, Rejected):
        try:
            made = place(s, a, p)
        except Rejected as error:
            made = error
    if isinstance(gone, Rejected) or isinstance(made, Rejected):
        raise ReplaceRejected(gone, made)
    return {"cancelResult": "SUCCESS", "newOrderResult": "SUCCESS", "cancelResponse": gone, "newOrderResponse": made}


def _open(s: "SpotDialect", a: SpotAccount, p: Params) -> list[SpotOrder]:
    if p.get("symbol"):
        public.market_of(s.x, p)
    rows = [o for o in a.open.values() if o.listing.symbol == p.get("symbol", o.listing.symbol)]
    return [o for o in rows if o.hidden_until <= s.x.clock.now_ms()]


def open_orders(s: "SpotDialect", a: SpotAccount, p: Params) -> Any:
    """GET openOrders."""
    return [query(o) for o in _open(s, a, p)]


def cancel_all(s: "SpotDialect", a: SpotAccount, p: Params) -> Any:
    """DELETE openOrders: of a symbol, conditional ones too."""
    p.required("symbol")
    rows = _open(s, a, p)
    if not rows:
        raise Rejected(-2011)
    return [_cancel(s, order, None) for order in rows]


def _page(p: Params, rows: list[Any], time_of: Callable[[Any], int], ids: tuple[str, ...]) -> list[Any]:
    """At most ``limit`` rows: the last ones, or the first ones from a start; with start and end of at most a day."""
    start, end = p.integer("startTime"), p.integer("endTime")
    limit = public.limit_of(p, 500, _PAGE)
    if start is not None and end is not None and end - start > DAY_MS:
        raise Rejected(-1127)
    if p.get("fromId") and (start is not None or end is not None):
        raise Rejected(-1128)
    rows = [r for r in rows if (start is None or time_of(r) >= start) and (end is None or time_of(r) <= end)]
    return rows[:limit] if start is not None or any(p.get(name) for name in ids) else rows[-limit:]


def all_orders(s: "SpotDialect", a: SpotAccount, p: Params) -> Any:
    """GET allOrders."""
    symbol, first, now = public.market_of(s.x, p).symbol, p.integer("orderId", 0) or 0, s.x.clock.now_ms()
    rows = [o for o in a.orders.values() if o.listing.symbol == symbol and o.id >= first and o.hidden_until <= now]
    return [query(o) for o in _page(p, rows, lambda o: o.time, ("orderId",))]


# -------------------------------------------------------------------------------------------------------- account
def account(_s: "SpotDialect", a: SpotAccount, p: Params) -> Any:
    """GET account."""
    rows = [{"asset": asset, "free": free, "locked": locked} for asset, free, locked in a.rows(list(a.holdings))]
    if p.flag("omitZeroBalances"):
        rows = [row for row in rows if float(row["free"]) or float(row["locked"])]
    rate, points = text(FEE), int(FEE * 10_000)
    return {
        "makerCommission": points, "takerCommission": points, "buyerCommission": 0, "sellerCommission": 0,
        "commissionRates": {"maker": rate, "taker": rate, "buyer": "0.00000000", "seller": "0.00000000"},
        "canTrade": True, "canWithdraw": a.can_withdraw, "canDeposit": True, "brokered": False,
        "requireSelfTradePrevention": False, "preventSor": False, "updateTime": a.updated, "accountType": "SPOT",
        "balances": rows, "permissions": ["SPOT"], "uid": 1,
    }  # fmt: skip


def my_trades(s: "SpotDialect", a: SpotAccount, p: Params) -> Any:
    """GET myTrades."""
    symbol, first, number = public.market_of(s.x, p).symbol, p.integer("fromId", 0) or 0, p.integer("orderId")
    rows = [f for f in a.fills if f.order.listing.symbol == symbol and f.id >= first]
    rows = [f for f in rows if number is None or f.order.id == number]
    return [show_fill(f) for f in _page(p, rows, lambda f: f.time, ("fromId", "orderId"))]


def gone(_s: "SpotDialect", _a: None, _p: Params) -> Any:
    """The listen key, which spot no longer has."""
    raise Rejected(-5000, status=410)


OPEN_ROUTES: Final = (
    ("ping", ping, 1), ("time", time, 1), ("exchangeInfo", exchange_info, 20), ("klines", klines, 2),
    ("aggTrades", agg_trades, 4), ("depth", depth, 5), ("ticker/24hr", ticker_24hr, 2),
    ("ticker/price", ticker_price, 2), ("ticker/bookTicker", book_ticker, 2),
)  # fmt: skip
SIGNED_ROUTES: Final = (
    ("POST", "order", place, 1), ("GET", "order", get_order, 4), ("DELETE", "order", cancel, 1),
    ("POST", "order/cancelReplace", replace, 1), ("GET", "openOrders", open_orders, 6),
    ("DELETE", "openOrders", cancel_all, 1), ("GET", "allOrders", all_orders, 20), ("GET", "account", account, 20),
    ("GET", "myTrades", my_trades, 20),
)  # fmt: skip
