"""Every built-in strategy, and all indicators, with the compiler and without it: the same bits.

Compared are the audit rows and every byte of account and state after every candle, so nothing that a decision may ever
hang on differs, in the last place of a number neither. That is what lets ``verify`` hold on any machine.
"""

import hashlib
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numba
import numpy as np
import pytest

from triplane.data.generator import generate
from triplane.data.instruments import Instrument
from triplane.engine.settings import CostSettings, TradingSettings
from triplane.kernel.features import FEATURE_ROW, FEATURES
from triplane.kernel.rows import OUTBOX
from triplane.strategies.compiler import compile_strategy, compiled_features
from triplane.strategies.registry import BUILT_IN, find, source_of

ROOT = Path(__file__).parents[3]
LOOSE = {"ict_blocks": {"trend": 0, "gap": "bonus", "min_strength": 0.0}, "confluence": {"threshold": 0.3}}
"""Parameters with which they enter in the few candles that there are."""


def trace(name: str) -> list[object]:
    """Number of audit rows, and digests of rows and of all states."""
    core = compile_strategy(find(name), source_of(name))
    instrument = Instrument.research("TEST")
    account, states = core.new(
        [instrument],
        costs=CostSettings().to_record(),
        limits=TradingSettings().to_record(),
        params=core.strategy.resolve(LOOSE.get(name, {})),
        base_ms=60_000,
        timeframe_ms=60_000,
        balance=10_000.0,
    )
    market = generate(seed=5, start_ms=1_735_689_600_000, n=600)
    out, digest, rows, count = np.zeros(1, OUTBOX), hashlib.sha256(), hashlib.sha256(), 0
    for i in range(len(market)):
        core.on_moment(account, states, np.zeros(1, np.int64), market[i : i + 1], out)
        made = out[0]["rows"][: account[0]["n_out"]]
        count += len(made)
        rows.update(made.tobytes())
        account["n_out"] = 0
        digest.update(account.tobytes() + states.tobytes())
    return [count, rows.hexdigest(), digest.hexdigest()]


def features() -> list[object]:
    """Digest of the rows of all indicators."""
    module = compiled_features()
    states, row, digest = np.zeros(1, FEATURES), np.zeros(1, FEATURE_ROW), hashlib.sha256()
    module.init(states)
    market = generate(seed=6, start_ms=1_735_689_600_000, n=600)
    for i in range(len(market)):
        module.step(states, 0, market, i, row)
        digest.update(row.tobytes())
    return [bool(np.isfinite(row[0].item()).all()), digest.hexdigest()]


@pytest.fixture(scope="module")
def plain() -> dict[str, list[object]]:
    """What a process without the compiler says."""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, __file__], env=environment, capture_output=True, text=True, check=True)
    said: dict[str, list[object]] = json.loads(run.stdout)
    return said


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
@pytest.mark.parametrize("name", BUILT_IN)
def test_a_strategy_has_the_same_bits_without_the_compiler(name, plain):
    found = trace(name)
    assert found[0] > 10  # it traded
    assert plain[name] == found


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
def test_indicators_have_the_same_bits_without_the_compiler(plain):
    assert plain["features"] == features()
    assert plain["features"][0]  # all of them are warm at the end


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps({**{name: trace(name) for name in BUILT_IN}, "features": features()}))
