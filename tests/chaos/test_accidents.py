"""The accidents that users of other systems had, one by one, made impossible: unknown fates, hidden orders, stop races.

Each runs a whole session against the exchange in a box, on virtual time; ``scenario.py`` is the stage.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from scenario import PRICE, Scenario, duplicates, leg_of, of_leg
from simulation import START

from triplane.exchange.faults import parse
from triplane.execution import messages as m
from triplane.execution.ids import parse_client_id
from triplane.kernel.codes import CommandKind

MakeScenario = Callable[..., Scenario]
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


def in_turns(scenario: Scenario, until: int, look: Callable[[], None]) -> None:
    """Let time pass, and look every 100 ms."""
    for time in range(scenario.clock.now - START, until, 100):
        scenario.go(time)
        look()
    scenario.go(until)


# -------------------------------------------------------------------------------- 1: an order whose fate is not known
@pytest.mark.parametrize("leg", ["entry", "exit", "stop"])
@pytest.mark.parametrize("event", ["before", "after", "never"])
@pytest.mark.parametrize("fate", ["filled", "open", "never arrived"])
@pytest.mark.parametrize("error", ERRORS)
def test_an_intent_is_at_most_one_order(scenario_of: MakeScenario, error: str, fate: str, event: str, leg: str) -> None:
    waits = leg == "entry" and fate == "open"
    scenario = scenario_of(kind=1 if waits else 0, away=20.0 if waits else 0.0, leave=2 if leg == "exit" else -1)
    scenario.x.add_faults(parse([{"when": WHERE[leg], "what": error, "accepted": fate != "never arrived"}]))
    if leg == "exit" and fate == "open":  # half of it at once, half with the next trade
        scenario.x.matching.split = lambda request: [request.lots // 2] if ".x." in request.client_id else []

    def on_message(message: dict[str, Any]) -> int | None:
        if leg_of(scenario, about(message)) != leg:
            return None
        if fate == "filled" and message["e"] == "ALGO_UPDATE" and message["o"]["X"] == "NEW":
            scenario.at(scenario.clock.now + 1, lambda: scenario.jump(PRICE - 100))
        return {"before": 0, "after": 4_000, "never": -1}[event]

    scenario.on_message = on_message
    scenario.go(240_000)
    names = scenario.orders(leg)
    filled = [f for f in scenario.account.fills if leg_of(scenario, f.order.request.client_id) == leg]

    assert scenario.settle() == []
    assert duplicates(names) == []
    again = fate == "never arrived" and leg == "exit"  # an entry is given up, and a position without a stop is closed
    assert len(names) == (1 if again or fate != "never arrived" else 0)
    assert len(scenario.placed(leg)) == (2 if again else 1)
    if leg == "stop" and fate == "never arrived":
        assert "no_stop" in scenario.codes
        assert scenario.held == 0
    lots = sum(f.lots for f in filled)
    assert lots == (84 if leg == "exit" or (leg, fate) in {("entry", "filled"), ("stop", "filled")} else 0)
    assert len(scenario.fills()) == len(scenario.account.fills)


def test_an_entry_that_arrives_after_it_was_given_up_is_not_doubled(scenario_of: MakeScenario) -> None:
    """The network held the request back for longer than the venue takes requests; the venue took it all the same."""
    scenario = scenario_of(minutes=3)

    def on_request(request: m.VenueRequest) -> Any:
        if not of_leg(request, scenario, "entry"):
            return None
        scenario.arrive(request, 15_000)
        return scenario.refusal(-1007, 408)

    scenario.on_request = on_request
    scenario.go(70_000)
    assert scenario.state == "SCANNING"
    scenario.go(180_000)

    assert scenario.settle() == []
    assert len(scenario.orders("entry")) == 1
    assert scenario.held == 0 or scenario.resting()


# ------------------------------------------------------------------------------------ 2: "not found" is not "absent"
@pytest.mark.parametrize("answer", ["answered", "lost"])
def test_a_stop_that_the_venue_hides_is_neither_doubled_nor_given_up(scenario_of: MakeScenario, answer: str) -> None:
    scenario = scenario_of(minutes=45)
    hide_stop(scenario)
    if answer == "lost":  # then the stream alone has reported it
        scenario.x.add_faults(parse([{"when": WHERE["stop"], "what": "timeout"}]))
    scenario.go(60_000 + 39 * 60_000)

    assert len(scenario.orders("stop")) == 1
    assert len(scenario.resting()) == 2  # and the target
    assert scenario.manager.blotter.resting_stop(0) is not None
    assert scenario.held == 84
    assert scenario.orders("exit") == []
    assert "no_stop" not in scenario.codes
    assert scenario.settle() == []
    assert scenario.held == 84


def hide_stop(scenario: Scenario, *, silent: bool = False) -> None:
    """Forty minutes long only the stream can tell of the stop; or not even that."""

    def on_message(message: dict[str, Any]) -> int | None:
        if message["e"] != "ALGO_UPDATE" or leg_of(scenario, about(message)) != "stop":
            return None
        if message["o"]["X"] == "NEW":
            scenario.account.algos[message["o"]["aid"]].hidden_until = scenario.clock.now + 40 * 60_000
        return -1 if silent else None

    scenario.on_message = on_message


def test_without_any_sign_of_the_stop_the_position_is_closed_and_no_second_one_is_placed(
    scenario_of: MakeScenario,
) -> None:
    scenario = scenario_of(minutes=45)
    hide_stop(scenario, silent=True)
    scenario.x.add_faults(parse([{"when": WHERE["stop"], "what": "timeout"}]))
    scenario.go(75_000)
    assert scenario.held == 0
    assert "no_stop" in scenario.codes
    scenario.go(60_000 + 41 * 60_000)
    assert scenario.resting() == []  # found, and taken out
    assert len(scenario.orders("stop")) == 1
    assert scenario.settle() == []


def test_a_hidden_stop_is_taken_out_once_it_can_be_found(scenario_of: MakeScenario) -> None:
    scenario = scenario_of(minutes=50, leave=3)
    scenario.x.add_faults(parse([{"when": WHERE["stop"], "what": "hide", "seconds": 2400.0}]))
    scenario.when(
        100_000, lambda: scenario.x.add_faults(parse([{"when": WHERE["let go"], "what": "-2013", "times": 3}]))
    )
    scenario.go(45 * 60_000)

    assert scenario.held == 0
    assert scenario.resting() == []
    assert scenario.settle() == []


# ------------------------------------------------------------------------------------------------------ 4: stop races
PASSING = ("timeout", "reset", "503", "-1006", "-1007", "-1000", "-1008", "-1021", "429")
LOST = ("timeout", "reset", "503", "-1006", "-1007", "-1000")
WAYS = [(where, what, accepted) for where in ("moved", "let go") for what in PASSING for accepted in (True, False)
        if what in LOST or not accepted]  # fmt: skip


def trailing(scenario_of: MakeScenario, **more: Any) -> Scenario:
    """A long position whose stop follows twice: to 59060 at the second minute, to 59110 at the third."""
    scenario = scenario_of(minutes=5, trail=40.0, stop=50.0, target=5000.0, **more)
    scenario.when(90_000, lambda: setattr(scenario, "longest_naked", 0))
    scenario.when(90_001, lambda: scenario.jump(PRICE + 100))
    scenario.when(150_000, lambda: scenario.jump(PRICE + 150))
    return scenario


def triggers(scenario: Scenario) -> list[float]:
    """Trigger prices of the stops that rest."""
    return [float(scenario.market.price(a.request.trigger)) for a in scenario.account.algos.values()
            if a.open and leg_of(scenario, a.request.client_id) == "stop"]  # fmt: skip


@pytest.mark.parametrize(("where", "what", "accepted"), WAYS)
def test_a_stop_moves_without_a_gap_whatever_fails(
    scenario_of: MakeScenario, where: str, what: str, accepted: bool
) -> None:
    scenario = trailing(scenario_of)
    fault = {"when": WHERE[where], "what": what, "accepted": accepted, "times": 2, "seconds": 5.0}
    scenario.when(95_000, lambda: scenario.x.add_faults(parse([fault])))
    scenario.go(235_000)

    assert triggers(scenario) == [PRICE + 110]
    assert scenario.longest_naked == 0
    assert scenario.orders("exit") == []
    scenario.jump(PRICE)
    scenario.go(240_000)
    assert scenario.held == 0
    assert scenario.resting() == []
    assert scenario.settle() == []


@pytest.mark.parametrize("code", [-4045, -4131, -4016, -4024, -1111, -2019])
def test_a_move_that_the_venue_refuses_leaves_the_old_stop(scenario_of: MakeScenario, code: int) -> None:
    scenario = trailing(scenario_of)
    refused: list[int] = []

    def on_request(request: m.VenueRequest) -> Any:
        if of_leg(request, scenario, "stop") and parse_client_id(scenario.session.id, request.client_id).revision == 1:
            refused.append(scenario.clock.now)
            return scenario.refusal(code)
        return None

    scenario.on_request = on_request
    scenario.go(149_000)
    assert refused
    assert triggers(scenario) == [PRICE + 3 - 50]
    assert scenario.orders("exit") == []
    scenario.go(235_000)
    assert triggers(scenario) == [PRICE + 110]  # the next move is one from the stop that stayed
    assert scenario.longest_naked == 0
    assert scenario.settle() == []


@pytest.mark.parametrize("code", [-4045, -4131, -4016, -4024, -1111])
def test_a_stop_that_cannot_grow_with_the_position_ends_it(scenario_of: MakeScenario, code: int) -> None:
    """Half of the entry is covered; the venue refuses the stop over all of it."""
    scenario = scenario_of(minutes=4)
    scenario.x.matching.split = lambda request: [request.lots // 2] if ".e." in request.client_id else []

    def on_request(request: m.VenueRequest) -> Any:
        grown = (
            of_leg(request, scenario, "stop") and request.order.value.quantity > scenario.placed("stop")[0][1].quantity
        )
        return scenario.refusal(code) if grown else None

    scenario.on_request = on_request
    scenario.go(200_000)
    assert scenario.held == 0
    assert scenario.resting() == []
    assert scenario.settle() == []


@pytest.mark.parametrize("code", [-2021, -4131, -4016, -4024, -4045, -1111])
def test_without_a_first_stop_the_position_is_closed_at_market_now(scenario_of: MakeScenario, code: int) -> None:
    scenario = scenario_of(minutes=3)
    scenario.on_request = lambda r: scenario.refusal(code) if of_leg(r, scenario, "stop") else None
    scenario.go(61_000)

    (asked, _), ((left, exit_order),) = scenario.placed("stop")[0], scenario.placed("exit")
    assert left - asked <= 150
    assert exit_order.type == "market"
    assert exit_order.reduce_only
    assert scenario.held == 0
    assert len(scenario.placed("stop")) == 1
    assert scenario.settle() == []


def test_a_market_that_has_passed_the_stop_already_is_left_at_once(scenario_of: MakeScenario) -> None:
    scenario = scenario_of(minutes=3)

    def on_message(message: dict[str, Any]) -> None:
        if message["e"] == "ORDER_TRADE_UPDATE" and message["o"]["x"] == "TRADE" and scenario.market.last > 589_500:
            scenario.at(scenario.clock.now + 1, lambda: scenario.jump(PRICE - 100))

    scenario.on_message = on_message
    scenario.go(61_000)

    assert scenario.held == 0
    assert len(scenario.orders("exit")) == 1
    assert scenario.orders("stop") == []
    assert scenario.settle() == []


@pytest.mark.parametrize("code", [-4131, -4016, -2019, -1008])
def test_an_exit_that_is_refused_is_tried_again_and_the_stop_stays(scenario_of: MakeScenario, code: int) -> None:
    scenario = scenario_of(minutes=4, leave=1)
    refused: list[int] = []

    def on_request(request: m.VenueRequest) -> Any:
        if not of_leg(request, scenario, "exit") or len(refused) >= 4:
            return None
        assert len(triggers(scenario)) == 1
        refused.append(scenario.clock.now)
        return scenario.refusal(code)

    scenario.on_request = on_request
    scenario.go(150_000)

    assert len(refused) == 4
    assert all(late > 1.5 * early for early, late in pairwise(gaps(refused)))
    assert len(scenario.orders("exit")) == 1
    assert scenario.held == 0
    assert scenario.resting() == []
    assert scenario.settle() == []


def gaps(times: list[int]) -> list[int]:
    return [b - a for a, b in pairwise(times)]


@pytest.mark.parametrize("how", ["answered", "lost"])
@pytest.mark.parametrize("closer", ["target", "stop", "person"])
def test_a_stop_that_comes_to_rest_after_the_close_is_taken_out(
    scenario_of: MakeScenario, closer: str, how: str
) -> None:
    """Its move is under way for seconds while the position closes."""
    scenario = trailing(scenario_of)
    held: list[m.VenueRequest] = []

    def on_request(request: m.VenueRequest) -> Any:
        if (
            not of_leg(request, scenario, "stop")
            or ".s." not in request.client_id
            or held
            or scenario.clock.now < START + 90_000
        ):
            return None
        held.append(request)
        if how == "answered":
            return 3_000
        scenario.arrive(request, 3_000)
        return scenario.refusal(-1007, 408)

    scenario.on_request = on_request
    close = {
        "target": lambda: scenario.jump(PRICE + 6_000),
        "stop": lambda: scenario.jump(PRICE - 200),
        "person": lambda: scenario.session.command(CommandKind.CLOSE, 0, time_ms=scenario.clock.now),
    }[closer]
    scenario.when(121_000, close)
    scenario.go(122_500)
    assert held
    assert scenario.held == 0
    seen: list[int] = []
    in_turns(scenario, 140_000, lambda: seen.append(len(scenario.resting())))
    assert max(seen) <= 1
    assert scenario.resting() == []
    assert scenario.settle() == []


# ---------------------------------------------------------------------------------- 10: too small to be worth anything
def test_what_is_below_the_minimum_notional_can_still_leave(scenario_of: MakeScenario) -> None:
    """One lot is worth 59, the smallest order 100."""
    scenario = scenario_of(minutes=4, kind=1, away=20.0, stop=50.0)
    scenario.x.matching.split = lambda request: [1] if ".e." in request.client_id else []
    scenario.when(90_000, lambda: scenario.jump(PRICE - 21))
    scenario.when(90_001, lambda: scenario.jump(PRICE))
    scenario.go(110_000)
    assert scenario.held == 1
    scenario.session.command(CommandKind.CLOSE, 0, time_ms=scenario.clock.now)
    scenario.go(120_000)
    assert scenario.held == 0
    ((_, order),) = scenario.placed("exit")
    assert order.quantity == scenario.market.lot
    assert scenario.settle() == []
