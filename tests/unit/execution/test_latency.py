"""Durations in a histogram of fixed size."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from triplane.execution.latency import Latency


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=200))
def test_latency_is_right_to_some_percent(values: list[int]) -> None:
    latency = Latency()
    for value in values:
        latency.add(value)
    for percent in (50, 99):
        exact = sorted(values)[max(int(np.ceil(len(values) * percent / 100)), 1) - 1]
        found = latency.percentile(percent)
        assert found is not None
        assert exact <= found * 1.0000001 <= exact * 1.13 + 1
    assert latency.to_dict()["count"] == len(values)


def test_no_latency_is_none() -> None:
    assert Latency().to_dict() == {"count": 0, "p50_us": None, "p99_us": None, "p99.9_us": None}
