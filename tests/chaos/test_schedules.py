"""Hundreds of schedules of faults, kills and actions: no order is ever lost or doubled."""

import pytest
import schedules

COUNT = 300
AT_ONCE = 20


@pytest.mark.parametrize("first", range(1, COUNT + 1, AT_ONCE))
def test_no_schedule_breaks_an_invariant(first: int) -> None:
    broken: list[str] = []
    executions = 0
    for seed in range(first, first + AT_ONCE):
        _, found, fills = schedules.run(seed)
        executions += fills
        broken += [f"make chaos SEED={seed}: {problem}" for problem in found]
    assert not broken, "\n".join(broken)
    assert executions > 5 * AT_ONCE  # they do trade
