"""The simulation and its helpers are modules beside the tests."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("scenario", "invariants")


@pytest.fixture
def scenario_of(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Makes scenarios, and closes them at the end."""
    from scenario import Scenario

    scenarios: list[Scenario] = []

    def build(minutes: int = 4, **params: Any) -> Scenario:
        scenarios.append(Scenario(tmp_path / str(len(scenarios)), minutes, **params))
        return scenarios[-1]

    yield build
    for scenario in scenarios:
        scenario.close()
