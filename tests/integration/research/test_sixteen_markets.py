"""The default limits, 3 positions open and 5 opened in a UTC day, hold for an account that trades sixteen markets."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from triplane.data.candles import as_candles
from triplane.data.generator import generate
from triplane.data.instruments import Instrument
from triplane.engine.settings import CostSettings, TradingSettings
from triplane.kernel.codes import Leg, RowKind
from triplane.kernel.rows import OUTBOX, of_kind
from triplane.strategies.compiler import compile_strategy
from triplane.strategies.registry import find, source_of

MINUTE, DAY = 60_000, 86_400_000
START = 1_746_057_600_000
"""2025-05-01."""
REAL = Path(__file__).parents[4] / "shared" / "data" / "klines" / "usdm" / "1m_2025-05"
LIMITS = TradingSettings()


def traded(name: str, markets: list[Any]) -> Any:
    """The fills of a strategy on all markets together, on bars of a minute."""
    core = compile_strategy(find(name), source_of(name))
    which = np.repeat(np.arange(len(markets)), [len(m) for m in markets])
    candles = np.concatenate(markets)
    order = np.lexsort((which, candles["open_time"]))
    which, candles = which[order], candles[order]
    account, states = core.new(
        [Instrument.research(f"S{k}") for k in range(len(markets))],
        costs=CostSettings().to_record(), limits=LIMITS.to_record(0), params=core.strategy.resolve({}),
        base_ms=MINUTE, timeframe_ms=MINUTE, balance=10_000.0,
    )  # fmt: skip
    out, curve, fills, at = np.zeros(1, OUTBOX), np.zeros(len(candles)), [], 0
    while at < len(candles):
        at = core.run(account, states, which, candles, out, curve, at)
        fills.append(of_kind(out[0]["rows"][: account["n_out"][0]], RowKind.FILL))
        account["n_out"] = 0
    return np.concatenate(fills)


def held_and_opened(fills: Any) -> tuple[int, int]:
    """The most positions open at once, and the most that were opened in one UTC day."""
    lots: Counter[int] = Counter()
    opened: Counter[int] = Counter()
    most = 0
    for fill in fills:
        k = int(fill["symbol"])
        if lots[k] == 0:
            assert fill["leg"] == Leg.ENTRY
            opened[int(fill["filled_at"]) // DAY] += 1
        lots[k] += int(fill["side"]) * int(fill["quantity_lots"])
        most = max(most, sum(1 for n in lots.values() if n))
    return most, max(opened.values())


def generated() -> list[Any]:
    """Two days of sixteen markets; every third has holes."""
    markets = [generate(seed=40 + k, start_ms=START, n=2 * 1440, symbol=f"S{k}USDT") for k in range(16)]
    return [np.delete(m, np.arange(k, len(m), 97)) if k % 3 == 0 else m for k, m in enumerate(markets)]


def real() -> list[Any]:
    """A month of sixteen perpetuals."""
    if not REAL.is_dir():
        pytest.skip(f"the recorded candles are not here: {REAL}")
    return [as_candles(pq.read_table(path)) for path in sorted(REAL.glob("*-1m.parquet"))]


@pytest.mark.parametrize("name", ["smc_heuristic", "ict_blocks"])
@pytest.mark.parametrize("markets", [generated, real])
def test_no_more_than_three_are_open_and_five_a_day_are_opened(name: str, markets: Any) -> None:
    given = markets()
    assert len(given) == 16
    open_at_once, opened_in_a_day = held_and_opened(traded(name, given))
    assert 1 < open_at_once <= LIMITS.max_open_positions == 3
    assert opened_in_a_day == LIMITS.max_trades_day == 5
