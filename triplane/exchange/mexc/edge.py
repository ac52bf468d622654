"""The one socket of MEXC, ``/edge``: public streams by subscription, an account's pushes after a login.

A client says ``{"method": "ping"}`` every so often, and is dropped after a minute without.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

import orjson

from triplane.exchange.exchange import Exchange
from triplane.exchange.market import Market, MarketTrade
from triplane.exchange.mexc import views
from triplane.exchange.mexc.account import MexcAccount
from triplane.exchange.params import read_json
from triplane.exchange.sockets import ClientConnection, SocketHub
from triplane.exchange.streams import changed_levels

SILENCE_MS: Final = 60_000
"""Without a ping for so long, a socket is dropped."""
WINDOW_MS: Final = 10_000
PERIODIC: Final = ("ticker", "tickers", "funding.rate", "fair.price", "index.price")
"""Channels that speak once a second of market time."""
CHANNELS: Final = ("kline", "deal", "depth", "depth.full", *PERIODIC)


def signed_by(x: Exchange, account: MexcAccount, time: str, text: str, signature: str, window: int = WINDOW_MS) -> int:
    """0 for a good signature; else MEXC's code for what is wrong with it, or with its time."""
    wanted = hmac.new(account.secret.encode(), (account.key + time + text).encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, signature):
        return 602
    return 0 if time.isdecimal() and abs(x.wall() - int(time)) <= window else 513


class EdgeHub(SocketHub):
    """All sockets of MEXC."""

    def __init__(self, x: Exchange, accounts: Mapping[str, MexcAccount]) -> None:
        super().__init__(x.clock.now_ms)
        self.x, self.accounts = x, accounts
        self.users: dict[
            ClientConnection, tuple[MexcAccount, dict[str, list[str]]]
        ] = {}  # logged in, with their filters
        self._heard: dict[ClientConnection, int] = {}  # wall time of the last ping
        self._said: dict[tuple[str, str], int] = {}  # market time at which a periodic channel spoke
        self._books: dict[str, views.Json] = {}  # as the deltas so far make them

    # ------------------------------------------------------------------------------------------------ listening
    def connect(self, connection: ClientConnection, names: list[str]) -> None:
        """A socket was opened."""
        super().connect(connection, names)
        connection.topics.update(names)
        self._heard[connection] = self.wall()

    def disconnect(self, connection: ClientConnection) -> None:
        """A socket is gone."""
        super().disconnect(connection)
        self.users.pop(connection, None)
        self._heard.pop(connection, None)

    def tick(self, now: int) -> None:
        """Drop clients that do not ping."""
        for connection, heard in list(self._heard.items()):
            if now - heard > SILENCE_MS:
                self.disconnect(connection)
                connection.socket.close(1006)

    def receive(self, connection: ClientConnection, text: str | bytes) -> None:
        """A message of a client."""
        message = read_json(text)
        method = message.get("method") if isinstance(message, dict) else None
        param = message.get("param") or {} if isinstance(message, dict) else {}
        if connection not in self.connections or not isinstance(method, str) or not isinstance(param, dict):
            self._answer(connection, "rs.error", "invalid message")
        elif method == "ping":
            self._heard[connection] = self.wall()
            connection.socket.send(orjson.dumps({"channel": "pong", "data": self.x.wall()}))
        elif method == "login":
            self._login(connection, param, message.get("subscribe", True))
        elif method == "personal.filter":
            self._filter(connection, param)
        else:
            self._subscribe(connection, method, param)

    def _login(self, connection: ClientConnection, param: dict[str, Any], subscribe: object) -> None:
        key, time = str(param.get("apiKey", "")), str(param.get("reqTime", ""))
        account = self.accounts.get(key)
        if account is None or signed_by(self.x, account, time, "", str(param.get("signature", ""))):
            self._answer(connection, "rs.error", "login failed")
            return
        self.users[connection] = account, {} if subscribe is not False else {"": []}
        connection.topics.add("personal")
        self._answer(connection, "rs.login", "success")

    def _filter(self, connection: ClientConnection, param: dict[str, Any]) -> None:
        if connection not in self.users:
            self._answer(connection, "rs.error", "not logged in")
            return
        rows = [row for row in param.get("filters") or [] if isinstance(row, dict)]
        wanted = {str(row.get("filter")): [str(rule) for rule in row.get("rules") or []] for row in rows}
        self.users[connection] = self.users[connection][0], wanted
        self._answer(connection, "rs.personal.filter", "success")

    def _subscribe(self, connection: ClientConnection, method: str, param: dict[str, Any]) -> None:
        verb, _, channel = method.partition(".")
        symbol, interval = str(param.get("symbol", "")), str(param.get("interval", ""))
        names = {views.name_of(m) for m in self.x.markets.values()}
        if verb not in ("sub", "unsub") or channel not in CHANNELS or (channel != "tickers" and symbol not in names):
            self._answer(connection, "rs.error", f"Contract does not exist or channel is wrong: {method} {symbol}")
            return
        for topic in [t for t in connection.topics if t.split(":")[:2] == [channel, symbol]]:
            if verb == "unsub" or channel == "kline":  # one interval at a time
                connection.topics.discard(topic)
        if verb == "sub":
            argument = interval if channel == "kline" else str(param.get("limit", 20))
            if channel == "depth" and not any(t.startswith(f"depth:{symbol}:") for t in self._topics()):
                market = next(m for m in self.x.markets.values() if views.name_of(m) == symbol)
                self._books[symbol] = views.depth(market, views.LEVELS)
            connection.topics.add(f"{channel}:{symbol}:{argument}")
        self._answer(connection, f"rs.{method}", "success", param)

    def _answer(
        self, connection: ClientConnection, channel: str, data: str, param: dict[str, Any] | None = None
    ) -> None:
        more = {} if param is None else {"param": param}
        connection.socket.send(orjson.dumps({"channel": channel, "data": data, "ts": self.x.wall()} | more))

    # ------------------------------------------------------------------------------------------------ speaking
    def push(self, account: MexcAccount, event: dict[str, Any]) -> None:
        """Send an event on an account's sockets; ``event`` holds channel, data and time as ``e``, ``o`` and ``ts``."""
        kind, symbol = event["e"].removeprefix("push.personal."), event["o"].get("symbol")
        text = orjson.dumps({"channel": event["e"], "data": event["o"], "ts": event["ts"]})
        for connection, (owner, wanted) in list(self.users.items()):
            rules = wanted.get(kind)
            if owner is account and (not wanted or (rules is not None and (not rules or symbol in rules))):
                self.send(connection, text)

    def on_trade(self, market: Market, trade: MarketTrade) -> None:
        """Send what a trade changes."""
        name = views.name_of(market)
        for topic in {t for t in self._topics() if t.split(":")[1:2] in ([name], [""])}:
            channel, symbol, argument = topic.split(":")
            if channel in PERIODIC:
                if market.now - self._said.get((channel, name), -1000) < 1000:
                    continue
                self._said[channel, name] = market.now
            data = self._data(channel, argument, market, trade)
            if data is None:
                continue
            message = {"channel": f"push.{channel}", "data": data, "ts": market.now}
            text = orjson.dumps(message | ({"symbol": name} if symbol else {}))
            for connection in [c for c in self.connections if topic in c.topics]:
                self.send(connection, text)

    def _data(self, channel: str, argument: str, market: Market, trade: MarketTrade) -> Any:
        name, price = views.name_of(market), views.num(market.last * market.tick)
        if channel == "kline":
            bar = market.kline(views.INTERVALS[argument]) if views.has_interval(market, argument) else None
            return views.kline(market, argument, bar) if bar else None
        if channel == "deal":
            return [views.deal(market, trade)]
        if channel == "depth":
            return self._changes(market, name)
        if channel == "depth.full":
            return views.depth(market, int(argument) if argument in ("5", "10", "20") else 20)
        if channel == "ticker":
            return views.ticker(market)
        if channel == "tickers":
            names = ("fairPrice", "lastPrice", "riseFallRate", "symbol", "volume24")
            return [{key: views.ticker(m)[key] for key in names} for m in self.x.markets.values()]
        return {"symbol": name} | (
            {"rate": views.num(views.FUNDING)} if channel == "funding.rate" else {"price": price}
        )

    def _changes(self, market: Market, name: str) -> Any:
        """What changed in the book since the last delta; the version counts on by one."""
        old = self._books[name]
        new = self._books[name] = views.depth(market, views.LEVELS)
        out = {"version": new["version"]}
        for side in ("asks", "bids"):
            before, after = ({row[0]: row[1] for row in book[side]} for book in (old, new))
            out[side] = [[price, lots, 1 if lots else 0] for price, lots in changed_levels(before, after)]
        return out

    def _topics(self) -> set[str]:
        return {topic for connection in self.connections for topic in connection.topics}
