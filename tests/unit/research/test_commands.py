"""Commands in a backtest come at their time: before any candle that closes after it, and not before."""

from typing import Any

import numpy as np
import pytest

from triplane.data.calendars import NewsEvent, blackouts, gate_events
from triplane.data.generator import generate
from triplane.errors import BadInput
from triplane.kernel.codes import Check, CommandKind, Reason, RowKind
from triplane.kernel.inputs import COMMAND, command
from triplane.kernel.rows import of_kind
from triplane.research.backtest import Backtest, simulate

MINUTE = 60_000


@pytest.fixture(scope="module")
def market() -> Any:
    return generate(seed=8, start_ms=1_735_689_600_000, n=5000)


def run(market: Any, commands: Any = None, **more: Any) -> Backtest:
    return simulate(market, strategy="ema_cross", symbol="X", timeframe="1m", quantity=1, commands=commands, **more)


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
