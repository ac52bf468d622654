"""A portfolio decides in a session as in a backtest, and each of its rows as it would alone."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from triplane.data.clock import SystemClock
from triplane.data.generator import generate
from triplane.data.instruments import Instrument
from triplane.data.replay import ReplayFeed
from triplane.engine.opening import Options, open_runner
from triplane.engine.portfolio import FanOut, sleeves_of
from triplane.engine.setup import Setup
from triplane.engine.verify import verify
from triplane.errors import BadInput
from triplane.kernel.codes import Check, RowKind
from triplane.kernel.inputs import COMMAND
from triplane.kernel.rows import OUTBOX, of_kind
from triplane.model.facts import Fill, Position, Signal, Trade
from triplane.model.settings import FEES, CostSettings, SleeveSettings, TradingSettings
from triplane.research.backtest import drive, simulate
from triplane.research.portfolio import backtest_portfolio
from triplane.strategies.compiler import Core, compile_strategies
from triplane.strategies.core import Part
from triplane.strategies.registry import find, source_of

MINUTE = 60_000
START = 1_735_689_600_000
SYMBOLS = ("AUSDT", "BUSDT", "CUSDT")
CANDLES = {symbol: generate(seed=seed, start_ms=START, n=6000) for seed, symbol in enumerate(SYMBOLS, 1)}
RULES = {symbol: Instrument.research(symbol, float(one["open"][0])) for symbol, one in CANDLES.items()}
LOOSE = TradingSettings(max_open_positions=100, max_trades_day=10_000, quality_gate=False)
PORTFOLIO = [
    {"strategy": "ema_cross", "symbols": ["AUSDT", "BUSDT"], "timeframe": "1m", "params": {"fast": 5, "slow": 20}},
    {"strategy": "ema_cross", "symbols": ["AUSDT"], "timeframe": "5m", "name": "slow"},
    {"strategy": "retest_analyzer", "symbols": ["CUSDT", "AUSDT"], "timeframe": "1m"},
]

WAVES = """
from triplane.strategies.base import Close, Enter, Param, PythonStrategy


class Waves(PythonStrategy):
    name = "waves"
    timeframe = "1m"
    params = (Param("every", 50, 2, 500),)

    def on_bar(self, bar, view):
        if view.bar % self.every == 0 and view.side == 0:
            return Enter(side=1, stop_distance=bar.close * 0.01)
        if view.bars_held >= self.every // 2:
            return Close()


STRATEGY = Waves
"""

LEADER = '''
from triplane.kernel.codes import Action
from triplane.kernel.jit import njit, record
from triplane.strategies.base import Strategy, state

STATE = state((), ("late", "i8"), ("own", "i8"))


@njit
def init(s):
    s.late = 0


@njit
def step(s, bar, view, signal, others):
    """Go long where the last bar rose most; count what it was shown too late, and whether it found itself."""
    best = 0
    for j in range(len(others)):
        if others[j].candle.open_time != bar.open_time:
            s.late += 1
        rise = others[j].candle.close / others[j].candle.open
        if rise > others[best].candle.close / others[best].candle.open:
            best = j
    s.own += 1 if others[view.index].candle.close == bar.close else 0
    if best == view.index and view.side == 0:
        signal.action = Action.ENTER
        signal.side = 1
        signal.stop_distance = 0.01 * bar.close
    elif best != view.index and view.side != 0:
        signal.action = Action.CLOSE


STRATEGY = Strategy("leader", "The strongest.", (), STATE, init, step, lambda p: 0, timeframe="1m", others=True)
'''


def written(folder: Path, name: str, text: str) -> str:
    path = folder / f"{name}.py"
    path.write_text(text)
    return str(path)


def setup_of(portfolio: list[dict[str, Any]], **more: Any) -> Setup:
    sleeves = sleeves_of([SleeveSettings(**one) for one in portfolio], SYMBOLS, MINUTE)
    costs = CostSettings().charged(FEES["usdm"])
    return Setup.of(sleeves, tuple(RULES.values()), MINUTE, source="test", costs=costs, **more)


def fixed(portfolio: list[dict[str, Any]]) -> tuple[Setup, Core, Any, Any]:
    """All rows with a fixed size and no account limits: then none knows of the others."""
    setup = setup_of(portfolio, fixed_lots=1_000_000)
    core = compile_strategies([(find(name), source_of(name)) for name in setup.strategies])
    account, states = setup.start(core)

    which = np.repeat(np.arange(3), 6000)
    candles = np.concatenate(list(CANDLES.values()))
    order = np.argsort(candles["open_time"], kind="stable")
    rows, candles = FanOut(setup.rows, 3)(which[order], candles[order])
    out, _, _ = drive(core, account, states, candles, MINUTE, np.zeros(0, COMMAND), which=rows)
    return setup, core, out, account


def told(trades: Any) -> list[tuple[Any, ...]]:
    """What a trade is, without the numbers that count decisions and orders of the whole account."""
    names = ("side", "quantity_lots", "reason", "entry_price", "exit_price", "pnl", "fees", "entry_time", "exit_time",
             "r_multiple", "mae", "mfe", "slippage", "bars_held")  # fmt: skip
    return [tuple(one[name].item() for name in names) for one in trades]


def test_with_a_fixed_size_each_row_trades_as_it_would_alone(tmp_path):
    waves = written(tmp_path, "waves", WAVES)
    for portfolio in (PORTFOLIO, [*PORTFOLIO, {"strategy": waves, "symbols": ["BUSDT", "AUSDT"]}]):
        setup, _, out, account = fixed(portfolio)
        closed = of_kind(out, RowKind.TRADE)
        for k, row in enumerate(setup.rows):
            alone = simulate(
                CANDLES[row.instrument.symbol], strategy=row.sleeve.strategy, symbol=row.instrument.symbol,
                timeframe=f"{row.sleeve.timeframe_ms // MINUTE}m", params=row.sleeve.params, instrument=row.instrument,
                quantity=str(1_000_000 * row.instrument.lot_size),
            )  # fmt: skip
            expected = told(of_kind(alone.rows, RowKind.TRADE))
            assert len(expected) > 3
            assert str(told(closed[closed["symbol"] == k])) == str(expected), row.name
        assert account["balance"][0] == pytest.approx(10_000 + closed["pnl"].sum())


def test_a_portfolio_of_one_sleeve_is_the_plain_backtest():
    both = [
        backtest_portfolio({"AUSDT": CANDLES["AUSDT"]}, [{"strategy": "ema_cross", "timeframe": "1m"}],
                           instruments=RULES).decisions_sha256,
        simulate(CANDLES["AUSDT"], strategy="ema_cross", symbol="AUSDT", timeframe="1m",
                 instrument=RULES["AUSDT"]).decisions_sha256,
    ]  # fmt: skip
    assert both[0] == both[1]


class Collector:
    def __init__(self) -> None:
        self.facts: list[Any] = []

    def take(self, facts: Any) -> None:
        self.facts += facts


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("mixed", [True, False])
def test_a_session_decides_as_a_backtest_and_is_replayed(tmp_path, whole, mixed):
    portfolio = [*PORTFOLIO]
    if mixed:
        portfolio += [{"strategy": written(tmp_path, "waves", WAVES), "symbols": ["BUSDT", "AUSDT"]}]
    collector, setup = Collector(), setup_of(portfolio, trading=LOOSE)
    core = setup.core()
    opened = open_runner(
        tmp_path, setup, core, lambda known: ReplayFeed(CANDLES, SystemClock(), "max", known, instruments=RULES),
        options=Options(facts=False, whole=whole, consumers=[collector]),
    )  # fmt: skip
    asyncio.run(opened.runner.run())
    session = opened.runner.session
    expected = backtest_portfolio(CANDLES, portfolio, instruments=RULES, settings=LOOSE)

    assert session.decisions.hexdigest() == expected.decisions_sha256
    assert verify(session.folder, core).decisions_sha256 == expected.decisions_sha256
    assert session.A["equity"].item(0) == expected.equity_curve[-1]
    trades = [fact for fact in collector.facts if isinstance(fact, Trade)]
    frame = pd.DataFrame(expected.trades)
    assert [(one.symbol, one.sleeve) for one in trades] == list(zip(frame["symbol"], frame["sleeve"], strict=True))
    by_row = frame.groupby(["symbol", "sleeve"]).size()
    assert set(by_row.index) == {(row.instrument.symbol, row.sleeve.name) for row in setup.rows}
    for kind in (Fill, Position, Signal):
        assert {fact.row for fact in collector.facts if isinstance(fact, kind)} == {row.name for row in setup.rows}


def test_sums_of_sleeves_are_the_account():
    result = backtest_portfolio(CANDLES, PORTFOLIO, settings=LOOSE, instruments=RULES)
    metrics = result.metrics
    assert sum(one["net_pnl"] for one in metrics["sleeves"]) == pytest.approx(metrics["net_pnl"])
    assert sum(one["trades"] for one in metrics["sleeves"]) == metrics["trades"] > 100
    assert metrics["final_equity"] == pytest.approx(10_000 + metrics["net_pnl"])
    assert set(metrics["markets"]) == set(SYMBOLS)
    assert len(result.equity) == 6000


def test_a_cut_after_any_candle_goes_on_as_if_nothing_had_been(tmp_path):
    setup = setup_of(PORTFOLIO, trading=LOOSE)
    core = setup.core()
    known: dict[str, int] = {}
    for end in (700, 2500, 6000):
        some = {symbol: one[:end] for symbol, one in CANDLES.items()}

        class Cut(ReplayFeed):
            async def __aiter__(self):
                async for event in super().__aiter__():
                    if getattr(event, "state", None) is None or end == 6000:  # noqa: B023 - used at once
                        yield event

        opened = open_runner(
            tmp_path, setup, core, lambda known: Cut(some, SystemClock(), "max", known, instruments=RULES),  # noqa: B023
            options=Options(facts=False),
        )  # fmt: skip
        asyncio.run(opened.runner.run())
        known[opened.runner.session.id] = end
    assert len(known) == 1
    expected = backtest_portfolio(CANDLES, PORTFOLIO, settings=LOOSE, instruments=RULES)
    assert opened.runner.session.decisions.hexdigest() == expected.decisions_sha256


def test_a_symbol_holds_no_more_than_its_share_over_all_sleeves():
    """Three sleeves that enter the same market together, each with a tenth of the balance, and a share of 15 %."""
    limits = LOOSE.model_copy(update={"max_symbol_share": 0.15, "max_position_share": 0.1})
    sleeves = [{"strategy": "ema_cross", "timeframe": "1m", "symbols": ["AUSDT"], "name": name} for name in "abc"]
    result = backtest_portfolio(CANDLES, sleeves, settings=limits, instruments=RULES)
    refused = of_kind(result.rows, RowKind.REJECT)
    assert set(refused["check"]) == {Check.CONCENTRATION}
    one, *others = (told(of_kind(result.rows, RowKind.TRADE)[of_kind(result.rows, RowKind.TRADE)["symbol"] == k])
                    for k in range(3))  # fmt: skip
    assert len(one) > 30
    assert others == [[], []]  # the first in the list is asked first, the others find no room
    free = backtest_portfolio(CANDLES, sleeves, settings=LOOSE.model_copy(update={"max_symbol_share": 0.35}),
                              instruments=RULES)  # fmt: skip
    assert len(free.metrics["sleeves"]) == 3
    assert min(one["trades"] for one in free.metrics["sleeves"]) > 30


def test_a_strategy_sees_its_other_symbols_as_of_the_same_time(tmp_path):
    path = written(tmp_path, "leader", LEADER)
    part = {"strategy": path, "symbols": list(SYMBOLS)}
    result = backtest_portfolio(CANDLES, [part, PORTFOLIO[2]], settings=LOOSE, instruments=RULES)
    setup = setup_of([part, PORTFOLIO[2]], trading=LOOSE)
    core = setup.core()
    account, states = setup.start(core)
    rows, candles = FanOut(setup.rows, 3)(
        np.tile(np.arange(3), 6000), np.stack(list(CANDLES.values()), axis=1).reshape(-1)
    )
    from triplane.kernel.rows import OUTBOX

    out, curve, at = np.zeros(1, OUTBOX), np.zeros(len(candles)), 0
    while at < len(candles):
        account["n_out"] = 0
        at = core.run(account, states, rows, candles, out, curve, at)
    for k in range(3):
        own, place = core.remembered(states, k)
        assert (own["late"][place], own["own"][place]) == (0, 6000)
    rise = np.stack([one["close"] / one["open"] for one in CANDLES.values()])
    first = of_kind(result.rows, RowKind.SIGNAL)[0]
    leads = {k: int(np.flatnonzero(rise.argmax(axis=0) == k)[0]) for k in range(3)}
    assert int(first["time"]) == START + MINUTE * (min(leads.values()) + 1)
    assert int(first["symbol"]) == min(leads, key=lambda k: leads[k])


def test_a_plain_strategy_sees_its_other_symbols_too(tmp_path):
    text = """
from triplane.strategies.base import Enter, PythonStrategy


class Leader(PythonStrategy):
    name = "leader_py"
    timeframe = "1m"
    others = True

    def on_bar(self, bar, view):
        assert {one.candle.open_time for one in view.others} == {bar.open_time}
        assert view.others[view.index].candle == bar
        best = max(range(len(view.others)), key=lambda j: view.others[j].candle.close / view.others[j].candle.open)
        if best == view.index and view.side == 0 and not view.pending:
            return Enter(side=1, stop_distance=0.01 * bar.close)


STRATEGY = Leader
"""
    part = {"strategy": written(tmp_path, "leader_py", text), "symbols": list(SYMBOLS)}
    some = {symbol: one[:800] for symbol, one in CANDLES.items()}
    assert backtest_portfolio(some, [part], settings=LOOSE, instruments=RULES).metrics["trades"] > 2


def test_one_that_raises_ends_a_backtest_with_its_line(tmp_path):
    path = written(tmp_path, "late", WAVES.replace("view.bar % self", "1 // (900 - view.bar) > 2 or view.bar % self")
                   .replace('"waves"', '"late"'))  # fmt: skip
    with pytest.raises(Exception, match=r"Strategy late failed on bar 900: ZeroDivisionError.*late\.py"):
        backtest_portfolio(CANDLES, [*PORTFOLIO, {"strategy": path}], settings=LOOSE, instruments=RULES)


@pytest.mark.parametrize(
    ("candles", "portfolio", "sentence"),
    [
        ({}, PORTFOLIO, "must not be empty"),
        (CANDLES, [], "must not be empty"),
        ({"AUSDT": CANDLES["AUSDT"]}, PORTFOLIO, "symbols name BUSDT; there are candles of AUSDT"),
        (CANDLES | {"CUSDT": CANDLES["CUSDT"][::5]}, PORTFOLIO, "candles of CUSDT are 5m; all must be 1m"),
        (CANDLES, [{"strategy": "ema_cross", "lots": 3}], "lots"),
    ],
)
def test_what_cannot_be_run_is_refused(candles, portfolio, sentence):
    with pytest.raises(BadInput, match=sentence):
        backtest_portfolio(candles, portfolio)


def test_a_part_knows_its_rows():
    core = compile_strategies([(find("ema_cross"), source_of("ema_cross"))])
    parts = [Part([RULES["AUSDT"]], [0], find("ema_cross").resolve({"fast": fast}), MINUTE) for fast in (3, 4)]
    _, states = core.assemble(parts, costs=CostSettings().to_record(), limits=LOOSE.to_record(0), base_ms=MINUTE,
                              balance=1.0)  # fmt: skip
    assert states["strategy"]["p"]["fast"].tolist() == [3, 4]
    assert states["core"]["market"].tolist() == [0, 0]
    assert states["core"][["first", "count"]].tolist() == [(0, 1), (1, 1)]


@pytest.mark.parametrize("mixed", [True, False])
def test_a_market_that_no_sleeve_trades_is_no_harm(tmp_path, mixed):
    """Candles of CUSDT alone are moments in which there is nobody to ask."""
    portfolio = [PORTFOLIO[0], {"strategy": written(tmp_path, "waves", WAVES), "symbols": ["AUSDT"]}]
    setup = setup_of(portfolio if mixed else PORTFOLIO[:2], trading=LOOSE)
    candles = {
        **CANDLES,
        "AUSDT": np.delete(CANDLES["AUSDT"], [50, 51]),
        "BUSDT": np.delete(CANDLES["BUSDT"], [50, 51]),
    }
    core = setup.core()
    for whole in (False, True):
        opened = open_runner(
            tmp_path / str(whole), setup, core,
            lambda known: ReplayFeed({s: one[:400] for s, one in candles.items()}, SystemClock(), "max", known,
                                     instruments=RULES),
            options=Options(facts=False, whole=whole, consumers=[Collector()]),
        )  # fmt: skip
        outcome = asyncio.run(opened.runner.run())
        assert (outcome.finished, outcome.candles) == (True, 1200)
        assert (
            verify(opened.runner.session.folder, core).decisions_sha256 == opened.runner.session.decisions.hexdigest()
        )


MEDDLER = LEADER.replace('"leader"', '"meddler"').replace(
    "    best = 0\n",
    "    best = 0\n    for j in range(len(others)):\n        s.own += 1 if others[j].balance == 777.0 else 0\n"
    "        others[j].balance = 777.0\n        others[j].candle.close = 12345.0\n",
)


def test_what_a_strategy_writes_into_its_others_nobody_else_sees(tmp_path):
    setup = setup_of([{"strategy": written(tmp_path, "meddler", MEDDLER), "symbols": list(SYMBOLS)}], trading=LOOSE)
    core = setup.core()
    account, states = setup.start(core)
    out, curve = np.zeros(1, OUTBOX), np.zeros(3)
    for i in range(100):
        account["n_out"] = 0
        candles = np.array([one[i] for one in CANDLES.values()])
        core.run(account, states, np.arange(3), candles, out, curve, 0)
        shown = states["core"]["shown"]
        assert shown["candle"]["close"].tolist() == candles["close"].tolist()
        assert 777.0 not in shown["balance"]
    assert states["strategy"]["own"].tolist() == [0, 0, 0]
