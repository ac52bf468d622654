"""Every detector and indicator over recorded candles, as frames: what was known, and since which bar.

:func:`analyze` runs the very steps that trade live over the candles once and keeps a log of what became known on each
bar. The frames are read from that log, so :meth:`Analysis.at` needs no second run to show what was known at an
earlier bar: it shows exactly what the analysis of the candles up to that bar would.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from triplane.data.candles import as_candles, infer_interval, multiple_of, parse_timeframe, timeframe_name
from triplane.engine.settings import checked
from triplane.errors import BadInput, DataError
from triplane.kernel.codes import BreakOn, ZoneKind
from triplane.kernel.features import FEATURE_ROW, FEATURES
from triplane.kernel.patterns.fair_value_gaps import MIN_GAP_PERCENT
from triplane.kernel.patterns.liquidity import TOLERANCE
from triplane.kernel.patterns.order_blocks import MAX_AGE, MAX_TOUCHES, MIN_BODY_RATIO
from triplane.kernel.patterns.swings import LEFT, RIGHT
from triplane.kernel.records import CANDLE
from triplane.kernel.regime import REGIME, SLOTS
from triplane.kernel.timeframes import AGG
from triplane.research import analysis_loop as loop
from triplane.research.analysis_frames import (
    block_columns,
    candle_columns,
    fvg_columns,
    liquidity_columns,
    regime_columns,
    structure_columns,
    swing_columns,
)
from triplane.research.analysis_log import Collector, Tables
from triplane.research.frames import Columns, Maker, maker
from triplane.strategies.drivers import ready
from triplane.strategies.regime_model import give_regime

Array = np.ndarray[Any, Any]


FRAMES = (
    "candles", "features", "context", "regime", "swings", "structure", "order_blocks", "breakers", "fvgs", "liquidity",
)  # fmt: skip
"""The frames of an analysis."""


class AnalysisParams(BaseModel):
    """Parameters of the detectors; the names and defaults of their definitions."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    left: int = Field(LEFT, ge=1, le=63, description="bars before a swing")
    right: int = Field(RIGHT, ge=1, le=63, description="bars after a swing")
    break_on: Literal["close", "wick"] = Field("close", description="what must pass a swing to break it")
    min_body_ratio: float = Field(MIN_BODY_RATIO, ge=0, description="body / range of a displacement candle")
    max_touches: int = Field(MAX_TOUCHES, ge=0, description="touches that end an order block; 0 = no limit")
    max_age: int = Field(MAX_AGE, ge=0, description="bars after which an order block ends; 0 = no limit")
    breakers: bool = Field(True, description="mitigated order blocks live on as breakers")
    min_gap_percent: float = Field(MIN_GAP_PERCENT, ge=0, description="smallest gap, percent of the middle close")
    max_gap_age: int = Field(0, ge=0, description="bars after which a gap ends; 0 = no limit")
    tolerance: float = Field(TOLERANCE, ge=0, description="distance of equal highs, ATRs")

    def to_record(self) -> Array:
        """One-element array of ``analysis_loop.PARAMS``."""
        out = np.zeros(1, loop.PARAMS)
        for name in set(loop.PARAMS.names or ()) - {"break_on"}:
            out[0][name] = getattr(self, name)
        out[0]["break_on"] = BreakOn.WICK if self.break_on == "wick" else BreakOn.CLOSE
        return out


@lru_cache(maxsize=1)
def compiled() -> ModuleType:
    """The loops, compiled or from the cache."""
    return ready("analysis", Path(loop.__file__), "the analysis")


def collect(params: AnalysisParams) -> Collector:
    """An empty log that takes candles in pieces of any size."""
    return Collector(compiled(), params.to_record())


@dataclass(frozen=True)
class Series:
    """One run over the candles, shared by an analysis and its views of earlier bars."""

    candles: Array
    tables: Tables
    params: AnalysisParams
    timeframe: str | None
    model: Array
    make: Maker

    @cached_property
    def features(self) -> Array:
        """``FEATURE_ROW`` of each bar."""
        rows = np.zeros(len(self.candles), FEATURE_ROW)
        compiled().features(self.candles, rows, np.zeros(1, FEATURES))
        return rows

    @cached_property
    def context(self) -> Array:
        """``CONTEXT_ROW`` of each bar."""
        rows = np.zeros(len(self.candles), loop.CONTEXT_ROW)
        compiled().context(collect(self.params).state, self.candles, rows)
        return rows

    @cached_property
    def regime(self) -> tuple[Array, Array, Array]:
        """Codes, probabilities and beliefs of the regime filter at each bar."""
        n = len(self.candles)
        found = np.zeros(n, np.int64), np.zeros(n), np.zeros((n, SLOTS))
        compiled().regime(self.model.copy(), self.candles, *found)
        return found


class Analysis:
    """What is known at the close of one bar: the last one, or an earlier one with :meth:`at`.

    Every frame is of the kind that the candles came in, and its times are datetimes in UTC. ``*_at`` are bar positions
    counted from 0, -1 = not yet.

    Attributes
    ----------
    bar
        The newest bar that is known.
    timeframe
        Of the bars, such as ``15m``; None when the candles do not tell.
    params
        The parameters of the detectors.
    """

    def __init__(self, series: Series, bar: int) -> None:
        self._series = series
        self.bar = bar

    @property
    def timeframe(self) -> str | None:
        return self._series.timeframe

    @property
    def params(self) -> AnalysisParams:
        return self._series.params

    def __len__(self) -> int:
        """Number of bars."""
        return self.bar + 1

    def __repr__(self) -> str:
        """One line: what was analysed and how much was found."""
        tables = self._series.tables
        counts = {
            "swings": len(tables.swings_as_of(self.bar)),
            "breaks": len(tables.breaks_as_of(self.bar)),
            "zones": len(self._blocks) + len(tables.gaps.as_of(self.bar)),
        }
        found = ", ".join(f"{count} {name}" for name, count in counts.items())
        return f"<Analysis of {len(self)} {self.timeframe or 'bars'}: {found}>"

    def at(self, i: int) -> "Analysis":
        """What was known at the close of bar ``i``: exactly the analysis of the candles up to and with it."""
        if not 0 <= i <= self.bar:
            raise BadInput(f"at({i}): the bar must be 0 to {self.bar}.")
        return Analysis(self._series, int(i))

    def columns(self, name: str) -> Columns:
        """The columns of the frame of this name as arrays, times in ms UTC (-1 = none)."""
        tables, bar = self._series.tables, self.bar
        if name in ("candles", "features", "context", "regime"):
            return {"open_time": self._series.candles["open_time"][: len(self)].copy(), **self._per_bar(name)}
        if name == "swings":
            return swing_columns(tables.swings_as_of(bar))
        if name == "structure":
            return structure_columns(tables.breaks_as_of(bar))
        if name == "order_blocks":
            return block_columns(self._blocks[self._blocks["kind"] != ZoneKind.BREAKER])
        if name == "breakers":
            return block_columns(self._blocks[self._blocks["kind"] == ZoneKind.BREAKER])
        if name == "fvgs":
            return fvg_columns(tables.gaps.as_of(bar))
        if name == "liquidity":
            return liquidity_columns(tables.levels_as_of(bar))
        raise BadInput(f"an analysis has no frame {name!r}; there is {', '.join(FRAMES)}.")

    def _per_bar(self, name: str) -> Columns:
        known = slice(len(self))
        if name == "regime":
            volatility = self._series.features["volatility_regime"]
            return regime_columns(*(values[known] for values in (*self._series.regime, volatility)))
        return candle_columns(getattr(self._series, name)[known])

    def _frame(self, name: str) -> Any:
        return self._series.make(self.columns(name))

    @cached_property
    def _blocks(self) -> Array:
        return self._series.tables.blocks.as_of(self.bar)

    @cached_property
    def candles(self) -> Any:
        """The bars that were analysed: ``open_time, open, high, low, close, volume``."""
        return self._frame("candles")

    @cached_property
    def features(self) -> Any:
        """All indicators, one row a bar; NaN until warm, ``volatility_regime`` 0..3 from low to extreme, -1 unknown."""
        return self._frame("features")

    @cached_property
    def context(self) -> Any:
        """Where price stands, one row a bar.

        ``trend`` -1, 0, +1; the last range with ``range_position`` (percent; 0 at its low), ``range_zone`` (-1
        discount, +1 premium), its later leg and the optimal trade entry; highs and lows of the last finished day, week
        and sessions.
        """
        return self._frame("context")

    @cached_property
    def regime(self) -> Any:
        """The regime, one row a bar, by the forward filter of the model.

        ``regime`` and its ``probability``, the belief in each (``p_*``), ``volatility`` by the ATR's percentile.
        """
        return self._frame("regime")

    @cached_property
    def swings(self) -> Any:
        """``kind`` high/low, ``price``, ``formed_at``, ``confirmed_at``, times."""
        return self._frame("swings")

    @cached_property
    def structure(self) -> Any:
        """``kind`` BOS_UP/BOS_DN/CHOCH_UP/CHOCH_DN, ``level``, ``ref_at``, ``confirmed_at``, times, the block's bar."""
        return self._frame("structure")

    @cached_property
    def order_blocks(self) -> Any:
        """``kind`` displacement/structure, ``side`` demand/supply, prices, life, strength with its parts."""
        return self._frame("order_blocks")

    @cached_property
    def breakers(self) -> Any:
        """Mitigated order blocks that live on as zones of the other side; the columns of ``order_blocks``."""
        return self._frame("breakers")

    @cached_property
    def fvgs(self) -> Any:
        """Fair value gaps: ``side`` demand/supply, prices, ``filled_percent``, life, strength with its parts."""
        return self._frame("fvgs")

    @cached_property
    def liquidity(self) -> Any:
        """Pools of equal highs and lows, and levels of the last day, week and sessions (``kind``), with sweeps."""
        return self._frame("liquidity")


def _checked_params(values: Mapping[str, object]) -> AnalysisParams:
    names = tuple(AnalysisParams.model_fields)
    for name in values:
        if name not in names:
            raise BadInput(f"analyze has no parameter {name!r}; there is timeframe, regime, {', '.join(names)}.")
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
    return checked(AnalysisParams, plain, "analyze")


def _bars(candles: Array, timeframe: str | None) -> tuple[Array, str | None]:
    """The bars to analyse, and their timeframe's name."""
    if timeframe is None:
        try:
            return candles, timeframe_name(infer_interval(candles))
        except DataError:
            return candles, None  # a single candle, or bars of an odd length, can be analysed as they are
    parse_timeframe(timeframe)
    base_ms = infer_interval(candles)
    wanted = multiple_of(base_ms, timeframe)
    if wanted == base_ms:
        return candles, timeframe
    # as many bars as candles at most: when every second candle is missing, each bar has but one
    out = np.zeros(len(candles), CANDLE)
    count = compiled().bars(candles, out, np.zeros(1, AGG), base_ms, wanted)
    if count == 0:
        raise DataError(f"no bar of {timeframe} is over after {len(candles)} candles of {timeframe_name(base_ms)}.")
    return out[:count].copy(), timeframe


def _model(regime: Mapping[str, Any] | None, timeframe: str | None) -> Array:
    """The regime filter's record before its first bar."""
    if regime is not None and not isinstance(regime, Mapping):
        raise BadInput(f"regime is {regime!r}; it must be a model as fit_regime makes it.")
    states = np.zeros(1, REGIME)
    length = parse_timeframe(timeframe) if timeframe else int((regime or {}).get("interval_ms", 0))
    give_regime(states, length, {"regime": regime})
    return states


def analyze(
    candles: Any, timeframe: str | None = None, *, regime: Mapping[str, Any] | None = None, **params: object
) -> Analysis:
    """Run every detector and indicator over recorded candles; nothing looks ahead.

    Parameters
    ----------
    candles
        pandas or polars DataFrame, Arrow table or structured array with ``open, high, low, close, volume`` and times
        (``open_time``, ``date``, ``timestamp`` … or a datetime index), in their order; see
        :func:`triplane.data.candles.as_candles`.
    timeframe
        Bars to analyse, such as ``1h``: the candles' own (default) or a multiple, of which only bars that are over
        count. Positions are those of the bars.
    regime
        A model from :func:`triplane.research.regime.fit_regime`, of bars of this length; unknown until its first fit is
        due. By default the one that comes with Triplane, which was fitted on a generated market and knows no real one.
    left, right
        Bars before [5] and after [5] a swing.
    break_on
        ``close`` [default] or ``wick``: what must pass a swing to break it.
    min_body_ratio
        Body / range of the candle that makes a displacement block [0.7]; above 1 there are none.
    max_touches, max_age
        Touches [3] and bars [500] that end an order block; 0 = no limit.
    breakers
        Whether mitigated blocks live on as breakers [True].
    min_gap_percent, max_gap_age
        Smallest fair value gap [0.1 % of the middle close]; bars that end one [0 = no limit].
    tolerance
        Distance of equal highs and lows, ATRs [0.1].

    Returns
    -------
    Analysis
        Frames ``.features``, ``.context`` and ``.regime`` (one row a bar), ``.swings``, ``.structure``,
        ``.order_blocks``, ``.breakers``, ``.fvgs`` and ``.liquidity``; ``.at(i)`` for what was known at bar ``i``.

    Raises
    ------
    BadInput, DataError
        In one sentence, for candles that cannot be used, an unknown parameter or a value out of range.
    """
    chosen = _checked_params(params)
    given = np.ascontiguousarray(as_candles(candles)).view(CANDLE)
    bars, name = _bars(given, timeframe)
    model = _model(regime, name)
    collector = collect(chosen)
    collector.push(bars)
    make = maker(candles, own_rows=bars is given)
    return Analysis(Series(bars, collector.tables(), chosen, name, model, make), len(bars) - 1)
