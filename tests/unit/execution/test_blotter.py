"""The blotter: an execution counts once, whatever it is called, and no order is lost or kept for ever."""

import pytest
from harness import PRICE, RULES, SYMBOL, D, Harness, execution, report, working
from msgspec.structs import replace

from triplane.execution.blotter import Blotter
from triplane.execution.orders import Fate
from triplane.kernel.codes import CommandKind, Leg, Reason
from triplane.venues.base import Capabilities, Cause, OrderReport, OrderStatus, OrderType

SPOT = Capabilities(conditional=frozenset(), reduce_only=False, shorts=False, stop_beside_target=False)


def empty(capabilities=None):
    return Blotter("s", [RULES], capabilities or Capabilities())


def kept(blotter, **more):
    order = blotter.add(working(**more))
    blotter.wanted[0, order.leg] = order
    return order


def test_an_execution_counts_once():
    blotter = empty()
    order = kept(blotter)
    fill = execution(order, "5", "0.004")
    assert len(blotter.take(fill, 1, 100)) == 1
    assert blotter.take(replace(fill, client_id=""), 2, 100) == []
    assert blotter.take(fill, 3, 100, again=True) == []
    assert (blotter.held[0], order.counted) == (4, D("0.004"))


def test_executions_of_a_journal_are_not_counted_again():
    blotter = empty()
    order = kept(blotter)
    blotter.seen(0, 5, 1, 4, 10)
    assert blotter.take(execution(order, "5", "0.004"), 1, 100) == []
    assert blotter.held[0] == 4


def test_the_last_execution_says_that_the_order_is_done():
    blotter = empty()
    order = kept(blotter)
    (first,) = blotter.take(execution(order, "1", "0.004"), 1, 100)
    (last,) = blotter.take(execution(order, "2", "0.006"), 2, 100)
    assert (first.fields["done"], last.fields["done"]) == (0, 1)
    assert order.fate is Fate.DONE
    assert blotter.wanted == {}


def test_an_execution_of_a_conditional_order_waits_for_its_parent():
    blotter = empty()
    stop = kept(blotter, kind=OrderType.STOP_MARKET, leg=Leg.STOP, name="s.0.1.s.1", side=-1)
    stop.learn(report(stop, venue_id="3"), 0)
    fill = execution(stop, "1", "0.010", client_id="", venue_order_id="99", side=-1)
    assert blotter.take(fill, 0, 100) == []
    assert blotter.adopt_orphans(0, 50) == []
    blotter.learn(report(stop, venue_id="3", child_id="99"), 60)
    (found,) = blotter.adopt_orphans(0, 60)
    assert (found.kind, found.fields["number"], found.fields["leg"]) == (CommandKind.FILL, 1, Leg.STOP)


def test_an_orphan_that_nobody_claims_becomes_a_foreign_execution():
    blotter = empty()
    stop = kept(blotter, kind=OrderType.STOP_MARKET, leg=Leg.STOP, name="s.0.1.s.1", side=-1)
    blotter.take(execution(stop, "1", "0.010", client_id="web_1", venue_order_id="99", side=-1), 0, 100)
    (found,) = blotter.adopt_orphans(0, 100)
    assert (found.fields["number"], found.fields["code"], found.fields["side"]) == (0, Reason.EXTERNAL, -1)
    assert blotter.held[0] == -10


def test_with_no_order_of_ours_there_is_nothing_to_wait_for():
    blotter = empty()
    (found,) = blotter.take(execution(working(), "1", "0.010", client_id="web_1", venue_order_id="99"), 0, 100)
    assert found.fields["number"] == 0


@pytest.mark.parametrize(
    ("cause", "code"),
    [(Cause.LIQUIDATION, Reason.LIQUIDATION), (Cause.ADL, Reason.EXTERNAL), (Cause.SETTLEMENT, Reason.EXTERNAL)],
)
def test_forced_closes_are_taken_at_once(cause, code):
    blotter = empty()
    stop = kept(blotter, kind=OrderType.STOP_MARKET, leg=Leg.STOP, name="s.0.1.s.1", side=-1)
    fill = execution(stop, "1", "0.010", client_id="autoclose-1", venue_order_id="99", side=-1, cause=cause)
    (found,) = blotter.take(fill, 0, 100)
    assert (found.fields["number"], found.fields["leg"], found.fields["code"]) == (0, Leg.EXIT, code)


def test_an_execution_of_an_order_from_before_a_restart_is_known_by_its_name():
    blotter = empty()
    (found,) = blotter.take(execution(working(), "1", "0.010", client_id="s.0.1.1.9"), 0, 0, again=True)
    assert (found.fields["number"], found.fields["leg"]) == (9, Leg.TP1)


def test_an_older_revision_is_adopted_when_the_venue_lists_it():
    blotter = empty()
    listed = OrderReport("s.0.1.s.4.2", SYMBOL, -1, OrderType.STOP_MARKET, OrderStatus.OPEN, D("0.010"), venue_id="3")
    order = blotter.learn(listed, 5)
    assert (order.leg, order.number, order.revision) == (Leg.STOP, 4, 2)
    assert order in blotter.live(0)
    assert blotter.learn(replace(listed, client_id="x.0.1.s.4", venue_id="5"), 5) is None
    assert blotter.learn(replace(listed, client_id="s.0.1.s.5", venue_id="4", status=OrderStatus.CANCELLED), 5) is None


def test_an_order_that_was_given_up_and_arrives_all_the_same_lives_again():
    blotter = empty()
    order = kept(blotter)
    blotter.close(order)
    blotter.revive(report(order, OrderStatus.FILLED), 5)
    assert order.fate is Fate.DONE
    blotter.revive(report(order), 5)
    assert order.fate is Fate.OPEN
    assert not blotter.is_wanted(order)
    assert order in blotter.live(0)


def test_only_a_stop_over_all_that_is_held_protects():
    blotter = empty()
    stop = kept(blotter, kind=OrderType.STOP_MARKET, leg=Leg.STOP, name="s.0.1.s.1", side=-1)
    assert blotter.resting_stop(0) is None
    stop.learn(report(stop, venue_id="3"), 0)
    blotter.held[0] = 10
    assert blotter.resting_stop(0) is stop
    assert blotter.resting_stop(0, stop) is None
    blotter.held[0] = 11
    assert blotter.resting_stop(0) is None
    blotter.held[0] = -10  # it belongs to the position before
    assert blotter.resting_stop(0) is None
    blotter.held[0] = 10
    stop.cancelling = True
    assert blotter.resting_stop(0) is None


def test_a_fee_in_the_base_asset_makes_less_to_hold_and_is_the_cost():
    """0.1 % of every purchase is kept: of 10 lots in three parts one owns 9 whole lots, and the rest is dust."""
    blotter = empty(SPOT)
    order = kept(blotter)
    reports = []
    for trade, quantity in (("1", "0.004"), ("2", "0.004"), ("3", "0.002")):
        fee = D(quantity) / 1000
        reports += blotter.take(execution(order, trade, quantity, fee=fee, fee_asset="BTC"), 1, 100)
    assert sum(r.fields["lots"] for r in reports) == blotter.held[0] == 9
    assert [r.fields["lots"] for r in reports] == [3, 4, 2]
    paid = sum(r.fields["fee"] for r in reports)
    assert paid == pytest.approx(float(D("0.001") * PRICE))  # one lot is bought and not held
    assert reports[-1].fields["done"] == 1


def test_a_sale_pays_in_the_quote_currency():
    blotter = empty(SPOT)
    order = kept(blotter, kind=OrderType.MARKET, leg=Leg.EXIT, name="s.0.1.x.1", side=-1)
    (found,) = blotter.take(execution(order, "1", "0.010", fee=D("0.5"), side=-1), 1, 100)
    assert (found.fields["lots"], found.fields["fee"], blotter.held[0]) == (10, 0.5, -10)


def test_a_fee_in_a_third_asset_costs_nothing_here():
    blotter = empty(SPOT)
    order = kept(blotter)
    (found,) = blotter.take(execution(order, "1", "0.010", fee=D("0.01"), fee_asset="BNB"), 1, 100)
    assert (found.fields["lots"], found.fields["fee"]) == (10, 0.0)


def test_what_is_sold_for_somebody_else_is_not_ours():
    harness = Harness().ready()
    assert harness.manager.blotter.take(replace(execution(working(), "1", "0.01"), symbol="ETHUSDT"), 0, 0) == []


def test_orders_of_long_ago_are_forgotten_but_not_what_lives(monkeypatch):
    monkeypatch.setattr("triplane.execution.blotter.KEPT", 10)
    harness = Harness()
    first = harness.open(harness.place(Leg.STOP, 1))
    for number in range(2, 60):
        order = harness.place(Leg.TP1, number)
        harness.open(order)
        harness.event(harness.report(order, OrderStatus.CANCELLED))
        harness.reports()

    assert len(harness.blotter.orders) <= 21
    assert first.client_id in harness.blotter.orders
    assert harness.blotter.find(first.new.symbol, "", f"v-{first.client_id}") is first
