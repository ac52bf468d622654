"""Market data over REST."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from triplane.exchange import views
from triplane.exchange.account import ORDER_TYPES, TIMES_IN_FORCE, FuturesAccount
from triplane.exchange.errors import reject_if
from triplane.exchange.exchange import Exchange
from triplane.exchange.filters import filters, price_precision
from triplane.exchange.limits import ORDERS_1M, ORDERS_10S, WEIGHT
from triplane.exchange.market import FUNDING_EVERY, INTERVALS, Market, MarketTrade
from triplane.exchange.params import Params

PERPETUAL_END: Final = 4_133_404_800_000
DEPTHS: Final = (5, 10, 20, 50, 100, 500, 1000)


def chosen(x: Exchange, p: Params) -> list[Market]:
    """The market of the parameter ``symbol``, all without."""
    return [p.of_symbol(x.markets)] if p.get("symbol") else list(x.markets.values())


def each(markets: Callable[[Any, Any], list[Market]], show: Callable[[Market], Any]) -> Callable[..., Any]:
    """A handler that answers with one row for a symbol, with a list of rows without."""

    def answer(x: Any, _a: object, p: Any) -> Any:
        rows = [show(m) for m in markets(x, p)]
        return rows[0] if p.get("symbol") else rows

    return answer


_each = partial(each, chosen)


def ping(_x: Exchange, _a: FuturesAccount | None, _p: Params) -> Any:
    """Nothing."""
    return {}


def time(x: Exchange, _a: FuturesAccount | None, _p: Params) -> Any:
    """The server's wall time."""
    return {"serverTime": x.wall()}


def rate_limits(limits: list[tuple[str, str, int, int]]) -> list[dict[str, Any]]:
    """Limits by kind, unit, number of units and size, as exchangeInfo shows them."""
    return [
        {"rateLimitType": kind, "interval": unit, "intervalNum": n, "limit": size} for kind, unit, n, size in limits
    ]


def _symbol(m: Market) -> dict[str, Any]:
    base = m.symbol.removesuffix("USDT")
    return {
        "symbol": m.symbol, "pair": m.symbol, "contractType": "PERPETUAL", "deliveryDate": PERPETUAL_END,
        "onboardDate": 1569398400000, "status": "TRADING",
        "maintMarginPercent": f"{100 * m.instrument.maintenance_margin:.4f}",
        "requiredMarginPercent": "5.0000", "baseAsset": base, "quoteAsset": "USDT", "marginAsset": "USDT",
        "pricePrecision": price_precision(m), "quantityPrecision": m.decimals[1], "baseAssetPrecision": 8,
        "quotePrecision": 8, "underlyingType": "COIN", "underlyingSubType": [], "settlePlan": 0,
        "triggerProtect": "0.0500", "liquidationFee": "0.000000", "marketTakeBound": "0.30", "maxMoveOrderLimit": 10000,
        "filters": filters(m), "orderTypes": list(ORDER_TYPES), "timeInForce": list(TIMES_IN_FORCE),
    }  # fmt: skip


def exchange_info(x: Exchange, _a: FuturesAccount | None, _p: Params) -> Any:
    """Symbols, filters, limits."""
    limits = [("REQUEST_WEIGHT", "MINUTE", 1, WEIGHT), ("ORDERS", "MINUTE", 1, ORDERS_1M)]
    return {
        "timezone": "UTC", "serverTime": x.wall(), "futuresType": "U_MARGINED",
        "rateLimits": rate_limits([*limits, ("ORDERS", "SECOND", 10, ORDERS_10S)]), "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-100"}],
        "symbols": [_symbol(m) for m in x.markets.values()],
    }  # fmt: skip


def klines(x: Exchange, _a: FuturesAccount | None, p: Params) -> Any:
    """Candles, the last one forming."""
    market, interval = p.of_symbol(x.markets), p.required("interval")
    reject_if(interval not in INTERVALS or INTERVALS[interval] % market.base_ms, -1120)
    rows = market.klines(interval, p.integer("startTime"), p.integer("endTime"), p.limit(500, 1500))
    return views.kline_rows(market, interval, rows)


def continuous_klines(x: Exchange, a: FuturesAccount | None, p: Params) -> Any:
    """Candles of a pair's perpetual contract."""
    reject_if(p.required("contractType") != "PERPETUAL", -1130, "contractType")
    p["symbol"] = p.required("pair")
    return klines(x, a, p)


def agg_trades(x: Exchange, _a: FuturesAccount | None, p: Params) -> Any:
    """Recent public trades."""
    market, first = p.of_symbol(x.markets), p.integer("fromId", 0) or 0
    start, end = p.integer("startTime", 0) or 0, p.integer("endTime", market.now) or market.now
    rows = [t for t in market.trades if t.id >= first and start <= t.time <= end]
    limit = p.limit(500, 1000)
    return [_agg(market, t) for t in (rows[:limit] if first or start else rows[-limit:])]


def _agg(m: Market, t: MarketTrade) -> dict[str, Any]:
    quantity = m.quantity(t.lots)
    return {
        "a": t.id, "p": m.price(t.ticks), "q": quantity, "nq": quantity, "f": t.id, "l": t.id, "T": t.time, "m": t.sold
    }  # fmt: skip


def trades(x: Exchange, _a: FuturesAccount | None, p: Params) -> Any:
    """Recent public trades, in the long form."""
    m = p.of_symbol(x.markets)
    return [
        {
            "id": t.id, "price": m.price(t.ticks), "qty": m.quantity(t.lots),
            "quoteQty": format(t.ticks * m.tick * t.lots * m.lot, "f"), "time": t.time, "isBuyerMaker": t.sold,
            "isRPITrade": False,
        }
        for t in list(m.trades)[-p.limit(500, 1000) :]
    ]  # fmt: skip


def depth(x: Exchange, _a: FuturesAccount | None, p: Params) -> Any:
    """The book."""
    market, limit = p.of_symbol(x.markets), p.integer("limit", 500)
    reject_if(limit not in DEPTHS, -1130, "limit")
    return {"lastUpdateId": market.book_id, "E": market.now, "T": market.now} | views.book(market, limit or 0)


ticker_24hr = _each(views.day)
ticker_price = _each(lambda m: {"symbol": m.symbol, "price": m.price(m.last), "time": m.now})
book_ticker = _each(lambda m: views.best(m) | {"time": m.now, "lastUpdateId": m.trade_id})


@_each
def premium_index(m: Market) -> dict[str, Any]:
    """Mark price and funding."""
    e = views.mark_price_event(m)
    return {
        "symbol": m.symbol, "markPrice": e["p"], "indexPrice": e["i"], "estimatedSettlePrice": e["P"],
        "lastFundingRate": e["r"], "interestRate": "0.00010000", "nextFundingTime": e["T"], "time": m.now,
    }  # fmt: skip


def funding_rate(x: Exchange, _a: FuturesAccount | None, p: Params) -> Any:
    """Past funding, with the price at that time."""
    out = []
    limit = p.limit(100, 1000)
    for m in chosen(x, p):
        end = min(p.integer("endTime", m.now) or m.now, m.now) // FUNDING_EVERY * FUNDING_EVERY
        first = -(-(p.integer("startTime", 0) or 0) // FUNDING_EVERY) * FUNDING_EVERY
        first = max(first, end - (limit - 1) * FUNDING_EVERY)
        out += [
            {
                "symbol": m.symbol, "fundingRate": views.FUNDING_RATE, "fundingTime": int(row[0]),
                "markPrice": m.price(int(row[1])), "rateType": "Regular",
            }
            for row in m.klines("8h", first, end, limit)
        ]  # fmt: skip
    return out


def funding_info(x: Exchange, _a: FuturesAccount | None, _p: Params) -> Any:
    """When funding is paid."""
    row = {"adjustedFundingRateCap": "0.02500000", "adjustedFundingRateFloor": "-0.02500000", "fundingIntervalHours": 8}
    return [{"symbol": m.symbol, **row, "disclaimer": False} for m in x.markets.values()]


def open_interest(x: Exchange, _a: FuturesAccount | None, p: Params) -> Any:
    """What the accounts of the box hold."""
    m = p.of_symbol(x.markets)
    held = sum(abs(q.lots) for a in x.accounts.values() for q in a.positions.values() if q.market is m)
    return {"openInterest": m.quantity(held), "symbol": m.symbol, "time": m.now}
