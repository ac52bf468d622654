r"""A synthetic market: endless, seeded, the same on every run, and full of what strategies look for.

The model, a day of 1440 minutes at a time, in units of :data:`SIGMA`, the typical move of a minute:

* The price at midnight follows a slow mean-reverting walk, :math:`x_{d+1} = x_0 + 0.995 (x_d - x_0) + 0.02 z`, which
  depends on seed and symbol only. A day runs from one midnight price to the next, so any day can be made without the
  days before it.
* A day is a sequence of regimes of 1.5 to 7 hours: range (ends where it began), trend up, trend down, quiet, wild.
* Volatility is the regime's level times smooth log-normal noise at scales of 15 minutes and 2 hours (clusters), and the
  season of the day, busiest in the afternoon.
* Displacements: fast one-way moves of a few minutes, some of half an hour, that begin after a candle the other way and
  often after a sweep. They leave order blocks and fair value gaps on 1m and on 15m.
* Liquidity sweeps: a wick past the extreme of the last 45 minutes that closes back inside.
* Now and then a pump of 5 to 14 % within minutes, and the dump that takes most of it back.
* Six sub-steps a minute give the wicks; opens lie within a tick of the close before; prices are whole ticks. Volume is
  log-normal, grows with the size of the move, with the season and with events, and is whole lots.

Longer timeframes are the aggregated minutes of the same market.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import floor, log, log10
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from triplane.data.candles import TIMEFRAMES, Candles
from triplane.data.instruments import KNOWN, Instrument
from triplane.errors import BadInput
from triplane.kernel.records import CANDLE

MINUTE: Final = 60_000
DAY: Final = 1440
SUB_STEPS: Final = 6
SIGMA: Final = 0.0005
"""Standard deviation of the log return of an ordinary minute: 0.05 %, about 36 % a year."""
DEMO_START_MS: Final = 1_735_689_600_000
"""2025-01-01 00:00 UTC."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_KNOWN: Final = {
    "BTCUSDT": (60_000.0, 1.5e6),
    "ETHUSDT": (3_000.0, 8e5),
    "BNBUSDT": (600.0, 2e5),
    "SOLUSDT": (150.0, 4e5),
    "XRPUSDT": (0.6, 2e5),
    "DOGEUSDT": (0.15, 1.5e5),
}
"""Start price, and turnover of an ordinary minute in quote currency."""


@dataclass(frozen=True, slots=True)
class Regime:
    """How the market behaves for some hours."""

    weight: float
    drift: float  # per minute, in SIGMA
    volatility: float  # times SIGMA
    returns: bool = False  # ends where it began


_RANGE: Final = Regime(0.4, 0.0, 0.75, returns=True)
_UP: Final = Regime(0.2, 0.05, 0.9)
_DOWN: Final = Regime(0.2, -0.05, 0.9)
_QUIET: Final = Regime(0.1, 0.0, 0.4)
_WILD: Final = Regime(0.1, 0.0, 1.9)
_REGIMES: Final = (_RANGE, _UP, _DOWN, _QUIET, _WILD)
_DISPLACEMENTS: Final = 14.0
"""Fast moves a day."""
_PUMP_CHANCE: Final = 0.15
"""Of a day."""


def demo_instrument(symbol: str) -> Instrument:
    """Trading rules of a generated market: near the real ones for well-known symbols, sensible for all others."""
    if symbol in KNOWN:
        return KNOWN[symbol]
    magnitude = floor(log10(_traits(symbol)[0]))
    lot = Decimal(1).scaleb(-1 - magnitude)
    return Instrument(symbol, Decimal(1).scaleb(magnitude - 4), lot, lot, Decimal(5))


def _traits(symbol: str) -> tuple[float, float]:
    if symbol in _KNOWN:
        return _KNOWN[symbol]
    spread = zlib.crc32(symbol.encode()) / 2**32
    return round(10 ** (3.5 * spread - 1.0), 4), 1e5  # 0.1 to 316


@dataclass(slots=True)
class _Day:
    """What the regimes and events ask of each minute of a day."""

    drift: Floats  # log return
    sigma: Floats
    turnover: Floats  # factor
    ranges: list[slice]
    sweeps: list[tuple[int, int]]  # minute, side: +1 above the highs


class GeneratedMarket:
    """One endless generated market; any stretch of it can be made at any time.

    Parameters
    ----------
    symbol
        Decides start price, tick and lot, and makes markets of one seed differ.
    seed
        Zero or more.
    start_ms
        Open time of the first candle, on a boundary of the interval.
    interval_ms
        One of :data:`triplane.data.candles.TIMEFRAMES`.

    Raises
    ------
    BadInput
        For a parameter out of its range.
    """

    def __init__(
        self,
        symbol: str,
        seed: int,
        start_ms: int = DEMO_START_MS,
        interval_ms: int = MINUTE,
    ) -> None:
        if seed < 0:
            raise BadInput(f"seed must be zero or more, not {seed}")
        if interval_ms not in TIMEFRAMES.values():
            raise BadInput(f"interval_ms must be the length of one of {', '.join(TIMEFRAMES)}, not {interval_ms}")
        if start_ms < 0 or start_ms % interval_ms:
            raise BadInput(f"start_ms must be a multiple of the interval of {interval_ms} ms, not {start_ms}")
        self.symbol = symbol
        self.start_ms = start_ms
        self.interval_ms = interval_ms
        self.instrument = demo_instrument(symbol)
        self._seed = (seed, zlib.crc32(symbol.encode()))
        self._price, self._turnover = _traits(symbol)
        rules = self.instrument.to_record()[0]
        self._tick = (int(rules["tick_num"]), float(rules["price_scale"]))
        self._lot = (int(rules["lot_num"]), float(rules["quantity_scale"]))
        self._walk = self._rng(2**32 - 1)
        self._midnights = [log(self._price)]
        self._last: tuple[int, Candles] = (-1, np.empty(0, dtype=CANDLE))

    def candles(self, first: int, n: int) -> Candles:
        """Candles number ``first`` to ``first + n - 1``, counted from the start."""
        if first < 0 or n < 0:
            raise BadInput(f"first and n must be zero or more, not {first} and {n}")
        a_day = DAY * MINUTE // self.interval_ms
        days = [self._day(day) for day in range(first // a_day, -(-(first + n) // a_day))]
        if not days:
            return np.empty(0, dtype=CANDLE)
        skipped = first % a_day
        return np.concatenate(days)[skipped : skipped + n]

    def chunks(self, first: int = 0) -> Iterator[Candles]:
        """All candles from number ``first`` on, a day at a time, without end."""
        a_day = DAY * MINUTE // self.interval_ms
        while True:
            n = a_day - first % a_day
            yield self.candles(first, n)
            first += n

    def _rng(self, stream: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([*self._seed, stream])))

    def _midnight(self, day: int) -> float:
        """Log price at the beginning of a day."""
        start = self._midnights[0]
        while len(self._midnights) <= day:
            away = 0.995 * (self._midnights[-1] - start)
            self._midnights.append(start + away + 0.02 * float(self._walk.standard_normal()))
        return self._midnights[day]

    def _day(self, day: int) -> Candles:
        if self._last[0] != day:
            rng = self._rng(day)
            plan = _plan(rng)
            minutes = self._minutes(rng, plan, self._midnight(day), self._midnight(day + 1))
            minutes["open_time"] = self.start_ms + MINUTE * (DAY * day + np.arange(DAY))
            self._last = (day, _aggregate(minutes, self.interval_ms // MINUTE))
        return self._last[1]

    def _minutes(self, rng: np.random.Generator, plan: _Day, begin: float, end: float) -> Candles:
        steps = rng.standard_normal((DAY, SUB_STEPS)) * (plan.sigma / SUB_STEPS**0.5)[:, None]
        for part in plan.ranges:
            steps[part] -= steps[part].mean()
        steps += (plan.drift / SUB_STEPS)[:, None]
        steps += (end - begin - steps.sum()) / steps.size
        number, scale = self._tick
        grid = np.rint(np.exp(begin + np.cumsum(steps)) * scale / number).astype(np.int64).reshape(DAY, SUB_STEPS)
        first, last = (max(round(np.exp(x) * scale / number), 1) for x in (begin, end))
        grid = np.maximum(grid, 1)
        grid[-1, -1] = last  # the next day begins here, whatever the last bit of the sum says
        close = grid[:, -1]
        open_ = np.maximum(np.concatenate(([first], close[:-1])) + rng.integers(-1, 2, DAY), 1)
        high = np.maximum(grid.max(axis=1), open_)
        low = np.minimum(grid.min(axis=1), open_)
        turnover = plan.turnover.copy()
        _sweep(rng, plan.sweeps, high, low, turnover)
        noise = 0.5 * _smooth(rng, 30) + 0.35 * rng.standard_normal(DAY)
        size = 0.4 + 0.8 * np.abs(np.log(close / open_)) / SIGMA
        lot_number, lot_scale = self._lot
        base = self._turnover / self._price * lot_scale / lot_number
        out = np.zeros(DAY, dtype=CANDLE)
        for name, ticks in (("open", open_), ("high", high), ("low", low), ("close", close)):
            out[name] = ticks * number / scale
        out["volume"] = (
            np.maximum(np.rint(base * np.exp(noise) * _season() * size * turnover), 1) * lot_number / lot_scale
        )
        return out


def generate(
    seed: int,
    start_ms: int,
    n: int,
    interval_ms: int = MINUTE,
    symbol: str = "BTCUSDT",
) -> Candles:
    """The first ``n`` candles of a generated market; see :class:`GeneratedMarket` for the parameters."""
    return GeneratedMarket(symbol, seed, start_ms, interval_ms).candles(0, n)


def _plan(rng: np.random.Generator) -> _Day:
    """Regimes and events of one day."""
    day = _Day(np.zeros(DAY), np.full(DAY, SIGMA), np.ones(DAY), [], [])
    weights = np.array([regime.weight for regime in _REGIMES])
    at = 0
    while at < DAY:
        part = slice(at, min(at + int(rng.integers(90, 421)), DAY))
        regime = _REGIMES[int(rng.choice(len(weights), p=weights / weights.sum()))]
        day.drift[part] += regime.drift * SIGMA
        day.sigma[part] *= regime.volatility
        if regime.returns:
            day.ranges.append(part)
        at = part.stop
    day.sigma *= np.exp(0.3 * _smooth(rng, 15) + 0.35 * _smooth(rng, 120)) * _season()
    for _ in range(int(rng.poisson(_DISPLACEMENTS))):
        _displace(rng, day)
    for at in rng.integers(60, DAY, 10):
        day.sweeps.append((int(at), int(rng.choice((-1, 1)))))
    if rng.random() < _PUMP_CHANCE:
        _pump(rng, day)
    return day


def _displace(rng: np.random.Generator, day: _Day) -> None:
    """A fast move one way, after a candle the other way that often sweeps what lies there."""
    at = int(rng.integers(60, DAY - 60))
    side = int(rng.choice((-1, 1)))
    slow = rng.random() < 0.4  # seen on 15m
    length = int(rng.integers(20, 46) if slow else rng.integers(2, 5))
    size = rng.uniform(10.0, 20.0) if slow else rng.uniform(6.0, 11.0)
    part = slice(at, at + length)
    day.drift[part] += side * size * SIGMA / length
    day.drift[at - 1] -= side * 1.5 * SIGMA
    day.sigma[part] *= 0.6  # full bodies, short wicks
    day.turnover[part] *= 1.5 if slow else 2.5
    day.sweeps.append((at - 1, -side))


def _pump(rng: np.random.Generator, day: _Day) -> None:
    """Up by 5 to 14 % within minutes, and most of it back within the hour."""
    at = int(rng.integers(60, DAY - 120))
    up, down = int(rng.integers(8, 26)), int(rng.integers(20, 61))
    gain = rng.uniform(0.05, 0.14)
    rise, fall = slice(at, at + up), slice(at + up, at + up + down)
    faster = np.linspace(0.5, 1.5, up)  # it accelerates until it turns
    day.drift[rise] += gain / up * faster
    day.drift[fall] -= gain * rng.uniform(0.6, 0.95) / down * np.linspace(1.6, 0.4, down)
    for part in (rise, fall):
        day.sigma[part] *= 2.5
        day.turnover[part] *= 5.0


def _sweep(rng: np.random.Generator, sweeps: list[tuple[int, int]], high: Ints, low: Ints, turnover: Floats) -> None:
    """Stretch wicks past the extreme of the last 45 minutes, where that extreme is near."""
    for at, side in sweeps:
        beyond = rng.uniform(0.1, 0.8)
        reach = max(int(2.5 * SIGMA * high[at]), 3)
        past = max(int(beyond * SIGMA * high[at]), 1)
        window = slice(max(at - 45, 0), max(at - 2, 1))
        if side > 0:
            level = int(high[window].max())
            if 0 <= level - high[at] <= reach:
                high[at] = level + past
                turnover[at] *= 2.5
        else:
            level = int(low[window].min())
            if 0 <= low[at] - level <= reach:
                low[at] = max(level - past, 1)
                turnover[at] *= 2.5


def _season() -> Floats:
    """Share of the usual activity over the day, busiest around 14:00 UTC."""
    season: Floats = 1.0 + 0.3 * np.sin(2 * np.pi * (np.arange(DAY) - 480) / DAY)
    return season


def _smooth(rng: np.random.Generator, minutes: int) -> Floats:
    """Standard normal noise that changes over so many minutes."""
    knots = np.arange(0, DAY + minutes, minutes)
    return np.interp(np.arange(DAY), knots, rng.standard_normal(len(knots)))


def _aggregate(minutes: Candles, k: int) -> Candles:
    if k == 1:
        return minutes
    rows: npt.NDArray[Any] = minutes.reshape(-1, k)
    out = np.empty(len(rows), dtype=CANDLE)
    out["open_time"], out["open"], out["close"] = rows["open_time"][:, 0], rows["open"][:, 0], rows["close"][:, -1]
    out["high"], out["low"] = rows["high"].max(axis=1), rows["low"].min(axis=1)
    out["volume"] = rows["volume"].sum(axis=1)
    return out
