"""Every raw signal of regime_trend against its rule, written down plainly over TA-Lib's indicators."""

from typing import Any

import numpy as np
import pytest
import talib

from triplane.data.generator import generate
from triplane.errors import BadInput
from triplane.kernel.codes import OrderType
from triplane.research.regime import filter_regime
from triplane.strategies.regime_model import built_in_model
from triplane.strategies.registry import find

DAY = 86_400_000


def vwap(c: Any) -> Any:
    typical = (c["high"] + c["low"] + c["close"]) / 3
    out = np.empty(len(c))
    for day in np.unique(c["open_time"] // DAY):
        at = c["open_time"] // DAY == day
        out[at] = np.cumsum(typical[at] * c["volume"][at]) / np.cumsum(c["volume"][at])
    return out


def stoch_rsi(close: Any) -> tuple[Any, Any]:
    """%K and %D; TA-Lib's own averages drift, so that %K and %D at 0 or 100 seem to cross."""
    rsi = talib.RSI(close, 14)
    lowest, highest = talib.MIN(rsi, 14), talib.MAX(rsi, 14)
    raw = 100.0 * (rsi - lowest) / (highest - lowest)
    k, d = np.full_like(raw, np.nan), np.full_like(raw, np.nan)
    k[2:] = (raw[2:] + raw[1:-1] + raw[:-2]) / 3
    d[2:] = (k[2:] + k[1:-1] + k[:-2]) / 3
    return k, d


def conditions(c: Any) -> dict[int, dict[str, Any]]:
    """For each side, each condition of layer 0 and 1 on every bar."""
    close = c["close"]
    k, d = stoch_rsi(close)
    upper, _, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    adx = talib.ADX(c["high"], c["low"], close, 14)
    ratio = talib.SMA(c["volume"], 5) / talib.SMA(c["volume"], 20)
    path = filter_regime(c, built_in_model(60_000))
    average = vwap(c)
    k0, d0, close0 = np.roll(k, 1), np.roll(d, 1), np.roll(close, 1)
    upper0, lower0 = np.roll(upper, 1), np.roll(lower, 1)
    belief = path.beliefs[:, 0] + path.beliefs[:, 1]
    shared = {
        "trending": ((path.names == 0) | (path.names == 1)) & (belief >= 0.5),
        "strong": adx >= 20,
        "busy": ratio >= 1.2,
        "probability": belief,
    }
    return {
        1: {
            "stoch": (k0 <= d0) & (k > d) & (k0 < 20),
            "band": (close0 < lower0) & (close >= lower),
            "vwap": close > average,
            **shared,
        },
        -1: {
            "stoch": (k0 >= d0) & (k < d) & (k0 > 80),
            "band": (close0 > upper0) & (close <= upper),
            "vwap": close < average,
            **shared,
        },
    }


def test_signals_are_exactly_those_of_the_rule(listen: Any) -> None:
    market = generate(seed=21, start_ms=1_735_689_600_000, n=20_000)

    heard = listen("regime_trend", market)

    expected = {}
    atr = talib.ATR(market["high"], market["low"], market["close"], 14)
    for side, has in conditions(market).items():
        wanted = has["trending"] & (has["stoch"] | has["band"]) & has["vwap"] & has["strong"] & has["busy"]
        for i in np.flatnonzero(wanted & (np.arange(len(market)) > 200)):
            trigger = 0.25 if has["stoch"][i] and has["band"][i] else 0.2
            expected[int(i)] = (side, 0.3 * has["probability"][i] + trigger + 0.45)
    got = {i: heard.signals[i] for i in heard.entries if i > 200}
    assert sorted(got) == sorted(expected)
    assert len(got) > 20
    for i, (side, confidence) in expected.items():
        signal, price = got[i], market["close"][i]
        entry = price - side * 0.2 * atr[i]
        assert signal["side"] == side
        assert signal["confidence"] == pytest.approx(confidence)
        assert signal["entry_type"] == OrderType.LIMIT
        assert signal["ttl_bars"] == 3
        assert signal["entry"] == pytest.approx(entry)
        assert signal["stop"] == pytest.approx(entry - side * 1.5 * atr[i])
        assert signal["targets"] == pytest.approx([entry + side * r * 1.5 * atr[i] for r in (1, 2, 3)])
        assert signal["seen"][7] == pytest.approx(atr[i])


def test_without_need_all_the_confidence_decides(listen: Any, generated: Any) -> None:
    heard = listen("regime_trend", generated, need_all=0, min_confidence=0.8, regime=0)

    expected = []
    for side, has in conditions(generated).items():
        trigger = np.where(has["stoch"] & has["band"], 0.25, np.where(has["stoch"] | has["band"], 0.2, 0.0))
        confidence = (trigger + 0.15 * has["vwap"] + 0.15 * has["strong"] + 0.15 * has["busy"]) / 0.7
        bars = np.flatnonzero((trigger > 0) & has["vwap"] & (confidence >= 0.8))
        expected += [(int(i), side) for i in bars if i > 200]
    assert sorted(expected) == [(i, heard.signals[i]["side"]) for i in heard.entries if i > 200]
    assert len(expected) > 20


def test_layer_0_keeps_out_what_is_not_trending(listen: Any, generated: Any) -> None:
    gated = listen("regime_trend", generated, ["regime.name", "regime.belief"])
    free = listen("regime_trend", generated, regime=0)
    trending = np.isin(gated.others["regime.name"], (0, 1))
    belief = gated.others["regime.belief"][:, :2].sum(axis=1)

    assert set(gated.entries) == {i for i in free.entries if trending[i] and belief[i] >= 0.5}
    assert 0 < len(gated.entries) < len(free.entries)


def test_a_regime_that_is_hardly_believed_in_lets_nothing_through(listen: Any) -> None:
    """The regime that is shown outlives the belief in it by its dwell, here long enough to see it."""
    market = generate(seed=21, start_ms=1_735_689_600_000, n=20_000)
    data = {"regime": {**built_in_model(60_000), "min_dwell": 30}}

    def beliefs(**params: Any) -> Any:
        heard = listen("regime_trend", market, ["regime.belief"], data=data, **params)
        sums = heard.others["regime.belief"][heard.entries, :2].sum(axis=1)
        assert heard.signals["seen"][heard.entries, 1] == pytest.approx(sums)  # regime_confidence
        return sums

    assert beliefs(min_regime_probability=0).min() < 0.1
    assert beliefs().min() >= 0.5
    assert beliefs(min_regime_probability=0.9).min() >= 0.9
    assert len(beliefs(min_regime_probability=0.9)) < len(beliefs()) < len(beliefs(min_regime_probability=0))


def test_a_model_of_ones_own_is_used_from_its_time_on(listen: Any, generated: Any) -> None:
    half = int(generated["open_time"][3000])
    values = built_in_model(60_000)
    values = {**values, "fits": [{**values["fits"][0], "valid_from": half}]}

    heard = listen("regime_trend", generated, ["regime.name"], data={"regime": values})

    assert (heard.others["regime.name"][:3000] == -1).all()
    assert (heard.others["regime.name"][3010:] >= 0).all()
    assert min(heard.entries) >= 3000


def test_a_model_for_other_bars_is_refused(listen: Any, generated: Any) -> None:
    with pytest.raises(BadInput, match=r"interval_ms is 900000 \(15 min\); it must be that of the strategy, 60000"):
        listen("regime_trend", generated[:1], data={"regime": built_in_model(900_000)})


def test_targets_must_rise() -> None:
    with pytest.raises(BadInput, match="tp1_r, tp2_r and tp3_r must rise"):
        find("regime_trend").resolve({"tp1_r": 3})
