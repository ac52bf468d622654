"""The strategy kit: an entry in one call, and names for what a strategy says and sees."""

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

from triplane.kernel.codes import Action, OrderType
from triplane.kernel.records import SIGNAL
from triplane.strategies.base import state
from triplane.strategies.kit import (
    FRACTIONS,
    Reasons,
    bracket,
    check_ladder,
    copy_signal,
    ladder,
    rungs,
    show,
    zone_risk,
)

ZONE = np.dtype((np.record, np.dtype([("price_lo", "f8"), ("price_hi", "f8")])))


def signals() -> Any:
    return np.zeros(2, SIGNAL)


def test_at_market_targets_are_distances_from_the_fill() -> None:
    made = signals()

    bracket(made[0], -1, OrderType.MARKET, 0.0, 105.0, 5.0, (1.0, 2.0), (0.6, 0.4))

    assert (made["action"][0], made["side"][0], made["entry_type"][0]) == (Action.ENTER, -1, OrderType.MARKET)
    assert (made["entry"][0], made["stop"][0]) == (0.0, 105.0)
    assert made["target_distances"][0].tolist() == [5.0, 10.0, 0.0]
    assert made["targets"][0].tolist() == [0.0] * 3
    assert made["fractions"][0].tolist() == [0.6, 0.4, 0.0]


@pytest.mark.parametrize("entry_type", [OrderType.LIMIT, OrderType.STOP_MARKET])
@pytest.mark.parametrize(("side", "targets"), [(1, [107.5, 110.0, 115.0]), (-1, [92.5, 90.0, 85.0])])
def test_at_a_price_targets_are_prices(entry_type: OrderType, side: int, targets: list[float]) -> None:
    made = signals()

    bracket(made[0], side, entry_type, 100.0, 100.0 - 5 * side, 5.0, (1.5, 2.0, 3.0), FRACTIONS)

    assert (made["entry_type"][0], made["entry"][0], made["stop"][0]) == (entry_type, 100.0, 100.0 - 5 * side)
    assert made["targets"][0].tolist() == targets
    assert made["target_distances"][0].tolist() == [0.0] * 3
    assert made["fractions"][0].tolist() == [0.5, 0.3, 0.2]


def test_the_ladder_is_three_parameters_that_rise() -> None:
    params = ladder(1.5)
    values: dict[str, Any] = {p.name: p.default for p in params}
    record = np.zeros(1, state(params))
    for name, value in values.items():
        record["p"][name] = value

    assert rungs(record["p"][0]) == (1.5, 2.0, 3.0)
    assert check_ladder(values) is None
    assert "must rise" in str(check_ladder({**values, "tp2_r": 1.5}))


@pytest.mark.parametrize(
    ("side", "close", "expected"),
    [(1, 103.0, 5.5), (-1, 97.0, 7.5), (1, 98.5, 2.0)],  # the far edge less 0.5, its mirror, the least distance
)
def test_a_stop_lies_beyond_the_zone_but_not_too_near(side: int, close: float, expected: float) -> None:
    zone = np.zeros(1, ZONE)
    zone["price_lo"], zone["price_hi"] = 98.0, 104.0

    assert zone_risk(zone[0], side, close, 0.5, 2.0) == expected


def test_values_are_named_once() -> None:
    saw = namedtuple("Saw", "fast slow")
    made = signals()

    show(made[0], saw(slow=2.0, fast=1.0))

    assert made["seen"][0].tolist() == [1.0, 2.0, *[0.0] * 6]


def test_reasons_are_bits_with_sentences() -> None:
    class Why(Reasons):
        UP = 0, "It rose."
        DOWN = 1, "It fell."

    assert Why.texts() == ("It rose.", "It fell.")
    assert 1 << Why.DOWN == 2
    assert Why.labels == ("up", "down")


def test_a_copy_says_the_same_of_everything() -> None:
    made = signals()
    for number, name in enumerate(SIGNAL.names or (), start=1):
        made[name][0] = number

    copy_signal(made[1], made[0])

    assert made[1].tobytes() == made[0].tobytes()
