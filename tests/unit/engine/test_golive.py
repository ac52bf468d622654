"""Going live is earned: what counts, what is missing, and what a typed sentence can do about it."""

import numpy as np
import pytest

from triplane.data.generator import demo_instrument, generate
from triplane.engine.golive import CONFIRMATION, GoLiveGate, paper_record, require
from triplane.engine.session import Session
from triplane.engine.settings import TradingSettings
from triplane.engine.setup import Setup
from triplane.errors import BadInput
from triplane.kernel.codes import CommandKind
from triplane.strategies.registry import find

START = 1_735_689_600_000
GATE = GoLiveGate()
GOOD = {"days": 31.0, "sharpe": 2.0, "max_drawdown_pct": 4.0, "win_rate": 0.6}
LIMITS = TradingSettings(max_trades_day=1000, cooldown_bars=0, daily_loss_share=0, max_drawdown=0)


@pytest.fixture(scope="module")
def core(request):
    from triplane.strategies.compiler import compile_strategy
    from triplane.strategies.registry import source_of

    return compile_strategy(find("ema_cross"), source_of("ema_cross"))


def paper(folder, core, *, source="binance", mode="paper", params=None, days=2, history=600, start=START):
    """A paper session of some days, with history before."""
    spec = find("ema_cross")
    setup = Setup("ema_cross", spec.resolve(params or {}), (demo_instrument("BTCUSDT"),), 60_000, 60_000,
                  source=source, mode=mode, hold=True, trading=LIMITS)  # fmt: skip
    session = Session.create(folder, setup, core, start)
    candles = generate(3, start - history * 60_000, history + days * 1440)
    session.feed_batch(np.zeros(history, np.int64), candles[:history])
    session.command(CommandKind.READY)
    session.feed_batch(np.zeros(len(candles) - history, np.int64), candles[history:])
    session.close()


def record(folder, core, params=None, sources=("binance",)):
    return paper_record(folder, "ema_cross", find("ema_cross").resolve(params or {}), sources, core)


def test_a_good_record_passes():
    assert GATE.problems(GOOD) == []
    assert require(GATE, GOOD, None) == []


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("days", 29.9, "29.9 days on paper; 30 are needed"),
        ("sharpe", 1.5, "Sharpe ratio is 1.50; it must be above 1.5"),
        ("sharpe", None, "Sharpe ratio is not known"),
        ("max_drawdown_pct", 10.0, "drawdown is 10.00 %; it must be below 10%"),
        ("win_rate", 0.55, "win rate is 0.55; it must be above 0.55"),
        ("win_rate", None, "win rate is not known"),
    ],
)
def test_each_figure_alone_refuses(field, value, word):
    (problem,) = GATE.problems(GOOD | {field: value})
    assert word in problem
    with pytest.raises(BadInput, match="Going live is refused") as error:
        require(GATE, GOOD | {field: value}, None)
    assert problem in str(error.value)


def test_the_bounds_are_settings():
    assert GoLiveGate(days=0, sharpe=-9, max_drawdown=1, win_rate=0).problems(
        {"days": 0.0, "sharpe": -1.0, "max_drawdown_pct": 99.0, "win_rate": 0.1}
    ) == []  # fmt: skip


def test_only_the_very_sentence_overrides():
    bad = GOOD | {"days": 1.0}
    assert len(require(GATE, bad, CONFIRMATION)) == 1
    with pytest.raises(BadInput, match="type"):
        require(GATE, bad, "yes")


def test_without_a_session_there_is_no_record(tmp_path, core):
    found = record(tmp_path, core)
    assert (found["sessions"], found["days"]) == (0, 0.0)
    assert len(GATE.problems(found)) >= 3


def test_the_record_is_that_of_the_session_after_its_history(tmp_path, core):
    paper(tmp_path, core)
    found = record(tmp_path, core)
    assert found["sessions"] == 1
    assert found["days"] == pytest.approx(2, abs=0.01)
    assert found["trades"] > 20


def test_sessions_follow_one_another(tmp_path, core):
    paper(tmp_path, core)
    alone = record(tmp_path, core)
    paper(tmp_path, core, start=START + 10 * 86_400_000)
    both = record(tmp_path, core)
    assert both["sessions"] == 2
    assert both["days"] == pytest.approx(2 * alone["days"])
    assert both["trades"] == 2 * alone["trades"]


@pytest.mark.parametrize(
    "other", [{"source": "demo"}, {"source": "candles.parquet"}, {"mode": "testnet"}, {"params": {"fast": 7}}]
)
def test_replays_other_modes_and_other_parameters_do_not_count(tmp_path, core, other):
    paper(tmp_path, core, **other)
    assert record(tmp_path, core)["sessions"] == 0


def test_a_damaged_journal_proves_nothing(tmp_path, core):
    paper(tmp_path, core)
    (journal,) = tmp_path.glob("*/journal.tpj")
    content = bytearray(journal.read_bytes())
    content[len(content) // 2] ^= 0xFF
    journal.write_bytes(content)
    assert record(tmp_path, core)["sessions"] == 0
