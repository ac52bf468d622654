"""What happens to an account at one time happens once, whatever the number and the order of its symbols."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triplane.data.instruments import Instrument
from triplane.engine.settings import CostSettings, TradingSettings
from triplane.kernel.codes import Check, CommandKind, Reason, RowKind, SignalStatus, State
from triplane.kernel.inputs import command
from triplane.kernel.records import CANDLE
from triplane.kernel.rows import OUTBOX, of_kind
from triplane.model.settings import PLAIN
from triplane.strategies.base import Bar, Enter, PythonStrategy, View
from triplane.strategies.python_core import PythonCore

MINUTE = 60_000


class Market:
    """A core of several symbols; each is told what to ask for by ``says[symbol][bar]``."""

    def __init__(self, says: list[dict[int, Enter]], **settings: Any) -> None:
        turn = iter(says)

        class Scripted(PythonStrategy):
            name = "scripted"

            def __init__(self) -> None:
                self.says = next(turn)

            def on_bar(self, bar: Bar, view: View) -> Enter | None:
                return self.says.get(view.bar)

        self.core = PythonCore([(Scripted, Path(__file__))])
        instruments = [Instrument.research(f"S{k}") for k in range(len(says))]
        chosen = {"cooldown_bars": 0, "quality_gate": False, "max_symbol_share": 1.0, **settings}
        self.A, self.S = self.core.new(
            instruments,
            costs=CostSettings(maker_fee=0.0, taker_fee=0.0, **PLAIN).to_record(),
            limits=TradingSettings(**chosen).to_record(0),
            params={},
            base_ms=MINUTE,
            timeframe_ms=MINUTE,
            balance=10_000.0,
        )
        self.out = np.zeros(1, OUTBOX)
        self.rows = np.zeros(0, self.out[0]["rows"].dtype)

    def take(self, minute: int, closes: dict[int, float], opens: dict[int, float] | None = None) -> None:
        """Candles of one minute; from the open to the close, by symbol, in the order given."""
        candles = np.zeros(len(closes), CANDLE)
        candles["open_time"] = minute * MINUTE
        candles["close"] = list(closes.values())
        candles["open"] = [(opens or closes)[k] for k in closes]
        candles["high"], candles["low"] = (
            np.maximum(candles["open"], candles["close"]),
            np.minimum(candles["open"], candles["close"]),
        )
        candles["volume"] = 1.0
        self.A["n_out"] = 0
        self.core.on_moment(self.A, self.S, np.array(list(closes)), candles, self.out)
        self.rows = np.concatenate([self.rows, self.out[0]["rows"][: self.A[0]["n_out"]]])

    def tell(self, k: int, kind: CommandKind, minute: float, **fields: Any) -> None:
        """A command to symbol ``k``."""
        self.A["n_out"] = 0
        self.core.on_command(self.A, self.S, k, command(kind, int(minute * MINUTE), **fields), self.out)
        self.rows = np.concatenate([self.rows, self.out[0]["rows"][: self.A[0]["n_out"]]])

    def of(self, kind: RowKind) -> Any:
        return of_kind(self.rows, kind)


def long(stop: float, confidence: float = 0.5, **fields: Any) -> Enter:
    return Enter(side=1, stop=stop, confidence=confidence, **fields)


@pytest.mark.parametrize(("limit", "value", "check"), [
    ("max_open_positions", 3, Check.MAX_OPEN_POSITIONS),
    ("max_trades_day", 3, Check.MAX_TRADES_DAY),
    ("max_margin_use", 0.15, Check.MARGIN_UTILISATION),
])  # fmt: skip
def test_symbols_that_signal_on_one_bar_share_one_limit(limit, value, check):
    off = {"max_open_positions": 100, "max_trades_day": 100, "max_margin_use": 1.0, "max_position_share": 0.05}
    market = Market([{1: long(99.0)} for _ in range(20)], **{**off, limit: value})
    for minute in range(4):
        market.take(minute, dict.fromkeys(range(20), 100.0))
    assert market.A[0]["open_positions"] == 3
    assert market.A[0]["used_margin"] == pytest.approx(1_500.0)
    assert market.A[0]["pending_entries"] == 0
    assert market.A[0]["reserved_margin"] == pytest.approx(0.0)
    refused = market.of(RowKind.REJECT)
    assert refused["check"].tolist() == [check] * 17


def test_the_most_confident_entry_is_served_first_and_equals_by_their_place():
    says = [{1: long(99.0, confidence)} for confidence in (0.4, 0.9, 0.9, 0.6)]
    market = Market(says, max_open_positions=2, max_position_share=0.1)
    for minute in range(3):
        market.take(minute, dict.fromkeys(range(4), 100.0))
    signals = market.of(RowKind.SIGNAL)
    assert signals["symbol"].tolist() == [1, 2, 3, 0]
    assert signals["status"].tolist() == [SignalStatus.EXECUTED] * 2 + [SignalStatus.REJECTED] * 2


def test_a_reservation_ends_with_its_order():
    entry = long(80.0, entry_type="limit", entry=90.0, ttl_bars=1)
    market = Market([{1: entry}, {4: long(99.0)}], max_open_positions=1, max_position_share=0.1)
    for minute in range(3):
        market.take(minute, {0: 100.0, 1: 100.0})
    assert (market.A[0]["pending_entries"], market.A[0]["reserved_margin"]) == (0, 0.0)
    for minute in range(3, 7):
        market.take(minute, {0: 100.0, 1: 100.0})
    assert market.S["core"]["position"]["lots"].tolist()[0] == 0
    assert market.S["core"]["position"]["lots"].tolist()[1] > 0


def held(sides: tuple[int, int], **settings: Any) -> Market:
    """One position of about 3,000 in each of two symbols at 100, as the sides say."""
    says = [{1: Enter(side=side, stop=100.0 - side * 50.0, target_distances=[90.0])} for side in sides]
    market = Market(
        says,
        **{
            "max_position_share": 0.3,
            "max_open_positions": 2,
            "risk_per_trade": 0.5,
            "max_margin_use": 1.0,
            **settings,
        },
    )
    for minute in range(3):
        market.take(minute, {0: 100.0, 1: 100.0})
    assert [np.sign(lots) for lots in market.S["core"]["position"]["lots"]] == list(sides)
    return market


def test_a_long_and_an_equal_short_that_fall_together_lose_nothing():
    market = held((1, -1), daily_loss_share=0.02)
    market.take(3, {0: 90.0, 1: 90.0})
    assert not market.A[0]["halted"]
    assert market.A[0]["equity"] == pytest.approx(10_000.0)
    market.take(4, {0: 110.0, 1: 110.0})
    assert market.A[0]["peak_equity"] == pytest.approx(10_000.0)
    assert market.A[0]["max_drawdown"] == pytest.approx(0.0)


@pytest.mark.parametrize("entry", [long(99.0), long(80.0, entry_type="limit", entry=90.0)])
@pytest.mark.parametrize("missing", [False, True])
def test_after_a_halt_no_entry_of_any_symbol_fills(entry, missing):
    says = [{1: Enter(side=1, stop=50.0, target_distances=[90.0])}] * 2 + [{2 if missing else 3: entry}]
    market = Market(says, max_position_share=0.3, max_open_positions=5, risk_per_trade=0.5, daily_loss_share=0.02,
                    max_margin_use=1.0)  # fmt: skip
    for minute in range(3):
        market.take(minute, {0: 100.0, 1: 100.0, 2: 100.0})
    fall = {0: 90.0, 1: 90.0} if missing else {0: 90.0, 1: 90.0, 2: 100.0}
    market.take(3, fall)
    assert market.A[0]["halt_code"] == Reason.DAILY_LOSS
    assert market.S["core"]["state"].tolist() == [State.HALTED] * 3
    assert (market.A[0]["pending_entries"], market.A[0]["reserved_margin"]) == (0, 0.0)
    for minute in range(4, 7):
        market.take(minute, {0: 90.0, 1: 90.0, 2: 85.0})
    assert set(market.of(RowKind.FILL)["symbol"].tolist()) == {0, 1}


@pytest.mark.parametrize("entry", [long(99.0), long(80.0, entry_type="limit", entry=90.0)])
@pytest.mark.parametrize("hurry", [False, True])
def test_a_halt_of_one_symbol_keeps_the_pending_entries_of_all_from_filling(entry, hurry):
    market = Market([{1: entry}, {}], max_position_share=0.1)
    for minute in range(2):
        market.take(minute, {0: 100.0, 1: 100.0})
    assert market.A[0]["pending_entries"] == 1
    market.tell(1, CommandKind.HALT, 2, reason=Reason.MANUAL)
    if hurry:
        market.tell(0, CommandKind.MARKET, 2, price=100.0)
    assert len(market.of(RowKind.PLACE)) == 1
    market.take(2, {0: 100.0, 1: 100.0})
    assert len(market.of(RowKind.FILL)) == 0
    assert market.S["core"]["state"].tolist() == [State.HALTED] * 2
    assert (market.A[0]["pending_entries"], market.A[0]["reserved_margin"]) == (0, 0.0)


def test_an_entry_at_midnight_by_hand_counts_for_the_day_that_begins():
    market = Market([{0: long(80.0, entry_type="limit", entry=90.0)}, {1: long(99.0)}], max_trades_day=1)
    midnight = 1440
    market.take(midnight - 1, {0: 100.0, 1: 100.0})
    market.tell(0, CommandKind.MARKET, midnight, price=100.0)
    assert market.A[0]["open_positions"] == 1
    market.take(midnight, {0: 100.0, 1: 100.0})
    assert market.A[0]["trades_today"] == 1
    assert market.of(RowKind.REJECT)["check"].tolist() == [Check.MAX_TRADES_DAY]


def test_the_order_in_which_candles_are_given_changes_nothing_once_they_are_sorted():
    def run(order: list[int]) -> Any:
        market = Market([{1: long(99.0, 0.1 * k)} for k in range(4)], max_open_positions=2, max_position_share=0.1)
        for minute in range(5):
            market.take(minute, dict.fromkeys(order, 100.0 + minute))
        return market.of(RowKind.FILL)[["symbol", "price_ticks", "quantity_lots"]].tolist(), market.A[0]["equity"]

    fills, equity = run([0, 1, 2, 3])
    other, same = run([3, 1, 0, 2])
    assert sorted(fills) == sorted(other)
    assert equity == pytest.approx(same)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_resume_after_a_daily_loss_keeps_the_peak_however_many_rows_are_resumed(rows):
    run = Market([{}] * rows, daily_loss_share=0.03)
    run.take(0, dict.fromkeys(range(rows), 100.0))
    run.A["balance"] = run.A["equity"] = 9_600.0
    run.take(1, dict.fromkeys(range(rows), 100.0))
    assert (run.A["halted"][0], run.A["halt_code"][0]) == (1, Reason.DAILY_LOSS)
    for k in range(rows):
        run.tell(k, CommandKind.RESUME, 2)
    account = run.A[0]
    assert (account["halted"], account["peak_equity"], account["day_equity"]) == (0, 10_000.0, 9_600.0)


def test_a_resume_that_nobody_needs_changes_nothing():
    run = Market([{}], daily_loss_share=0.03)
    run.take(0, {0: 100.0})
    run.A["balance"] = run.A["equity"] = 9_900.0
    run.tell(0, CommandKind.RESUME, 1)
    assert (run.A[0]["peak_equity"], run.A[0]["day_equity"]) == (10_000.0, 10_000.0)
