"""The forward filter: equal to hmmlearn's on every prefix, causal, steady, and quiet until a model is due."""

from typing import Any

import numpy as np
import pytest
from hmmlearn.hmm import GaussianHMM
from hypothesis import given, settings
from hypothesis import strategies as st

from triplane.kernel.codes import Regime
from triplane.kernel.records import CANDLE
from triplane.kernel.regime import REGIME, regime_init, regime_step
from triplane.research.regime import filter_regime, observe

MINUTE = 60_000
LONG_AGO = 0


def market(n: int, seed: int = 1) -> Any:
    """A walk whose volatility and volume change every forty candles."""
    rng = np.random.default_rng(seed)
    sigma = np.repeat(rng.choice([0.0005, 0.002, 0.006], n // 40 + 1), 40)[:n]
    close = 100.0 * np.exp(np.cumsum(rng.standard_normal(n) * sigma))
    out = np.zeros(n, CANDLE)
    out["open_time"] = np.arange(n) * MINUTE
    out["open"] = out["high"] = out["low"] = out["close"] = close
    out["volume"] = np.exp(rng.standard_normal(n)) * sigma
    return out


def model(n_states: int = 4, seed: int = 0, valid_from: int = LONG_AGO, **more: Any) -> dict[str, Any]:
    """A made-up model for standardised values."""
    rng = np.random.default_rng(seed)
    names = list(rng.permutation(Regime.labels)[:n_states])
    states = []
    for name in names:
        a = rng.standard_normal((3, 3))
        to = rng.dirichlet(np.ones(n_states)) * 0.2
        to[names.index(name)] += 0.8
        states.append(
            {
                "name": str(name),
                "start": 1.0 / n_states,
                "to": {str(k): float(p) for k, p in zip(names, to, strict=True)},
                "mean": rng.standard_normal(3).tolist(),
                "covariance": (a @ a.T + 0.3 * np.eye(3)).tolist(),
            }
        )
    fit = {"valid_from": valid_from, "center": [0.0, 0.002, 0.1], "scale": [0.002, 0.002, 1.5], "states": states}
    return {"vol_window": 5, "volume_window": 12, "min_dwell": 1, "fits": [fit], **more}


def by_hmmlearn(values: dict[str, Any], x: Any) -> Any:
    """``predict_proba`` of the *last* row of every prefix, in the order of REGIMES."""
    fit = values["fits"][0]
    names = [s["name"] for s in fit["states"]]
    hmm = GaussianHMM(n_components=len(names), covariance_type="full")
    hmm.startprob_ = np.array([s["start"] for s in fit["states"]])
    hmm.transmat_ = np.array([[s["to"][k] for k in names] for s in fit["states"]])
    hmm.means_ = np.array([s["mean"] for s in fit["states"]])
    hmm.covars_ = np.array([s["covariance"] for s in fit["states"]])
    z = (x - fit["center"]) / fit["scale"]
    out = np.zeros((len(z), 4))
    for t in range(len(z)):
        out[t, [Regime.of(n) for n in names]] = hmm.predict_proba(z[: t + 1])[-1]
    return out


@pytest.mark.parametrize(("n_states", "seed"), [(3, 1), (4, 2), (4, 3)])
def test_equals_hmmlearn_on_the_last_row_of_every_prefix(n_states: int, seed: int) -> None:
    candles, values = market(200, seed), model(n_states, seed)
    observed = observe(candles, 5, 12)
    warm = int(np.argmax(np.isfinite(observed).all(axis=1)))

    got = filter_regime(candles, values).beliefs

    assert np.isnan(got[:warm]).all()
    assert got[warm:] == pytest.approx(by_hmmlearn(values, observed[warm:]), abs=1e-9)


def test_observes_what_it_says() -> None:
    candles = market(60)
    close, volume = candles["close"], candles["volume"]
    returns = np.diff(np.log(close))

    observed = observe(candles, 5, 12)

    assert np.isnan(observed[:11]).any(axis=1).all()
    for t in range(12, 60):
        window = volume[t - 11 : t + 1]
        expected = [
            returns[t - 1],
            np.sqrt(np.mean(returns[t - 5 : t] ** 2)),
            (volume[t] - window.mean()) / window.std(),
        ]
        assert observed[t] == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_equal_volumes_have_no_z_score() -> None:
    candles = market(40)
    candles["volume"] = 3.0

    assert (observe(candles, 5, 12)[12:, 2] == 0.0).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 150), st.integers(0, 5), st.integers(1, 6))
def test_knows_nothing_of_later_candles(cut: int, seed: int, dwell: int) -> None:
    candles, values = market(160, seed), model(4, seed, min_dwell=dwell)

    whole, part = filter_regime(candles, values), filter_regime(candles[:cut], values)

    assert np.array_equal(whole.names[:cut], part.names)
    assert np.array_equal(whole.beliefs[:cut], part.beliefs, equal_nan=True)
    assert np.array_equal(whole.probabilities[:cut], part.probabilities, equal_nan=True)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 50), st.integers(1, 8))
def test_a_regime_is_shown_for_at_least_the_dwell(seed: int, dwell: int) -> None:
    path = filter_regime(market(200, seed), model(4, seed, min_dwell=dwell))
    names = path.names[path.names >= 0]
    changes = np.flatnonzero(np.diff(names)) + 1

    assert (np.diff(changes) >= dwell).all()
    best = np.nanargmax(np.nan_to_num(path.beliefs, nan=-1.0), axis=1)
    for t in np.flatnonzero(np.diff(path.names)) + 1:
        assert (best[t - dwell + 1 : t + 1] == path.names[t]).all()
    shown = path.names >= 0
    assert np.array_equal(path.probabilities[shown], path.beliefs[shown, path.names[shown]])


def test_unknown_until_a_model_is_due_and_without_any() -> None:
    candles = market(100)
    path = filter_regime(candles, model(valid_from=50 * MINUTE))
    state = np.zeros(1, REGIME)
    regime_init(state[0])

    assert (path.names[:50] == -1).all()
    assert (path.names[50:] >= 0).all()
    assert np.isnan(path.probabilities[:50]).all()
    assert all(regime_step(state[0], 0, 100.0 + t, 1.0) == -1 for t in range(30))


def test_a_refit_takes_over_at_its_time_and_beliefs_go_over_by_name() -> None:
    first, second = model(4, 1), model(4, 2, valid_from=60 * MINUTE)
    both = {**first, "fits": [*first["fits"], *second["fits"]]}
    candles = market(100)

    alone, path = filter_regime(candles, first), filter_regime(candles, both)

    assert np.array_equal(alone.beliefs[:60], path.beliefs[:60], equal_nan=True)
    observed = observe(candles, 5, 12)[60:]
    carried = {**second, "fits": [dict(second["fits"][0])]}
    states = []
    for s in second["fits"][0]["states"]:
        prior = sum(path.beliefs[59, Regime.of(of["name"])] * of["to"][s["name"]] for of in second["fits"][0]["states"])
        states.append({**s, "start": prior})
    carried["fits"][0]["states"] = states
    assert path.beliefs[60:] == pytest.approx(by_hmmlearn(carried, observed), abs=1e-9)


def test_a_model_without_the_believed_state_begins_anew() -> None:
    first, second = model(4, 1), model(3, 2, valid_from=60 * MINUTE)
    missing = (set(Regime.labels) - {s["name"] for s in second["fits"][0]["states"]}).pop()
    for s in first["fits"][0]["states"]:
        s["start"] = float(s["name"] == missing)
        s["to"] = {missing: 1.0}
    path = filter_regime(market(100), {**first, "fits": [*first["fits"], *second["fits"]]})

    assert (path.beliefs[20:60, Regime.of(missing)] == 1.0).all()
    assert (path.beliefs[60:, Regime.of(missing)] == 0.0).all()
    assert path.beliefs[60:].sum(axis=1) == pytest.approx(1.0)


def test_no_outlier_makes_the_beliefs_vanish() -> None:
    candles = market(100)
    candles["close"][50] *= 40.0  # thousands of standard deviations

    beliefs = filter_regime(candles, model()).beliefs[20:]

    assert np.isfinite(beliefs).all()
    assert beliefs.sum(axis=1) == pytest.approx(1.0)
