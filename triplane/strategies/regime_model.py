"""Regime models as people keep them (plain values, as in a JSON file), and how they get into a strategy's state.

The form, made by ``triplane/research/regime.py``::

    {"vol_window": 20, "volume_window": 100, "min_dwell": 3,
     "fits": [{"valid_from": 1735689600000, "center": [3 numbers], "scale": [3 numbers],
               "states": [{"name": "ranging", "start": 0.2, "to": {"ranging": 0.97, "trending_low_vol": 0.03},
                           "mean": [3 numbers], "covariance": [[3 numbers], [3 numbers], [3 numbers]]}, ...]}, ...]}

The three numbers belong to log return, realised volatility and volume z-score; mean and covariance are those of the
standardised values. Further fields (statistics for people) are ignored.

``regime_model.json`` beside this file holds models that were fitted on Triplane's own *generated* market, one for each
of a few timeframes, so that the regime strategies run before anybody has fitted anything. They know nothing of any real
market: fit one on yours (``triplane regime fit``).
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from triplane.errors import BadInput
from triplane.kernel.codes import Regime
from triplane.kernel.indicators.moving import MAX_WINDOW
from triplane.kernel.maths import log
from triplane.kernel.regime import MAX_FITS, REGIME

Array = np.ndarray[Any, Any]

BUILT_IN_FILE: Final = Path(__file__).with_name("regime_model.json")
_TOLERANCE: Final = 1e-6


@lru_cache(maxsize=1)
def _built_in() -> dict[int, dict[str, Any]]:
    content = json.loads(BUILT_IN_FILE.read_text(encoding="utf-8"))
    return {int(length): values for length, values in content["by_timeframe_ms"].items()}


def built_in_model(timeframe_ms: int) -> dict[str, Any]:
    """The model that comes with Triplane for bars of this length: the longest that is not longer, else the shortest."""
    models = _built_in()
    lengths = sorted(models)
    return models[max((n for n in lengths if n <= timeframe_ms), default=lengths[0])]


def _bad(what: str, value: object, allowed: str) -> BadInput:
    return BadInput(f"Regime model: {what} is {value}; it must be {allowed}.")


def _whole(values: Mapping[str, Any], name: str, low: int, high: int) -> int:
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _bad(name, value, f"a whole number from {low} to {high}")
    return value


def _numbers(value: object, what: str, shape: tuple[int, ...]) -> Array:
    size = " x ".join(map(str, shape)) or "one"
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise _bad(what, value, f"{size} finite numbers") from None
    if array.shape != shape or not np.isfinite(array).all():
        raise _bad(what, value, f"{size} finite numbers")
    return array


def _cholesky(covariance: Array) -> Array:
    """Lower triangular factor; zeros for what is not positive definite.

    By hand, as :func:`_inverse`: the libraries behind NumPy round otherwise on other processors, and this decides.
    """
    factor = np.zeros((3, 3))
    for r in range(3):
        for c in range(r + 1):
            rest = covariance[r, c]
            for k in range(c):
                rest -= factor[r, k] * factor[c, k]
            if r == c and not rest > 0.0:
                return np.zeros((3, 3))
            factor[r, c] = np.sqrt(rest) if r == c else rest / factor[c, c]
    return factor


def _inverse(factor: Array) -> Array:
    """Inverse of a lower triangular matrix."""
    inverse = np.zeros((3, 3))
    for c in range(3):
        inverse[c, c] = 1.0 / factor[c, c]
        for r in range(c + 1, 3):
            rest = 0.0
            for k in range(c, r):
                rest -= factor[r, k] * inverse[k, c]
            inverse[r, c] = rest / factor[r, r]
    return inverse


def _write_state(fit: Any, state: Mapping[str, Any], where: str) -> int:
    """Write one state into the slot of its name; returns the slot."""
    name = state.get("name")
    if name not in Regime.labels:
        raise _bad(f"{where}.name", name, f"one of {', '.join(Regime.labels)}")
    slot = Regime.of(name)
    if fit["present"][slot]:
        raise _bad(f"{where}.name", name, "a name that no other state of the fit has")
    covariance = _numbers(state.get("covariance"), f"{where}.covariance", (3, 3))
    factor = _cholesky(covariance)
    if not (np.diag(factor) > 0.0).all() or not np.allclose(covariance, covariance.T):
        raise _bad(f"{where}.covariance", covariance.tolist(), "symmetric and positive definite")
    fit["present"][slot] = 1
    fit["start"][slot] = _numbers(state.get("start"), f"{where}.start", ())
    fit["means"][slot] = _numbers(state.get("mean"), f"{where}.mean", (3,))
    fit["whiten"][slot] = _inverse(factor)
    fit["constant"][slot] = -1.5 * log(2.0 * np.pi) - log(factor[0, 0]) - log(factor[1, 1]) - log(factor[2, 2])
    to = state.get("to")
    if not isinstance(to, Mapping) or not set(to) <= set(Regime.labels):
        raise _bad(f"{where}.to", to, "probabilities by the name of the next state")
    for following, probability in to.items():
        fit["transition"][slot, Regime.of(following)] = _numbers(probability, f"{where}.to.{following}", ())
    return slot


def _write_fit(fit: Any, values: Mapping[str, Any], where: str) -> None:
    fit["valid_from"] = _whole(values, "valid_from", 0, 2**62)
    fit["center"] = _numbers(values.get("center"), f"{where}.center", (3,))
    fit["scale"] = _numbers(values.get("scale"), f"{where}.scale", (3,))
    if not (fit["scale"] > 0.0).all():
        raise _bad(f"{where}.scale", values.get("scale"), "three numbers above 0")
    states = values.get("states")
    if not isinstance(states, Sequence) or len(states) not in (3, 4):
        raise _bad(f"{where}.states", "missing" if states is None else "of another number", "3 or 4 states")
    slots = [_write_state(fit, state, f"{where}.states[{n}]") for n, state in enumerate(states)]
    # (rows of transition): nothing may lead to a state that is not there
    for what, row in [("start", fit["start"]), *((f"to of {Regime.labels[j]}", fit["transition"][j]) for j in slots)]:
        if (row < 0.0).any() or abs(row[slots].sum() - 1.0) > _TOLERANCE or abs(row.sum() - 1.0) > _TOLERANCE:
            raise _bad(f"{where}.{what}", row.tolist(), "probabilities that add up to 1")


def regime_record(values: Mapping[str, Any]) -> Array:
    """Check a regime model and return it as a one-element array of ``kernel.regime.REGIME``, before its init.

    Raises
    ------
    BadInput
        Naming the field, its value and what is allowed.
    """
    made = np.zeros(1, REGIME)
    made["vol_window"] = _whole(values, "vol_window", 2, MAX_WINDOW)
    made["volume_window"] = _whole(values, "volume_window", 2, MAX_WINDOW)
    made["min_dwell"] = _whole(values, "min_dwell", 1, 100_000)
    fits = values.get("fits")
    if not isinstance(fits, Sequence) or not 1 <= len(fits) <= MAX_FITS:
        raise _bad("fits", "missing" if not isinstance(fits, Sequence) else f"{len(fits)} long", f"1 to {MAX_FITS}")
    for n, values_of_fit in enumerate(fits):
        _write_fit(made["fits"][0, n], values_of_fit, f"fits[{n}]")
    if (np.diff(made["fits"]["valid_from"][0, : len(fits)]) <= 0).any():
        raise BadInput("Regime model: valid_from must rise from each fit to the next.")
    made["n_fits"] = len(fits)
    return made


def give_regime(states: Array, timeframe_ms: int, data: Mapping[str, Any]) -> None:
    """Put ``data["regime"]``, else the model that comes with Triplane, into an array of ``REGIME`` states.

    Raises
    ------
    BadInput
        A model that is not one, or that was fitted on bars of another length (``interval_ms``).
    """
    values = data.get("regime")
    if values is None:
        values = built_in_model(timeframe_ms)
    elif values.get("interval_ms", timeframe_ms) != timeframe_ms:
        minutes = values["interval_ms"] / 60_000
        raise _bad("interval_ms", f"{values['interval_ms']} ({minutes:g} min)", f"that of the strategy, {timeframe_ms}")
    states[:] = regime_record(values)[0]
