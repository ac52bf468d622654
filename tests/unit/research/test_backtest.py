"""A backtest: its timeframe, its figures, what cannot be run, and commands that come at their time.

A command comes before any candle that closes after it, and not before.
"""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

import triplane
from triplane.data.calendars import NewsEvent, blackouts, gate_events
from triplane.data.candles import TIMEFRAMES, choose_timeframe
from triplane.data.generator import generate
from triplane.data.instruments import Instrument
from triplane.errors import BadInput, TriplaneError
from triplane.kernel.codes import Check, CommandKind, Reason, RowKind
from triplane.kernel.inputs import COMMAND, command
from triplane.kernel.rows import of_kind
from triplane.model.performance import performance
from triplane.model.settings import PLAIN, CostSettings
from triplane.research.backtest import Backtest, backtest_costs, simulate

MINUTE = 60_000


@pytest.fixture(scope="module")
def market() -> Any:
    return generate(seed=8, start_ms=1_735_689_600_000, n=5000)


def run(market: Any, commands: Any = None, **more: Any) -> Backtest:
    """With fills as they come, since nothing here is about what size costs."""
    costs = CostSettings(**PLAIN)
    return simulate(
        market, strategy="ema_cross", symbol="X", timeframe="1m", quantity=1, commands=commands, costs=costs, **more
    )


def entries(result: Backtest) -> Any:
    rows = of_kind(result.rows, RowKind.SIGNAL)
    return rows[rows["closing"] == 0]


def test_without_commands_nothing_changes(market: Any) -> None:
    assert run(market).decisions_sha256 == run(market, np.zeros(0, COMMAND)).decisions_sha256


def test_a_gate_holds_back_exactly_the_entries_inside(market: Any) -> None:
    free = entries(run(market))
    close = int(free["time"][3])  # a decision at the very beginning of the window comes before the gate closes
    end = int(free["time"][10])  # one at its very end does too: it was decided while the gate was closed
    gated = run(market, gate_events(np.array([[close, end]]), "news_blackout"))

    rejects = of_kind(gated.rows, RowKind.REJECT)
    assert {Check(c).label for c in rejects["check"]} == {"news_blackout"}
    assert (rejects["time"] > close).all()
    assert (rejects["time"] <= end).all()
    assert close in entries(gated)["time"][entries(gated)["status"] == 2]
    inside = free["time"][(free["time"] > close) & (free["time"] <= end)]
    assert set(inside) <= set(rejects["time"])


def test_windows_after_the_data_or_outside_of_decisions_change_nothing(market: Any) -> None:
    late = int(market["open_time"][-1]) + MINUTE
    events = [NewsEvent(late + 10 * MINUTE, late + 10 * MINUTE)]

    assert (
        run(market, gate_events(blackouts(events, 5, 5), "news_blackout")).decisions_sha256
        == run(market).decisions_sha256
    )


def test_a_close_by_hand_comes_between_two_candles(market: Any) -> None:
    at = int(run(market).trade_columns["entry_time"][0]) + MINUTE
    closing = command(CommandKind.CLOSE, at, price=12_345.0)

    trade = of_kind(run(market, closing).rows, RowKind.TRADE)[0]

    assert Reason(trade["reason"]).label == "manual"
    assert trade["exit_price"] == 12_345.0
    assert trade["time"] == at


def test_commands_must_be_in_order(market: Any) -> None:
    events = gate_events(np.array([[1, 2]]), "news_blackout")[::-1]
    with pytest.raises(BadInput, match="commands must be an array of COMMAND records in order of time"):
        run(market, events)


def test_a_regime_for_a_strategy_without_one_is_refused(market: Any) -> None:
    with pytest.raises(BadInput, match="Strategy ema_cross takes no regime model"):
        run(market, regime={})


@pytest.mark.parametrize(
    ("base", "asked", "made_for", "wanted"),
    [("1m", None, "15m", "15m"), ("1h", None, "15m", "1h"), ("15m", None, "20m", "error"), ("1m", "5m", "15m", "5m"),
     ("15m", "15m", "1m", "15m"), ("2h", None, "3m", "2h")],
)  # fmt: skip
def test_the_timeframe_is_the_one_asked_for_else_the_strategys_else_the_datas(
    base: str, asked: str | None, made_for: str, wanted: str
) -> None:
    if wanted == "error":
        with pytest.raises(BadInput, match="'20m' is not supported"):
            choose_timeframe(TIMEFRAMES[base], asked, made_for)
    else:
        assert choose_timeframe(TIMEFRAMES[base], asked, made_for) == TIMEFRAMES[wanted]


@pytest.mark.parametrize(("base", "asked"), [("3m", "1m"), ("4h", "6h")])
def test_a_timeframe_must_be_a_multiple_of_the_candles(base: str, asked: str) -> None:
    with pytest.raises(BadInput, match=f"timeframe is {asked}, but the candles are {base}; it must be {base} or a"):
        choose_timeframe(TIMEFRAMES[base], asked, "15m")


def test_the_trades_are_those_of_the_audit_rows(market: Any) -> None:
    result = run(market)
    rows, columns = of_kind(result.rows, RowKind.TRADE), result.trade_columns
    assert len(rows) > 5
    assert columns["pnl"].tolist() == rows["pnl"].tolist()
    assert columns["exit_reason"].tolist() == [Reason(reason).label for reason in rows["reason"]]
    assert set(columns["side"]) == {"long" if side > 0 else "short" for side in rows["side"]}
    assert (columns["exit_time"] >= columns["entry_time"]).all()
    assert columns["quantity"].tolist() == pytest.approx([1.0] * len(rows))


def test_the_figures_follow_from_trades_and_curve(market: Any) -> None:
    result = run(market)
    figures = performance(result.trade_columns, market["open_time"], result.equity_curve, result.balance)
    assert {name: result.metrics[name] for name in figures} == figures
    assert result.metrics["net_pnl"] == pytest.approx(float(result.trade_columns["pnl"].sum()))
    summary = result.summary()
    assert (summary["strategy"], summary["timeframe"], summary["bars"]) == ("ema_cross", "1m", len(market))
    assert summary["decisions_sha256"] == result.decisions_sha256


def test_what_cannot_be_charged_is_named_as_it_was_given() -> None:
    assert backtest_costs(0.001, 0.0, 2.0).maker_fee == backtest_costs(0.001, 0.0, 2.0).taker_fee == 0.001
    with pytest.raises(BadInput, match=r"backtest: fee is 2; it must be at most 0\.1"):
        backtest_costs(2, 0.0, 1.0)
    with pytest.raises(BadInput, match="backtest: leverage is 0; it must be at least 1"):
        backtest_costs(0.0, 0.0, 0)


def test_a_slippage_that_is_given_is_all_there_is_of_it() -> None:
    default, fixed = backtest_costs(), backtest_costs(slippage=0.0002)
    assert min(default.slippage, default.impact, default.participation) > 0.0
    assert (fixed.slippage, fixed.impact, fixed.participation, fixed.latency_ms) == (0.0002, 0.0, 0.0, 0)
    assert backtest_costs(slippage=0.0, participation=0.2).participation == 0.2


def test_the_fees_are_those_of_the_market_unless_they_are_given(market: Any) -> None:
    spot = Instrument("X", Decimal("0.1"), Decimal("0.001"), market="spot", can_short=False, maintenance_margin=0.0)
    rates = [
        simulate(
            market[:200], strategy="ema_cross", symbol="X", timeframe="1m", costs=costs, instrument=instrument
        ).costs
        for costs, instrument in ((CostSettings(), None), (CostSettings(), spot), (CostSettings(taker_fee=0.0), spot))
    ]
    assert [(c.maker_fee, c.taker_fee) for c in rates] == [(0.0004, 0.0004), (0.001, 0.001), (0.001, 0.0)]


def test_every_cost_is_printed_and_positive_when_it_cost(market: Any) -> None:
    """A tenth of a volume of about 12 base units is less than the 5 that are wanted."""
    times = market["open_time"][::60]
    funding = pd.DataFrame({"funding_time": times, "funding_rate": np.full(len(times), 0.0003)})
    arguments: dict[str, Any] = {"timeframe": "1m", "quantity": 5, "balance": 1e6}
    result = triplane.backtest(market, "ema_cross", funding=funding, **arguments)
    trades = result.trade_columns
    metrics = result.metrics

    traded = (trades["quantity"] * (trades["entry_price"] + trades["exit_price"])).sum()
    assert metrics["fees"] == pytest.approx(0.0004 * traded)
    assert metrics["slippage"] > 0.0001 * (trades["quantity"] * trades["entry_price"]).sum()
    assert metrics["partial_fills"] > 0
    assert metrics["funding"] == pytest.approx(-trades["funding"].sum())
    assert metrics["funding"] != 0.0
    assert result.summary()["costs"]["participation"] == 0.1
    free = triplane.backtest(market, "ema_cross", fee=0.0, slippage=0.0, **arguments)
    assert free.metrics["fees"] == free.metrics["partial_fills"] == 0.0


def test_candles_without_a_volume_say_that_size_cost_nothing(market: Any) -> None:
    silent = market.copy()
    silent["volume"] = 0.0
    result = triplane.backtest(silent, "ema_cross", timeframe="1m", quantity=5, balance=1e6)

    assert set(result.trade_columns["quantity"]) == {5.0}
    assert result.metrics["partial_fills"] is None
    why = "the candles have no volume: participation and impact are off"
    assert result.metrics["reasons"]["partial_fills"] == why


def test_a_balance_must_be_positive(market: Any) -> None:
    with pytest.raises(BadInput, match="balance is 0; it must be more than 0"):
        run(market, balance=0)


RAISES = {
    "python": """
from triplane.strategies.base import PythonStrategy


class Mine(PythonStrategy):
    name = "mine"

    def on_bar(self, bar, view):
        if view.bar >= 70:
            raise ValueError("no such level")


STRATEGY = Mine
""",
    "compiled": """
from triplane.strategies import Strategy, njit, state


@njit
def init(s):
    pass


@njit
def step(s, bar, view, signal):
    if view.bar >= 70:
        raise ValueError("no such level")


STRATEGY = Strategy("mine", "", (), state(()), init, step, lambda p: 0)
""",
}


@pytest.mark.parametrize("form", list(RAISES))
def test_a_strategy_that_raises_has_no_result(tmp_path: Any, form: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(RAISES[form])
    candles = generate(seed=1, start_ms=1_735_689_600_000, n=300)
    with pytest.raises(TriplaneError, match="Strategy mine failed on bar 70: ValueError: no such level"):
        simulate(candles, strategy=str(path), symbol="BTCUSDT", timeframe="1m")
