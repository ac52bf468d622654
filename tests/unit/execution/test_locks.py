"""On spot a resting order locks the coins: targets are watched, the stop makes way and comes back."""

from desk import D, Desk

from triplane.execution import messages as m
from triplane.kernel.records import ENTRY, EXIT, MARKET, STOP, TP1
from triplane.venues.base import Capabilities, OrderStatus, OrderType

SPOT = Capabilities(reduce_only=False, shorts=False, stop_beside_target=False)


def held():
    """A position of 10 lots with its stop at 49,000 and a target of 4 lots at 51,000."""
    desk = Desk(SPOT).ready()
    stop = desk.long()
    target = desk.place(TP1, 3, 4)
    desk.executor.locks.on_price(0, 50_000.0)
    return desk, stop, target


def sent(desk, kind, after=0):
    return [r.client_id for r in desk.orders(after, kind)]


def cancelled(desk, order):
    """The venue takes an order out, as asked."""
    (request,) = desk.orders(0, m.Cancel)
    assert request.client_id == order.client_id
    desk.answer(request, None)
    desk.event(desk.report(order, OrderStatus.CANCELLED))


def test_a_target_waits_here_until_its_price_is_reached():
    desk, stop, target = held()

    assert sent(desk, m.Place, 1000) == []
    desk.executor.locks.on_price(0, 50_999.9)
    assert sent(desk, m.Place) == []
    assert desk.book.is_wanted(stop)
    desk.executor.locks.on_price(0, 51_000.0)
    cancelled(desk, stop)
    (request,) = desk.orders(0)

    assert request.client_id == target.client_id
    order = request.order.value
    assert (order.type, order.trigger, order.quantity, order.reduce_only) == (OrderType.MARKET, None, D("0.004"), True)


def test_the_stop_comes_back_for_the_rest_when_the_target_has_sold():
    desk, stop, target = held()
    desk.executor.locks.on_price(0, 51_100.0)
    cancelled(desk, stop)
    (report,) = desk.ends()  # the core hears that its stop is gone, and places it again
    assert report.fields["leg"] == STOP
    again = desk.place(STOP, 4)
    (request,) = desk.orders(0)
    assert request.client_id == target.client_id  # the way out comes first
    desk.answer(request, desk.report(target))
    assert sent(desk, m.Place) == []  # the stop waits for the coins

    desk.event(desk.fill(target))
    desk.event(desk.report(target, OrderStatus.FILLED, "0.004"))
    desk.amend(STOP, 4, 1, lots=6)

    (request,) = desk.orders(0)
    assert request.client_id.startswith(again.client_id)
    assert request.order.value.quantity == D("0.006")


def test_an_exit_waits_until_the_stop_has_let_go():
    desk, stop, _ = held()
    exit_ = desk.place(EXIT, 5, kind=MARKET)

    assert [type(request) for request in desk.plan()] == [m.Cancel]
    assert sent(desk, m.Place, 100) == []
    desk.event(desk.report(stop, OrderStatus.CANCELLED))

    assert sent(desk, m.Place) == [exit_.client_id]


def test_a_moved_stop_lets_go_first_for_both_cannot_rest():
    desk, stop, _ = held()
    desk.amend(STOP, 2, 1, "49500")

    requests = desk.plan()
    assert [type(r) for r in requests] == [m.Cancel]
    desk.answer(requests[0], None)
    desk.event(desk.report(stop, OrderStatus.CANCELLED))

    assert sent(desk, m.Place) == [f"{stop.client_id}.1"]


def test_entries_are_not_held_back():
    desk = Desk(SPOT).ready()
    entry = desk.place(ENTRY, 1)
    assert sent(desk, m.Place) == [entry.client_id]
