"""Spot over REST, ``/api/v3``."""

from functools import partial
from typing import Any, Final

import orjson

from triplane.exchange import public, views
from triplane.exchange.errors import Rejected, reject_if
from triplane.exchange.market import Market
from triplane.exchange.params import Params, between, find, own_trades, visible
from triplane.exchange.spot.account import FEE, Listing, SpotAccount, SpotOrder, text
from triplane.exchange.spot.dialect import SpotDialect
from triplane.exchange.spot.filters import ORDER_TYPES, STP, filters, order_of
from triplane.exchange.spot.order_views import answer, cancelled, query, show_fill

DAY_MS: Final = 86_400_000
_PAGE: Final = 1000


def _halves(cancel: Any, order: Any) -> dict[str, Any]:
    """What became of both halves of a cancelReplace."""
    out = {}
    for name, half in (("cancel", cancel), ("newOrder", order)):
        failed = isinstance(half, Rejected)
        out[f"{name}Result"] = "FAILURE" if failed else "NOT_ATTEMPTED" if half is None else "SUCCESS"
        out[f"{name}Response"] = half.to_dict() if failed else half
    return out


class ReplaceRejected(Rejected):
    """A cancelReplace of which one half or both failed."""

    def __init__(self, cancel: Any, order: Any) -> None:
        both = isinstance(cancel, Rejected) and (order is None or isinstance(order, Rejected))
        super().__init__(-2022 if both else -2021, status=400 if both else 409)
        self.text = f"Order cancel-replace {'' if both else 'partially '}failed."
        self.data = _halves(cancel, order)

    def to_dict(self) -> dict[str, Any]:
        """The body of the answer."""
        return super().to_dict() | {"data": self.data}


# -------------------------------------------------------------------------------------------------------- market
def _chosen(s: SpotDialect, p: Params) -> list[Listing]:
    """The listings of ``symbol`` or ``symbols``, all without."""
    names = [p["symbol"]] if p.get("symbol") else orjson.loads(p.get("symbols") or "null")
    if names is None:
        return list(s.listings.values())
    reject_if(not isinstance(names, list) or not all(name in s.listings for name in names), -1121)
    return [s.listings[name] for name in names]


_each = partial(public.each, lambda s, p: [listing.market for listing in _chosen(s, p)])


def ping(_s: SpotDialect, _a: None, _p: Params) -> Any:
    """Nothing."""
    return {}


def time(s: SpotDialect, _a: None, _p: Params) -> Any:
    """The server's wall time."""
    return {"serverTime": s.x.wall()}


def _symbol(listing: Listing) -> dict[str, Any]:
    precisions = ("baseAssetPrecision", "quotePrecision", "quoteAssetPrecision", "baseCommissionPrecision",
                  "quoteCommissionPrecision")  # fmt: skip
    no = ("icebergAllowed", "ocoAllowed", "otoAllowed", "opoAllowed", "quoteOrderQtyMarketAllowed",
          "allowTrailingStop", "amendAllowed", "pegInstructionsAllowed", "isMarginTradingAllowed")  # fmt: skip
    row = {
        "symbol": listing.symbol, "status": "TRADING", "baseAsset": listing.base, "quoteAsset": listing.quote,
        "orderTypes": list(ORDER_TYPES), "cancelReplaceAllowed": True, "isSpotTradingAllowed": True,
        "filters": filters(listing), "permissions": [], "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": STP[0], "allowedSelfTradePreventionModes": list(STP),
    }  # fmt: skip
    return row | dict.fromkeys(precisions, 8) | dict.fromkeys(no, False)


def exchange_info(s: SpotDialect, _a: None, p: Params) -> Any:
    """Symbols, filters, limits."""
    limits = [("REQUEST_WEIGHT", "MINUTE", 1, s.limits.weight)]
    limits += [("ORDERS", name.split()[1], int(name.split()[0]), most) for _, _, most, name in s.limits.windows]
    symbols = [_symbol(listing) for listing in _chosen(s, p)]
    times = {"timezone": "UTC", "serverTime": s.x.wall()}
    return times | {"rateLimits": public.rate_limits(limits), "exchangeFilters": [], "symbols": symbols}


def klines(s: SpotDialect, _a: None, p: Params) -> Any:
    """Candles, the last one forming."""
    p["limit"] = str(min(p.integer("limit", 500) or 500, _PAGE))
    return public.klines(s.x, None, p)


def agg_trades(s: SpotDialect, _a: None, p: Params) -> Any:
    """Recent public trades."""
    return [{key: row[key] for key in "apqflTm"} | {"M": True} for row in public.agg_trades(s.x, None, p)]


def depth(s: SpotDialect, _a: None, p: Params) -> Any:
    """The book."""
    market = p.of_symbol(s.x.markets)
    return {"lastUpdateId": s.hub.book_ids[market.symbol]} | views.book(market, p.limit(100, 5000))


@_each
def ticker_24hr(m: Market) -> dict[str, Any]:
    """The last 24 hours."""
    row = views.day(m)
    return row | views.best(m) | {"prevClosePrice": row["openPrice"]}


ticker_price = _each(lambda m: {"symbol": m.symbol, "price": m.price(m.last)})
book_ticker = _each(views.best)


# -------------------------------------------------------------------------------------------------------- orders
def place(s: SpotDialect, a: SpotAccount, p: Params) -> Any:
    """POST order."""
    order = order_of(a, s.listings, p, s.x.new_id)
    kinds = ("FULL", "ACK", "RESULT") if order.type in ("LIMIT", "MARKET") else ("ACK", "RESULT", "FULL")
    kind = p.choice("newOrderRespType", kinds)
    return answer(s.matching.submit(order), kind)


def _find(s: SpotDialect, a: SpotAccount, p: Params, code: int, *names: str) -> SpotOrder:
    ids = names or ("orderId", "origClientOrderId")
    order: SpotOrder = find(a, p, p.of_symbol(s.listings).symbol, s.x.clock.now_ms(), code, (ids[0], ids[1]))
    return order


def get_order(s: SpotDialect, a: SpotAccount, p: Params) -> Any:
    """GET order."""
    return query(_find(s, a, p, -2013))


def _cancel(s: SpotDialect, order: SpotOrder, cancel_id: str | None) -> dict[str, Any]:
    cancel_id = cancel_id or s.x.new_id()
    return cancelled(s.matching.cancel(order, cancel_id), cancel_id)


def cancel(s: SpotDialect, a: SpotAccount, p: Params) -> Any:
    """DELETE order."""
    return _cancel(s, _find(s, a, p, -2011), p.get("newClientOrderId"))


def replace(s: SpotDialect, a: SpotAccount, p: Params) -> Any:
    """POST order/cancelReplace: cancel one, then place another, which may use what the first one locked."""
    mode = p.choice("cancelReplaceMode", ("", "STOP_ON_FAILURE", "ALLOW_FAILURE"))
    reject_if(not mode, -1102, "cancelReplaceMode")
    order_of(a, s.listings, p, s.x.new_id)  # what cannot be an order cancels nothing
    gone: Any = None
    made: Any = None
    try:
        order = _find(s, a, p, -2011, "cancelOrderId", "cancelOrigClientOrderId")
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
    return _halves(gone, made)


def _open(s: SpotDialect, a: SpotAccount, p: Params) -> list[SpotOrder]:
    wanted = p.of_symbol(s.listings) if p.get("symbol") else None
    return [o for o in visible(a.open.values(), s.x.clock.now_ms()) if wanted in (None, o.listing)]


def open_orders(s: SpotDialect, a: SpotAccount, p: Params) -> Any:
    """GET openOrders."""
    return [query(o) for o in _open(s, a, p)]


def cancel_all(s: SpotDialect, a: SpotAccount, p: Params) -> Any:
    """DELETE openOrders: of a symbol, conditional ones too."""
    p.required("symbol")
    rows = _open(s, a, p)
    reject_if(not rows, -2011)
    return [_cancel(s, order, None) for order in rows]


def _page(p: Params, rows: list[Any], *ids: str) -> list[Any]:
    """At most ``limit`` rows: the last ones, or the first ones from a start; with start and end of at most a day."""
    start, end = p.integer("startTime"), p.integer("endTime")
    limit = p.limit(500, _PAGE)
    reject_if(start is not None and end is not None and end - start > DAY_MS, -1127)
    reject_if(p.get("fromId") and (start is not None or end is not None), -1128)
    rows = between(rows, start, end)
    return rows[:limit] if start is not None or any(p.get(name) for name in ids) else rows[-limit:]


def all_orders(s: SpotDialect, a: SpotAccount, p: Params) -> Any:
    """GET allOrders."""
    listing, first = p.of_symbol(s.listings), p.integer("orderId", 0) or 0
    rows = [o for o in visible(a.orders.values(), s.x.clock.now_ms()) if o.listing is listing and o.id >= first]
    return [query(o) for o in _page(p, rows, "orderId")]


# -------------------------------------------------------------------------------------------------------- account
def account(_s: SpotDialect, a: SpotAccount, p: Params) -> Any:
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


def my_trades(s: SpotDialect, a: SpotAccount, p: Params) -> Any:
    """GET myTrades."""
    rows = own_trades(a, p, p.of_symbol(s.listings).symbol)
    return [show_fill(f) for f in _page(p, rows, "fromId", "orderId")]


def gone(_s: SpotDialect, _a: None, _p: Params) -> Any:
    """The listen key, which spot no longer has."""
    raise Rejected(-5000, status=410)


PUBLIC: Final = (
    ("GET", "ping", ping, 1), ("GET", "time", time, 1), ("GET", "exchangeInfo", exchange_info, 20),
    ("GET", "klines", klines, 2), ("GET", "aggTrades", agg_trades, 4), ("GET", "depth", depth, 5),
    ("GET", "ticker/24hr", ticker_24hr, 2), ("GET", "ticker/price", ticker_price, 2),
    ("GET", "ticker/bookTicker", book_ticker, 2), ("POST", "userDataStream", gone, 2),
    ("PUT", "userDataStream", gone, 2), ("DELETE", "userDataStream", gone, 2),
)  # fmt: skip
PRIVATE: Final = (
    ("GET", "order", get_order, 4), ("DELETE", "order", cancel, 1), ("GET", "openOrders", open_orders, 6),
    ("DELETE", "openOrders", cancel_all, 1), ("GET", "allOrders", all_orders, 20), ("GET", "account", account, 20),
    ("GET", "myTrades", my_trades, 20),
)  # fmt: skip
ORDERS: Final = (("POST", "order", place, 1), ("POST", "order/cancelReplace", replace, 1))
