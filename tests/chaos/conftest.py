"""The world and its helpers are modules beside the tests."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("scene", "invariants")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Makes scenes, and lets go of them."""
    from scene import Scene

    scenes: list[Scene] = []

    def make(minutes: int = 4, **params: Any) -> Scene:
        scenes.append(Scene(tmp_path / str(len(scenes)), minutes, **params))
        return scenes[-1]

    yield make
    for scene in scenes:
        scene.close()
