"""A venue that lives in virtual time and misbehaves as told."""

import asyncio
from collections.abc import Callable
from typing import Any

import ccxt
import pytest

from triplane.data.candles import Candles
from triplane.data.clock import ManualClock
from triplane.data.generator import DEMO_START_MS, generate
from triplane.data.replay import forming

MINUTE = 60_000
BEGIN = DEMO_START_MS + 30 * MINUTE + 17_000  # seventeen seconds into the 31st candle


def market(name: str, **changes: Any) -> dict[str, Any]:
    base = {
        "id": name,
        "symbol": f"{name[:-4]}/USDT:USDT",
        "active": True,
        "spot": False,
        "swap": True,
        "linear": True,
        "info": {
            "contractType": "PERPETUAL",
            "maintMarginPercent": "2.5000",
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": "0.10"},
                {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.002"},
                {"filterType": "MIN_NOTIONAL", "notional": "100"},
            ],
        },
    }
    return {**base, **changes}


class FakeVenue:
    """Acts like a ccxt.pro exchange; ``on_watch`` and ``on_request`` are called first and may raise, wait or alter."""

    def __init__(self, clock: ManualClock, symbols: tuple[str, ...] = ("BTCUSDT",), n: int = 400) -> None:
        self.clock = clock
        self.skew_ms = 0
        self.every = 5.0  # seconds between updates
        self.candles: dict[str, Candles] = {}
        self.markets = {}
        for name in symbols:
            entry = market(name)
            self.markets[entry["symbol"]] = entry
            self.candles[entry["symbol"]] = generate(1, DEMO_START_MS, n, symbol=name)
        self.hidden: set[int] = set()  # open times that do not exist at the venue
        self.fundings: list[dict[str, Any]] = []
        self.quiet = False  # no trades: forming candles do not change
        self.requests: list[tuple[float, str, Any]] = []
        self.on_watch: Callable[[str, list], Any] | None = None
        self.on_request: Callable[[str], Any] | None = None
        self.last_response_headers: dict[str, str] = {}
        self.sockets_closed = 0
        self.closed = False
        self._told: dict[str, int] = {}
        self._waiting: list[asyncio.Future[None]] = []

    def server_ms(self) -> int:
        return self.clock.now_ms() + self.skew_ms

    def row(self, symbol: str, index: int) -> list[float]:
        candle = self.candles[symbol][index]
        share = 0.5 if self.quiet else (self.server_ms() - int(candle["open_time"])) / MINUTE
        return list(forming(candle, share)[0].tolist())

    def _now(self) -> int:
        return (self.server_ms() - DEMO_START_MS) // MINUTE

    async def _request(self, what: str, detail: Any = None) -> None:
        self.requests.append((self.clock.monotonic(), what, detail))
        if self.on_request:
            answer = self.on_request(what)
            if answer is not None:
                await answer

    async def load_markets(self, reload: bool = False) -> dict[str, Any]:
        await self._request("markets")
        return self.markets

    async def fetch_time(self) -> int:
        await self._request("time")
        return self.server_ms()

    async def fetch_ohlcv(self, symbol: str, timeframe: str, since: int | None, limit: int | None) -> list:
        assert timeframe == "1m"
        assert limit
        assert since is not None
        await self._request("candles", (since, limit))
        first = max(-(-(since - DEMO_START_MS) // MINUTE), 0)
        numbers = [i for i in range(first, self._now() + 1) if DEMO_START_MS + i * MINUTE not in self.hidden]
        return [self.row(symbol, i) for i in numbers[:limit]]

    async def fetch_funding_rate_history(self, symbol: str, since: int | None, limit: int | None) -> list:
        assert since is not None
        return [row for row in self.fundings if row["timestamp"] >= since]

    async def watch_ohlcv(self, symbol: str, timeframe: str) -> list:
        broken = asyncio.get_running_loop().create_future()
        self._waiting.append(broken)
        timer = asyncio.ensure_future(self.clock.sleep(self.every - self.clock.monotonic() % self.every))
        try:
            await asyncio.wait({broken, timer}, return_when=asyncio.FIRST_COMPLETED)
            now = self._now()
            rows = [self.row(symbol, i) for i in range(self._told.get(symbol, now), now + 1)]
            self._told[symbol] = now
            if self.on_watch and not broken.done():
                answer = self.on_watch(symbol, rows)
                if answer == "mute":
                    await broken
                elif answer is not None:
                    rows = answer
            if broken.done():
                broken.result()
            return rows
        finally:
            timer.cancel()
            self._waiting.remove(broken)

    async def close_ws_clients(self) -> None:
        self.sockets_closed += 1
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(ccxt.ExchangeClosedByUser("connection closed by the user"))

    async def close(self) -> None:
        await self.close_ws_clients()
        self.closed = True


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(BEGIN)


@pytest.fixture
def venue(clock: ManualClock) -> FakeVenue:
    return FakeVenue(clock)
