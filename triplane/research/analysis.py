"""Every detector and indicator over recorded candles, as frames: what was known, and since which bar.

:func:`analyze` runs the very steps that trade live over the candles. What was known at an earlier bar is the analysis
of the candles up to that bar, and :meth:`Analysis.at` is just that.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal

import numpy as np
from pydantic import Field

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
from triplane.model.settings import Settings
from triplane.research import analysis_loop as loop
from triplane.research.analysis_frames import PATTERNS, candle_columns, regime_columns
from triplane.research.analysis_tables import Collector
from triplane.research.frames import Columns, Maker, maker
from triplane.strategies.detector import Detector, find_detectors
from triplane.strategies.drivers import ready
from triplane.strategies.regime_model import give_regime

Array = np.ndarray[Any, Any]


class AnalysisParams(Settings):
    """Parameters of the detectors; the names and defaults of their definitions."""

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
    """What takes candles in pieces of any size, and finds the patterns."""
    return Collector(compiled(), params.to_record())


class _Frame(cached_property[Any]):
    """The frame that has the name of the attribute, made when it is first asked for."""

    def __init__(self, text: str) -> None:
        super().__init__(lambda of: of.make(of.columns(self.attrname)))
        self.__doc__ = text


@dataclass(frozen=True, repr=False, eq=False)
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
    detectors
        A user's own ones by name; each has a frame of its name, see :meth:`frame`.
    """

    bars: Array
    params: AnalysisParams
    timeframe: str | None
    model: Array
    make: Maker
    detectors: Mapping[str, Detector] = field(default_factory=dict)

    candles = _Frame("The bars that were analysed: ``open_time, open, high, low, close, volume``.")
    features = _Frame(
        "All indicators, one row a bar; NaN until warm, ``volatility_regime`` 0..3 from low to extreme, -1 unknown."
    )
    context = _Frame(
        """Where price stands, one row a bar.

        ``trend`` -1, 0, +1; the last range with ``range_position`` (percent; 0 at its low), ``range_zone`` (-1
        discount, +1 premium), its later leg and the optimal trade entry; highs and lows of the last finished day, week
        and sessions.
        """
    )
    regime = _Frame(
        """The regime, one row a bar, by the forward filter of the model.

        ``regime`` and its ``probability``, the belief in each (``p_*``), ``volatility`` by the ATR's percentile.
        """
    )
    swings = _Frame("``kind`` high/low, ``price``, ``formed_at``, ``confirmed_at``, times.")
    structure = _Frame(
        "``kind`` BOS_UP/BOS_DN/CHOCH_UP/CHOCH_DN, ``level``, ``ref_at``, ``confirmed_at``, times, the block's bar."
    )
    order_blocks = _Frame(
        "``kind`` displacement/structure, ``side`` demand/supply, prices, life, strength with its parts."
    )
    breakers = _Frame(
        "Mitigated order blocks that live on as zones of the other side; the columns of ``order_blocks``."
    )
    fvgs = _Frame("Fair value gaps: ``side`` demand/supply, prices, ``filled_percent``, life, strength with its parts.")
    liquidity = _Frame(
        "Pools of equal highs and lows, and levels of the last day, week and sessions (``kind``), with sweeps."
    )

    @property
    def bar(self) -> int:
        return len(self.bars) - 1

    def __len__(self) -> int:
        """Number of bars."""
        return len(self.bars)

    def __repr__(self) -> str:
        """One line: what was analysed and how much was found."""
        found = {name: len(rows) for name, rows in self._tables.items()}
        zones = found["blocks"] + found["breakers"] + found["gaps"]
        counts = f"{found['swings']} swings, {found['breaks']} breaks, {zones} zones"
        return f"<Analysis of {len(self)} {self.timeframe or 'bars'}: {counts}>"

    def at(self, i: int) -> "Analysis":
        """What was known at the close of bar ``i``: exactly the analysis of the candles up to and with it."""
        if not 0 <= i <= self.bar:
            raise BadInput(f"at({i}): the bar must be 0 to {self.bar}.")
        return replace(self, bars=self.bars[: int(i) + 1])

    def frame(self, name: str) -> Any:
        """The frame of this name, also of a detector of one's own."""
        return self.make(self.columns(name))

    def columns(self, name: str) -> Columns:
        """The columns of the frame of this name as arrays, times in ms UTC (-1 = none)."""
        if name in PATTERNS:
            table, columns = PATTERNS[name]
            return columns(self._tables[table])
        if name in self.detectors:
            rows: Columns = candle_columns(self.detectors[name].rows(self.bars))
        elif name == "regime":
            rows = regime_columns(*self._regime, self._features["volatility_regime"])
        elif name == "candles":
            rows = candle_columns(self.bars)
        elif name == "features":
            rows = candle_columns(self._features)
        elif name == "context":
            rows = candle_columns(self._context)
        else:
            raise BadInput(f"an analysis has no frame {name!r}; there is {', '.join((*FRAMES, *self.detectors))}.")
        return {"open_time": self.bars["open_time"].copy(), **rows}

    @cached_property
    def _tables(self) -> Mapping[str, Array]:
        collector = collect(self.params)
        collector.push(self.bars)
        tables = collector.tables()
        breakers = tables["blocks"]["kind"] == ZoneKind.BREAKER
        return tables | {"blocks": tables["blocks"][~breakers], "breakers": tables["blocks"][breakers]}

    @cached_property
    def _features(self) -> Array:
        """``FEATURE_ROW`` of each bar."""
        rows = np.zeros(len(self), FEATURE_ROW)
        compiled().features(self.bars, rows, np.zeros(1, FEATURES))
        return rows

    @cached_property
    def _context(self) -> Array:
        """``CONTEXT_ROW`` of each bar."""
        rows = np.zeros(len(self), loop.CONTEXT_ROW)
        compiled().context(collect(self.params).state, self.bars, rows)
        return rows

    @cached_property
    def _regime(self) -> tuple[Array, Array, Array]:
        """Codes, probabilities and beliefs of the regime filter at each bar."""
        found = np.zeros(len(self), np.int64), np.zeros(len(self)), np.zeros((len(self), SLOTS))
        compiled().regime(self.model.copy(), self.bars, *found)
        return found


FRAMES: Final = tuple(name for name, value in vars(Analysis).items() if isinstance(value, _Frame))
"""The frames of an analysis."""


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
    candles: Any,
    timeframe: str | None = None,
    *,
    regime: Mapping[str, Any] | None = None,
    detectors: Collection[str] = (),
    **params: object,
) -> Analysis:
    """Run every detector and indicator over recorded candles; nothing looks ahead.

    Parameters
    ----------
    candles
        Any frame or array of candles, see :func:`triplane.data.candles.as_candles`.
    timeframe
        Bars to analyse, such as ``1h``: the candles' own (default) or a multiple, of which only bars that are over
        count. Positions are those of the bars.
    regime
        A model from :func:`triplane.research.regime.fit_regime`, of bars of this length; unknown until its first fit is
        due. By default the one that comes with Triplane, which was fitted on a generated market and knows no real one.
    detectors
        Detectors of your own: Python files, or names that installed packages offer. ``.frame(NAME)`` has what each
        said of each bar.
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
    own = find_detectors(detectors, taken=FRAMES)
    return Analysis(bars, chosen, name, model, maker(candles, own_rows=bars is given), own)
