"""Spot's market streams, on ``/spot/ws`` and ``/spot/stream``: those of the futures in the form of spot."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from triplane.exchange import views
from triplane.exchange.market import Market, MarketTrade
from triplane.exchange.sockets import ClientConnection
from triplane.exchange.streams import StreamHub, Topic, parse_topic

SHAPES: Final = {
    "aggTrade": "e E s a p q f l T m", "trade": "e E s t p q T m", "kline": "e E s k", "bookTicker": "u s b B a A",
    "depthUpdate": "e E s U u b a", "24hrTicker": "e E s p P w c Q o h l v q O C F L n",
    "24hrMiniTicker": "e E s c o h l v q",
}  # fmt: skip
"""Fields that an event has on spot."""
_KINDS: Final = ("aggTrade", "trade", "kline", "bookTicker", "depth", "ticker", "miniTicker")


class SpotHub(StreamHub):
    """All market sockets of spot."""

    def __init__(self, markets: Mapping[str, Market], wall: Callable[[], int]) -> None:
        super().__init__(markets, wall)
        self.book_ids = dict.fromkeys(markets, 1000)  # apart from the futures' own, which must have no gap

    def subscribe(self, connection: ClientConnection, names: list[str]) -> None:
        """Listen to streams; what spot does not have is acknowledged and stays silent."""
        connection.topics.update(names)
        super().subscribe(connection, [name for name in names if _exists(name)])

    def carries(self, _connection: ClientConnection, _kind: str) -> bool:
        """There is one route for all."""
        return True

    def _move_book(self, market: Market, topics: dict[str, Topic]) -> None:
        if any(topic.kind == "depth" for topic in topics.values()):
            self.book_ids[market.symbol] += 1

    def _of_market(self, topic: Topic, market: Market, trade: MarketTrade) -> Any:
        event = super()._of_market(topic, market, trade)
        if event is None:
            return None
        if topic.kind == "depth":
            number = self.book_ids[market.symbol]
            event |= {"U": number, "u": number}
            if topic.argument:
                return {"lastUpdateId": number, "bids": event["b"], "asks": event["a"]}
        return shape(market, event)

    def _of_all(self, topic: Topic, market: Market) -> Any:
        rows = super()._of_all(topic, market)
        return rows and [shape(self.markets[row["s"]], row) for row in rows]


def _exists(name: str) -> bool:
    symbol, kind, _ = parse_topic(name)
    return kind in _KINDS and "@continuous" not in name and (symbol != "!" or "icker@" in name)


def shape(market: Market, event: dict[str, Any]) -> dict[str, Any]:
    """An event of the futures in the form of spot."""
    out = {key: event[key] for key in SHAPES[event["e"]].split()}
    if event["e"] in ("aggTrade", "trade"):
        out["M"] = True
    elif event["e"] == "24hrTicker":
        best = views.book_ticker_event(market)
        out |= {key: best[key] for key in "bBaA"} | {"x": event["o"]}
    return out
