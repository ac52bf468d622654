"""Funding, from the file that is given to the trade that paid it: a backtest and a session charge the same."""

import asyncio
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import triplane
from triplane.data.calendars import funding_events, fundings
from triplane.data.clock import SystemClock
from triplane.data.feed import FeedState, FeedStatus, FundingRate
from triplane.data.generator import generate
from triplane.data.instruments import Instrument
from triplane.data.replay import ReplayFeed
from triplane.engine.facts import Collector
from triplane.engine.opening import Options, open_runner
from triplane.engine.setup import Setup
from triplane.engine.verify import verify
from triplane.kernel.codes import RowKind
from triplane.kernel.rows import of_kind
from triplane.model.facts import Trade
from triplane.model.settings import CostSettings
from triplane.research.backtest import simulate
from triplane.strategies.compiler import compile_strategy
from triplane.strategies.registry import find, source_of

REAL = Path(__file__).parents[4] / "shared" / "data" / "klines" / "usdm" / "BTCUSDT_2023-12_2025-12"
HOUR = 3_600_000
START = 1_735_689_600_000
HELD = """
from triplane.strategies.base import Enter, PythonStrategy


class Held(PythonStrategy):
    name = "held"
    timeframe = "15m"

    def on_bar(self, bar, view):
        return Enter(1, stop=1.0, targets=[1e6]) if view.bar == 0 else None


STRATEGY = Held
"""


@pytest.fixture
def held(tmp_path):
    path = tmp_path / "held.py"
    path.write_text(HELD)
    return str(path)


@pytest.mark.skipif(not REAL.exists(), reason="the shared market data is not here")
def test_two_years_of_real_funding(held):
    """0.1 BTC, held long from the second bar to the last; worked out in pandas from the two files alone."""
    candles = pd.read_parquet(REAL / "BTCUSDT-15m.parquet")
    rates = pd.read_parquet(REAL / "BTCUSDT-funding.parquet")
    result = triplane.backtest(
        candles, held, quantity=0.1, fee=0.0, slippage=0.0, funding=rates, balance=100_000, funding_limit=1.0
    )

    closes = candles.set_index("open_time")["close"]
    paid = -(0.1 * rates["funding_rate"].to_numpy() * closes.reindex(rates["funding_time"] - 900_000).to_numpy())[1:]
    (row,) = of_kind(result.rows, RowKind.TRADE)
    assert round(float(row["funding"])) == -1424
    assert float(row["funding"]) == pytest.approx(paid.sum(), abs=1e-6)
    assert result.metrics["funding"] == pytest.approx(-paid.sum(), abs=1e-6)
    gross = 0.1 * (float(row["exit_price"]) - float(row["entry_price"]))
    assert result.metrics["net_pnl"] == pytest.approx(gross + paid.sum(), abs=1e-5)


def test_a_backtest_without_funding_says_that_it_is_not_known(held):
    result = triplane.backtest(generate(3, START, 200), held, quantity=0.1)

    assert result.metrics["funding"] is None
    assert result.metrics["reasons"]["funding"] == "the funding of 1 of 1 trades is not known"
    assert [fact.funding for fact in result.facts if isinstance(fact, Trade)] == [None]


@pytest.mark.parametrize("whole", [True, False])
def test_a_session_charges_what_a_backtest_charges(tmp_path, whole):
    candles = generate(seed=3, start_ms=START, n=3000)
    times = START + HOUR * np.arange(-100, 100)  # some perpetuals pay every hour; from long before the first candle on
    rates = np.where(np.arange(200) % 3, 0.0002, -0.0004)
    frame = pd.DataFrame({"funding_time": times, "funding_rate": rates})
    commands = funding_events(fundings(frame, ["BTCUSDT"]), 1.0)
    spec, collector = find("ema_cross"), Collector()
    rules = Instrument.research("BTCUSDT")
    setup = Setup("ema_cross", spec.resolve({}), (rules,), 60_000, 60_000, source="test")
    core = compile_strategy(spec, source_of("ema_cross"))
    opened = open_runner(
        tmp_path, setup, core,
        lambda known: ReplayFeed({"BTCUSDT": candles}, SystemClock(), "max", known, instruments={"BTCUSDT": rules}),
        options=Options(facts=False, whole=whole, consumers=[collector], agenda=commands),
    )  # fmt: skip
    asyncio.run(opened.runner.run())
    trades = [fact for fact in collector.facts if isinstance(fact, Trade)]
    expected = simulate(
        candles, strategy="ema_cross", symbol="BTCUSDT", timeframe="1m", costs=CostSettings(), commands=commands
    )

    charged = expected.trade_columns["funding"]
    assert (charged != 0.0).any()
    assert [float(trade.funding) for trade in trades] == pytest.approx(charged, abs=1e-8)
    session = opened.runner.session
    assert float(session.A[0]["funding"]) == pytest.approx(charged.sum())
    assert verify(session.folder, core).decisions_sha256 == session.decisions.hexdigest() == expected.decisions_sha256


class Told(ReplayFeed):
    """Candles, and after the last of them the funding that a venue has published meanwhile."""

    async def __aiter__(self):
        async for event in super().__aiter__():
            if isinstance(event, FeedStatus) and event.state == FeedState.FINISHED:
                yield FundingRate(0, START + 5 * HOUR, 0.001, 50_000.0)
            yield event


def test_a_session_pays_what_its_feed_tells(tmp_path, held):
    """0.1 BTC at a mark of 50,000 and a tenth of a percent: 5."""
    candles, collector, rules = generate(seed=3, start_ms=START, n=300), Collector(), Instrument.research("BTCUSDT")
    spec = find(held)
    setup = Setup(held, spec.resolve({}), (rules,), 60_000, 60_000, source="test", fixed_lots=10_000_000)
    core = compile_strategy(spec, source_of(held))
    opened = open_runner(
        tmp_path, setup, core,
        lambda known: Told({"BTCUSDT": candles}, SystemClock(), "max", known, instruments={"BTCUSDT": rules}),
        options=Options(facts=False, consumers=[collector]),
    )  # fmt: skip
    asyncio.run(opened.runner.run())

    assert [fact.funding for fact in collector.facts if isinstance(fact, Trade)] == ["-5"]
    assert verify(opened.runner.session.folder, core).ok
