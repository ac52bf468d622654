"""Binance USDⓈ-M perpetuals and spot as live feeds: which markets, and what their rules are.

Rules are read from the venue's own filters, as the strings it sends, never from ccxt's floats: precision fields are not
the tick or the step.
"""

import difflib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final, cast

from triplane.data.candles import parse_timeframe
from triplane.data.clock import Clock, FastClock, SystemClock
from triplane.data.instruments import Instrument, Market, decimal
from triplane.data.live import CcxtExchange, LiveFeed, Timing
from triplane.errors import BadInput, DataError

VENUES: Final[dict[Market, str]] = {"usdm": "Binance USDⓈ-M", "spot": "Binance spot"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where public data comes from: the venue, its demo, or an exchange in a box, whose time may run faster."""

    demo: bool = False
    rest: str = ""
    sockets: str = ""
    speed: float = 1.0

    def pace(self, clock: Clock) -> tuple[Clock, Timing]:
        """Clock and deadlines of a feed from there."""
        if self.speed == 1.0:
            return clock, Timing()
        slower = {name: seconds * self.speed for name, seconds in asdict(Timing()).items()}
        return FastClock(clock, self.speed), Timing(**slower)


class InBox:
    """A ccxt exchange connected to an exchange in a box, whose server time is the market's."""

    def __init__(self, exchange: Any, rest: str) -> None:
        self._exchange, self._rest = exchange, rest

    def __getattr__(self, name: str) -> Any:
        """Everything else is the exchange's."""
        return getattr(self._exchange, name)

    async def fetch_time(self) -> int:
        """The time of the market, ms."""
        return int((await self._exchange.fetch(f"{self._rest}/box/clock"))["market"])


def make_exchange(market: Market, place: Place | None = None) -> CcxtExchange:
    """A ccxt.pro exchange for public data of one market; needs no keys."""
    import ccxt.pro  # noqa: PLC0415 - half a second, needed by live sessions only

    place = place or Place()
    if market == "usdm":
        exchange = ccxt.pro.binanceusdm()
    else:
        exchange = ccxt.pro.binance({"options": {"fetchMarkets": {"types": ["spot"]}}})
    if place.demo:
        exchange.enable_demo_trading(True)
    if place.rest:
        api = exchange.urls["api"]
        for name in api:
            if name.startswith("fapiPublic"):
                api[name] = f"{place.rest}/fapi/v{name[-1] if name[-1] in '23' else '1'}"
        api["public"] = f"{place.rest}/api/v3"
        api["ws"]["linear" if market == "usdm" else "spot"] = f"{place.sockets}{'' if market == 'usdm' else '/spot'}/ws"
        exchange = InBox(exchange, place.rest)
    return cast("CcxtExchange", exchange)


def binance_feed(
    symbols: Sequence[str],
    timeframe: str = "1m",
    market: Market = "usdm",
    *,
    exchange: CcxtExchange | None = None,
    place: Place | None = None,
    clock: Clock | None = None,
    rng: random.Random | None = None,
    start_after: Mapping[str, int] | None = None,
    timing: Timing | None = None,
) -> LiveFeed:
    """Live candles of Binance.

    Parameters
    ----------
    symbols
        As Binance writes them, ``BTCUSDT``.
    timeframe
        Of the candles.
    market
        ``usdm`` (perpetual futures) or ``spot``.
    place
        Where the data is served.
    exchange, clock, rng, timing
        For tests; the real ones by default.
    start_after
        For each symbol the open time of the last candle already known.

    Raises
    ------
    BadInput
        Unknown market or timeframe; when the feed opens, a symbol that is not traded there.
    """
    if market not in VENUES:
        raise BadInput(f"market must be usdm or spot, not {market!r}")

    def resolve(markets: Mapping[str, Any], symbol: str) -> tuple[str, Instrument]:
        found = find_market(markets, symbol, market)
        return str(found["symbol"]), instrument_of(found)

    paced, deadlines = (place or Place()).pace(clock or SystemClock())
    return LiveFeed(
        exchange or make_exchange(market, place),
        symbols,
        parse_timeframe(timeframe),
        resolve,
        paced,
        rng,
        start_after,
        timing or deadlines,
    )


def find_market(markets: Mapping[str, Any], symbol: str, market: Market) -> Mapping[str, Any]:
    """ccxt's entry of a symbol that can be traded; raises BadInput with names that are close."""
    return pick([m for m in markets.values() if _is_traded(m, market)], symbol, VENUES[market])


def pick(markets: Iterable[Mapping[str, Any]], symbol: str, where: str) -> Mapping[str, Any]:
    """The market of a symbol; raises BadInput with names that are close."""
    traded = {str(market["id"]): market for market in markets}
    if symbol in traded:
        return traded[symbol]
    close = difflib.get_close_matches(symbol.upper(), list(traded), n=3)
    hint = f"; did you mean {' or '.join(close)}" if close else ""
    raise BadInput(f"{symbol!r} is not traded at {where}{hint}")


def _is_traded(entry: Mapping[str, Any], market: Market) -> bool:
    if not entry.get("active", True):
        return False
    if market == "spot":
        return bool(entry.get("spot"))
    info = entry.get("info") or {}  # exchangeInfo also lists quarterlies and perpetuals on shares
    return bool(entry.get("swap")) and bool(entry.get("linear")) and info.get("contractType") == "PERPETUAL"


def instrument_of(entry: Mapping[str, Any]) -> Instrument:
    """Trading rules of a ccxt market of Binance.

    Raises
    ------
    DataError
        When the venue's filters lack the price or the quantity step.
    """
    info = entry["info"]
    symbol = str(entry["id"])
    filters = {str(f.get("filterType")): f for f in info.get("filters", [])}
    try:
        tick = decimal("tickSize", filters["PRICE_FILTER"]["tickSize"])
        lot = decimal("stepSize", filters["LOT_SIZE"]["stepSize"])
        least = decimal("minQty", filters["LOT_SIZE"].get("minQty", "0"))
    except KeyError as error:
        raise DataError(f"the venue sent no {error.args[0]} for {symbol}") from None
    notional = filters.get("MIN_NOTIONAL") or filters.get("NOTIONAL") or {}
    smallest = decimal("minNotional", notional.get("notional") or notional.get("minNotional") or "0")
    if entry.get("spot"):
        return Instrument(symbol, tick, lot, least, smallest, 0.0, "spot", can_short=False)
    # percent, of the lowest bracket; the real brackets need keys and are the venue adapter's business
    margin = decimal("maintMarginPercent", info.get("maintMarginPercent", "0.5")) / Decimal(100)
    return Instrument(symbol, tick, lot, least, smallest, float(margin))
