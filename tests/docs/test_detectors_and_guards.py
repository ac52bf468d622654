"""The detector and the guard that the docs show work as they stand: in analyze, in a backtest, in a strategy."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import triplane
from triplane.cli.main import make_app
from triplane.data.generator import generate
from triplane.strategies.registry import find

PAGE = Path(__file__).parents[2] / "docs" / "detectors-and-guards.md"
START = 1_736_467_200_000  # Friday, 2025-01-10
STRATEGY = """
from triplane.strategies import Strategy, njit, state
from triplane.strategies.registry import load_file
from pathlib import Path

mine = load_file(Path("detectors/inside_bars.py"), "Detector")
inside_init, inside_step = mine.inside_init, mine.inside_step
STATE = state((), ("inside", mine.INSIDE))


@njit
def init(s):
    inside_init(s.inside)


@njit
def step(s, bar, view, signal):
    inside_step(s.inside, bar)


STRATEGY = Strategy("uses_it", "", (), STATE, init, step, lambda p: 0, plots={"run": "inside.run"})
"""


@pytest.fixture
def candles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    for name, code in re.findall(r'```python title="([^"]+)"\n(.*?)```', PAGE.read_text(), re.DOTALL):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(code)
    made = generate(seed=3, start_ms=START, n=3 * 1440)
    pd.DataFrame(made).to_parquet("candles.parquet")
    return made


def run(*words: str) -> Any:
    done = CliRunner().invoke(make_app(["analyze", "backtest"]), [*words, "--data", "candles.parquet", "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_detector(candles: Any) -> None:
    said = run("analyze", "--detector", "detectors/inside_bars.py", "--at", "700")["detectors"]["inside_bars"]
    inside = np.zeros(len(candles), bool)
    inside[1:] = (candles["high"][1:] <= candles["high"][:-1]) & (candles["low"][1:] >= candles["low"][:-1])
    found = triplane.analyze(candles, detectors=["detectors/inside_bars.py"])
    assert ((found.frame("inside_bars")["run"] > 0) == inside).all()
    assert said["open_time"] == candles["open_time"][700]
    assert said["run"] == found.frame("inside_bars")["run"][700]


def test_the_detector_in_a_strategy(candles: Any) -> None:
    Path("uses_it.py").write_text(STRATEGY)
    assert find("uses_it.py").plots == {"run": "inside.run"}
    assert triplane.backtest(candles[:50], "uses_it.py", timeframe="1m").metrics["trades"] == 0


def test_the_guard(candles: Any) -> None:
    words = ("backtest", "ema_cross", "--timeframe", "1m", "--set", "fast=4", "--set", "slow=9", "--quantity", "0.01")
    free, held = run(*words), run(*words, "--guards", "guards/weekend.py")
    assert 0 < held["trades"] < free["trades"]
