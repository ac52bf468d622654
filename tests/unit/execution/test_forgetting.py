"""The book does not grow for ever."""

from desk import Desk

from triplane.kernel.records import STOP, TP1
from triplane.venues.base import OrderStatus


def test_orders_of_long_ago_are_forgotten_but_not_what_lives(monkeypatch):
    monkeypatch.setattr("triplane.execution.book.KEPT", 10)
    desk = Desk()
    first = desk.open(desk.place(STOP, 1))
    for number in range(2, 60):
        order = desk.place(TP1, number)
        desk.open(order)
        desk.event(desk.report(order, OrderStatus.CANCELLED))
        desk.reports()

    assert len(desk.book.orders) <= 21
    assert first.client_id in desk.book.orders
    assert desk.book.find(first.new.symbol, "", f"v-{first.client_id}") is first
