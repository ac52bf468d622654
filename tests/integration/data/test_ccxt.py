"""The live feed on the real ccxt.pro, against a local server that speaks Binance's kline stream."""

import asyncio
import json
from contextlib import aclosing, asynccontextmanager
from urllib.parse import urlsplit

import ccxt
import numpy as np
from websockets.asyncio.server import serve

from triplane.data.binance import binance_feed, make_exchange
from triplane.data.clock import SystemClock
from triplane.data.feed import CandleBatch, FeedState, Forming
from triplane.data.generator import DEMO_START_MS, generate

MINUTE = 60_000
CANDLES = generate(3, DEMO_START_MS, 12)
FIRST = 5  # forms when the feed begins
SYMBOL = {
    "symbol": "BTCUSDT",
    "pair": "BTCUSDT",
    "contractType": "PERPETUAL",
    "deliveryDate": 4133404800000,
    "onboardDate": 1569398400000,
    "status": "TRADING",
    "maintMarginPercent": "2.5000",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "marginAsset": "USDT",
    "pricePrecision": 2,
    "quantityPrecision": 3,
    "filters": [
        {"filterType": "PRICE_FILTER", "tickSize": "0.10", "minPrice": "1", "maxPrice": "1000000"},
        {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "1000"},
        {"filterType": "MIN_NOTIONAL", "notional": "100"},
    ],
}


def kline(number: int, share: float) -> str:
    """A stream message; at a share below 1 the candle is still under way."""
    c = CANDLES[number]
    opened = int(c["open_time"])
    close = c["close"] if share == 1 else c["open"]
    k = {
        "t": opened, "T": opened + MINUTE - 1, "s": "BTCUSDT", "i": "1m", "o": str(c["open"]), "c": str(close),
        "h": str(c["high"]), "l": str(c["low"]), "v": str(c["volume"] * share), "x": share == 1,
    }  # fmt: skip
    return json.dumps({"e": "kline", "E": opened, "s": "BTCUSDT", "k": k})


class Venue(SystemClock):
    """Answers subscriptions and sends what it is told; REST is answered inside ccxt. Its clock can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.connections = 0
        self.subscribed: asyncio.Queue = asyncio.Queue()

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead

    def advance(self, seconds: float) -> None:
        self.ahead += seconds

    @property
    def server_ms(self) -> int:
        return DEMO_START_MS + FIRST * MINUTE + 10_000 + round(self.ahead * 1000)

    async def accept(self, socket) -> None:
        self.connections += 1
        async for text in socket:
            message = json.loads(text)
            if message["method"] == "SUBSCRIBE":
                await socket.send(json.dumps({"result": None, "id": message["id"]}))
                await self.subscribed.put((socket, message["params"]))

    async def klines(self, request: dict) -> list:
        rows = CANDLES[(CANDLES["open_time"] >= request["startTime"]) & (CANDLES["open_time"] <= self.server_ms)]
        return [[int(r["open_time"]), *(str(r[n]) for n in ("open", "high", "low", "close", "volume"))] for r in rows]

    async def time(self, _: dict) -> dict:
        return {"serverTime": self.server_ms}


@asynccontextmanager
async def exchange_at(venue: Venue):
    async with serve(venue.accept, "127.0.0.1", 0) as server:
        exchange = make_exchange("usdm")
        for name, url in exchange.urls["api"]["ws"].items():
            if isinstance(url, str):
                parts = urlsplit(url)
                local = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
                exchange.urls["api"]["ws"][name] = parts._replace(scheme="ws", netloc=urlsplit(local).netloc).geturl()
        exchange.fapiPublicGetKlines = venue.klines
        exchange.fapiPublicGetTime = venue.time
        exchange.set_markets([ccxt.binanceusdm().parse_market(SYMBOL)])
        exchange.load_markets = lambda reload=False: asyncio.sleep(0, exchange.markets)
        try:
            yield exchange
        finally:
            await exchange.close()


async def test_klines_become_candles_over_a_reconnect() -> None:
    venue = Venue()
    async with asyncio.timeout(30), exchange_at(venue) as exchange:
        feed = binance_feed(["BTCUSDT"], "1m", exchange=exchange, clock=venue)
        shown: asyncio.Queue[int] = asyncio.Queue()
        script = asyncio.create_task(play(venue, shown))
        got, states = [], []
        async with aclosing(feed.__aiter__()) as events:
            async for event in events:
                if isinstance(event, CandleBatch):
                    got.append(event.candles)
                elif isinstance(event, Forming):
                    number = (int(event.candle["open_time"][0]) - DEMO_START_MS) // MINUTE
                    shown.put_nowait(number)
                    if number == FIRST + 5:  # the last word of the script
                        break
                else:
                    states.append(event.state)
        await script
    np.testing.assert_array_equal(np.concatenate(got), CANDLES[FIRST : FIRST + 5])
    outages = [state for state in states if state != FeedState.LIVE]
    assert outages == [FeedState.CONNECTED, FeedState.RECONNECTING, FeedState.GAP_REPAIRED, FeedState.RECOVERED]
    assert venue.connections == 2
    assert feed.instruments[0].symbol == "BTCUSDT"


async def play(venue: Venue, shown: asyncio.Queue[int]) -> None:
    """Two candles, a cut in the middle of the third, and a new connection two candles later."""
    socket, params = await venue.subscribed.get()
    assert params == ["btcusdt@kline_1m"]
    for number in (FIRST, FIRST + 1):
        await say(venue, socket, shown, number, 0.5)
        await say(venue, socket, shown, number, 1)
        venue.advance(60)
    await say(venue, socket, shown, FIRST + 2, 0.5)
    venue.advance(120)
    await socket.close()
    socket, _ = await venue.subscribed.get()
    await say(venue, socket, shown, FIRST + 4, 0.5)
    await say(venue, socket, shown, FIRST + 4, 1)
    venue.advance(60)
    await say(venue, socket, shown, FIRST + 5, 0.5)


async def say(venue: Venue, socket, shown: asyncio.Queue[int], number: int, share: float) -> None:
    """Send a kline and wait until the feed shows it."""
    await socket.send(kline(number, share))
    assert await shown.get() == number
