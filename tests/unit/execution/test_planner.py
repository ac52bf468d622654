"""What is sent when: exits and stops first, one stop always, entries only when all is settled."""

from harness import RULES, D, Harness, ended

from triplane.execution import messages as m
from triplane.execution.orders import Fate
from triplane.execution.risk import Bounds
from triplane.execution.timeouts import Timeouts
from triplane.kernel.codes import Leg, OrderEnd
from triplane.venues.base import OrderStatus
from triplane.venues.errors import NotFound, Refused, Unknown, Why

WAIT = Timeouts()


def test_an_entry_waits_for_the_books_and_grows_stale():
    harness = Harness()
    harness.place(Leg.ENTRY, 1)
    assert harness.orders() == []
    assert harness.orders(WAIT.entry - 1) == []
    assert ended(harness) == []
    assert harness.orders(1) == []
    assert ended(harness) == [(Leg.ENTRY, 1, OrderEnd.EXPIRED)]


def test_an_entry_waits_until_everything_before_it_is_settled():
    harness = Harness().ready()
    stop = harness.long()
    harness.place(Leg.ENTRY, 3)
    assert harness.orders() == []
    harness.event(harness.fill(stop))
    harness.event(harness.report(stop, OrderStatus.FILLED, stop.new.quantity))
    assert [r.client_id for r in harness.orders()] == ["s.0.1.e.3"]


def test_exits_come_first_and_entries_last():
    harness = Harness().ready()
    harness.long(stop=False)
    harness.place(Leg.TP1, 3)
    harness.place(Leg.STOP, 2)
    harness.place(Leg.EXIT, 4)
    assert [r.client_id for r in harness.orders()] == ["s.0.1.x.4", "s.0.1.s.2", "s.0.1.1.3"]


def test_exits_are_sent_below_every_minimum_and_only_reduce():
    harness = Harness(bounds=lambda _: Bounds(max_notional=D(1), reference=D(1)), instruments=[RULES])
    harness.ready()
    order = harness.place(Leg.EXIT, 1, lots=1, side=-1)
    (request,) = harness.orders()
    assert request.order.value.reduce_only
    assert request.order.value.quantity == D("0.001")
    assert order.fate is Fate.SENT


def test_a_stop_that_does_not_rest_in_time_is_given_up():
    harness = Harness().ready()
    harness.long(stop=False)
    harness.place(Leg.STOP, 2)
    (request,) = harness.orders()
    harness.answer(request, Refused("busy", why=Why.OVERLOAD, retry_at=harness.now + 60_000))
    assert harness.orders(WAIT.stop - 1) == []
    assert ended(harness) == []
    harness.orders(1)
    assert ended(harness) == [(Leg.STOP, 2, OrderEnd.REJECTED)]
    assert "no_stop" in harness.codes()


def test_a_venue_that_does_not_answer_says_nothing_against_a_stop():
    harness = Harness().ready()
    harness.long(stop=False)
    harness.place(Leg.STOP, 2)
    (request,) = harness.orders()
    harness.answer(request, Unknown("lost"))
    for _ in range(200):
        for request in harness.plan(250):
            harness.answer(request, Refused("down", why=Why.DOWN))
    assert ended(harness) == []


def test_a_new_stop_is_placed_before_the_old_one_is_cancelled():
    harness = Harness().ready()
    old = harness.long()
    new = harness.amend(Leg.STOP, 2, 1)
    (request,) = harness.plan()
    assert (type(request), request.client_id) == (m.PlaceOrder, new.client_id)
    assert harness.orders(of=m.CancelOrder) == []
    harness.answer(request, harness.report(new))
    assert [r.client_id for r in harness.orders(of=m.CancelOrder)] == [old.client_id]


def test_the_only_stop_stays_until_the_position_is_flat():
    harness = Harness().ready()
    stop = harness.long()
    harness.cancel(Leg.STOP, 2)
    assert harness.orders(of=m.CancelOrder) == []
    exit_ = harness.open(harness.place(Leg.EXIT, 3))
    harness.event(harness.fill(exit_))
    assert [r.client_id for r in harness.orders(of=m.CancelOrder)] == [stop.client_id]


def test_a_move_before_the_stop_was_sent_replaces_it():
    harness = Harness().ready()
    harness.long(stop=False)
    harness.place(Leg.STOP, 2)
    new = harness.amend(Leg.STOP, 2, 1)
    assert [r.client_id for r in harness.orders()] == [new.client_id]


def test_a_cancellation_that_finds_nothing_is_tried_again_until_the_venue_tells_the_end():
    harness = Harness().ready()
    stop = harness.long()
    exit_ = harness.open(harness.place(Leg.EXIT, 3))
    harness.cancel(Leg.STOP, 2)
    harness.event(harness.fill(exit_))
    (request,) = harness.orders(of=m.CancelOrder)
    harness.answer(request, NotFound("none open", "-2011"))
    assert stop.fate is Fate.OPEN
    assert harness.orders(WAIT.hidden - 1, m.CancelOrder) == []
    assert [r.client_id for r in harness.orders(1, m.CancelOrder)] == [stop.client_id]
