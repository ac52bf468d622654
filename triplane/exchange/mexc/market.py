"""Market data of MEXC over REST, unsigned."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from triplane.exchange.market import FUNDING_EVERY, Market
from triplane.exchange.mexc import views
from triplane.exchange.mexc.dialect import MexcDialect
from triplane.exchange.mexc.errors import MexcRejected, reject_if
from triplane.exchange.public import each

MOST_CANDLES: Final = 2000
Query = dict[str, Any]
Handler = Callable[..., Any]


def market_of(mexc: MexcDialect, name: object) -> Market:
    """The market of a symbol; raises Refusal."""
    for market in mexc.x.markets.values():
        if views.name_of(market) == name:
            return market
    raise MexcRejected(1001)


def whole(q: Query, name: str, default: int) -> int:
    """A whole number; raises Refusal."""
    try:
        return int(q.get(name, default))
    except (TypeError, ValueError):
        raise MexcRejected(600) from None


def ping(mexc: MexcDialect, _a: None, _q: Query) -> Any:
    """The server's time."""
    return mexc.x.wall()


def chosen(mexc: MexcDialect, q: Query) -> list[Market]:
    """The market of ``symbol``, all without."""
    return [market_of(mexc, q["symbol"])] if q.get("symbol") else list(mexc.x.markets.values())


_rows = partial(each, chosen)


def _price(name: str) -> Handler:
    return _rows(lambda m: {"symbol": views.name_of(m), name: views.num(m.last * m.tick), "timestamp": m.now})


detail, ticker, funding_rate = _rows(views.detail), _rows(views.ticker), _rows(views.funding)
fair_price, index_price = _price("fairPrice"), _price("indexPrice")


def kline(mexc: MexcDialect, _a: None, q: Query) -> Any:
    """Candles; ``start`` and ``end`` in seconds."""
    market, interval = market_of(mexc, q.get("symbol")), q.get("interval", "Min1")
    reject_if(not views.has_interval(market, interval), 600)
    start, end = whole(q, "start", 0) * 1000, whole(q, "end", 0) * 1000 + 999
    rows = market.klines(views.INTERVALS[interval], start or None, end if end > 999 else None, MOST_CANDLES)
    return views.klines(market, rows)


def depth(mexc: MexcDialect, _a: None, q: Query) -> Any:
    """The book."""
    market = market_of(mexc, q.get("symbol"))
    levels = min(max(whole(q, "limit", views.LEVELS), 1), views.LEVELS)
    return views.depth(market, levels) | {"timestamp": market.now}


def deals(mexc: MexcDialect, _a: None, q: Query) -> Any:
    """Recent public trades, newest first."""
    market = market_of(mexc, q.get("symbol"))
    rows = list(market.trades)[-min(max(whole(q, "limit", 100), 1), 100) :]
    return [views.deal(market, t) for t in reversed(rows)]


def funding_history(mexc: MexcDialect, _a: None, q: Query) -> Any:
    """Past funding, newest first, in pages."""
    market = market_of(mexc, q.get("symbol"))
    last = market.now // FUNDING_EVERY
    first = -(-(market.first_ms) // FUNDING_EVERY)
    rows = [
        {"symbol": views.name_of(market), "fundingRate": views.num(views.FUNDING), "settleTime": n * FUNDING_EVERY}
        for n in range(last, first - 1, -1)
    ]
    return paged(q, rows)


def paged(q: Query, rows: list[Any]) -> Any:
    """One page of rows, with counts."""
    size = _page_size(q)
    counts = {"pageSize": size, "totalCount": len(rows), "totalPage": -(-len(rows) // size)}
    return counts | {"currentPage": max(whole(q, "page_num", 1), 1), "resultList": page(q, rows)}


def _page_size(q: Query) -> int:
    return min(max(whole(q, "page_size", 20), 1), 100)


def page(q: Query, rows: list[Any]) -> list[Any]:
    """The rows of the page that was asked for."""
    size, number = _page_size(q), max(whole(q, "page_num", 1), 1)
    return rows[(number - 1) * size : number * size]
