"""The sockets of the futures: who listens to which stream, and what each stream says.

Three routes carry different streams (``/public``, ``/market``, ``/private``); on a route that does not carry it a
stream is acknowledged and stays silent, as is one that does not exist. The old paths without a route carry all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import orjson

from triplane.exchange import views
from triplane.exchange.account import FuturesOrder
from triplane.exchange.market import INTERVALS, Kline, Market, MarketTrade
from triplane.exchange.params import read_json
from triplane.exchange.sockets import MESSAGES_A_SECOND, ClientConnection, SocketHub

LEVELS: Final = 50
"""Levels of a book side that change with the price."""
K = TypeVar("K")
_PUBLIC: Final = ("depth", "bookTicker", "trade")
_SECOND: Final = 1000


@dataclass(slots=True, eq=False)
class Topic:
    """One stream with listeners."""

    name: str
    kind: str
    argument: str
    listeners: set[ClientConnection] = field(default_factory=set)
    sent: int = -1  # market time of the last message


def parse_topic(name: str) -> tuple[str, str, str]:
    """Symbol (``!`` for all), kind and argument of a stream: ``btcusdt@kline_1m`` is BTCUSDT, kline, 1m."""
    symbol, _, rest = name.partition("@")
    if symbol.startswith("!"):
        return "!", symbol[1:], rest
    kind, _, argument = rest.partition("@")
    if kind.startswith(("kline_", "continuousKline_")):
        return symbol.removesuffix("_perpetual").upper(), "kline", kind.partition("_")[2]
    if kind.startswith("depth"):
        return symbol.upper(), "depth", kind[5:]
    return symbol.upper(), kind, argument


class StreamHub(SocketHub):
    """All connections to the futures' streams."""

    def __init__(self, markets: Mapping[str, Market], wall: Callable[[], int]) -> None:
        super().__init__(wall)
        self.markets = markets
        self.topics: dict[str, dict[str, Topic]] = {}
        self.users: dict[str, set[ClientConnection]] = {}
        self.books: dict[str, tuple[dict[int, int], dict[int, int]]] = {}

    # ------------------------------------------------------------------------------------------------ listening
    def connect(self, connection: ClientConnection, names: list[str]) -> None:
        """A socket was opened, maybe with streams in its path."""
        super().connect(connection, names)
        self.subscribe(connection, names)

    def disconnect(self, connection: ClientConnection) -> None:
        """A socket is gone."""
        super().disconnect(connection)
        self.unsubscribe(connection, list(connection.topics))

    def subscribe(self, connection: ClientConnection, names: list[str]) -> None:
        """Listen to streams and listen keys."""
        for name in names:
            connection.topics.add(name)
            if "@" not in name and not name.startswith("!"):
                if connection.route in ("", "private"):
                    self.users.setdefault(name, set()).add(connection)
                continue
            symbol, kind, argument = parse_topic(name)
            if not self.carries(connection, kind):
                continue
            topics = self.topics.setdefault(symbol, {})
            topics.setdefault(name, Topic(name, kind, argument)).listeners.add(connection)
            market = self.markets.get(symbol)
            if market is not None and kind == "kline" and self._has_interval(market, argument):
                market.kline(argument)
            if market is not None and kind == "depth" and symbol not in self.books:
                self.books[symbol] = _sides(market)

    def carries(self, connection: ClientConnection, kind: str) -> bool:
        """Whether the route of a connection has streams of a kind."""
        return connection.route in ("", "public" if kind in _PUBLIC else "market")

    def unsubscribe(self, connection: ClientConnection, names: list[str]) -> None:
        """Stop listening."""
        for name in names:
            connection.topics.discard(name)
            if name in self.users:
                self.users[name].discard(connection)
                continue
            topics = self.topics.get(parse_topic(name)[0], {})
            topic = topics.get(name)
            if topic is not None:
                topic.listeners.discard(connection)
                if not topic.listeners:
                    del topics[name]

    def receive(self, connection: ClientConnection, text: str | bytes) -> None:
        """A message of a client."""
        now = self.wall()
        connection.inbound.append(now)
        if len(connection.inbound) > MESSAGES_A_SECOND and now - connection.inbound[0] < _SECOND:
            connection.socket.close(1008)
            return
        parsed = _parse(text)
        if parsed is None:
            connection.socket.send(b'{"error":{"code":2,"msg":"Invalid request: request is not valid."}}')
            return
        method, wanted, number = parsed
        result: list[str] | None = None
        if method == "SUBSCRIBE":
            self.subscribe(connection, wanted)
        elif method == "UNSUBSCRIBE":
            self.unsubscribe(connection, wanted)
        else:
            result = sorted(connection.topics)
        connection.socket.send(orjson.dumps({"result": result, "id": number}))

    # ------------------------------------------------------------------------------------------------ speaking
    def user(self, key: str, event: dict[str, Any]) -> None:
        """Send an event on an account's user stream."""
        for connection in list(self.users.get(key, ())):
            if not connection.events or event["e"] in connection.events:
                self.send(connection, orjson.dumps({"stream": key, "data": event} if connection.combined else event))

    def on_trade(self, market: Market, trade: MarketTrade) -> None:
        """Send what a trade changes."""
        topics = self.topics.get(market.symbol)
        if topics:
            self._move_book(market, topics)
            for topic in list(topics.values()):
                self._say(topic, self._of_market(topic, market, trade), market.now)
        for topic in list(self.topics.get("!", {}).values()):
            self._say(topic, self._of_all(topic, market), market.now)

    def on_close(self, market: Market) -> None:
        """A candle of the replay has closed, and with it maybe longer ones."""
        for topic in list(self.topics.get(market.symbol, {}).values()):
            bar = market.forming.get(topic.argument) if topic.kind == "kline" else None
            if bar is not None and bar.start + INTERVALS[topic.argument] <= market.now:
                self._say(topic, self._kline(topic, market, bar, True), market.now)

    def on_liquidation(self, order: FuturesOrder) -> None:
        """A position was liquidated."""
        data = views.force_order_event(order)
        for name, symbols in ((f"{order.symbol.lower()}@forceOrder", order.symbol), ("!forceOrder@arr", "!")):
            topic = self.topics.get(symbols, {}).get(name)
            if topic is not None:
                self._say(topic, data, order.updated)

    def _of_market(self, topic: Topic, market: Market, trade: MarketTrade) -> Any:
        kind = topic.kind
        if kind == "kline" and self._has_interval(market, topic.argument):
            bar = market.kline(topic.argument)
            return self._kline(topic, market, bar, False) if bar else None
        if kind == "depth":
            return self._depth(topic, market)
        if kind in ("aggTrade", "trade"):
            return views.trade_event(market, trade, kind)
        if kind == "bookTicker":
            return views.book_ticker_event(market)
        if kind in ("ticker", "miniTicker", "markPrice") and self._is_due(topic, market):
            return views.PERIODIC[kind](market)
        return None

    @staticmethod
    def _kline(topic: Topic, market: Market, bar: Kline, closed: bool) -> dict[str, Any]:
        show = views.continuous_kline_event if "@continuous" in topic.name else views.kline_event
        return show(market, topic.argument, bar, closed)

    def _of_all(self, topic: Topic, market: Market) -> Any:
        if topic.kind == "bookTicker":
            return views.book_ticker_event(market)
        if topic.kind in views.PERIODIC and self._is_due(topic, market):
            return [views.PERIODIC[topic.kind](m) for m in self.markets.values()]
        return None

    @staticmethod
    def _is_due(topic: Topic, market: Market) -> bool:
        every = 3 * _SECOND if topic.kind == "markPrice" and "1s" not in topic.argument else _SECOND
        return topic.sent < 0 or market.now - topic.sent >= every

    @staticmethod
    def _has_interval(market: Market, interval: str) -> bool:
        return INTERVALS.get(interval, 1) % market.base_ms == 0

    def _move_book(self, market: Market, topics: dict[str, Topic]) -> None:
        if any(topic.kind == "depth" for topic in topics.values()):
            market.book_id += 1

    def _depth(self, topic: Topic, market: Market) -> dict[str, Any]:
        sides = _sides(market)
        if topic.argument:
            levels = int(topic.argument) if topic.argument.isdecimal() else 20
            bids, asks = (list(side.items())[:levels] for side in sides)
        else:
            bids, asks = map(changed_levels, self.books.get(market.symbol, sides), sides)
            self.books[market.symbol] = sides
        return views.depth_event(market, bids, asks)

    def _say(self, topic: Topic, data: Any, now: int) -> None:
        if data is None:
            return
        topic.sent = now
        raw = wrapped = b""
        for connection in list(topic.listeners):
            if connection.combined:
                wrapped = wrapped or orjson.dumps({"stream": topic.name, "data": data})
            else:
                raw = raw or orjson.dumps(data)
            self.send(connection, wrapped if connection.combined else raw)


def changed_levels(before: dict[K, int], now: dict[K, int]) -> list[tuple[K, int]]:
    """Levels of a book side that are gone (no lots) or different."""
    gone = [(price, 0) for price in before if price not in now]
    return gone + [(price, lots) for price, lots in now.items() if before.get(price) != lots]


def _parse(text: str | bytes) -> tuple[str, list[str], int | str | None] | None:
    """Method, streams and id of a message; None if it is none."""
    message = read_json(text)
    if not isinstance(message, dict) or message.get("method") not in ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS"):
        return None
    wanted, number = message.get("params") or [], message.get("id")
    if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
        return None
    return (message["method"], wanted, number) if isinstance(number, int | str | None) else None


def _sides(market: Market) -> tuple[dict[int, int], dict[int, int]]:
    bids, asks = market.book(LEVELS)
    return dict(bids), dict(asks)
