"""Market data as the exchange shows it, over REST and on streams."""

from collections.abc import Callable
from typing import Any, Final

from triplane.exchange.account import SIDES, FuturesOrder
from triplane.exchange.market import FUNDING_EVERY, INTERVALS, Columns, Kline, Market, MarketTrade

FUNDING_RATE: Final = "0.00010000"
Json = dict[str, Any]


def next_funding(now: int) -> int:
    """The next of 00:00, 08:00 and 16:00 UTC."""
    return (now // FUNDING_EVERY + 1) * FUNDING_EVERY


def _value(market: Market, value: float) -> str:
    return f"{value * float(market.tick) * float(market.lot):.{max(market.decimals[0], 2)}f}"


def kline_rows(market: Market, interval: str, rows: Columns) -> list[list[Any]]:
    """Rows of ``/klines``."""
    length = INTERVALS[interval]
    return [
        [
            int(r[0]), *(market.price(int(x)) for x in r[1:5]), market.quantity(int(r[5])), int(r[0]) + length - 1,
            _value(market, r[6]), int(r[7]), market.quantity(int(r[8])), _value(market, r[9]), "0",
        ]
        for r in rows.tolist()
    ]  # fmt: skip


def kline_event(market: Market, interval: str, bar: Kline, closed: bool) -> Json:
    """A ``kline`` event."""
    prices = {"o": bar.open, "c": bar.close, "h": bar.high, "l": bar.low}
    k = {name: market.price(ticks) for name, ticks in prices.items()} | {
        "t": bar.start, "T": bar.start + INTERVALS[interval] - 1, "s": market.symbol, "i": interval, "f": bar.first_id,
        "L": bar.first_id + bar.count - 1, "v": market.quantity(bar.lots), "n": bar.count, "x": closed,
        "q": _value(market, bar.value), "V": market.quantity(bar.bought), "Q": _value(market, bar.bought_value),
        "B": "0",
    }  # fmt: skip
    return {"e": "kline", "E": market.now, "s": market.symbol, "k": k}


def continuous_kline_event(market: Market, interval: str, bar: Kline, closed: bool) -> Json:
    """A ``continuous_kline`` event: the same of the perpetual contract of a pair."""
    out = kline_event(market, interval, bar, closed)
    del out["s"], out["k"]["s"]
    return out | {"e": "continuous_kline", "ps": market.symbol, "ct": "PERPETUAL"}


def trade_event(market: Market, trade: MarketTrade, kind: str) -> Json:
    """An ``aggTrade`` or ``trade`` event."""
    out = {"e": kind, "E": trade.time, "s": market.symbol, "T": trade.time, "m": trade.sold, "st": 1}
    out |= {"p": market.price(trade.ticks), "q": market.quantity(trade.lots)}
    if kind == "trade":
        return out | {"t": trade.id, "X": "MARKET"}
    return out | {"a": trade.id, "f": trade.id, "l": trade.id, "nq": market.quantity(trade.lots)}


def book_ticker_event(market: Market) -> Json:
    """A ``bookTicker`` event."""
    bids, asks = market.book(1)
    bid, ask = bids[0] if bids else (0, 0), asks[0]
    return {
        "e": "bookTicker", "u": market.trade_id, "s": market.symbol, "ps": market.symbol, "b": market.price(bid[0]),
        "B": market.quantity(bid[1]), "a": market.price(ask[0]), "A": market.quantity(ask[1]), "T": market.now,
        "E": market.now, "st": 1,
    }  # fmt: skip


def best(market: Market) -> Json:
    """The best prices, as ``/ticker/bookTicker`` shows them."""
    e = book_ticker_event(market)
    return {"symbol": market.symbol, "bidPrice": e["b"], "bidQty": e["B"], "askPrice": e["a"], "askQty": e["A"]}


def depth_event(market: Market, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> Json:
    """A ``depthUpdate`` event."""
    return {
        "e": "depthUpdate", "E": market.now, "T": market.now, "s": market.symbol, "ps": market.symbol, "st": 1,
        "U": market.book_id, "u": market.book_id, "pu": market.book_id - 1, "b": levels(market, bids),
        "a": levels(market, asks),
    }  # fmt: skip


def levels(market: Market, side: list[tuple[int, int]]) -> list[list[str]]:
    """A side of the book."""
    return [[market.price(ticks), market.quantity(lots)] for ticks, lots in side]


def book(market: Market, depth: int) -> Json:
    """Both sides of the book, as ``/depth`` shows them."""
    bids, asks = market.book(min(depth, 50))
    return {"bids": levels(market, bids), "asks": levels(market, asks)}


def day(market: Market) -> Json:
    """The last 24 hours, as ``/ticker/24hr`` shows them."""
    row = market.day().tolist()
    start, opened, high, low, last, lots, value, count = (round(x) for x in row[:8])
    change = last - opened
    return {
        "symbol": market.symbol, "priceChange": market.price(change),
        "priceChangePercent": f"{100 * change / opened:.3f}",
        "weightedAvgPrice": market.price(round(value / lots) if lots else last), "lastPrice": market.price(last),
        "lastQty": market.quantity(market.trades[-1].lots if market.trades else 1), "openPrice": market.price(opened),
        "highPrice": market.price(high), "lowPrice": market.price(low), "volume": market.quantity(lots),
        "quoteVolume": _value(market, value), "openTime": start, "closeTime": market.now,
        "firstId": max(market.trade_id - count + 1, 1), "lastId": market.trade_id, "count": count,
    }  # fmt: skip


def ticker_event(market: Market) -> Json:
    """A ``24hrTicker`` event."""
    d = day(market)
    return {
        "e": "24hrTicker", "E": market.now, "s": market.symbol, "ps": market.symbol, "st": 1, "p": d["priceChange"],
        "P": d["priceChangePercent"], "w": d["weightedAvgPrice"], "c": d["lastPrice"], "Q": d["lastQty"],
        "o": d["openPrice"], "h": d["highPrice"], "l": d["lowPrice"], "v": d["volume"], "q": d["quoteVolume"],
        "O": d["openTime"], "C": d["closeTime"], "F": d["firstId"], "L": d["lastId"], "n": d["count"],
    }  # fmt: skip


def mini_ticker_event(market: Market) -> Json:
    """A ``24hrMiniTicker`` event."""
    full = ticker_event(market)
    return {key: full[key] for key in ("E", "s", "ps", "st", "c", "o", "h", "l", "v", "q")} | {"e": "24hrMiniTicker"}


def mark_price_event(market: Market) -> Json:
    """A ``markPriceUpdate`` event."""
    prices = dict.fromkeys(("p", "ap", "i", "P"), market.price(market.last))
    return {
        "e": "markPriceUpdate", "E": market.now, "s": market.symbol, "r": FUNDING_RATE, "T": next_funding(market.now),
        "st": 1, **prices,
    }  # fmt: skip


def force_order_event(order: FuturesOrder) -> Json:
    """A ``forceOrder`` event."""
    r, m = order.request, order.request.market
    body = {
        "s": m.symbol, "S": SIDES[r.side], "o": "LIMIT", "f": "IOC", "q": m.quantity(r.lots), "p": m.price(r.price),
        "ap": order.average(), "X": order.status, "l": m.quantity(order.filled), "z": m.quantity(order.filled),
        "T": order.updated,
    }  # fmt: skip
    return {"e": "forceOrder", "E": order.updated, "o": body, "ps": m.symbol, "st": 1}


PERIODIC: Final[dict[str, Callable[[Market], Json]]] = {
    "ticker": ticker_event,
    "miniTicker": mini_ticker_event,
    "markPrice": mark_price_event,
}
"""Streams that speak every so often."""
