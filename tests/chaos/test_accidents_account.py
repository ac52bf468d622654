"""More accidents, of account and streams: restarts, expired keys, closes that nobody asked for, bans, clocks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from network import SYMBOL
from random_schedule import Schedule
from scenario import PRICE, Scenario, leg_of, of_leg
from simulation import START

from triplane.exchange.faults import parse
from triplane.execution import messages as m
from triplane.kernel.codes import CommandKind, Reason
from triplane.venues.base import Cause, Execution, OrderReport
from triplane.venues.binance import codec
from triplane.venues.budget import Budget
from triplane.venues.errors import Refused, VenueError

MakeScenario = Callable[..., Scenario]
LIVE = {"kind": 0, "stop": 50.0, "target": 5000.0}


# --------------------------------------------------------------------------------------------- 5: restart and reconnect
BUSY: dict[str, Any] = {"again": 3, "leave": 6, "rungs": 2, "target": 60.0, "trail": 45.0}


def busy(scenario: Scenario) -> Scenario:
    """Two trades: a target, the stop moved to break-even and trailing, a stop hit; then an exit by signal."""
    scenario.when(75_000, lambda: scenario.jump(PRICE + 70))
    scenario.when(130_000, lambda: scenario.jump(PRICE + 110))
    scenario.when(190_000, lambda: scenario.jump(PRICE))
    return scenario


def writes_of_busy(folder: Path) -> int:
    scenario = busy(Scenario(folder, 8, **BUSY))
    scenario.go(480_000)
    writes = scenario.writes
    assert scenario.settle() == []
    assert len(scenario.account.fills) >= 5
    scenario.close()
    return writes


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_at_any_write_of_the_journal_changes_nothing(tmp_path: Path, moment: str) -> None:
    for n in range(writes_of_busy(tmp_path / "whole")):
        seed = 2 * n + (moment == "before")  # odd: before the write
        scenario = busy(Scenario(tmp_path / str(n), 8, plan=Schedule(seed, 8, kills=[n], slow=1e-12), **BUSY))
        scenario.go(480_000)
        assert scenario.settle() == [], f"killed {moment} write {n}"
        assert scenario.life == 3, f"not killed {moment} write {n}"
        known = scenario.changes()
        scenario.restart()
        assert scenario.settle() == [], f"restarted again after write {n}"
        assert scenario.changes() == known
        scenario.close()


def test_what_cannot_be_asked_for_any_more_becomes_one_adjustment(scenario_of: MakeScenario) -> None:
    """While the session is down somebody trades by hand, and the venue forgets the execution."""
    scenario = scenario_of(minutes=6, **LIVE)
    scenario.go(80_000)
    scenario.kills.insert(0, 0)
    scenario.kill()
    scenario.by_hand("SELL", "0.050")
    scenario.account.fills.pop()
    scenario.go(180_000)
    assert scenario.alive
    scenario.go(240_000)

    adjustments = [f for f in scenario.fills() if f["trade"] == 0]
    assert [(f["lots"], f["side"]) for f in adjustments] == [(50, -1)]
    assert scenario.held == scenario.session.S[0]["core"]["position"]["lots"] == 34
    assert "position_adjusted" in scenario.codes
    assert len(scenario.resting()) == 2
    known = scenario.changes()
    scenario.restart()
    scenario.go(300_000)
    assert scenario.changes() == known
    assert scenario.manager.reconciler.ready(0)
    assert scenario.bare() == []


def test_a_failed_query_is_not_flat(scenario_of: MakeScenario) -> None:
    scenario = scenario_of(minutes=6, **LIVE)
    scenario.go(80_000)
    scenario.x.add_faults(parse([{"when": "GET /fapi/v3/positionRisk", "what": "503", "times": 100}]))
    before = scenario.changes()
    scenario.restart()
    scenario.go(140_000)

    assert not scenario.manager.reconciler.ready(0)
    assert scenario.changes() == before
    assert scenario.held == 84
    assert len(scenario.resting()) == 2
    scenario.x.faults.waiting.clear()
    assert scenario.settle() == []


@pytest.mark.parametrize("query", ["positionRisk", "openAlgoOrders", "openOrders", "balance"])
def test_nobody_enters_before_the_books_are_known_to_be_right(scenario_of: MakeScenario, query: str) -> None:
    scenario = scenario_of(minutes=6, again=3, **LIVE)
    scenario.x.add_faults(parse([{"when": f"GET /fapi/v*/{query}", "what": "500", "times": 0}]))
    scenario.when(200_000, scenario.x.faults.waiting.clear)
    scenario.go(199_000)
    assert scenario.orders("entry") == []
    assert scenario.state == "SCANNING"
    scenario.go(300_000)
    assert len(scenario.orders("entry")) == 1
    assert scenario.settle() == []


def test_nobody_enters_while_the_stream_is_down(scenario_of: MakeScenario) -> None:
    scenario = scenario_of(minutes=6, again=3, **LIVE)
    scenario.go(50_000)
    stream, scenario._open_stream = scenario._open_stream, lambda: None
    scenario.dropped(scenario.socket)
    scenario.when(200_500, stream)
    scenario.go(199_000)
    assert scenario.orders("entry") == []
    scenario.go(300_000)
    assert len(scenario.orders("entry")) == 1
    assert scenario.settle() == []


# ---------------------------------------------------------------------------------------- 6: listen key, 7: mute stream
@pytest.mark.parametrize("leg", ["entry", "exit", "stop"])
@pytest.mark.parametrize("event", ["NEW", "TRADE"])
def test_a_listen_key_that_ends_during_a_fill_costs_nothing(scenario_of: MakeScenario, event: str, leg: str) -> None:
    scenario = scenario_of(minutes=5, leave=2 if leg == "exit" else -1)
    when = {"event": "ORDER_TRADE_UPDATE", "x": event, "c": f"*.{leg[0] if leg != 'exit' else 'x'}.*"}
    scenario.x.add_faults(parse([{"when": when, "what": "expire_listen_key"}]))
    if leg == "stop":
        scenario.when(100_000, lambda: scenario.jump(PRICE - 100))
    scenario.go(300_000)

    assert not scenario.x.faults.waiting
    assert scenario.held == (84 if leg == "entry" else 0)
    assert scenario.settle() == []
    assert len(scenario.fills()) == len(scenario.account.fills)


@pytest.mark.parametrize("leg", ["entry", "exit", "stop"])
def test_a_stream_that_says_nothing_is_not_waited_for(scenario_of: MakeScenario, leg: str) -> None:
    """It looks alive all the time: no watchdog helps."""
    scenario = scenario_of(minutes=5, leave=2 if leg == "exit" else -1)
    scenario.on_message = lambda _: -1
    if leg == "stop":
        scenario.when(100_000, lambda: scenario.jump(PRICE - 100))
    scenario.go(60_000 + 1_000)
    assert scenario.manager.blotter.held[0] == 84
    assert scenario.manager.blotter.resting_stop(0)
    if leg == "exit":
        scenario.go(180_000 + 1_000)
    elif leg == "stop":  # nobody knows when it triggers: the next snapshot tells
        scenario.go(100_000 + 11_500)
    assert scenario.manager.blotter.held[0] == (84 if leg == "entry" else 0)
    scenario.on_message = lambda _: None
    assert scenario.settle() == []
    assert scenario.longest_naked < 1_000


# ------------------------------------------------------------------------------------- 12: closes that nobody asked for
FORCED = [
    ("autoclose-1735689", Cause.LIQUIDATION),
    ("adl_autoclose", Cause.ADL),
    ("settlement_autoclose-1", Cause.SETTLEMENT),
]


@pytest.mark.parametrize(("name", "cause"), FORCED)
def test_a_forced_close_ends_the_position_and_its_orders(scenario_of: MakeScenario, name: str, cause: Cause) -> None:
    scenario = scenario_of(minutes=4, **LIVE)
    scenario.go(80_000)
    scenario.by_hand("SELL", "0.084", name)
    scenario.go(85_000)

    assert scenario.session.S[0]["core"]["position"]["lots"] == 0
    assert scenario.resting() == []
    assert f"venue_{cause}" in scenario.codes
    last = scenario.fills()[-1]
    assert Reason.labels[last["code"]] == ("liquidation" if cause is Cause.LIQUIDATION else "external")
    assert scenario.settle() == []


def test_a_liquidation_by_the_venue_ends_the_position_and_its_orders(scenario_of: MakeScenario) -> None:
    scenario = scenario_of(minutes=4, **LIVE)
    scenario.go(80_000)
    (position,) = scenario.account.positions.values()
    scenario.x.matching._liquidate(scenario.account, [position])
    scenario.go(85_000)

    assert scenario.held == scenario.session.S[0]["core"]["position"]["lots"] == 0
    assert scenario.resting() == []
    assert "venue_liquidation" in scenario.codes
    assert scenario.settle() == []


@pytest.mark.parametrize("quantity", ["0.084", "0.030"])
def test_a_close_by_hand_is_booked(scenario_of: MakeScenario, quantity: str) -> None:
    scenario = scenario_of(minutes=4, **LIVE)
    scenario.go(80_000)
    scenario.by_hand("SELL", quantity)
    scenario.go(92_000)

    left = 84 - round(float(quantity) * 1000)
    assert scenario.held == scenario.session.S[0]["core"]["position"]["lots"] == left
    assert len(scenario.resting()) == (2 if left else 0)
    assert "foreign_fill" in scenario.codes
    assert scenario.state != "HALTED"
    assert scenario.settle() == []


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_an_opening_by_hand_is_protected_and_halts(scenario_of: MakeScenario, side: str) -> None:
    scenario = scenario_of(minutes=4, enter=-1, **LIVE)
    scenario.go(80_000)
    scenario.by_hand(side, "0.040")
    scenario.go(85_000)

    assert scenario.session.S[0]["core"]["position"]["lots"] == scenario.held == (40 if side == "BUY" else -40)
    assert scenario.state == "HALTED"
    assert scenario.session.A[0]["halt_code"] == Reason.EXTERNAL
    assert [leg_of(scenario, name) for name in scenario.resting()] == ["stop"]
    assert "foreign_fill" in scenario.codes
    assert scenario.longest_naked <= 500
    assert scenario.settle() == []


def test_a_trade_by_hand_through_zero_closes_and_opens(scenario_of: MakeScenario) -> None:
    scenario = scenario_of(minutes=4, **LIVE)
    scenario.go(80_000)
    scenario.by_hand("SELL", "0.100")
    scenario.go(92_000)

    assert scenario.held == scenario.session.S[0]["core"]["position"]["lots"] == -16
    assert scenario.state == "HALTED"
    assert [leg_of(scenario, name) for name in scenario.resting()] == ["stop"]
    assert scenario.bare() == []
    assert scenario.settle() == []


@pytest.mark.parametrize("heard", [True, False])
def test_a_stop_that_somebody_cancels_is_placed_again(scenario_of: MakeScenario, heard: bool) -> None:
    scenario = scenario_of(minutes=4, **LIVE)
    scenario.go(80_000)
    (stop,) = scenario.stops(84)
    scenario.on_message = lambda _: None if heard else -1
    scenario.x.algos.cancel(stop)
    scenario.go(81_000 if heard else 92_000)  # if nothing is heard, the next snapshot tells

    assert len(scenario.stops(84)) == 1
    assert scenario.longest_naked <= (500 if heard else 11_000)
    scenario.on_message = lambda _: None
    assert scenario.settle() == []


# -------------------------------------------------------------------------------------------------- 13: bans and clocks
class Gate:
    """The budget of an adapter, in front of the exchange."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, self.budget = scenario, Budget()
        self.passed: list[tuple[int, m.VenueRequest]] = []
        answered = scenario.manager.on_answer

        def on_answer(request: m.VenueRequest, answer: Any, now: int) -> None:
            self.budget.on_answer({}, answer if isinstance(answer, VenueError) else None, now, now)
            answered(request, answer, now)

        scenario.manager.on_answer = on_answer
        scenario.on_request = self

    def __call__(self, request: m.VenueRequest) -> Refused | None:
        now = self.scenario.clock.now
        try:
            self.budget.spend(1, now, urgent=not isinstance(request, m.TakeSnapshot))
        except Refused as error:
            return error
        self.passed.append((now - START, request))
        return None


@pytest.mark.parametrize("leg", ["entry", "exit", "stop"])
@pytest.mark.parametrize("what", ["429", "418"])
def test_nothing_is_sent_while_banned_and_exits_go_out_after_it(scenario_of: MakeScenario, what: str, leg: str) -> None:
    scenario = scenario_of(minutes=5, leave=2 if leg == "exit" else -1)
    gate = Gate(scenario)
    where = "POST /fapi/v1/algoOrder" if leg == "stop" else "POST /fapi/v1/order"
    pattern = {"entry": "*.e.*", "exit": "*.x.*", "stop": "*.s.*"}[leg]
    field = "clientAlgoId" if leg == "stop" else "newClientOrderId"
    scenario.x.add_faults(parse([{"when": {"request": where, field: pattern}, "what": what, "seconds": 12.0}]))
    scenario.go(300_000)

    begin = scenario.placed(leg)[0][0]
    assert [r for time, r in gate.passed if begin + 100 < time < begin + 11_900] == []
    asked = [r for time, r in scenario.sent if begin + 100 < time - START < begin + 11_900]
    assert len(asked) < 60  # the time is waited for, not asked for again and again
    if leg == "exit":
        again = [time for time, request in gate.passed if of_leg(request, scenario, "exit")]
        assert len(again) == 2
        assert begin + 12_000 <= again[1] <= begin + 13_000
    else:
        assert len(scenario.orders(leg)) == 0
    assert scenario.held == 0
    assert scenario.settle() == []


@pytest.mark.parametrize("leg", ["entry", "exit", "stop"])
@pytest.mark.parametrize("skew", [-7_000, -5_000, 5_000])
def test_a_clock_that_jumps_loses_nothing(scenario_of: MakeScenario, skew: int, leg: str) -> None:
    """Requests are stamped wrongly for six seconds, until the time is measured again."""
    scenario = scenario_of(minutes=5, leave=2 if leg == "exit" else -1)
    at = {"entry": 59_990, "exit": 179_990, "stop": 60_020}[leg]
    scenario.when(at, lambda: setattr(scenario, "client_skew", skew))
    scenario.when(at + 6_000, scenario._resync)
    scenario.go(300_000)

    assert scenario.bare() == []
    assert all(scenario.orders(name) == sorted(set(scenario.orders(name))) for name in ("entry", "exit", "stop"))
    if leg == "exit":
        assert scenario.held == 0
    assert scenario.settle() == []


# ------------------------------------------------------------------------------------- 14: events from acknowledgements
def test_acknowledgements_tell_no_fills_and_trade_lite_is_no_second_one(scenario_of: MakeScenario) -> None:
    scenario = scenario_of(minutes=4, leave=2)
    messages: list[dict[str, Any]] = []
    scenario.on_message = messages.append
    answers: list[OrderReport] = []
    learn = scenario.manager.on_answer

    def on_answer(request: m.VenueRequest, answer: Any, now: int) -> None:
        if isinstance(request, m.PlaceOrder) and isinstance(answer, OrderReport):
            answers.append(answer)
        learn(request, answer, now)

    scenario.manager.on_answer = on_answer
    scenario.go(240_000)

    lite = [message for message in messages if message["e"] == "TRADE_LITE"]
    assert len(lite) == len(scenario.account.fills) == len(scenario.fills()) == 2
    assert [event for message in lite for event in codec.events(message)] == []
    assert all(answer.average is None for answer in answers)
    assert scenario.settle() == []


def test_every_event_twice_counts_once(scenario_of: MakeScenario) -> None:
    scenario = scenario_of(minutes=4, leave=2, rungs=2)
    names = ("ORDER_TRADE_UPDATE", "ALGO_UPDATE", "ACCOUNT_UPDATE")
    scenario.x.add_faults(parse([{"when": name, "what": "duplicate", "times": 0} for name in names]))
    scenario.go(240_000)

    assert len(scenario.fills()) == len(scenario.account.fills) == 2
    assert scenario.settle() == []


def test_an_execution_without_a_client_id_is_told_by_the_venues_id(scenario_of: MakeScenario) -> None:
    scenario = scenario_of(minutes=4, **LIVE)
    scenario.go(80_000)
    (stop,) = scenario.stops(84)
    executor, now = scenario.manager, scenario.clock.now
    order = executor.blotter.orders[stop.request.client_id]
    report = codec.algo_report({"algoId": stop.id, "clientAlgoId": order.client_id, "symbol": SYMBOL, "side": "SELL",
                                "orderType": "STOP_MARKET", "algoStatus": "TRIGGERED", "quantity": "0.084",
                                "actualOrderId": "777", "actualQty": "0"})  # fmt: skip
    executor.on_event(report, now)
    fill = Execution(
        SYMBOL, "9", "777", "", -1, order.new.trigger, order.new.quantity, order.new.quantity, "USDT", False, now
    )
    executor.on_event(fill, now)

    found = executor.take_report(now)
    assert (found.kind, found.fields["number"], found.fields["leg"], found.fields["done"]) == (
        CommandKind.FILL,
        order.number,
        1,
        1,
    )
