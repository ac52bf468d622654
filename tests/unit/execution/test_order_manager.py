"""The order manager by hand: what it sends when, and what it makes of each answer."""

import pytest
from harness import ABSENT, Harness, ended, settle_unknown

from triplane.execution import messages as m
from triplane.execution.orders import Fate
from triplane.kernel.codes import CommandKind, Leg, OrderEnd, OrderType
from triplane.venues.errors import LATER, Refused, Unknown, Why

ENTRIES_END = set(Why) - {Why.DUPLICATE}


@pytest.mark.parametrize("why", sorted(ENTRIES_END))
def test_an_entry_that_is_refused_is_over(why):
    harness = Harness().ready()
    harness.place(Leg.ENTRY, 1)
    (request,) = harness.orders()
    harness.answer(request, Refused("no", why=why, retry_at=harness.now + 500))
    assert ended(harness) == [(Leg.ENTRY, 1, OrderEnd.REJECTED)]
    assert "order_refused" in harness.codes()
    assert settle_unknown(harness, 20_000) == []


def test_a_duplicate_is_an_order_that_arrived():
    harness = Harness().ready()
    order = harness.place(Leg.ENTRY, 1, kind=OrderType.LIMIT, price="49000")
    (request,) = harness.orders()
    harness.answer(request, Refused("no", why=Why.DUPLICATE))
    assert settle_unknown(harness, 1_000, harness.report(order)) == []
    assert (order.fate, order.accepted) == (Fate.OPEN, True)
    assert ended(harness) == []


@pytest.mark.parametrize("error", [Unknown("lost"), Unknown("no", "-1007")])
def test_an_entry_of_unknown_fate_is_looked_up_and_never_sent_again(error):
    harness = Harness().ready()
    order = harness.place(Leg.ENTRY, 1)
    (request,) = harness.orders()
    harness.answer(request, error)
    assert settle_unknown(harness, 5_500) == []
    assert order.fate is Fate.UNKNOWN
    assert ended(harness) == []
    assert settle_unknown(harness, 3_000) == []
    assert ended(harness) == [(Leg.ENTRY, 1, OrderEnd.REJECTED)]


def test_without_a_look_at_the_account_not_found_stays_unknown():
    harness = Harness().ready()
    order = harness.place(Leg.ENTRY, 1)
    (request,) = harness.orders()
    harness.answer(request, Unknown("lost"))
    for _ in range(200):
        for request in harness.plan(250):
            harness.answer(request, ABSENT if isinstance(request, m.QueryOrder) else Refused("down", why=Why.DOWN))
    assert order.fate is Fate.UNKNOWN
    assert ended(harness) == []


def test_an_order_that_arrived_late_lives_again_and_is_taken_out():
    harness = Harness().ready()
    order = harness.place(Leg.ENTRY, 1, kind=OrderType.LIMIT, price="49000")
    (request,) = harness.orders()
    harness.answer(request, Unknown("lost"))
    settle_unknown(harness, 9_000)
    assert order.fate is Fate.DONE
    (request,) = harness.orders(10_000, m.TakeSnapshot)
    harness.answer(request, harness.snapshot(orders=[harness.report(order)]))
    assert [r.client_id for r in harness.orders(of=m.CancelOrder)] == [order.client_id]
    harness.event(harness.fill(order, 4))
    assert [(r.fields["number"], r.fields["lots"]) for r in harness.fills()] == [(1, 4)]


@pytest.mark.parametrize("why", sorted(LATER))
def test_an_exit_is_sent_again_under_the_same_id_when_the_reason_passes(why):
    harness = Harness().ready()
    harness.long()
    harness.place(Leg.EXIT, 3)
    (request,) = harness.orders()
    harness.answer(request, Refused("no", why=why, retry_at=harness.now + 7_000))
    assert harness.orders(6_999) == []
    assert [r.client_id for r in harness.orders(1)] == [request.client_id]
    assert ended(harness) == []


def test_an_exit_that_never_arrived_is_sent_again_under_the_same_id():
    harness = Harness().ready()
    harness.long()
    order = harness.place(Leg.EXIT, 3)
    (request,) = harness.orders()
    harness.answer(request, Unknown("lost"))
    assert [r.client_id for r in settle_unknown(harness, 8_000)] == [order.client_id]


def test_a_confirmed_stop_that_is_not_found_still_protects():
    harness = Harness().ready()
    stop = harness.long()
    harness.manager.on_answer(m.QueryOrder(stop.client_id, "BTCUSDT", True), ABSENT, harness.now)
    assert settle_unknown(harness, 60_000) == []
    assert harness.blotter.resting_stop(0) is stop
    assert ended(harness) == []


def test_intents_from_the_journal_are_looked_up_before_anything_is_sent():
    harness = Harness()
    harness.now += 1
    entry = placed_again(harness, Leg.ENTRY, 1)
    harness.manager.recovered()
    harness.stream()
    requests = harness.plan(400)
    assert not [r for r in requests if isinstance(r, m.PlaceOrder)]
    assert [r.client_id for r in requests if isinstance(r, m.QueryOrder)] == [entry.client_id]


def placed_again(harness, leg, number):
    harness.place(leg, number, again=True)
    return harness.blotter.wanted[0, leg]


def test_what_the_journal_says_has_ended_is_not_asked_for():
    harness = Harness()
    placed_again(harness, Leg.ENTRY, 1)
    command = {"lots": 10, "number": 1, "trade": 5, "side": 1, "time": harness.now, "done": 1, "leg": Leg.ENTRY}
    harness.manager.on_command_again(0, CommandKind.FILL, command)
    placed_again(harness, Leg.TP1, 2)
    harness.manager.on_command_again(0, CommandKind.ORDER_END, {"leg": Leg.TP1, "number": 2})
    harness.manager.recovered()
    assert harness.blotter.live(0) == []
    assert harness.blotter.held[0] == 10
    assert harness.orders(400, m.QueryOrder) == []
