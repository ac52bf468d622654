"""What is known of one order only ever moves forward; an execution counts once, whatever it is called."""

from itertools import permutations

import pytest
from harness import D, execution, report, working

from triplane.execution.orders import Fate
from triplane.kernel.codes import Leg
from triplane.venues.base import OrderStatus, OrderType

FORWARD = [Fate.WANTED, Fate.SENT, Fate.UNKNOWN, Fate.OPEN, Fate.DONE]


@pytest.mark.parametrize("order", list(permutations(range(5))))
def test_reports_in_any_order_move_it_forward(order):
    steps = [
        lambda w: w.learn(report(w, venue_id="7"), 1),
        lambda w: w.learn(report(w, filled="0.004"), 2),
        lambda w: w.count(execution(w, "1", "0.004")),
        lambda w: w.learn(report(w, OrderStatus.CANCELLED, "0.004"), 3),
        lambda w: w.lost(4, 250),
    ]
    it = working()
    it.sent(0)
    seen, filled, accepted = [it.fate], [it.filled], [it.accepted]
    for i in order:
        steps[i](it)
        seen.append(it.fate)
        filled.append(it.filled)
        accepted.append(it.accepted)
    assert seen == sorted(seen, key=FORWARD.index)
    assert filled == sorted(filled)
    assert accepted == sorted(accepted)
    assert it.status is OrderStatus.CANCELLED
    assert it.complete
    assert not it.alive
    assert (it.filled, it.counted, it.venue_id) == (D("0.004"), D("0.004"), "7")


def test_the_first_end_stays():
    it = working()
    it.learn(report(it, OrderStatus.CANCELLED), 1)
    it.learn(report(it, OrderStatus.OPEN), 2)
    it.learn(report(it, OrderStatus.EXPIRED), 3)
    assert it.status is OrderStatus.CANCELLED


def test_an_order_that_is_done_learns_nothing():
    it = working()
    it.fate = Fate.DONE
    it.learn(report(it, filled="0.004"), 1)
    it.lost(1, 250)
    assert (it.fate, it.filled, it.accepted) == (Fate.DONE, 0, False)


def test_what_was_accepted_is_never_of_unknown_fate_again():
    it = working()
    it.sent(0)
    it.learn(report(it), 1)
    it.lost(2, 250)
    assert it.fate is Fate.OPEN


@pytest.mark.parametrize(
    ("status", "filled", "counted", "child", "verified", "complete"),
    [
        (None, "0.010", "0.010", "", False, False),
        (OrderStatus.CANCELLED, "0", "0", "", False, True),
        (OrderStatus.CANCELLED, "0.004", "0", "", False, False),
        (OrderStatus.EXPIRED, "0", "0", "77", False, False),  # triggered: how much was executed is not told
        (OrderStatus.EXPIRED, "0", "0", "77", True, True),
        (OrderStatus.FILLED, "0.010", "0.010", "77", False, True),
        (OrderStatus.FILLED, "0.010", "0.004", "77", True, False),
    ],
)
def test_when_an_end_is_the_end(status, filled, counted, child, verified, complete):
    it = working(OrderType.STOP_MARKET, leg=Leg.STOP)
    it.status, it.filled, it.counted, it.child_id, it.verified = status, D(filled), D(counted), child, verified
    assert it.complete is complete
