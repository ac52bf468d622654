"""The live half of the kernel: a venue executes, and what it reports, in any order and late, becomes the books."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triplane.data.instruments import Instrument
from triplane.engine.settings import CostSettings, TradingSettings
from triplane.kernel.codes import CommandKind, Leg, OrderEnd, OrderType, Reason, RowKind, State
from triplane.kernel.inputs import command
from triplane.kernel.records import CANDLE
from triplane.kernel.rows import OUTBOX, named
from triplane.model.settings import PLAIN
from triplane.strategies.base import Answer, Bar, Close, Enter, PythonStrategy, Reduce, View
from triplane.strategies.python_core import PythonCore

MINUTE = 60_000
COIN = Instrument.from_dict({**Instrument.research("BTCUSDT").to_dict(), "tick_size": "0.1", "lot_size": "0.001"})
FLAT = (100.0, 100.0, 100.0, 100.0)
LONG = Enter(1, stop=95.0, targets=[110.0])
LADDER = Enter(1, stop=95.0, targets=[105.0, 110.0, 115.0], fractions=[0.5, 0.3, 0.2])
BREAKOUT = Enter(1, entry=102.0, entry_type="stop_market", stop=95.0, targets=[110.0])
LIMIT = Enter(1, entry=98.0, entry_type="limit", stop=95.0, targets=[110.0], ttl_bars=2)


class Live:
    """A core with a venue instead of the simulated broker."""

    def __init__(self, script, *, external=True, fee=0.0, share=0.0, **more):
        class Scripted(PythonStrategy):
            name = "scripted"

            def on_bar(self, bar: Bar, view: View) -> Answer | None:
                return script.get(view.bar)

        self.core = PythonCore([(Scripted, Path(__file__))])
        costs = CostSettings(**{**PLAIN, "maker_fee": fee, "taker_fee": fee, "participation": share})
        self.A, self.S = self.core.new(
            [COIN], costs=costs.to_record(), limits=TradingSettings(**more).to_record(1000), params={}, base_ms=MINUTE,
            timeframe_ms=MINUTE, balance=10_000.0, external=external,
        )  # fmt: skip
        self.out = np.zeros(1, OUTBOX)
        self.bars = 0
        self.trades = 0
        self.rows = []

    def _taken(self):
        new = named(self.out["rows"][0][: self.A["n_out"][0]])
        self.rows += new
        return new

    def candle(self, prices=FLAT):
        """A closed candle; returns the rows."""
        candle = np.zeros(1, CANDLE)
        candle[0] = (self.bars * MINUTE, *prices, 1.0)
        self.bars += 1
        self.A["n_out"] = 0
        self.core.on_moment(self.A, self.S, np.zeros(1, np.int64), candle, self.out)
        return self._taken()

    def tell(self, kind, **fields):
        """A command or report; returns the rows."""
        self.A["n_out"] = 0
        self.core.on_command(self.A, self.S, 0, command(kind, self.bars * MINUTE + 1, **fields), self.out)
        return self._taken()

    def fill(self, leg, lots, price=100.0, *, side=None, number=None, done=None, fee=0.0, code=Reason.EXTERNAL):
        """An execution of the order of a leg (or, number 0, of nobody's)."""
        number = self.order(leg) if number is None else number
        done = self.wanted(leg) == lots if done is None else done
        side = side or (1 if leg == Leg.ENTRY else -1)
        self.trades += 1
        return self.tell(
            CommandKind.FILL, order=number, leg=leg, ticks=round(price * 10), lots=lots, fee=fee, done=int(done),
            trade=self.trades, side=side, reason=code,
        )  # fmt: skip

    def end(self, leg, end, *, number=None, passed=0):
        number = self.order(leg) if number is None else number
        return self.tell(CommandKind.ORDER_END, leg=leg, order=number, end=end, passed=passed)

    def obey(self):
        """A venue that cancels at once what it is asked to."""
        if self.leg(Leg.ENTRY)["cancelling"]:
            self.end(Leg.ENTRY, OrderEnd.CANCELLED)

    def entered(self, lots=1000):
        self.candle()
        self.fill(Leg.ENTRY, lots)
        return self

    # ------------------------------------------------------------------------------------------------------- what is
    def leg(self, leg):
        return self.S[0]["core"]["legs"][leg]

    def order(self, leg):
        return int(self.leg(leg)["order"])

    def wanted(self, leg):
        return int(self.leg(leg)["quantity_lots"])

    @property
    def lots(self):
        return int(self.S[0]["core"]["position"]["lots"])

    @property
    def state(self):
        return State.labels[int(self.S[0]["core"]["state"])]

    @property
    def balance(self):
        return float(self.A[0]["balance"])

    def working(self):
        return [Leg.labels[leg] for leg in range(6) if self.order(leg)]


def said(rows, kind):
    """(leg, …) of rows of a kind: places with type and lots, amendments with lots, cancellations."""
    rows = [r for r in rows if r.kind == RowKind.of(kind)]
    if kind == "place":
        return [(Leg.labels[r.leg], OrderType.labels[r.type], r.quantity_lots) for r in rows]
    if kind == "amend":
        return [(Leg.labels[r.leg], r.quantity_lots) for r in rows]
    if kind == "trade":
        return [(r.pnl, Reason.labels[r.reason]) for r in rows]
    if kind == "state":
        return [State.labels[r.to_state] for r in rows]
    return [Leg.labels[r.leg] for r in rows]


# --------------------------------------------------------------------------------------------------------------- fills
def test_nothing_fills_before_the_venue_says_so():
    live = Live({0: LONG})
    assert said(live.candle(), "place") == [("entry", "market", 1000)]
    live.candle()
    assert (live.lots, live.state) == (0, "ENTRY_PENDING")
    rows = live.fill(Leg.ENTRY, 1000)
    assert said(rows, "place") == [("stop", "stop_market", 1000), ("tp1", "take_profit_market", 1000)]
    assert (live.lots, live.state) == (1000, "IN_POSITION")


def test_the_stop_grows_with_a_partial_entry_and_targets_wait_for_its_end():
    live = Live({0: LADDER})
    live.candle()
    assert said(live.fill(Leg.ENTRY, 300), "place") == [("stop", "stop_market", 300)]
    rows = live.fill(Leg.ENTRY, 200)
    assert said(rows, "amend") == [("stop", 500)]
    assert said(rows, "place") == []
    rows = live.end(Leg.ENTRY, OrderEnd.CANCELLED)
    assert [lots for _, _, lots in said(rows, "place")] == [250, 150, 100]


def test_a_stop_that_fills_closes_and_takes_everything_else_out():
    live = Live({0: LADDER}, cooldown_bars=0).entered()
    rows = live.fill(Leg.STOP, 1000, 95.0)
    assert said(rows, "cancel") == ["tp1", "tp2", "tp3"]
    assert said(rows, "trade") == [(-5.0, "stop")]
    assert (live.lots, live.working(), live.state) == (0, [], "SCANNING")


def test_a_target_shrinks_the_stop_and_moves_it_to_break_even():
    live = Live({0: LADDER}, break_even=True).entered()
    rows = live.fill(Leg.TP1, 500, 105.0)
    assert said(rows, "amend") == [("stop", 500), ("stop", 500)]
    assert live.leg(Leg.STOP)["trigger_ticks"] == 1000
    assert live.balance == pytest.approx(10_002.5)


def test_an_execution_that_comes_before_the_entry_is_done_is_not_the_last():
    live = Live({0: LONG})
    live.candle()
    live.fill(Leg.ENTRY, 1000, done=False)
    assert live.working() == ["entry", "stop"]
    live.end(Leg.ENTRY, OrderEnd.CANCELLED)
    assert live.working() == ["stop", "tp1"]


# ---------------------------------------------------------------------------------------------------------------- ends
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (OrderEnd.REJECTED, "entry_rejected"),
        (OrderEnd.EXPIRED, "entry_expired"),
        (OrderEnd.CANCELLED, "entry_cancelled"),
    ],
)
def test_an_entry_that_ends_without_a_fill_is_over(code, reason):
    live = Live({0: LONG})
    live.candle()
    rows = live.end(Leg.ENTRY, code)
    (state,) = [r for r in rows if r.kind == RowKind.STATE]
    assert (State.labels[state.to_state], Reason.labels[state.reason]) == ("SCANNING", reason)
    assert live.working() == []


def test_the_end_of_an_order_that_was_let_go_of_changes_nothing():
    live = Live({0: LONG}).entered()
    assert live.end(Leg.STOP, OrderEnd.REJECTED, number=99) == []
    assert live.lots == 1000
    assert live.working() == ["stop", "tp1"]


def test_a_time_to_live_waits_for_the_venue():
    live = Live({0: LIMIT})
    live.candle()
    live.candle()
    rows = live.candle()
    (row,) = [r for r in rows if r.kind == RowKind.CANCEL]
    assert row.unconfirmed == 1
    assert live.working() == ["entry"]
    assert live.candle() == []  # asked for once
    rows = live.end(Leg.ENTRY, OrderEnd.CANCELLED)
    assert live.state == "SCANNING"
    (state,) = [r for r in rows if r.kind == RowKind.STATE]
    assert Reason.labels[state.reason] == "entry_expired"


def test_an_entry_that_fills_while_it_is_cancelled_is_a_position():
    live = Live({0: LIMIT})
    for _ in range(3):
        live.candle()
    rows = live.fill(Leg.ENTRY, 1000, 98.0)
    assert said(rows, "place") == [("stop", "stop_market", 1000), ("tp1", "take_profit_market", 1000)]
    assert live.state == "IN_POSITION"


def test_at_market_the_waiting_entry_goes_first():
    live = Live({0: LIMIT})
    live.candle()
    rows = live.tell(CommandKind.MARKET, price=100.0)
    assert (said(rows, "cancel"), said(rows, "place")) == (["entry"], [])
    rows = live.end(Leg.ENTRY, OrderEnd.CANCELLED)
    assert said(rows, "place") == [("entry", "market", 1000)]
    assert live.state == "ENTRY_PENDING"
    live.fill(Leg.ENTRY, 1000)
    assert live.lots == 1000


def test_a_stop_entry_whose_trigger_was_passed_enters_at_market_as_on_paper():
    live = Live({0: BREAKOUT})
    live.candle()
    rows = live.end(Leg.ENTRY, OrderEnd.REJECTED, passed=1)
    assert said(rows, "place") == [("entry", "market", 1000)]
    assert live.state == "ENTRY_PENDING"
    live.fill(Leg.ENTRY, 1000)
    assert (live.lots, live.state) == (1000, "IN_POSITION")


def test_a_stop_entry_that_was_refused_for_another_reason_is_given_up():
    live = Live({0: BREAKOUT})
    live.candle()
    assert said(live.end(Leg.ENTRY, OrderEnd.REJECTED), "place") == []
    assert live.state == "SCANNING"


@pytest.mark.parametrize("code", [OrderEnd.EXPIRED, OrderEnd.REJECTED])
def test_at_market_does_not_follow_an_entry_that_ended_by_itself(code):
    live = Live({0: LIMIT})
    live.candle()
    live.tell(CommandKind.MARKET, price=100.0)
    assert said(live.end(Leg.ENTRY, code), "place") == []


def test_at_market_does_not_follow_an_entry_that_filled():
    live = Live({0: LIMIT})
    live.candle()
    live.tell(CommandKind.MARKET, price=100.0)
    live.fill(Leg.ENTRY, 400, 98.0)
    assert "entry" not in [leg for leg, _, _ in said(live.end(Leg.ENTRY, OrderEnd.CANCELLED), "place")]
    assert live.lots == 400


def test_a_stop_that_cannot_be_placed_closes_the_position():
    live = Live({0: LONG}).entered()
    rows = live.end(Leg.STOP, OrderEnd.REJECTED)
    assert said(rows, "place") == [("exit", "market", 1000)]
    assert Reason.labels[live.leg(Leg.EXIT)["reason"]] == "no_stop"


@pytest.mark.parametrize("code", [OrderEnd.CANCELLED, OrderEnd.EXPIRED])
def test_a_stop_that_somebody_took_out_is_placed_again(code):
    live = Live({0: LONG}).entered()
    before, trigger = live.order(Leg.STOP), int(live.leg(Leg.STOP)["trigger_ticks"])
    rows = live.end(Leg.STOP, code)
    assert said(rows, "place") == [("stop", "stop_market", 1000)]
    assert live.order(Leg.STOP) > before
    assert live.leg(Leg.STOP)["trigger_ticks"] == trigger


@pytest.mark.parametrize("end", [OrderEnd.REJECTED, OrderEnd.EXPIRED])
def test_a_part_that_could_not_be_closed_is_not_the_whole(end):
    live = Live({0: LONG, 1: Reduce(0.4)})
    live.candle()
    live.fill(Leg.ENTRY, 1000)
    live.candle()
    assert live.wanted(Leg.EXIT) == 400
    live.fill(Leg.EXIT, 100, done=False)
    assert said(live.end(Leg.EXIT, end), "place") == []
    assert live.S[0]["core"]["position"]["lots"] == 900
    assert (live.wanted(Leg.STOP), live.wanted(Leg.TP1)) == (900, 900)
    assert live.order(Leg.EXIT) == 0


def test_an_exit_that_ended_is_asked_for_again_with_what_is_left():
    live = Live({0: LONG, 1: Close()}).entered()
    assert said(live.candle(), "place") == [("exit", "market", 1000)]
    live.fill(Leg.EXIT, 400, done=False)
    assert said(live.end(Leg.EXIT, OrderEnd.EXPIRED), "place") == [("exit", "market", 600)]


@pytest.mark.parametrize("how", ["passed", "to market"])
def test_what_is_left_of_an_entry_is_not_placed_again_when_its_position_is_closed(how):
    """300 of 1000 fill and are stopped out; then the venue says that the rest had been refused, or is cancelled."""
    live = Live({0: Enter(side=1, entry=100.0, entry_type="limit", stop=98.0)})
    live.candle()
    if how == "to market":
        live.tell(CommandKind.MARKET)
    live.fill(Leg.ENTRY, 300, done=False)
    live.fill(Leg.STOP, 300, 98.0, side=-1)
    rows = live.end(
        Leg.ENTRY, OrderEnd.REJECTED if how == "passed" else OrderEnd.CANCELLED, passed=int(how == "passed")
    )
    assert said(rows, "place") == []
    assert live.S["core"]["legs"]["order"].sum() == 0


def test_a_target_whose_price_has_passed_sells_at_market():
    live = Live({0: LADDER}).entered()
    assert said(live.end(Leg.TP1, OrderEnd.REJECTED, passed=1), "place") == [("tp1", "market", 500)]
    assert said(live.end(Leg.TP1 + 1, OrderEnd.REJECTED), "place") == []


def test_an_entry_that_fills_after_the_close_is_left_again():
    """The rest of the entry comes while the position has been closed already."""
    live = Live({0: LONG, 1: Close()}, cooldown_bars=0)
    live.candle()
    live.fill(Leg.ENTRY, 400)
    live.candle()
    assert live.order(Leg.EXIT)
    entry = live.order(Leg.ENTRY)
    live.fill(Leg.EXIT, 400)
    assert live.lots == 0
    rows = live.fill(Leg.ENTRY, 600, number=entry, done=True)
    assert said(rows, "place")[0] == ("stop", "stop_market", 600)
    assert ("exit", "market", 600) in said(rows, "place")
    assert said(live.fill(Leg.EXIT, 600), "trade") != []
    assert (live.lots, live.working()) == (0, [])


def test_a_halt_that_flattens_leaves_and_takes_the_entry_out():
    live = Live({0: LONG})
    live.candle()
    live.fill(Leg.ENTRY, 400)
    rows = live.tell(CommandKind.HALT, reason=Reason.KILL_SWITCH, close=1)
    assert said(rows, "cancel") == ["entry"]
    assert said(rows, "place") == [("exit", "market", 400)]
    live.fill(Leg.ENTRY, 100, done=False)
    live.fill(Leg.EXIT, 400)
    assert said(live.rows, "place")[-1] == ("exit", "market", 100)
    assert live.state == "HALTED"


# ------------------------------------------------------------------------------------------- what nobody here asked for
def test_a_liquidation_closes():
    live = Live({0: LONG}).entered()
    rows = live.fill(Leg.EXIT, 1000, 90.0, number=0, code=Reason.LIQUIDATION)
    assert said(rows, "trade") == [(-10.0, "liquidation")]
    assert live.working() == []


def test_a_part_closed_by_hand_shrinks_stop_and_target():
    live = Live({0: LONG}).entered()
    rows = live.fill(Leg.EXIT, 300, number=0)
    assert said(rows, "amend") == [("stop", 700), ("tp1", 700)]
    assert (live.lots, live.state) == (700, "IN_POSITION")


@pytest.mark.parametrize("side", [1, -1])
def test_what_was_opened_from_outside_is_adopted_with_a_stop_and_halts(side):
    live = Live({})
    live.candle()
    rows = live.fill(Leg.EXIT, 500, number=0, side=side)
    assert said(rows, "place") == [("stop", "stop_market", 500)]
    assert (live.lots, live.state) == (side * 500, "HALTED")
    stop = live.leg(Leg.STOP)["trigger_ticks"] / 10
    assert (100.0 - stop) * side > 0


def test_what_widens_a_position_from_outside_is_covered_too():
    live = Live({0: LONG}).entered()
    rows = live.fill(Leg.EXIT, 500, number=0, side=1)
    assert ("stop", 1500) in said(rows, "amend")
    assert (live.lots, live.state) == (1500, "HALTED")


def test_an_execution_through_zero_is_split():
    live = Live({0: LONG}).entered()
    rows = live.fill(Leg.EXIT, 1500, 101.0, number=0, fee=0.3)
    assert said(rows, "trade") == [(pytest.approx(0.7), "external")]
    fills = [r for r in rows if r.kind == RowKind.FILL]
    assert [(r.quantity_lots, Leg.labels[r.leg], r.fee) for r in fills] == [
        (1000, "exit", 0.3), (500, "entry", 0.0)
    ]  # fmt: skip
    assert live.lots == -500
    assert live.working() == ["stop"]
    assert live.wanted(Leg.STOP) == 500


# --------------------------------------------------------------------------------------------------------------- money
def test_funding_belongs_to_the_position():
    live = Live({0: LONG}).entered()
    live.tell(CommandKind.FUNDING, received=-0.25)
    assert (live.balance, float(live.A[0]["funding"])) == (9_999.75, -0.25)
    assert said(live.fill(Leg.STOP, 1000, 95.0), "trade") == [(-5.25, "stop")]


def test_a_transfer_is_neither_profit_nor_loss():
    live = Live({0: LONG}).entered()
    live.candle((90.0, 90.0, 90.0, 90.0))
    before = live.A.copy()[0]
    live.tell(CommandKind.BALANCE, balance=5_000.0)
    after = live.A[0]
    assert (after["balance"], after["start_balance"]) == (5_000.0, 10_000.0)
    for name in ("equity", "peak_equity", "day_equity"):
        assert after[name] - before[name] == pytest.approx(-5_000.0)
    assert after["halted"] == 0


def test_the_balance_to_start_with_is_the_venues():
    live = Live({})
    live.candle()
    live.tell(CommandKind.BALANCE, balance=321.0, initial=1)
    assert (live.balance, float(live.A[0]["start_balance"])) == (321.0, 321.0)


@st.composite
def journeys(draw):
    """Prices of a few minutes and what is done in them."""
    prices = draw(st.lists(st.integers(900, 1100), min_size=4, max_size=14))
    script = {
        i: draw(st.sampled_from([None, None, Close(), Enter(1, stop_distance=2.0, target_distances=[1.0, 3.0]),
                                 Enter(-1, stop_distance=2.0, target_distances=[1.5])]))
        for i in range(len(prices))
    }  # fmt: skip
    return [p / 10 for p in prices], {i: what for i, what in script.items() if what is not None}


@settings(max_examples=60, deadline=None)
@given(journey=journeys(), fee=st.sampled_from([0.0, 0.0005]), share=st.sampled_from([0.0, 0.3, 0.6]))
def test_the_same_fills_make_the_same_account_as_the_simulated_broker(journey, fee, share):
    """Paper trades; a live core, told the same fills, whole or in parts, ends with the same money and statistics."""
    prices, script = journey
    paper, live = Live(script, external=False, fee=fee, share=share), Live(script, fee=fee)
    for price in prices:
        candle = (price, price + 0.5, price - 0.5, price)
        for row in paper.candle(candle):
            if row.kind == RowKind.FILL:
                live.fill(
                    row.leg, row.quantity_lots, row.price_ticks / 10, side=row.side, number=row.order,
                    done=bool(row.done), fee=row.fee,
                )  # fmt: skip
                live.obey()
        live.candle(candle)
        live.obey()
        assert paper.lots == live.lots
        assert said(live.rows, "place") == said(paper.rows, "place")
        assert said(live.rows, "trade") == said(paper.rows, "trade")
        for name in ("balance", "fees", "trades", "open_positions", "used_margin", "equity"):
            assert live.A[0][name] == pytest.approx(paper.A[0][name]), name


def test_an_entry_that_fills_after_a_part_has_closed_is_booked_at_what_is_held():
    """500 at 100, 200 of them stopped out at 94, and then the rest of the entry, 500 at 106: 300 × 100 + 500 × 106."""
    live = Live({0: LONG})
    live.candle()
    number = live.order(Leg.ENTRY)
    live.fill(Leg.ENTRY, 500, 100.0)
    live.fill(Leg.STOP, 200, 94.0, done=False)
    live.fill(Leg.ENTRY, 500, 106.0, number=number, side=1, done=True)
    position = live.S[0]["core"]["position"]

    assert float(position["entry_price"]) == pytest.approx((0.3 * 100 + 0.5 * 106) / 0.8)
    assert live.balance == pytest.approx(10_000 - 0.2 * 6)
    rows = live.fill(Leg.EXIT, 800, 104.0, number=0)
    (trade,) = [row for row in rows if row.kind == RowKind.TRADE]
    spent, got = 0.5 * 100 + 0.5 * 106, 0.2 * 94 + 0.8 * 104
    assert (trade.entry_price, trade.exit_price, trade.pnl) == pytest.approx((spent, got, got - spent))
    assert live.balance == pytest.approx(10_000 + got - spent)


def test_a_stop_that_fills_in_part_takes_what_is_left_of_the_entry_out():
    live = Live({0: LONG})
    live.candle()
    live.fill(Leg.ENTRY, 500, 100.0)
    rows = live.fill(Leg.STOP, 200, 94.0, done=False)

    assert [(row.leg, row.unconfirmed) for row in rows if row.kind == RowKind.CANCEL] == [(Leg.ENTRY, 1)]


@pytest.mark.parametrize("end", [OrderEnd.REJECTED, OrderEnd.CANCELLED])
def test_an_entry_is_not_placed_again_on_an_account_that_another_symbol_halted(end):
    live = Live({0: BREAKOUT})
    live.candle()
    if end == OrderEnd.CANCELLED:
        live.tell(CommandKind.MARKET)
    live.A["halted"] = 1
    rows = live.end(Leg.ENTRY, end, passed=1)
    assert said(rows, "place") == []
    assert (live.working(), live.state) == ([], "SCANNING")
