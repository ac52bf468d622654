"""On spot a resting order locks the coins: targets are watched, the stop makes way and comes back."""

from harness import D, Harness

from triplane.execution import messages as m
from triplane.kernel import codes
from triplane.kernel.codes import Leg
from triplane.venues.base import Capabilities, OrderStatus, OrderType

SPOT = Capabilities(reduce_only=False, shorts=False, stop_beside_target=False)


def held():
    """A position of 10 lots with its stop at 49,000 and a target of 4 lots at 51,000."""
    harness = Harness(SPOT).ready()
    stop = harness.long()
    target = harness.place(Leg.TP1, 3, 4)
    harness.manager.locked_funds.on_price(0, 50_000.0)
    return harness, stop, target


def sent(harness, kind, after=0):
    return [r.client_id for r in harness.orders(after, kind)]


def cancelled(harness, order):
    """The venue takes an order out, as asked."""
    (request,) = harness.orders(0, m.CancelOrder)
    assert request.client_id == order.client_id
    harness.answer(request, None)
    harness.event(harness.report(order, OrderStatus.CANCELLED))


def test_a_target_waits_here_until_its_price_is_reached():
    harness, stop, target = held()

    assert sent(harness, m.PlaceOrder, 1000) == []
    harness.manager.locked_funds.on_price(0, 50_999.9)
    assert sent(harness, m.PlaceOrder) == []
    assert harness.blotter.is_wanted(stop)
    harness.manager.locked_funds.on_price(0, 51_000.0)
    cancelled(harness, stop)
    (request,) = harness.orders(0)

    assert request.client_id == target.client_id
    order = request.order.value
    assert (order.type, order.trigger, order.quantity, order.reduce_only) == (OrderType.MARKET, None, D("0.004"), True)


def test_the_stop_comes_back_for_the_rest_when_the_target_has_sold():
    harness, stop, target = held()
    harness.manager.locked_funds.on_price(0, 51_100.0)
    cancelled(harness, stop)
    (report,) = harness.ends()  # the core hears that its stop is gone, and places it again
    assert report.fields["leg"] == Leg.STOP
    again = harness.place(Leg.STOP, 4)
    (request,) = harness.orders(0)
    assert request.client_id == target.client_id  # the way out comes first
    harness.answer(request, harness.report(target))
    assert sent(harness, m.PlaceOrder) == []  # the stop waits for the coins

    harness.event(harness.fill(target))
    harness.event(harness.report(target, OrderStatus.FILLED, "0.004"))
    harness.amend(Leg.STOP, 4, 1, lots=6)

    (request,) = harness.orders(0)
    assert request.client_id.startswith(again.client_id)
    assert request.order.value.quantity == D("0.006")


def test_an_exit_waits_until_the_stop_has_let_go():
    harness, stop, _ = held()
    exit_ = harness.place(Leg.EXIT, 5, kind=codes.OrderType.MARKET)

    assert [type(request) for request in harness.plan()] == [m.CancelOrder]
    assert sent(harness, m.PlaceOrder, 100) == []
    harness.event(harness.report(stop, OrderStatus.CANCELLED))

    assert sent(harness, m.PlaceOrder) == [exit_.client_id]


def test_a_moved_stop_lets_go_first_for_both_cannot_rest():
    harness, stop, _ = held()
    harness.amend(Leg.STOP, 2, 1, "49500")

    requests = harness.plan()
    assert [type(r) for r in requests] == [m.CancelOrder]
    harness.answer(requests[0], None)
    harness.event(harness.report(stop, OrderStatus.CANCELLED))

    assert sent(harness, m.PlaceOrder) == [f"{stop.client_id}.1"]


def test_entries_are_not_held_back():
    harness = Harness(SPOT).ready()
    entry = harness.place(Leg.ENTRY, 1)
    assert sent(harness, m.PlaceOrder) == [entry.client_id]
