"""Fitting the regime model: a Gaussian hidden Markov model on a training window only, refitted over time.

``hmmlearn`` estimates (Baum-Welch, the best of several seeded starts); the kernel's forward filter is what uses the
result (``triplane/kernel/regime.py``). What is observed, and how, is the kernel's own code here too.

States are named by their own statistics, so that a name means the same after a refit, whatever number the fit gave:

1. The states are ordered by their volatility. The calmer half is of low, the wilder half of high volatility; of three
   states the middle one joins the neighbour whose volatility is nearer (as a ratio).
2. In each half the state with the larger |mean return| / volatility is *trending*; the other is ``ranging`` (low) or
   ``volatile_choppy`` (high). A state that is alone in its half is trending when its |mean return| / volatility is at
   least that of the trending state of the other half.

Every fit may be used from the end of its training window on, and not before: a backtest over the same data sees the
regime as unknown until then.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from triplane.data.candles import Candles, infer_interval, multiple_of
from triplane.errors import BadInput
from triplane.kernel.codes import Regime
from triplane.kernel.regime import MAX_FITS, REGIME, SLOTS, observe_run, regime_init, regime_run
from triplane.strategies.regime_model import regime_record

Array = np.ndarray[Any, Any]

MIN_BARS: Final = 300
"""Fewest observed bars to fit on: a model of four states has some 70 numbers."""
_PRIOR: Final = 0.1 * np.eye(3)
"""Of the covariances, in standardised units: one more observation, so that none can become singular."""
_MIN_SHARE: Final = 0.01
"""A state with a smaller share of the market is an outlier, no regime; such a fit counts only if there is no other."""


@dataclass(frozen=True)
class FitSettings:
    """How a regime model is fitted.

    Parameters
    ----------
    n_states
        3 or 4.
    train, step
        Bars of a training window, and from one refit to the next; ``step`` 0 fits once, on the last ``train`` bars.
        ``train`` 0 is all bars.
    vol_window, volume_window
        Bars of the realised volatility and of the volume's z-score.
    min_dwell
        Bars for which a regime must be the most probable before it is shown.
    seed, starts
        Of the random starts, the best of which counts.
    """

    n_states: int = 4
    train: int = 4000
    step: int = 1000
    vol_window: int = 20
    volume_window: int = 100
    min_dwell: int = 3
    seed: int = 1
    starts: int = 3

    def check(self) -> None:
        """Raise BadInput for a value that is not allowed."""
        limits = {
            "n_states": (3, 4),
            "train": (0, 10**8),
            "step": (0, 10**8),
            "vol_window": (2, 512),
            "volume_window": (2, 512),
            "min_dwell": (1, 100_000),
            "starts": (1, 100),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadInput(f"{name} is {value}; it must be a whole number from {low} to {high}.")
        if 0 < self.train < MIN_BARS:
            raise BadInput(f"train is {self.train}; it must be at least {MIN_BARS} bars, or 0 for all.")


def data_hash(candles: Candles) -> str:
    """SHA-256 of the bytes of the candles, so that a fit can be traced to what it saw."""
    return hashlib.sha256(np.ascontiguousarray(candles).tobytes()).hexdigest()


def bars_of(candles: Candles, timeframe: str | None) -> Candles:
    """The candles as finished bars of a timeframe, made as the kernel makes them (``kernel/timeframes.py``)."""
    base = infer_interval(candles)
    length = multiple_of(base, timeframe) if timeframe else base
    slot = candles["open_time"] // length
    first = np.flatnonzero(np.diff(slot, prepend=slot[0] - 1))
    last = np.append(first[1:], len(candles)) - 1
    bars = candles[first].copy()
    bars["open_time"] = slot[first] * length
    bars["high"] = np.maximum.reduceat(candles["high"], first)
    bars["low"] = np.minimum.reduceat(candles["low"], first)
    bars["close"] = candles["close"][last]
    bars["volume"] = np.add.reduceat(candles["volume"], first)
    finished = candles["open_time"][-1] + base >= bars["open_time"][-1] + length
    return bars if finished else bars[:-1]


def observe(candles: Candles, vol_window: int = 20, volume_window: int = 100) -> Array:
    """Log return, realised volatility and volume z-score of each candle, (candles, 3); NaN until warm."""
    state = np.zeros(1, REGIME)
    state["vol_window"] = vol_window
    state["volume_window"] = volume_window
    regime_init(state[0])
    observed = np.empty((len(candles), 3))
    observe_run(state, candles, observed)
    return observed


def name_states(means: Array, volatilities: Array) -> list[str]:
    """Names of 3 or 4 states.

    Parameters
    ----------
    means, volatilities
        Mean log return and mean realised volatility of each state, per bar.
    """
    order = np.argsort(volatilities, kind="stable")
    half = 2
    if len(order) == 3:
        calm, middle, wild = volatilities[order]
        half = 2 if middle * middle < calm * wild else 1
    strength = np.abs(means) / volatilities
    names = [""] * len(order)
    pairs = []
    for group, trending, other in ((order[:half], 0, 2), (order[half:], 1, 3)):
        best, *rest = group[np.argsort(-strength[group], kind="stable")]
        names[best] = Regime.labels[trending]
        for index in rest:
            names[index] = Regime.labels[other]
        pairs.append((best, rest, other))
    (low, low_rest, low_other), (high, high_rest, high_other) = pairs
    if not low_rest and strength[low] < strength[high]:
        names[low] = Regime.labels[low_other]
    if not high_rest and strength[high] < strength[low]:
        names[high] = Regime.labels[high_other]
    return names


def _estimate(x: Array, settings: FitSettings) -> Any:
    """The best of several seeded Baum-Welch runs."""
    # it takes a second to import, and few need it
    from hmmlearn.hmm import GaussianHMM  # type: ignore[import-untyped, unused-ignore] # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore] # noqa: PLC0415

    best: tuple[tuple[bool, float], Any] | None = None
    for start in range(settings.starts):
        model = GaussianHMM(
            n_components=settings.n_states,
            covariance_type="full",
            covars_prior=_PRIOR,
            n_iter=100,
            tol=1e-3,
            random_state=settings.seed + start,
        )
        with threadpool_limits(1):  # the pieces are small: threads would only wait for each other
            model.fit(x)
        worth = (float(_stationary(model.transmat_).min()) >= _MIN_SHARE, float(model.score(x)))
        if np.isfinite(worth[1]) and (best is None or worth > best[0]):
            best = (worth, model)
    if best is None:
        raise BadInput("The regime model cannot be fitted: the training window leads to no finite likelihood.")
    return best[1]


def _stationary(transition: Array) -> Array:
    """Long-run share of each state."""
    n = len(transition)
    system = np.vstack([transition.T - np.eye(n), np.ones(n)])
    shares = np.linalg.lstsq(system, np.r_[np.zeros(n), 1.0], rcond=None)[0].clip(0.0)
    result: Array = shares / shares.sum()
    return result


def _describe(model: Any, center: Array, scale: Array) -> list[dict[str, Any]]:
    """The states of a fitted model, in the order of :data:`REGIMES`, with their statistics."""
    means = model.means_ * scale + center
    names = name_states(means[:, 0], np.maximum(means[:, 1], 1e-12))
    shares = _stationary(model.transmat_)
    states = []
    for j, name in sorted(enumerate(names), key=lambda pair: Regime.labels.index(pair[1])):
        stay = float(model.transmat_[j, j])
        states.append(
            {
                "name": name,
                "start": float(shares[j]),  # the filter may begin anywhere, not only where the training window did
                "to": {names[k]: float(p) for k, p in enumerate(model.transmat_[j])},
                "mean": model.means_[j].tolist(),
                "covariance": model.covars_[j].tolist(),
                "mean_return": float(means[j, 0]),
                "volatility": float(means[j, 1]),
                "volume_z": float(means[j, 2]),
                "share": float(shares[j]),
                "expected_bars": 1.0 / max(1.0 - stay, 1e-12),
            }
        )
    return states


def fit_window(candles: Candles, observed: Array, settings: FitSettings) -> dict[str, Any]:
    """Fit on a training window and nothing else; it may be used from the end of its last candle on.

    Parameters
    ----------
    candles
        The training window.
    observed
        Its rows of :func:`observe`; the ones that are not warm are left out.

    Raises
    ------
    BadInput
        Too few bars, or a market that does not move.
    """
    x = observed[np.isfinite(observed).all(axis=1)]
    if len(x) < MIN_BARS:
        raise BadInput(f"The training window has {len(x)} bars after warm-up; it must have at least {MIN_BARS}.")
    center, scale = x.mean(axis=0), x.std(axis=0)
    if not (scale[:2] > 0.0).all():
        raise BadInput("The regime model cannot be fitted: the price does not move in the training window.")
    scale[2] = scale[2] if scale[2] > 0.0 else 1.0  # no volumes in these data: the third value is always 0
    model = _estimate((x - center) / scale, settings)
    interval = infer_interval(candles)
    return {
        "valid_from": int(candles["open_time"][-1]) + interval,
        "train_from": int(candles["open_time"][0]),
        "train_to": int(candles["open_time"][-1]) + interval,
        "bars": len(x),
        "log_likelihood_per_bar": float(model.score((x - center) / scale)) / len(x),
        "center": center.tolist(),
        "scale": scale.tolist(),
        "states": _describe(model, center, scale),
    }


def windows(n: int, settings: FitSettings) -> list[tuple[int, int]]:
    """Begin and end (excluded) of each training window among ``n`` bars.

    Raises
    ------
    BadInput
        When there are fewer bars than a window needs, or more windows than the kernel keeps.
    """
    train = settings.train or n
    if n < train:
        raise BadInput(f"train is {train} bars, but there are only {n}; choose a shorter one.")
    if settings.step == 0 or settings.train == 0:
        return [(n - train, n)]
    ends = range(train, n + 1, settings.step)
    if len(ends) > MAX_FITS:
        raise BadInput(
            f"step is {settings.step} bars, which makes {len(ends)} refits; at most {MAX_FITS} are allowed, "
            f"so step must be at least {-(-(n - train) // (MAX_FITS - 1))}."
        )
    return [(end - train, end) for end in ends]


def fit_regime(
    candles: Candles, settings: FitSettings | None = None, progress: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Fit a regime model walk-forward.

    Parameters
    ----------
    candles
        Array of ``records.CANDLE``, of the timeframe that the strategy decides on.
    settings
        Windows and numbers of states.

    Returns
    -------
    dict
        The model in the form of ``triplane/strategies/regime_model.py``, ready to be stored as a parameter set.
    """
    settings = settings or FitSettings()
    settings.check()
    observed = observe(candles, settings.vol_window, settings.volume_window)
    fits = []
    spans = windows(len(candles), settings)
    for number, (begin, end) in enumerate(spans, 1):
        progress(f"Fitting regime model {number} of {len(spans)} …")
        fits.append(fit_window(candles[begin:end], observed[begin:end], settings))
    values = {
        "vol_window": settings.vol_window,
        "volume_window": settings.volume_window,
        "min_dwell": settings.min_dwell,
        "interval_ms": infer_interval(candles),
        "fits": fits,
    }
    regime_record(values)  # the same check that a strategy makes
    return values


@dataclass(frozen=True)
class RegimePath:
    """The regime at the close of each candle, by the forward filter: ``names`` index ``REGIMES`` (-1 unknown)."""

    names: Array
    probabilities: Array
    beliefs: Array


def filter_regime(candles: Candles, values: Mapping[str, Any]) -> RegimePath:
    """Run the kernel's forward filter over candles.

    Returns
    -------
    RegimePath
        ``names`` int64 (candles,), ``probabilities`` (candles,), ``beliefs`` (candles, 4) in the order of ``REGIMES``.
    """
    state = regime_record(values)
    regime_init(state[0])
    n = len(candles)
    path = RegimePath(np.empty(n, np.int64), np.empty(n), np.empty((n, SLOTS)))
    regime_run(state, candles, path.names, path.probabilities, path.beliefs)
    return path
