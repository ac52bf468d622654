"""A window that its record has no room for is refused before anything is written, from Python and in compiled code."""

import numpy as np
import pytest

from triplane.errors import BadInput
from triplane.kernel.indicators.moving import (
    DEVIATION,
    EMA,
    SMA,
    WILDER,
    deviation_init,
    ema_init,
    sma_init,
    sma_step,
    wilder_init,
)
from triplane.kernel.indicators.oscillators import MACD, RSI, STOCH_RSI, macd_init, rsi_init, stoch_rsi_init
from triplane.kernel.indicators.returns import RETURN, return_init
from triplane.kernel.indicators.trend import ADX, DONCHIAN, adx_init, donchian_init
from triplane.kernel.indicators.volatility import (
    ATR,
    ATR_RANK,
    BOLLINGER,
    REALIZED,
    atr_init,
    atr_rank_init,
    bollinger_init,
    realized_init,
)
from triplane.kernel.indicators.volume import VOLUME_RATIO, volume_ratio_init
from triplane.kernel.jit import njit

RINGS = {
    "sma": (SMA, sma_init),
    "deviation": (DEVIATION, deviation_init),
    "bollinger": (BOLLINGER, lambda s, n: bollinger_init(s, n, 2.0)),
    "realized": (REALIZED, realized_init),
    "atr_rank": (ATR_RANK, lambda s, n: atr_rank_init(s, n, 25.0, 75.0, 95.0)),
    "donchian": (DONCHIAN, donchian_init),
    "return": (RETURN, return_init),
    "volume_ratio": (VOLUME_RATIO, lambda s, n: volume_ratio_init(s, 5, n)),
    "volume_ratio ": (VOLUME_RATIO, lambda s, n: volume_ratio_init(s, n, 20)),
    "stoch_rsi": (STOCH_RSI, lambda s, n: stoch_rsi_init(s, 14, n, 3, 3)),
    "stoch_rsi ": (STOCH_RSI, lambda s, n: stoch_rsi_init(s, 14, 14, n, 3)),
    "stoch_rsi  ": (STOCH_RSI, lambda s, n: stoch_rsi_init(s, 14, 14, 3, n)),
}
ENDLESS = {
    "ema": (EMA, ema_init),
    "wilder": (WILDER, wilder_init),
    "rsi": (RSI, rsi_init),
    "rsi ": (STOCH_RSI, lambda s, n: stoch_rsi_init(s, n, 14, 3, 3)),
    "macd": (MACD, lambda s, n: macd_init(s, 12, n, 9)),
    "atr": (ATR, atr_init),
    "adx": (ADX, adx_init),
}


@pytest.mark.parametrize("name", RINGS)
def test_a_window_above_the_ring_is_refused(name):
    kind, init = RINGS[name]
    for window in (513, 100_000, 0, -1):
        state = np.zeros(1, kind)
        with pytest.raises(BadInput) as refused:
            init(state[0], window)
        least = 2 if name == "atr_rank" else 1
        assert str(refused.value) == f"{name.strip()}_init: the window is {window}; it must be from {least} to 512."
        if " " not in name:
            assert not np.frombuffer(state.tobytes(), np.uint8).any(), "nothing was written"
    init(np.zeros(1, kind)[0], 512)


@pytest.mark.parametrize("name", ENDLESS)
def test_what_keeps_no_ring_takes_any_window_but_none(name):
    kind, init = ENDLESS[name]
    for window in (0, -1):
        with pytest.raises(BadInput, match=rf"^{name.strip()}_init: the window is {window}; it must be from [12] to "):
            init(np.zeros(1, kind)[0], window)
    for window in (512, 513, 100_000):
        init(np.zeros(1, kind)[0], window)


@njit
def _whole_window(S, window):
    sma_init(S[0], window)
    for i in range(3 * window):
        sma_step(S[0], 1.0 + i)
    return S[0].value


def test_the_longest_window_fills_its_ring_and_nothing_else():
    # the mean of 1025 … 1536
    guarded = np.zeros(2, SMA)
    guarded[1]["ring"] = 7.0
    assert _whole_window(guarded[:1], 512) == 1280.5
    assert (guarded[1]["ring"] == 7.0).all()


def test_compiled_code_is_refused_as_python_is():
    with pytest.raises(BadInput, match=r"^sma_init: the window is 600; it must be from 1 to 512\.$"):
        _whole_window(np.zeros(1, SMA), 600)
