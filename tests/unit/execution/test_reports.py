"""When the core is told that an order is over, and when it is not."""

from harness import D, Harness, ended

from triplane.execution import messages as m
from triplane.execution.risk import Bounds
from triplane.kernel.codes import Leg, OrderEnd, OrderType
from triplane.venues.base import OrderStatus
from triplane.venues.errors import Refused, Why


def test_an_entry_too_large_never_leaves():
    harness = Harness(bounds=lambda _: Bounds(max_notional=D(100), reference=D(50_000))).ready()
    harness.place(Leg.ENTRY, 1)
    assert harness.orders() == []
    assert ended(harness) == [(Leg.ENTRY, 1, OrderEnd.REJECTED)]


def test_an_entry_let_go_of_before_it_was_sent_is_cancelled():
    harness = Harness()
    harness.place(Leg.ENTRY, 1)
    harness.cancel(Leg.ENTRY, 1)
    assert ended(harness) == [(Leg.ENTRY, 1, OrderEnd.CANCELLED)]
    assert harness.ready().orders() == []


def test_an_entry_counts_as_working_until_the_venue_says_that_it_is_over():
    harness = Harness().ready()
    order = harness.open(harness.place(Leg.ENTRY, 1, kind=OrderType.LIMIT, price="49000"))
    harness.cancel(Leg.ENTRY, 1)
    (request,) = harness.orders(of=m.CancelOrder)
    assert ended(harness) == []
    harness.event(harness.fill(order, 4))
    harness.answer(request, None)
    harness.event(harness.report(order, OrderStatus.CANCELLED, "0.004"))
    assert ended(harness) == [(Leg.ENTRY, 1, OrderEnd.CANCELLED)]
    assert [r.fields["lots"] for r in harness.fills()] == [4]


def test_after_an_exit_that_failed_for_good_the_core_hears_a_little_later():
    harness = Harness().ready()
    harness.long()
    for number, wait in ((3, 500), (4, 1000), (5, 2000)):
        harness.reported.clear()
        harness.place(Leg.EXIT, number)
        (request,) = harness.orders()
        harness.answer(request, Refused("no", why=Why.PRICE_BAND))
        assert ended(harness) == []
        harness.now += wait
        assert ended(harness) == [(Leg.EXIT, number, OrderEnd.REJECTED)]
