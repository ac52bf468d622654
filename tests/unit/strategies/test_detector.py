"""A user's own detectors: found in a file or an installed package, shown in an analysis, never looking ahead."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import triplane
from triplane.data.generator import generate
from triplane.errors import BadInput, TriplaneError
from triplane.strategies import registry

CODE = """
from triplane.strategies import Detector, njit, record

STATE = record([("count", "i8"), ("top", "f8")])


@njit
def init(s):
    s.top = -1.0


@njit
def step(s, bar, row):
    s.count += 1
    s.top = max(s.top, bar.high)
    row.count = s.count
    row.top = s.top


DETECTOR = Detector("{name}", "The highest so far.", STATE, record([("count", "i8"), ("top", "f8")]), init, step)
"""


@pytest.fixture
def candles() -> Any:
    return generate(seed=6, start_ms=1_735_689_600_000, n=300)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An installed package with a detector, and with what is none."""
    info = tmp_path / "finders-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: finders\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[triplane.detectors]\ntops = finders_tops\nbroken = finders_broken\nodd = finders_tops:init\n"
        "swings = finders_swings\n"
    )
    (tmp_path / "finders_tops.py").write_text(CODE.format(name="tops"))
    (tmp_path / "finders_swings.py").write_text(CODE.format(name="swings"))
    (tmp_path / "finders_broken.py").write_text("import nowhere_to_be_found\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.packaged.cache_clear()
    yield tmp_path
    registry.packaged.cache_clear()
    for name in ("finders_tops", "finders_swings"):
        sys.modules.pop(name, None)


def test_its_rows_are_a_frame_and_nothing_looks_ahead(package: Path, candles: Any) -> None:
    whole = triplane.analyze(pd.DataFrame(candles), detectors=["tops"])
    frame = whole.frame("tops")
    assert frame.columns.tolist() == ["open_time", "count", "top"]
    np.testing.assert_array_equal(frame["top"], np.maximum.accumulate(candles["high"]))
    for bar in (0, 17, 299):
        early = triplane.analyze(pd.DataFrame(candles[: bar + 1]), detectors=["tops"]).frame("tops")
        pd.testing.assert_frame_equal(early, frame.iloc[: bar + 1], check_exact=True)
        pd.testing.assert_frame_equal(whole.at(bar).frame("tops"), early, check_exact=True)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("nothing", BadInput, r"Unknown detector nothing; installed: tops, broken, odd, swings\. \(A file"),
        ("none.py", BadInput, "Detector file none.py does not exist"),
        ("broken", TriplaneError, "Module finders_broken cannot be loaded: ModuleNotFoundError: No module named"),
        ("odd", BadInput, r"Detector file .*finders_tops.py must define init as a Detector\."),
        (
            "swings",
            BadInput,
            r"finders_swings.py: name is 'swings'; it must be one that Triplane does not use itself\.",
        ),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    package: Path, candles: Any, name: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        triplane.analyze(candles, detectors=[name])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fields", ['("open_time", "i8")', '("three", "f8", (3,))'])
def test_a_row_must_fit_into_columns(tmp_path: Path, candles: Any, fields: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        CODE.format(name="mine").replace('record([("count", "i8"), ("top", "f8")]), init', f"record([{fields}]), init")
    )
    with pytest.raises(TriplaneError, match="Detector mine: the fields of row must be numbers"):
        triplane.analyze(candles, detectors=[str(path)])


def test_one_that_raises_is_one_sentence(tmp_path: Path, candles: Any) -> None:
    path = tmp_path / "mine.py"
    path.write_text(CODE.format(name="mine").replace("    s.count += 1\n", "    raise ValueError('no')\n"))
    with pytest.raises(TriplaneError, match=r"^Detector mine failed: ValueError: no$"):
        triplane.analyze(candles, detectors=[str(path)]).frame("mine")
