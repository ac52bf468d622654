"""A session as it is put together for recorded data: its decisions and figures are those of a backtest."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from triplane.data.clock import SystemClock
from triplane.data.generator import generate
from triplane.data.instruments import Instrument
from triplane.data.recorded import open_recorded
from triplane.data.replay import ReplayFeed
from triplane.engine.facts import Collector
from triplane.engine.opening import Options, open_runner
from triplane.engine.setup import Setup
from triplane.engine.tally import Tally
from triplane.engine.verify import verify
from triplane.model.settings import CostSettings
from triplane.research.backtest import simulate
from triplane.strategies.compiler import compile_strategy
from triplane.strategies.registry import find, source_of

REAL = Path(__file__).parents[3].parent / "shared" / "data" / "klines" / "spot" / "BTCUSDT-1m.parquet"
FIGURES = ("trades", "net_pnl", "max_drawdown_pct", "sharpe", "fees", "win_rate", "profit_factor", "expectancy_r")


def run_once(
    folder: Path, candles: Any, facts: bool, strategy: str = "ema_cross", timeframe_ms: int = 60_000
) -> dict[str, Any]:
    """What ``up --once`` does; or, with ``facts``, what it does with a page."""
    spec = find(strategy)
    core = compile_strategy(spec, source_of(strategy))
    instrument = Instrument.research("BTCUSDT")
    setup = Setup(strategy, spec.resolve({}), (instrument,), 60_000, timeframe_ms, source="test")
    tally = Tally()
    opened = open_runner(
        folder,
        setup,
        core,
        lambda known: ReplayFeed(
            {"BTCUSDT": candles}, SystemClock(), "max", known, instruments={"BTCUSDT": instrument}
        ),
        options=Options(facts=False, whole=not facts, consumers=[Collector()] if facts else [], observers=[tally]),
    )
    outcome = asyncio.run(opened.runner.run())
    session = opened.runner.session
    assert outcome.finished
    assert verify(session.folder, core).decisions_sha256 == session.decisions.hexdigest()
    return {
        "bars": session.candles,
        "decisions_sha256": session.decisions.hexdigest(),
        **tally.performance(setup.balance),
    }


def same_as_backtest(summary: dict[str, Any], candles: Any, **arguments: Any) -> None:
    result = simulate(candles, symbol="BTCUSDT", costs=CostSettings(), **arguments).summary()

    assert summary["decisions_sha256"] == result["decisions_sha256"]
    assert summary["bars"] == result["bars"]
    for name in FIGURES:
        assert summary[name] == pytest.approx(result[name]), name


@pytest.mark.parametrize("facts", [False, True])
def test_the_live_engine_decides_as_the_backtest_does(tmp_path: Path, facts: bool) -> None:
    candles = generate(9, 1_735_689_600_000, 20_000)
    summary = run_once(tmp_path, candles, facts)

    assert summary["trades"] > 20
    same_as_backtest(summary, candles, strategy="ema_cross", timeframe="1m")


@pytest.mark.skipif(not REAL.exists(), reason="the recorded market is not here")
def test_the_live_engine_decides_as_the_backtest_does_on_a_real_market(tmp_path: Path) -> None:
    candles = open_recorded(REAL).candles
    summary = run_once(tmp_path, candles, False)

    assert summary["bars"] == len(candles)
    same_as_backtest(summary, candles, strategy="ema_cross", timeframe="1m")
