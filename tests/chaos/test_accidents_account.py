"""More accidents, of account and streams: restarts, expired keys, closes that nobody asked for, bans, clocks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scene import PRICE, Scene, leg_of, of_leg
from world import START, SYMBOL, Plan

from triplane.exchange.faults import parse
from triplane.execution import messages as m
from triplane.kernel.records import CMD_FILL, REASONS, WHY_EXTERNAL
from triplane.venues.base import Cause, Fill, OrderReport
from triplane.venues.binance import codec
from triplane.venues.budget import Budget
from triplane.venues.errors import Refused, VenueError

Stage = Callable[..., Scene]
LIVE = {"kind": 0, "stop": 50.0, "target": 5000.0}


# --------------------------------------------------------------------------------------------- 5: restart and reconnect
BUSY: dict[str, Any] = {"again": 3, "leave": 6, "rungs": 2, "target": 60.0, "trail": 45.0}


def busy(scene: Scene) -> Scene:
    """Two trades: a target, the stop moved to break-even and trailing, a stop hit; then an exit by signal."""
    scene.when(75_000, lambda: scene.jump(PRICE + 70))
    scene.when(130_000, lambda: scene.jump(PRICE + 110))
    scene.when(190_000, lambda: scene.jump(PRICE))
    return scene


def writes_of_busy(folder: Path) -> int:
    scene = busy(Scene(folder, 8, **BUSY))
    scene.go(480_000)
    writes = scene.writes
    assert scene.settle() == []
    assert len(scene.account.fills) >= 5
    scene.close()
    return writes


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_at_any_write_of_the_journal_changes_nothing(tmp_path: Path, moment: str) -> None:
    for n in range(writes_of_busy(tmp_path / "whole")):
        seed = 2 * n + (moment == "before")  # odd: before the write
        scene = busy(Scene(tmp_path / str(n), 8, plan=Plan(seed, 8, kills=[n], slow=1e-12), **BUSY))
        scene.go(480_000)
        assert scene.settle() == [], f"killed {moment} write {n}"
        assert scene.life == 3, f"not killed {moment} write {n}"
        known = scene.changes()
        scene.restart()
        assert scene.settle() == [], f"restarted again after write {n}"
        assert scene.changes() == known
        scene.close()


def test_what_cannot_be_asked_for_any_more_becomes_one_adjustment(stage: Stage) -> None:
    """While the session is down somebody trades by hand, and the venue forgets the execution."""
    scene = stage(minutes=6, **LIVE)
    scene.go(80_000)
    scene.kills.insert(0, 0)
    scene.die()
    scene.by_hand("SELL", "0.050")
    scene.account.fills.pop()
    scene.go(180_000)
    assert scene.alive
    scene.go(240_000)

    adjustments = [f for f in scene.fills() if f["trade"] == 0]
    assert [(f["lots"], f["side"]) for f in adjustments] == [(50, -1)]
    assert scene.held == scene.session.S[0]["core"]["position"]["lots"] == 34
    assert "position_adjusted" in scene.codes
    assert len(scene.resting()) == 2
    known = scene.changes()
    scene.restart()
    scene.go(300_000)
    assert scene.changes() == known
    assert scene.executor.reconciler.ready(0)
    assert scene.bare() == []


def test_a_failed_query_is_not_flat(stage: Stage) -> None:
    scene = stage(minutes=6, **LIVE)
    scene.go(80_000)
    scene.x.add_faults(parse([{"when": "GET /fapi/v3/positionRisk", "what": "503", "times": 100}]))
    before = scene.changes()
    scene.restart()
    scene.go(140_000)

    assert not scene.executor.reconciler.ready(0)
    assert scene.changes() == before
    assert scene.held == 84
    assert len(scene.resting()) == 2
    scene.x.faults.clear()
    assert scene.settle() == []


@pytest.mark.parametrize("query", ["positionRisk", "openAlgoOrders", "openOrders", "balance"])
def test_nobody_enters_before_the_books_are_known_to_be_right(stage: Stage, query: str) -> None:
    scene = stage(minutes=6, again=3, **LIVE)
    scene.x.add_faults(parse([{"when": f"GET /fapi/v*/{query}", "what": "500", "times": 0}]))
    scene.when(200_000, scene.x.faults.clear)
    scene.go(199_000)
    assert scene.orders("entry") == []
    assert scene.state == "SCANNING"
    scene.go(300_000)
    assert len(scene.orders("entry")) == 1
    assert scene.settle() == []


def test_nobody_enters_while_the_stream_is_down(stage: Stage) -> None:
    scene = stage(minutes=6, again=3, **LIVE)
    scene.go(50_000)
    stream, scene._open_stream = scene._open_stream, lambda: None
    scene.dropped(scene.socket)
    scene.when(200_500, stream)
    scene.go(199_000)
    assert scene.orders("entry") == []
    scene.go(300_000)
    assert len(scene.orders("entry")) == 1
    assert scene.settle() == []


# ---------------------------------------------------------------------------------------- 6: listen key, 7: mute stream
@pytest.mark.parametrize("leg", ["entry", "exit", "stop"])
@pytest.mark.parametrize("event", ["NEW", "TRADE"])
def test_a_listen_key_that_ends_during_a_fill_costs_nothing(stage: Stage, event: str, leg: str) -> None:
    scene = stage(minutes=5, leave=2 if leg == "exit" else -1)
    when = {"event": "ORDER_TRADE_UPDATE", "x": event, "c": f"*.{leg[0] if leg != 'exit' else 'x'}.*"}
    scene.x.add_faults(parse([{"when": when, "what": "expire_listen_key"}]))
    if leg == "stop":
        scene.when(100_000, lambda: scene.jump(PRICE - 100))
    scene.go(300_000)

    assert not scene.x.faults.waiting
    assert scene.held == (84 if leg == "entry" else 0)
    assert scene.settle() == []
    assert len(scene.fills()) == len(scene.account.fills)


@pytest.mark.parametrize("leg", ["entry", "exit", "stop"])
def test_a_stream_that_says_nothing_is_not_waited_for(stage: Stage, leg: str) -> None:
    """It looks alive all the time: no watchdog helps."""
    scene = stage(minutes=5, leave=2 if leg == "exit" else -1)
    scene.on_message = lambda _: -1
    if leg == "stop":
        scene.when(100_000, lambda: scene.jump(PRICE - 100))
    scene.go(60_000 + 1_000)
    assert scene.executor.book.held[0] == 84
    assert scene.executor.book.resting_stop(0)
    if leg == "exit":
        scene.go(180_000 + 1_000)
    elif leg == "stop":  # nobody knows when it triggers: the next snapshot tells
        scene.go(100_000 + 11_500)
    assert scene.executor.book.held[0] == (84 if leg == "entry" else 0)
    scene.on_message = lambda _: None
    assert scene.settle() == []
    assert scene.longest_naked < 1_000


# ------------------------------------------------------------------------------------- 12: closes that nobody asked for
FORCED = [
    ("autoclose-1735689", Cause.LIQUIDATION),
    ("adl_autoclose", Cause.ADL),
    ("settlement_autoclose-1", Cause.SETTLEMENT),
]


@pytest.mark.parametrize(("name", "cause"), FORCED)
def test_a_forced_close_ends_the_position_and_its_orders(stage: Stage, name: str, cause: Cause) -> None:
    scene = stage(minutes=4, **LIVE)
    scene.go(80_000)
    scene.by_hand("SELL", "0.084", name)
    scene.go(85_000)

    assert scene.session.S[0]["core"]["position"]["lots"] == 0
    assert scene.resting() == []
    assert f"venue_{cause}" in scene.codes
    last = scene.fills()[-1]
    assert REASONS[last["code"]] == ("liquidation" if cause is Cause.LIQUIDATION else "external")
    assert scene.settle() == []


def test_a_liquidation_by_the_venue_ends_the_position_and_its_orders(stage: Stage) -> None:
    scene = stage(minutes=4, **LIVE)
    scene.go(80_000)
    (position,) = scene.account.positions.values()
    scene.x.matching._liquidate(scene.account, [position])
    scene.go(85_000)

    assert scene.held == scene.session.S[0]["core"]["position"]["lots"] == 0
    assert scene.resting() == []
    assert "venue_liquidation" in scene.codes
    assert scene.settle() == []


@pytest.mark.parametrize("quantity", ["0.084", "0.030"])
def test_a_close_by_hand_is_booked(stage: Stage, quantity: str) -> None:
    scene = stage(minutes=4, **LIVE)
    scene.go(80_000)
    scene.by_hand("SELL", quantity)
    scene.go(92_000)

    left = 84 - round(float(quantity) * 1000)
    assert scene.held == scene.session.S[0]["core"]["position"]["lots"] == left
    assert len(scene.resting()) == (2 if left else 0)
    assert "foreign_fill" in scene.codes
    assert scene.state != "HALTED"
    assert scene.settle() == []


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_an_opening_by_hand_is_protected_and_halts(stage: Stage, side: str) -> None:
    scene = stage(minutes=4, enter=-1, **LIVE)
    scene.go(80_000)
    scene.by_hand(side, "0.040")
    scene.go(85_000)

    assert scene.session.S[0]["core"]["position"]["lots"] == scene.held == (40 if side == "BUY" else -40)
    assert scene.state == "HALTED"
    assert scene.session.A[0]["halt_code"] == WHY_EXTERNAL
    assert [leg_of(scene, name) for name in scene.resting()] == ["stop"]
    assert "foreign_fill" in scene.codes
    assert scene.longest_naked <= 500
    assert scene.settle() == []


def test_a_trade_by_hand_through_zero_closes_and_opens(stage: Stage) -> None:
    scene = stage(minutes=4, **LIVE)
    scene.go(80_000)
    scene.by_hand("SELL", "0.100")
    scene.go(92_000)

    assert scene.held == scene.session.S[0]["core"]["position"]["lots"] == -16
    assert scene.state == "HALTED"
    assert [leg_of(scene, name) for name in scene.resting()] == ["stop"]
    assert scene.bare() == []
    assert scene.settle() == []


@pytest.mark.parametrize("heard", [True, False])
def test_a_stop_that_somebody_cancels_is_placed_again(stage: Stage, heard: bool) -> None:
    scene = stage(minutes=4, **LIVE)
    scene.go(80_000)
    (stop,) = scene.stops(84)
    scene.on_message = lambda _: None if heard else -1
    scene.x.algos.cancel(stop)
    scene.go(81_000 if heard else 92_000)  # if nothing is heard, the next snapshot tells

    assert len(scene.stops(84)) == 1
    assert scene.longest_naked <= (500 if heard else 11_000)
    scene.on_message = lambda _: None
    assert scene.settle() == []


# -------------------------------------------------------------------------------------------------- 13: bans and clocks
class Gate:
    """The budget of an adapter, in front of the exchange."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.budget = scene, Budget()
        self.passed: list[tuple[int, m.Request]] = []
        answered = scene.executor.on_answer

        def on_answer(request: m.Request, answer: Any, now: int) -> None:
            self.budget.told({}, answer if isinstance(answer, VenueError) else None, now, now)
            answered(request, answer, now)

        scene.executor.on_answer = on_answer
        scene.on_request = self

    def __call__(self, request: m.Request) -> Refused | None:
        now = self.scene.clock.now
        try:
            self.budget.spend(1, now, urgent=not isinstance(request, m.TakeSnapshot))
        except Refused as error:
            return error
        self.passed.append((now - START, request))
        return None


@pytest.mark.parametrize("leg", ["entry", "exit", "stop"])
@pytest.mark.parametrize("what", ["429", "418"])
def test_nothing_is_sent_while_banned_and_exits_go_out_after_it(stage: Stage, what: str, leg: str) -> None:
    scene = stage(minutes=5, leave=2 if leg == "exit" else -1)
    gate = Gate(scene)
    where = "POST /fapi/v1/algoOrder" if leg == "stop" else "POST /fapi/v1/order"
    pattern = {"entry": "*.e.*", "exit": "*.x.*", "stop": "*.s.*"}[leg]
    field = "clientAlgoId" if leg == "stop" else "newClientOrderId"
    scene.x.add_faults(parse([{"when": {"request": where, field: pattern}, "what": what, "seconds": 12.0}]))
    scene.go(300_000)

    begin = scene.placed(leg)[0][0]
    assert [r for time, r in gate.passed if begin + 100 < time < begin + 11_900] == []
    asked = [r for time, r in scene.sent if begin + 100 < time - START < begin + 11_900]
    assert len(asked) < 60  # the time is waited for, not asked for again and again
    if leg == "exit":
        again = [time for time, request in gate.passed if of_leg(request, scene, "exit")]
        assert len(again) == 2
        assert begin + 12_000 <= again[1] <= begin + 13_000
    else:
        assert len(scene.orders(leg)) == 0
    assert scene.held == 0
    assert scene.settle() == []


@pytest.mark.parametrize("leg", ["entry", "exit", "stop"])
@pytest.mark.parametrize("skew", [-7_000, -5_000, 5_000])
def test_a_clock_that_jumps_loses_nothing(stage: Stage, skew: int, leg: str) -> None:
    """Requests are stamped wrongly for six seconds, until the time is measured again."""
    scene = stage(minutes=5, leave=2 if leg == "exit" else -1)
    at = {"entry": 59_990, "exit": 179_990, "stop": 60_020}[leg]
    scene.when(at, lambda: setattr(scene, "client_skew", skew))
    scene.when(at + 6_000, scene._resync)
    scene.go(300_000)

    assert scene.bare() == []
    assert all(scene.orders(name) == sorted(set(scene.orders(name))) for name in ("entry", "exit", "stop"))
    if leg == "exit":
        assert scene.held == 0
    assert scene.settle() == []


# ------------------------------------------------------------------------------------- 14: events from acknowledgements
def test_acknowledgements_tell_no_fills_and_trade_lite_is_no_second_one(stage: Stage) -> None:
    scene = stage(minutes=4, leave=2)
    messages: list[dict[str, Any]] = []
    scene.on_message = messages.append
    answers: list[OrderReport] = []
    learn = scene.executor.on_answer

    def on_answer(request: m.Request, answer: Any, now: int) -> None:
        if isinstance(request, m.Place) and isinstance(answer, OrderReport):
            answers.append(answer)
        learn(request, answer, now)

    scene.executor.on_answer = on_answer
    scene.go(240_000)

    lite = [message for message in messages if message["e"] == "TRADE_LITE"]
    assert len(lite) == len(scene.account.fills) == len(scene.fills()) == 2
    assert [event for message in lite for event in codec.events(message)] == []
    assert all(answer.average is None for answer in answers)
    assert scene.settle() == []


def test_every_event_twice_counts_once(stage: Stage) -> None:
    scene = stage(minutes=4, leave=2, rungs=2)
    names = ("ORDER_TRADE_UPDATE", "ALGO_UPDATE", "ACCOUNT_UPDATE")
    scene.x.add_faults(parse([{"when": name, "what": "duplicate", "times": 0} for name in names]))
    scene.go(240_000)

    assert len(scene.fills()) == len(scene.account.fills) == 2
    assert scene.settle() == []


def test_an_execution_without_a_client_id_is_told_by_the_venues_id(stage: Stage) -> None:
    scene = stage(minutes=4, **LIVE)
    scene.go(80_000)
    (stop,) = scene.stops(84)
    executor, now = scene.executor, scene.clock.now
    order = executor.book.orders[stop.request.client_id]
    report = codec.algo_report({"algoId": stop.id, "clientAlgoId": order.client_id, "symbol": SYMBOL, "side": "SELL",
                                "orderType": "STOP_MARKET", "algoStatus": "TRIGGERED", "quantity": "0.084",
                                "actualOrderId": "777", "actualQty": "0"})  # fmt: skip
    executor.on_event(report, now)
    fill = Fill(
        SYMBOL, "9", "777", "", -1, order.new.trigger, order.new.quantity, order.new.quantity, "USDT", False, now
    )
    executor.on_event(fill, now)

    found = executor.take_report(now)
    assert (found.kind, found.fields["number"], found.fields["leg"], found.fields["done"]) == (
        CMD_FILL,
        order.number,
        1,
        1,
    )
