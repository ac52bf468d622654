"""The venue of the machine is a module beside the tests, its harness one beside the unit tests."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "unit" / "execution")]
pytest.register_assert_rewrite("small_venue")
