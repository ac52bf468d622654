"""Market data over REST."""

from typing import TYPE_CHECKING, Any, Final

from triplane.exchange import views
from triplane.exchange.account import FuturesAccount
from triplane.exchange.errors import Rejected
from triplane.exchange.filters import Params, filters, price_precision
from triplane.exchange.limits import ORDERS_1M, ORDERS_10S, WEIGHT
from triplane.exchange.market import FUNDING_EVERY, INTERVALS, Market, MarketTrade
from triplane.exchange.orders import ORDER_TYPES, TIMES_IN_FORCE

if TYPE_CHECKING:
    from triplane.exchange.exchange import Exchange

PERPETUAL_END: Final = 4_133_404_800_000
DEPTHS: Final = (5, 10, 20, 50, 100, 500, 1000)


def market_of(x: "Exchange", p: Params) -> Market:
    """The market of the parameter ``symbol``; raises Refused."""
    market = x.markets.get(p.required("symbol"))
    if market is None:
        raise Rejected(-1121)
    return market


def one_or_all(x: "Exchange", p: Params, show: Any) -> Any:
    """One row for a symbol, all rows without."""
    return show(market_of(x, p)) if p.get("symbol") else [show(m) for m in x.markets.values()]


def limit_of(p: Params, default: int, most: int) -> int:
    """The parameter ``limit``."""
    limit = p.integer("limit", default) or default
    if not 0 < limit <= most:
        raise Rejected(-1130, "limit")
    return limit


def ping(_x: "Exchange", _a: FuturesAccount | None, _p: Params) -> Any:
    """Nothing."""
    return {}


def time(x: "Exchange", _a: FuturesAccount | None, _p: Params) -> Any:
    """The server's wall time."""
    return {"serverTime": x.wall()}


def _symbol(m: Market) -> dict[str, Any]:
    base = m.symbol.removesuffix("USDT")
    return {
        "symbol": m.symbol, "pair": m.symbol, "contractType": "PERPETUAL", "deliveryDate": PERPETUAL_END,
        "onboardDate": 1569398400000, "status": "TRADING", "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000", "baseAsset": base, "quoteAsset": "USDT", "marginAsset": "USDT",
        "pricePrecision": price_precision(m), "quantityPrecision": m.decimals[1], "baseAssetPrecision": 8,
        "quotePrecision": 8, "underlyingType": "COIN", "underlyingSubType": [], "settlePlan": 0,
        "triggerProtect": "0.0500", "liquidationFee": "0.000000", "marketTakeBound": "0.30", "maxMoveOrderLimit": 10000,
        "filters": filters(m), "orderTypes": list(ORDER_TYPES), "timeInForce": list(TIMES_IN_FORCE),
    }  # fmt: skip


def exchange_info(x: "Exchange", _a: FuturesAccount | None, _p: Params) -> Any:
    """Symbols, filters, limits."""
    limits = [
        ("REQUEST_WEIGHT", "MINUTE", 1, WEIGHT),
        ("ORDERS", "MINUTE", 1, ORDERS_1M),
        ("ORDERS", "SECOND", 10, ORDERS_10S),
    ]
    return {
        "timezone": "UTC",
        "serverTime": x.wall(),
        "futuresType": "U_MARGINED",
        "rateLimits": [
            {"rateLimitType": kind, "interval": unit, "intervalNum": n, "limit": limit}
            for kind, unit, n, limit in limits
        ],
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-100"}],
        "symbols": [_symbol(m) for m in x.markets.values()],
    }


def klines(x: "Exchange", _a: FuturesAccount | None, p: Params) -> Any:
    """Candles, the last one forming."""
    market, interval = market_of(x, p), p.required("interval")
    if interval not in INTERVALS or INTERVALS[interval] % market.base_ms:
        raise Rejected(-1120)
    rows = market.klines(interval, p.integer("startTime"), p.integer("endTime"), limit_of(p, 500, 1500))
    return views.kline_rows(market, interval, rows)


def continuous_klines(x: "Exchange", a: FuturesAccount | None, p: Params) -> Any:
    """Candles of a pair's perpetual contract."""
    if p.required("contractType") != "PERPETUAL":
        raise Rejected(-1130, "contractType")
    p["symbol"] = p.required("pair")
    return klines(x, a, p)


def agg_trades(x: "Exchange", _a: FuturesAccount | None, p: Params) -> Any:
    """Recent public trades."""
    market, first = market_of(x, p), p.integer("fromId", 0) or 0
    start, end = p.integer("startTime", 0) or 0, p.integer("endTime", market.now) or market.now
    rows = [t for t in market.trades if t.id >= first and start <= t.time <= end]
    limit = limit_of(p, 500, 1000)
    return [_agg(market, t) for t in (rows[:limit] if first or start else rows[-limit:])]


def _agg(m: Market, t: MarketTrade) -> dict[str, Any]:
    quantity = m.quantity(t.lots)
    return {
        "a": t.id, "p": m.price(t.ticks), "q": quantity, "nq": quantity, "f": t.id, "l": t.id, "T": t.time, "m": t.sold
    }  # fmt: skip


def trades(x: "Exchange", _a: FuturesAccount | None, p: Params) -> Any:
    """Recent public trades, in the long form."""
    m = market_of(x, p)
    return [
        {
            "id": t.id,
            "price": m.price(t.ticks),
            "qty": m.quantity(t.lots),
            "quoteQty": format(t.ticks * m.tick * t.lots * m.lot, "f"),
            "time": t.time,
            "isBuyerMaker": t.sold,
            "isRPITrade": False,
        }
        for t in list(m.trades)[-limit_of(p, 500, 1000) :]
    ]


def depth(x: "Exchange", _a: FuturesAccount | None, p: Params) -> Any:
    """The book."""
    market, limit = market_of(x, p), p.integer("limit", 500)
    if limit not in DEPTHS:
        raise Rejected(-1130, "limit")
    bids, asks = market.book(min(limit or 0, 50))
    return {
        "lastUpdateId": market.book_id,
        "E": market.now,
        "T": market.now,
        "bids": views.levels(market, bids),
        "asks": views.levels(market, asks),
    }


def ticker_24hr(x: "Exchange", _a: FuturesAccount | None, p: Params) -> Any:
    """The last 24 hours."""
    return one_or_all(x, p, views.day)


def ticker_price(x: "Exchange", _a: FuturesAccount | None, p: Params) -> Any:
    """Last prices."""
    return one_or_all(x, p, lambda m: {"symbol": m.symbol, "price": m.price(m.last), "time": m.now})


def book_ticker(x: "Exchange", _a: FuturesAccount | None, p: Params) -> Any:
    """Best prices."""

    def show(m: Market) -> dict[str, Any]:
        e = views.book_ticker_event(m)
        row = {"symbol": m.symbol, "bidPrice": e["b"], "bidQty": e["B"], "askPrice": e["a"], "askQty": e["A"]}
        return row | {"time": m.now, "lastUpdateId": m.trade_id}

    return one_or_all(x, p, show)


def premium_index(x: "Exchange", _a: FuturesAccount | None, p: Params) -> Any:
    """Mark price and funding."""

    def show(m: Market) -> dict[str, Any]:
        e = views.mark_price_event(m)
        return {
            "symbol": m.symbol, "markPrice": e["p"], "indexPrice": e["i"], "estimatedSettlePrice": e["P"],
            "lastFundingRate": e["r"], "interestRate": "0.00010000", "nextFundingTime": e["T"], "time": m.now,
        }  # fmt: skip

    return one_or_all(x, p, show)


def funding_rate(x: "Exchange", _a: FuturesAccount | None, p: Params) -> Any:
    """Past funding, with the price at that time."""
    out = []
    limit = limit_of(p, 100, 1000)
    for m in [market_of(x, p)] if p.get("symbol") else x.markets.values():
        end = min(p.integer("endTime", m.now) or m.now, m.now) // FUNDING_EVERY * FUNDING_EVERY
        first = -(-(p.integer("startTime", 0) or 0) // FUNDING_EVERY) * FUNDING_EVERY
        first = max(first, end - (limit - 1) * FUNDING_EVERY)
        rows = m.klines("8h", first, end, limit)
        out += [
            {
                "symbol": m.symbol,
                "fundingRate": views.FUNDING_RATE,
                "fundingTime": int(row[0]),
                "markPrice": m.price(int(row[1])),
                "rateType": "Regular",
            }
            for row in rows
        ]
    return out


def funding_info(x: "Exchange", _a: FuturesAccount | None, _p: Params) -> Any:
    """When funding is paid."""
    row = {"adjustedFundingRateCap": "0.02500000", "adjustedFundingRateFloor": "-0.02500000", "fundingIntervalHours": 8}
    return [{"symbol": m.symbol, **row, "disclaimer": False} for m in x.markets.values()]


def open_interest(x: "Exchange", _a: FuturesAccount | None, p: Params) -> Any:
    """What the accounts of the box hold."""
    m = market_of(x, p)
    held = sum(abs(q.lots) for a in x.accounts.values() for q in a.positions.values() if q.market is m)
    return {"openInterest": m.quantity(held), "symbol": m.symbol, "time": m.now}
