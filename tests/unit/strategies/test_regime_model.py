"""Regime models as values: what is refused, in one sentence, and the ones that come with Triplane."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from triplane.errors import BadInput
from triplane.kernel.codes import Regime
from triplane.strategies.regime_model import built_in_model, regime_record

GOOD = built_in_model(60_000)


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    values = copy.deepcopy(GOOD)
    change(values)
    return values


def state(values: dict[str, Any], n: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = values["fits"][0]["states"][n]
    return found


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda v: v.pop("vol_window"), "vol_window is None; it must be a whole number from 2 to 512"),
        (lambda v: v.update(min_dwell=0), "min_dwell is 0; it must be a whole number from 1"),
        (lambda v: v.update(fits=[]), "fits is 0 long; it must be 1 to 64"),
        (lambda v: v.pop("fits"), "fits is missing; it must be 1 to 64"),
        (lambda v: v["fits"].append(v["fits"][0]), "valid_from must rise from each fit to the next"),
        (
            lambda v: v["fits"][0].update(scale=[1, 0, 1]),
            r"fits\[0\].scale is \[1, 0, 1\]; it must be three numbers ab",
        ),
        (lambda v: v["fits"][0].update(center=[1, 2]), r"fits\[0\].center is \[1, 2\]; it must be 3 finite numbers"),
        (lambda v: v["fits"][0].update(center="x"), r"fits\[0\].center is x; it must be 3 finite numbers"),
        (lambda v: v["fits"][0]["states"].pop(), "probabilities that add up to 1"),
        (lambda v: v["fits"][0].update(states=[]), r"fits\[0\].states is of another number; it must be 3 or 4 states"),
        (
            lambda v: state(v).update(name="sideways"),
            r"states\[0\].name is sideways; it must be one of trending_low_vol",
        ),
        (lambda v: state(v, 1).update(name=state(v)["name"]), "it must be a name that no other state"),
        (lambda v: state(v).update(covariance=[[1, 2, 0], [2, 1, 0], [0, 0, 1]]), "symmetric and positive definite"),
        (lambda v: state(v).update(mean=[1, 2, float("nan")]), "it must be 3 finite numbers"),
        (lambda v: state(v).update(start=-0.5), "probabilities that add up to 1"),
        (lambda v: state(v).update(to={"nowhere": 1.0}), "probabilities by the name of the next state"),
        (lambda v: state(v).update(to={Regime.labels[0]: 0.5}), "probabilities that add up to 1"),
    ],
)
def test_bad_models_say_so(change: Callable[[dict[str, Any]], object], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        regime_record(changed(change))


def test_the_built_in_models_say_what_they_are_of() -> None:
    for asked, length in ((1, 60_000), (60_000, 60_000), (900_000, 900_000), (1_000_000, 900_000), (10**9, 3_600_000)):
        assert built_in_model(asked)["interval_ms"] == length
        assert regime_record(built_in_model(asked))["n_fits"][0] == 1
