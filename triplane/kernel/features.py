"""All indicators of one symbol together: one record, one step, one row of values a candle.

The names of a row are those of the event ``features.v1``. Each value is NaN until its indicator is warm, and
``volatility_regime`` is -1. Everything here is what the single indicators say; nothing is computed a second way.
"""

from triplane.kernel.indicators.moving import EMA, ema_init, ema_step
from triplane.kernel.indicators.oscillators import MACD, STOCH_RSI, macd_init, macd_step, stoch_rsi_init, stoch_rsi_step
from triplane.kernel.indicators.returns import RETURN, return_init, return_step
from triplane.kernel.indicators.trend import ADX, DONCHIAN, adx_init, adx_step, donchian_init, donchian_step
from triplane.kernel.indicators.volatility import (
    ATR,
    ATR_RANK,
    BOLLINGER,
    REALIZED,
    atr_init,
    atr_rank_init,
    atr_rank_step,
    atr_step,
    bollinger_init,
    bollinger_step,
    realized_init,
    realized_step,
)
from triplane.kernel.indicators.volume import (
    VOLUME_RATIO,
    VWAP,
    volume_ratio_init,
    volume_ratio_step,
    vwap_init,
    vwap_step,
)
from triplane.kernel.jit import Arr, Rec, njit, record

FEATURES = record(
    [
        ("ema20", EMA),
        ("ema50", EMA),
        ("ema200", EMA),
        ("stoch_rsi", STOCH_RSI),  # holds the RSI too
        ("macd", MACD),
        ("atr", ATR),
        ("atr_rank", ATR_RANK),
        ("bollinger", BOLLINGER),
        ("vwap", VWAP),
        ("adx", ADX),
        ("volume_ratio", VOLUME_RATIO),
        ("donchian", DONCHIAN),
        ("returns", RETURN),
        ("realized", REALIZED),
    ]
)
"""The state of all indicators of one symbol."""

NAMES = (
    "ema20", "ema50", "ema200", "rsi14", "macd", "macd_signal", "macd_hist", "atr14", "bb_upper", "bb_middle",
    "bb_lower", "stoch_rsi_k", "stoch_rsi_d", "vwap", "vwap_upper", "vwap_lower", "adx", "plus_di", "minus_di",
    "volume_ratio", "donchian_high", "donchian_low", "return_n", "realized_vol", "atr_percentile",
)  # fmt: skip
FEATURE_ROW = record([*((name, "f8") for name in NAMES), ("volatility_regime", "i8")])  # Volatility, UNKNOWN until warm
"""The values after one candle."""


@njit
def features_init(s: Rec) -> None:
    """Empty a :data:`FEATURES` with the default parameters."""
    ema_init(s.ema20, 20)
    ema_init(s.ema50, 50)
    ema_init(s.ema200, 200)
    stoch_rsi_init(s.stoch_rsi, 14, 14, 3, 3)
    macd_init(s.macd, 12, 26, 9)
    atr_init(s.atr, 14)
    atr_rank_init(s.atr_rank, 100, 25.0, 75.0, 95.0)
    bollinger_init(s.bollinger, 20, 2.0)
    vwap_init(s.vwap, 2.0)
    adx_init(s.adx, 14)
    volume_ratio_init(s.volume_ratio, 5, 20)
    donchian_init(s.donchian, 20)
    return_init(s.returns, 20)
    realized_init(s.realized, 20)


@njit
def features_step(s: Rec, c: Rec) -> None:
    """Add a candle (:data:`~triplane.kernel.records.CANDLE`) to all indicators."""
    ema_step(s.ema20, c.close)
    ema_step(s.ema50, c.close)
    ema_step(s.ema200, c.close)
    stoch_rsi_step(s.stoch_rsi, c.close)
    macd_step(s.macd, c.close)
    atr_rank_step(s.atr_rank, atr_step(s.atr, c.high, c.low, c.close))
    bollinger_step(s.bollinger, c.close)
    vwap_step(s.vwap, c)
    adx_step(s.adx, c.high, c.low, c.close)
    volume_ratio_step(s.volume_ratio, c.volume)
    donchian_step(s.donchian, c.high, c.low)
    return_step(s.returns, c.close)
    realized_step(s.realized, c.close)


@njit
def features_row(s: Rec, row: Rec) -> None:
    """Write the newest values of all indicators into ``row`` (:data:`FEATURE_ROW`)."""
    row.ema20 = s.ema20.value
    row.ema50 = s.ema50.value
    row.ema200 = s.ema200.value
    row.rsi14 = s.stoch_rsi.rsi.value
    row.macd = s.macd.value
    row.macd_signal = s.macd.signal
    row.macd_hist = s.macd.hist
    row.atr14 = s.atr.value
    row.bb_upper = s.bollinger.upper
    row.bb_middle = s.bollinger.middle
    row.bb_lower = s.bollinger.lower
    row.stoch_rsi_k = s.stoch_rsi.k
    row.stoch_rsi_d = s.stoch_rsi.d
    row.vwap = s.vwap.value
    row.vwap_upper = s.vwap.upper
    row.vwap_lower = s.vwap.lower
    row.adx = s.adx.value
    row.plus_di = s.adx.plus_di
    row.minus_di = s.adx.minus_di
    row.volume_ratio = s.volume_ratio.value
    row.donchian_high = s.donchian.highest
    row.donchian_low = s.donchian.lowest
    row.return_n = s.returns.value
    row.realized_vol = s.realized.value
    row.atr_percentile = s.atr_rank.percentile
    row.volatility_regime = s.atr_rank.regime


@njit
def features_run(S: Arr, candles: Arr, rows: Arr) -> None:
    """Add ``candles`` in their order to ``S[0]`` (:data:`FEATURES`), one row of ``rows`` each."""
    for i in range(candles.size):
        features_step(S[0], candles[i])
        features_row(S[0], rows[i])
