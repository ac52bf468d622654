"""The kernel and the order manager against a venue where anything may be late, lost or doubled, in whatever order."""

from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from small_venue import RULES, WINDOW, Flight, Venue

from triplane.engine.settings import CostSettings, TradingSettings
from triplane.execution import messages as m
from triplane.execution.ids import parse_client_id
from triplane.execution.order_manager import OrderManager
from triplane.kernel.codes import CommandKind, Leg
from triplane.kernel.inputs import COMMAND
from triplane.kernel.records import CANDLE
from triplane.kernel.rows import OUTBOX
from triplane.strategies.base import Bar, PythonStrategy, View
from triplane.strategies.python_core import PythonCore
from triplane.venues.base import Capabilities, StreamState, StreamStatus
from triplane.venues.errors import Refused, Unknown, Why

MINUTE = 60_000
HELD_BACK = (Why.OVERLOAD, Why.RATE, Why.CLOCK)
FOR_GOOD = (Why.PRICE_BAND, Why.TOO_MANY, Why.WOULD_TRIGGER)


class Idle(PythonStrategy):
    """Trades by hand alone."""

    name = "idle"

    def on_bar(self, bar: Bar, view: View) -> None:
        """Nothing."""


CORE = PythonCore([(Idle, Path(__file__))])


class Machine(RuleBasedStateMachine):
    """One session."""

    def __init__(self):
        super().__init__()
        limits = TradingSettings(
            max_trades_day=100_000, cooldown_bars=0, daily_loss_share=0, max_drawdown=0, max_position_share=1,
            max_margin_use=1, max_symbol_share=10, quality_gate=False,
        )  # fmt: skip
        self.A, self.S = CORE.new(
            [RULES], costs=CostSettings(leverage=5).to_record(), limits=limits.to_record(10), params={}, base_ms=MINUTE,
            timeframe_ms=MINUTE, balance=10_000.0, external=True,
        )  # fmt: skip
        self.out = np.zeros(1, OUTBOX)
        self.now = MINUTE
        self.venue = Venue()
        self.manager = OrderManager("s", [RULES], Capabilities(request_window=WINDOW))
        self.flights = []
        self.counted = 0
        self.trades = []
        self.breaches = []
        candle = np.zeros(1, CANDLE)
        candle[0] = (0, 100.0, 100.0, 100.0, 100.0, 1.0)
        self.A["n_out"] = 0
        CORE.on_moment(self.A, self.S, np.zeros(1, np.int64), candle, self.out)
        self._rows()

    # ---------------------------------------------------------------------------------------------------- between them
    def _rows(self):
        rows = self.out[0]["rows"][: self.A["n_out"][0]].copy()
        if len(rows):
            self.manager.on_rows(rows, self.now)

    def command(self, kind, **fields):
        command = np.zeros(1, COMMAND)
        command["time"], command["kind"] = fields.pop("time_ms", self.now), kind
        for name, value in fields.items():
            command[name] = value
        self.A["n_out"] = 0
        CORE.on_command(self.A, self.S, 0, command, self.out)
        self._rows()

    def pump(self):
        while (report := self.manager.take_report(self.now)) is not None:
            if report.kind == CommandKind.FILL:
                self.counted += report.fields["side"] * report.fields["lots"]
                self.trades.append(report.fields.get("trade", 0))
            self.command(report.kind, **report.fields)

    def cycle(self):
        self.venue.now = self.now
        self.pump()
        for request in self.manager.plan(self.now):
            if isinstance(request, m.CancelOrder):
                self.judge(request)
            self.flights.append(Flight(request, self.now))
        self.pump()

    @property
    def held(self):
        """Lots that the session knows of."""
        return int(self.S[0]["core"]["position"]["lots"])

    def judge(self, request):
        """A stop may go when the position is flat, or when another one is known to rest."""
        name = parse_client_id("s", request.client_id)
        if name.leg != Leg.STOP or self.manager.blotter.held[0] == 0:
            return
        order = self.manager.blotter.orders[request.client_id]
        others = [
            o for o in self.manager.blotter.live(0) if o.leg == Leg.STOP and o is not order and o.accepted and o.alive
        ]
        if not others:
            self.breaches.append(f"{request.client_id} was the only stop of {self.manager.blotter.held[0]} lots")

    def hear(self, event):
        self.manager.on_event(event, self.now)
        self.cycle()

    def answer(self, flight, answer):
        self.flights.remove(flight)
        self.manager.on_answer(flight.request, answer, self.now)
        self.cycle()

    # ----------------------------------------------------------------------------------------------------------- rules
    @initialize()
    def connect(self):
        self.hear(StreamState(StreamStatus.UP, "", self.now))
        self.quiet(3_000)

    @rule(span=st.sampled_from([100, 400, 1_500, 6_000, 11_000]))
    def time_passes(self, span):
        self.now += span
        for flight in list(self.flights):
            if self.now - flight.sent_at > 10_000:
                self.answer(flight, Unknown("time-out"))
        self.cycle()

    @precondition(lambda self: not self.held and not any(order.rests for order in self.venue.orders.values()))
    @rule(side=st.sampled_from([1, -1]))
    def enter(self, side):
        self.command(CommandKind.RESUME)
        self.command(CommandKind.SIMULATE, side=side)
        self.cycle()

    @precondition(lambda self: self.held or self.venue.resting())
    @rule(kind=st.sampled_from([CommandKind.CLOSE, CommandKind.CANCEL]))
    def ask(self, kind):
        self.command(kind)
        self.cycle()

    @precondition(lambda self: self.held)
    @rule(away=st.integers(1, 40))
    def move_the_stop(self, away):
        side = 1 if self.S[0]["core"]["position"]["lots"] > 0 else -1
        self.command(CommandKind.AMEND, price=100.0 - side * away / 10)
        self.cycle()

    @precondition(lambda self: self.flights)
    @rule(data=st.data(), half=st.booleans())
    def arrives(self, data, half):
        """A request reaches the venue; its answer is on the way."""
        flight = data.draw(st.sampled_from(self.flights[:4]))
        self._arrive(flight, half)

    def _arrive(self, flight, half=False):
        if not flight.arrived and self.now - flight.sent_at <= WINDOW:
            flight.arrived, flight.answer = True, self.venue.carry(flight.request, half)

    @precondition(lambda self: self.flights)
    @rule(data=st.data(), lost=st.booleans())
    def is_answered(self, data, lost):
        flight = data.draw(st.sampled_from(self.flights[:4]))
        self.answer(flight, flight.answer if flight.arrived and not lost else Unknown("lost"))

    @precondition(lambda self: any(isinstance(f.request, m.PlaceOrder) and not f.arrived for f in self.flights))
    @rule(data=st.data(), why=st.sampled_from(HELD_BACK + FOR_GOOD))
    def is_refused(self, data, why):
        flight = data.draw(
            st.sampled_from([f for f in self.flights if isinstance(f.request, m.PlaceOrder) and not f.arrived])
        )
        self.answer(flight, Refused("no", why=why))

    @precondition(lambda self: self.flights)
    @rule(half=st.booleans())
    def all_goes_well_for_a_while(self, half):
        self.quiet(1_000, half)

    @precondition(lambda self: self.venue.events)
    @rule(data=st.data(), twice=st.booleans())
    def is_heard(self, data, twice):
        event = data.draw(st.sampled_from(self.venue.events[:4]))
        if not twice:
            self.venue.events.remove(event)
        self.hear(event)

    @precondition(lambda self: self.venue.events)
    @rule()
    def is_lost(self):
        self.venue.events.pop(0)

    @precondition(lambda self: self.venue.resting())
    @rule(data=st.data(), lots=st.sampled_from([1, 4, 10]))
    def the_market_reaches_an_order(self, data, lots):
        self.venue.now = self.now
        self.venue.fill(data.draw(st.sampled_from(self.venue.resting())), lots)

    # ------------------------------------------------------------------------------------------------------ invariants
    @invariant()
    def one_order_for_each_client_id(self):
        assert [name for name, times in self.venue.created.items() if times > 1] == []

    @invariant()
    def what_is_held_is_the_sum_of_the_counted_executions(self):
        self.pump()
        assert self.manager.blotter.held[0] == self.counted == self.S[0]["core"]["position"]["lots"]
        known = [trade for trade in self.trades if trade]
        assert len(known) == len(set(known))

    @invariant()
    def the_only_stop_is_never_cancelled(self):
        assert self.breaches == []

    # -------------------------------------------------------------------------------------------------------- the end
    def quiet(self, span, half=False):
        """Everything arrives and is answered, and every event is delivered."""
        for _ in range(span // 100):
            for flight in list(self.flights):
                self._arrive(flight, half)
                self.answer(flight, flight.answer if flight.arrived else Unknown("too late"))
            while self.venue.events:
                self.hear(self.venue.events.pop(0))
            self.now += 100
            self.cycle()

    def teardown(self):
        self.venue.events.clear()  # what was not delivered is lost for ever
        self.hear(StreamState(StreamStatus.UP, "again", self.now))
        for order in self.venue.resting():
            if order.child or order.new.type == "market":
                self.venue.fill(order, 1_000)
        self.quiet(40_000)
        self.what_is_held_is_the_sum_of_the_counted_executions()
        assert self.venue.position == self.counted
        assert {trade for trade in self.trades if trade} == {int(t.trade_id) for t in self.venue.trades}
        assert 0 not in self.trades  # nothing had to be adjusted: every execution could be asked for
        resting = self.venue.resting()
        if self.venue.position == 0:
            assert [o.new.client_id for o in resting if o.new.reduce_only] == []
        else:
            stops = [o for o in resting if parse_client_id("s", o.new.client_id).leg == Leg.STOP]
            leaving = [o for o in self.manager.blotter.live(0) if o.leg == Leg.EXIT]
            assert leaving or [o.lots for o in stops] == [abs(self.venue.position)]
        known = list(self.trades)
        self.hear(StreamState(StreamStatus.UP, "once more", self.now))
        self.quiet(20_000)
        assert self.trades == known  # a further reconciliation adds nothing


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=120, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
