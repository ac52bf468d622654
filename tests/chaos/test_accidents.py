"""The accidents that users of other systems had, one by one, made impossible: unknown fates, hidden orders, stop races.

Each runs a whole session against the exchange in a box, on virtual time; ``scene.py`` is the stage.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from scene import PRICE, Scene, duplicates, leg_of, of_leg
from world import START

from triplane.exchange.faults import parse
from triplane.execution import messages as m
from triplane.execution.ids import parse_client_id
from triplane.kernel.records import CMD_CLOSE

Stage = Callable[..., Scene]
ERRORS = ("timeout", "503", "-1006", "-1007", "reset")
WHERE = {
    "entry": {"request": "POST /fapi/v1/order", "newClientOrderId": "*.e.*"},
    "exit": {"request": "POST /fapi/v1/order", "newClientOrderId": "*.x.*"},
    "stop": {"request": "POST /fapi/v1/algoOrder", "clientAlgoId": "*.s.*"},
    "moved": {"request": "POST /fapi/v1/algoOrder", "clientAlgoId": "*.s.*.*"},
    "let go": {"request": "DELETE /fapi/v1/algoOrder", "clientAlgoId": "*.s.*"},
}


def about(message: dict[str, Any]) -> str:
    """Client id that a message of the stream is about."""
    body = message.get("o", {})
    return str(body.get("c") or body.get("caid") or "")


def in_turns(scene: Scene, until: int, look: Callable[[], None]) -> None:
    """Let time pass, and look every 100 ms."""
    for time in range(scene.clock.now - START, until, 100):
        scene.go(time)
        look()
    scene.go(until)


# -------------------------------------------------------------------------------- 1: an order whose fate is not known
@pytest.mark.parametrize("leg", ["entry", "exit", "stop"])
@pytest.mark.parametrize("event", ["before", "after", "never"])
@pytest.mark.parametrize("fate", ["filled", "open", "never arrived"])
@pytest.mark.parametrize("error", ERRORS)
def test_an_intent_is_at_most_one_order(stage: Stage, error: str, fate: str, event: str, leg: str) -> None:
    waits = leg == "entry" and fate == "open"
    scene = stage(kind=1 if waits else 0, away=20.0 if waits else 0.0, leave=2 if leg == "exit" else -1)
    scene.x.add_faults(parse([{"when": WHERE[leg], "what": error, "accepted": fate != "never arrived"}]))
    if leg == "exit" and fate == "open":  # half of it at once, half with the next trade
        scene.x.matching.split = lambda request: [request.lots // 2] if ".x." in request.client_id else []

    def on_message(message: dict[str, Any]) -> int | None:
        if leg_of(scene, about(message)) != leg:
            return None
        if fate == "filled" and message["e"] == "ALGO_UPDATE" and message["o"]["X"] == "NEW":
            scene.at(scene.clock.now + 1, lambda: scene.jump(PRICE - 100))
        return {"before": 0, "after": 4_000, "never": -1}[event]

    scene.on_message = on_message
    scene.go(240_000)
    names = scene.orders(leg)
    filled = [f for f in scene.account.fills if leg_of(scene, f.order.request.client_id) == leg]

    assert scene.settle() == []
    assert duplicates(names) == []
    again = fate == "never arrived" and leg == "exit"  # an entry is let go of, and a position without a stop is closed
    assert len(names) == (1 if again or fate != "never arrived" else 0)
    assert len(scene.placed(leg)) == (2 if again else 1)
    if leg == "stop" and fate == "never arrived":
        assert "no_stop" in scene.codes
        assert scene.held == 0
    lots = sum(f.lots for f in filled)
    assert lots == (84 if leg == "exit" or (leg, fate) in {("entry", "filled"), ("stop", "filled")} else 0)
    assert len(scene.fills()) == len(scene.account.fills)


def test_an_entry_that_arrives_after_it_was_given_up_is_not_doubled(stage: Stage) -> None:
    """The network held the request back for longer than the venue takes requests; the venue took it all the same."""
    scene = stage(minutes=3)

    def on_request(request: m.Request) -> Any:
        if not of_leg(request, scene, "entry"):
            return None
        scene.arrive(request, 15_000)
        return scene.refusal(-1007, 408)

    scene.on_request = on_request
    scene.go(70_000)
    assert scene.state == "SCANNING"
    scene.go(180_000)

    assert scene.settle() == []
    assert len(scene.orders("entry")) == 1
    assert scene.held == 0 or scene.resting()


# ------------------------------------------------------------------------------------ 2: "not found" is not "absent"
@pytest.mark.parametrize("answer", ["answered", "lost"])
def test_a_stop_that_the_venue_hides_is_neither_doubled_nor_given_up(stage: Stage, answer: str) -> None:
    scene = stage(minutes=45)
    hide_stop(scene)
    if answer == "lost":  # then the stream alone has told of it
        scene.x.add_faults(parse([{"when": WHERE["stop"], "what": "timeout"}]))
    scene.go(60_000 + 39 * 60_000)

    assert len(scene.orders("stop")) == 1
    assert len(scene.resting()) == 2  # and the target
    assert scene.executor.book.resting_stop(0) is not None
    assert scene.held == 84
    assert scene.orders("exit") == []
    assert "no_stop" not in scene.codes
    assert scene.settle() == []
    assert scene.held == 84


def hide_stop(scene: Scene, *, silent: bool = False) -> None:
    """Forty minutes long only the stream can tell of the stop; or not even that."""

    def on_message(message: dict[str, Any]) -> int | None:
        if message["e"] != "ALGO_UPDATE" or leg_of(scene, about(message)) != "stop":
            return None
        if message["o"]["X"] == "NEW":
            scene.account.algos[message["o"]["aid"]].hidden_until = scene.clock.now + 40 * 60_000
        return -1 if silent else None

    scene.on_message = on_message


def test_without_any_sign_of_the_stop_the_position_is_closed_and_no_second_one_is_placed(stage: Stage) -> None:
    scene = stage(minutes=45)
    hide_stop(scene, silent=True)
    scene.x.add_faults(parse([{"when": WHERE["stop"], "what": "timeout"}]))
    scene.go(75_000)
    assert scene.held == 0
    assert "no_stop" in scene.codes
    scene.go(60_000 + 41 * 60_000)
    assert scene.resting() == []  # found, and taken out
    assert len(scene.orders("stop")) == 1
    assert scene.settle() == []


def test_a_hidden_stop_is_taken_out_once_it_can_be_found(stage: Stage) -> None:
    scene = stage(minutes=50, leave=3)
    scene.x.add_faults(parse([{"when": WHERE["stop"], "what": "hide", "seconds": 2400.0}]))
    scene.when(100_000, lambda: scene.x.add_faults(parse([{"when": WHERE["let go"], "what": "-2013", "times": 3}])))
    scene.go(45 * 60_000)

    assert scene.held == 0
    assert scene.resting() == []
    assert scene.settle() == []


# ------------------------------------------------------------------------------------------------------ 4: stop races
PASSING = ("timeout", "reset", "503", "-1006", "-1007", "-1000", "-1008", "-1021", "429")
LOST = ("timeout", "reset", "503", "-1006", "-1007", "-1000")
WAYS = [(where, what, accepted) for where in ("moved", "let go") for what in PASSING for accepted in (True, False)
        if what in LOST or not accepted]  # fmt: skip


def trailing(stage: Stage, **more: Any) -> Scene:
    """A long position whose stop follows twice: to 59060 at the second minute, to 59110 at the third."""
    scene = stage(minutes=5, trail=40.0, stop=50.0, target=5000.0, **more)
    scene.when(90_000, lambda: setattr(scene, "longest_naked", 0))
    scene.when(90_001, lambda: scene.jump(PRICE + 100))
    scene.when(150_000, lambda: scene.jump(PRICE + 150))
    return scene


def triggers(scene: Scene) -> list[float]:
    """Trigger prices of the stops that rest."""
    return [float(scene.market.price(a.request.trigger)) for a in scene.account.algos.values()
            if a.open and leg_of(scene, a.request.client_id) == "stop"]  # fmt: skip


@pytest.mark.parametrize(("where", "what", "accepted"), WAYS)
def test_a_stop_moves_without_a_gap_whatever_fails(stage: Stage, where: str, what: str, accepted: bool) -> None:
    scene = trailing(stage)
    fault = {"when": WHERE[where], "what": what, "accepted": accepted, "times": 2, "seconds": 5.0}
    scene.when(95_000, lambda: scene.x.add_faults(parse([fault])))
    scene.go(235_000)

    assert triggers(scene) == [PRICE + 110]
    assert scene.longest_naked == 0
    assert scene.orders("exit") == []
    scene.jump(PRICE)
    scene.go(240_000)
    assert scene.held == 0
    assert scene.resting() == []
    assert scene.settle() == []


@pytest.mark.parametrize("code", [-4045, -4131, -4016, -4024, -1111, -2019])
def test_a_move_that_the_venue_refuses_leaves_the_old_stop(stage: Stage, code: int) -> None:
    scene = trailing(stage)
    refused: list[int] = []

    def on_request(request: m.Request) -> Any:
        if of_leg(request, scene, "stop") and parse_client_id(scene.session.id, request.client_id).revision == 1:
            refused.append(scene.clock.now)
            return scene.refusal(code)
        return None

    scene.on_request = on_request
    scene.go(149_000)
    assert refused
    assert triggers(scene) == [PRICE + 3 - 50]
    assert scene.orders("exit") == []
    scene.go(235_000)
    assert triggers(scene) == [PRICE + 110]  # the next move is one from the stop that stayed
    assert scene.longest_naked == 0
    assert scene.settle() == []


@pytest.mark.parametrize("code", [-4045, -4131, -4016, -4024, -1111])
def test_a_stop_that_cannot_grow_with_the_position_ends_it(stage: Stage, code: int) -> None:
    """Half of the entry is covered; the venue refuses the stop over all of it."""
    scene = stage(minutes=4)
    scene.x.matching.split = lambda request: [request.lots // 2] if ".e." in request.client_id else []

    def on_request(request: m.Request) -> Any:
        grown = of_leg(request, scene, "stop") and request.order.value.quantity > scene.placed("stop")[0][1].quantity
        return scene.refusal(code) if grown else None

    scene.on_request = on_request
    scene.go(200_000)
    assert scene.held == 0
    assert scene.resting() == []
    assert scene.settle() == []


@pytest.mark.parametrize("code", [-2021, -4131, -4016, -4024, -4045, -1111])
def test_without_a_first_stop_the_position_is_closed_at_market_now(stage: Stage, code: int) -> None:
    scene = stage(minutes=3)
    scene.on_request = lambda r: scene.refusal(code) if of_leg(r, scene, "stop") else None
    scene.go(61_000)

    (asked, _), ((left, exit_order),) = scene.placed("stop")[0], scene.placed("exit")
    assert left - asked <= 150
    assert exit_order.type == "market"
    assert exit_order.reduce_only
    assert scene.held == 0
    assert len(scene.placed("stop")) == 1
    assert scene.settle() == []


def test_a_market_that_has_passed_the_stop_already_is_left_at_once(stage: Stage) -> None:
    scene = stage(minutes=3)

    def on_message(message: dict[str, Any]) -> None:
        if message["e"] == "ORDER_TRADE_UPDATE" and message["o"]["x"] == "TRADE" and scene.market.last > 589_500:
            scene.at(scene.clock.now + 1, lambda: scene.jump(PRICE - 100))

    scene.on_message = on_message
    scene.go(61_000)

    assert scene.held == 0
    assert len(scene.orders("exit")) == 1
    assert scene.orders("stop") == []
    assert scene.settle() == []


@pytest.mark.parametrize("code", [-4131, -4016, -2019, -1008])
def test_an_exit_that_is_refused_is_tried_again_and_the_stop_stays(stage: Stage, code: int) -> None:
    scene = stage(minutes=4, leave=1)
    refused: list[int] = []

    def on_request(request: m.Request) -> Any:
        if not of_leg(request, scene, "exit") or len(refused) >= 4:
            return None
        assert len(triggers(scene)) == 1
        refused.append(scene.clock.now)
        return scene.refusal(code)

    scene.on_request = on_request
    scene.go(150_000)

    assert len(refused) == 4
    assert all(late > 1.5 * early for early, late in pairwise(gaps(refused)))
    assert len(scene.orders("exit")) == 1
    assert scene.held == 0
    assert scene.resting() == []
    assert scene.settle() == []


def gaps(times: list[int]) -> list[int]:
    return [b - a for a, b in pairwise(times)]


@pytest.mark.parametrize("how", ["answered", "lost"])
@pytest.mark.parametrize("closer", ["target", "stop", "person"])
def test_a_stop_that_comes_to_rest_after_the_close_is_taken_out(stage: Stage, closer: str, how: str) -> None:
    """Its move is under way for seconds while the position closes."""
    scene = trailing(stage)
    held: list[m.Request] = []

    def on_request(request: m.Request) -> Any:
        if (
            not of_leg(request, scene, "stop")
            or ".s." not in request.client_id
            or held
            or scene.clock.now < START + 90_000
        ):
            return None
        held.append(request)
        if how == "answered":
            return 3_000
        scene.arrive(request, 3_000)
        return scene.refusal(-1007, 408)

    scene.on_request = on_request
    close = {
        "target": lambda: scene.jump(PRICE + 6_000),
        "stop": lambda: scene.jump(PRICE - 200),
        "person": lambda: scene.session.command(CMD_CLOSE, 0, time_ms=scene.clock.now),
    }[closer]
    scene.when(121_000, close)
    scene.go(122_500)
    assert held
    assert scene.held == 0
    seen: list[int] = []
    in_turns(scene, 140_000, lambda: seen.append(len(scene.resting())))
    assert max(seen) <= 1
    assert scene.resting() == []
    assert scene.settle() == []


# ---------------------------------------------------------------------------------- 10: too small to be worth anything
def test_what_is_below_the_minimum_notional_can_still_leave(stage: Stage) -> None:
    """One lot is worth 59, the smallest order 100."""
    scene = stage(minutes=4, kind=1, away=20.0, stop=50.0)
    scene.x.matching.split = lambda request: [1] if ".e." in request.client_id else []
    scene.when(90_000, lambda: scene.jump(PRICE - 21))
    scene.when(90_001, lambda: scene.jump(PRICE))
    scene.go(110_000)
    assert scene.held == 1
    scene.session.command(CMD_CLOSE, 0, time_ms=scene.clock.now)
    scene.go(120_000)
    assert scene.held == 0
    ((_, order),) = scene.placed("exit")
    assert order.quantity == scene.market.lot
    assert scene.settle() == []
