"""The book does not grow for ever."""

from harness import Harness

from triplane.kernel.records import STOP, TP1
from triplane.venues.base import OrderStatus


def test_orders_of_long_ago_are_forgotten_but_not_what_lives(monkeypatch):
    monkeypatch.setattr("triplane.execution.blotter.KEPT", 10)
    harness = Harness()
    first = harness.open(harness.place(STOP, 1))
    for number in range(2, 60):
        order = harness.place(TP1, number)
        harness.open(order)
        harness.event(harness.report(order, OrderStatus.CANCELLED))
        harness.reports()

    assert len(harness.blotter.orders) <= 21
    assert first.client_id in harness.blotter.orders
    assert harness.blotter.find(first.new.symbol, "", f"v-{first.client_id}") is first
