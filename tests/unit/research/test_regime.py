"""Fitting the regime model: names that survive a refit, training windows that are all a fit sees."""

import copy
from typing import Any

import numpy as np
import pytest

from triplane.data.generator import generate
from triplane.errors import BadInput
from triplane.kernel.codes import Regime
from triplane.kernel.records import CANDLE
from triplane.kernel.timeframes import AGG, DONE, LATE, agg_init, agg_push
from triplane.research.regime import FitSettings, bars_of, data_hash, filter_regime, fit_regime, name_states, windows

QUICK = FitSettings(n_states=3, train=600, step=300, starts=1)


@pytest.fixture(scope="module")
def market() -> Any:
    return generate(seed=4, start_ms=1_735_689_600_000, n=1300)


@pytest.fixture(scope="module")
def values(market: Any) -> dict[str, Any]:
    return fit_regime(market, QUICK)


def named(means: list[float], volatilities: list[float]) -> list[str]:
    return name_states(np.array(means), np.array(volatilities))


@pytest.mark.parametrize(
    ("means", "volatilities", "names"),
    [
        # calm half: 1 and 2, wild half: 4 and 8; in each the larger |mean| / volatility trends
        ([0.1, -0.9, 0.2, 3], [1, 2, 4, 8], ["ranging", "trending_low_vol", "volatile_choppy", "trending_high_vol"]),
        ([3, 0.2, -0.9, 0.1], [8, 4, 2, 1], ["trending_high_vol", "volatile_choppy", "trending_low_vol", "ranging"]),
        # three: the middle one belongs to the calm half (3 is nearer to 2 than to 8)
        ([0.1, 0.9, 0.1], [2, 3, 8], ["ranging", "trending_low_vol", "volatile_choppy"]),
        ([0.1, 0.3, 4.0], [2, 3, 8], ["ranging", "trending_low_vol", "trending_high_vol"]),
        # and here to the wild half
        ([0.1, 3, 0.1], [1, 6, 8], ["ranging", "trending_high_vol", "volatile_choppy"]),
        ([0.9, 3, 0.1], [1, 6, 8], ["trending_low_vol", "trending_high_vol", "volatile_choppy"]),
    ],
)
def test_states_are_named_by_their_own_statistics(
    means: list[float], volatilities: list[float], names: list[str]
) -> None:
    assert named(means, volatilities) == names
    turn = np.roll(np.arange(len(names)), 1)
    assert named(list(np.array(means)[turn]), list(np.array(volatilities)[turn])) == list(np.array(names)[turn])


def test_a_fit_sees_its_window_alone(market: Any, values: dict[str, Any]) -> None:
    later = market.copy()
    later["close"][900:] *= np.linspace(1, 3, 400)
    later["volume"][900:] *= 50

    changed = fit_regime(later, QUICK)

    assert [f["train_to"] for f in values["fits"]] == [
        int(market["open_time"][n - 1]) + 60_000 for n in (600, 900, 1200)
    ]
    assert changed["fits"][:2] == values["fits"][:2]
    assert changed["fits"][2] != values["fits"][2]
    assert fit_regime(market[:900], QUICK)["fits"] == values["fits"][:2]


def test_a_fit_counts_from_the_end_of_its_window(market: Any, values: dict[str, Any]) -> None:
    path = filter_regime(market, values)

    assert all(f["valid_from"] == f["train_to"] for f in values["fits"])
    assert (path.names[:600] == -1).all()
    assert (path.names[610:] >= 0).all()


def test_fits_are_repeatable_and_complete(market: Any, values: dict[str, Any]) -> None:
    assert fit_regime(market, QUICK) == values
    for fit in values["fits"]:
        names = [s["name"] for s in fit["states"]]
        assert len(set(names)) == 3
        assert set(names) <= set(Regime.labels)
        assert sum(s["share"] for s in fit["states"]) == pytest.approx(1.0)
        low = min(s["volatility"] for s in fit["states"])
        assert all(s["expected_bars"] >= 1.0 for s in fit["states"])
        assert next(s for s in fit["states"] if s["volatility"] == low)["name"] in ("trending_low_vol", "ranging")


def test_training_windows() -> None:
    assert windows(1300, QUICK) == [(0, 600), (300, 900), (600, 1200)]
    assert windows(1300, FitSettings(train=600, step=0)) == [(700, 1300)]
    assert windows(1300, FitSettings(train=0)) == [(0, 1300)]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (FitSettings(n_states=5), "n_states is 5; it must be a whole number from 3 to 4"),
        (FitSettings(train=100), "train is 100; it must be at least 300 bars"),
        (FitSettings(train=5000), "train is 5000 bars, but there are only 1300"),
        (FitSettings(train=300, step=2), "which makes 501 refits; at most 64 are allowed, so step must be at least 16"),
        (FitSettings(train=300, step=0, volume_window=200), "has 300 bars|after warm-up"),
        (FitSettings(vol_window=1), "vol_window is 1; it must be a whole number from 2 to 512"),
    ],
)
def test_bad_settings_say_so(settings: FitSettings, sentence: str, market: Any) -> None:
    candles = market[:300] if settings.volume_window == 200 else market
    with pytest.raises(BadInput, match=sentence):
        fit_regime(candles, settings)


def test_a_market_that_stands_still_cannot_be_fitted() -> None:
    still = np.zeros(700, CANDLE)
    still["open_time"] = np.arange(700) * 60_000
    for name in ("open", "high", "low", "close", "volume"):
        still[name] = 5.0
    with pytest.raises(BadInput, match="the price does not move"):
        fit_regime(still, QUICK)


def test_without_volumes_the_third_value_says_nothing(market: Any) -> None:
    silent = market[:600].copy()
    silent["volume"] = 0.0

    fit = fit_regime(silent, QUICK)["fits"][0]

    assert fit["scale"][2] == 1.0
    assert all(s["mean"][2] == pytest.approx(0.0) for s in fit["states"])


def test_bars_are_those_of_the_kernel(market: Any) -> None:
    gappy = np.delete(market, [3, 31, 32, 33, 34, 35, 700])[:1011]
    state, bars = np.zeros(1, AGG), []
    agg_init(state[0], 60_000, 300_000)
    for c in gappy:
        known = agg_push(state[0], c)
        bars += [state[0]["late"].copy()] if known & LATE else []
        bars += [state[0]["bar"].copy()] if known & DONE else []

    made = bars_of(gappy, "5m")

    assert len(made) == len(bars)
    for name in CANDLE.names or ():
        assert made[name] == pytest.approx([b[name] for b in bars])
    assert bars_of(gappy, None) is not None
    with pytest.raises(BadInput, match="timeframe is 1m, but the candles are 5m"):
        bars_of(made, "1m")


def test_the_hash_is_of_the_candles(market: Any) -> None:
    other = copy.deepcopy(market)
    other["volume"][7] += 1.0

    assert data_hash(market) == data_hash(market.copy()) != data_hash(other)
