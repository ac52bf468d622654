"""Time-outs of the order manager."""

from harness import Harness

from triplane.execution.timeouts import Timeouts
from triplane.kernel.codes import Leg
from triplane.venues.errors import Refused, Why


def test_exits_wait_twice_as_long_each_time():
    harness = Harness().ready()
    harness.long()
    harness.place(Leg.EXIT, 3)
    waits, began = [], harness.now
    (request,) = harness.orders()
    for _ in range(5):
        harness.answer(request, Refused("busy", why=Why.OVERLOAD))
        began, found = harness.now, []
        while not found:
            found = harness.orders(10)
        (request,) = found
        waits.append(harness.now - began)
    assert waits == [500, 1000, 2000, 4000, 8000]


def test_it_is_doubled_up_to_a_bound():
    waits = [Timeouts(retry=100, retry_most=5_000).backoff(tries) for tries in range(9)]
    assert waits == [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]
    assert Timeouts().backoff(10**6) == Timeouts().retry_most
