"""MEXC futures as a live feed. Quantities there are in contracts; here, as everywhere, in base units."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, cast

from triplane.data.binance import InBox, Place, pick
from triplane.data.candles import parse_timeframe
from triplane.data.clock import Clock, SystemClock
from triplane.data.instruments import Instrument, decimal
from triplane.data.live import CcxtExchange, LiveFeed
from triplane.kernel.records import MAX_TIERS

VOLUME: Final = 5
"""Column of a ccxt candle."""


class _Contracts:
    """A ccxt exchange whose candles count base units instead of contracts."""

    def __init__(self, exchange: Any) -> None:
        self._exchange = exchange

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exchange, name)

    def _scaled(self, symbol: str, rows: Sequence[Any]) -> list[Any]:
        size = float(self._exchange.market(symbol)["contractSize"])
        return [[*row[:VOLUME], row[VOLUME] * size] for row in rows]

    async def fetch_ohlcv(self, symbol: str, timeframe: str, since: int | None, limit: int | None) -> Sequence[Any]:
        return self._scaled(symbol, await self._exchange.fetch_ohlcv(symbol, timeframe, since, limit))

    async def watch_ohlcv(self, symbol: str, timeframe: str) -> Sequence[Any]:
        return self._scaled(symbol, await self._exchange.watch_ohlcv(symbol, timeframe))


def make_exchange(place: Place | None = None) -> CcxtExchange:
    """A ccxt.pro exchange for public data of the perpetual contracts; needs no keys."""
    import ccxt.pro  # noqa: PLC0415 - half a second, needed by live sessions only

    exchange = ccxt.pro.mexc({"options": {"fetchMarkets": {"types": {"spot": False, "swap": {"linear": True}}}}})
    exchange.options["fetchCurrencies"] = False
    if place is not None and place.rest:
        exchange.urls["api"]["contract"] = {
            "public": f"{place.rest}/api/v1/contract",
            "private": f"{place.rest}/api/v1/private",
        }
        exchange.urls["api"]["ws"]["swap"] = f"{place.sockets}/edge"
        exchange = InBox(exchange, place.rest)
    return cast("CcxtExchange", _Contracts(exchange))


def contract_rules(row: Mapping[str, Any]) -> Instrument:
    """Trading rules of a row of ``contract/detail``; the lot is the size of a contract times its smallest step."""
    size, step = decimal("contractSize", str(row["contractSize"])), decimal("volUnit", str(row["volUnit"]))
    least, *levels = _levels(row, size)
    return Instrument(
        symbol=str(row["symbol"]),
        tick_size=decimal("priceUnit", str(row["priceUnit"])),
        lot_size=size * step,
        min_quantity=decimal("minVol", str(row["minVol"])) * size,
        min_notional=Decimal(0),
        maintenance_margin=least[1],
        levels=_fewer(levels),
    )


def _levels(row: Mapping[str, Any], size: Decimal) -> list[tuple[float, float]]:
    """The risk levels: base units above which each begins, and its maintenance margin; the first alone where the venue
    limits the value instead of the number of contracts.
    """
    begin = Decimal(0)
    if row.get("riskLimitMode") == "CUSTOM" and row.get("riskLimitCustom"):
        found = []
        for level in sorted(row["riskLimitCustom"], key=lambda one: int(one["level"])):
            found.append((float(begin * size), float(level["mmr"])))
            begin = decimal("maxVol", str(level["maxVol"]))
    else:
        count, rate = int(row.get("riskLevelLimit") or 1), decimal("rate", str(row["maintenanceMarginRate"]))
        base, more, dearer = (
            decimal(name, str(row.get(name) or 0)) for name in ("riskBaseVol", "riskIncrVol", "riskIncrMmr")
        )
        ends = [base + more * number for number in range(count - 1)] if more and dearer else []
        found = [(float(end * size), float(rate + dearer * n)) for n, end in enumerate([begin, *ends])]
    if row.get("riskLimitType") == "BY_VALUE":
        return found[:1]
    return [level for level in found if level[1] < 1.0]  # nobody holds a position that all of its worth must cover


def _fewer(levels: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """As many as the broker takes: neighbours together, at the highest margin of them."""
    step = max(-(-len(levels) // MAX_TIERS), 1)
    return tuple((levels[i][0], levels[i : i + step][-1][1]) for i in range(0, len(levels), step))


def mexc_feed(
    symbols: Sequence[str],
    timeframe: str = "1m",
    *,
    place: Place | None = None,
    clock: Clock | None = None,
    exchange: CcxtExchange | None = None,
) -> LiveFeed:
    """Live candles of MEXC futures; symbols as MEXC writes them, ``BTC_USDT``. Errors as for ``binance_feed``."""

    def resolve(markets: Mapping[str, Any], symbol: str) -> tuple[str, Instrument]:
        found = pick([m for m in markets.values() if m.get("swap") and m.get("linear")], symbol, "MEXC futures")
        return str(found["symbol"]), contract_rules(found["info"])

    paced, deadlines = (place or Place()).pace(clock or SystemClock())
    return LiveFeed(
        exchange or make_exchange(place), symbols, parse_timeframe(timeframe), resolve, paced, timing=deadlines
    )
