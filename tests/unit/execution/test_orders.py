"""What is known of one order only ever moves forward; an execution counts once, whatever it is called."""

from dataclasses import replace
from itertools import permutations

import pytest
from harness import PRICE, RULES, SYMBOL, D, Harness

from triplane.execution.blotter import Blotter
from triplane.execution.messages import trade_number
from triplane.execution.orders import Fate, WorkingOrder
from triplane.kernel.records import CMD_FILL, ENTRY, EXIT, STOP, TP1, WHY_EXTERNAL, WHY_LIQUIDATION
from triplane.venues.base import Capabilities, Cause, Execution, NewOrder, OrderReport, OrderStatus, OrderType

SPOT = Capabilities(conditional=frozenset(), reduce_only=False, shorts=False, stop_beside_target=False)
FORWARD = [Fate.WANTED, Fate.SENT, Fate.UNKNOWN, Fate.OPEN, Fate.DONE]


def working(kind=OrderType.LIMIT, quantity="0.010", leg=ENTRY, number=1, name="s.0.1.e.1", side=1):
    trigger = D(49_000) if kind.conditional else None
    price = D(49_000) if kind is OrderType.LIMIT else None
    return WorkingOrder(NewOrder(name, SYMBOL, side, kind, D(quantity), price, trigger), 0, leg, number, 0, 0, 0)


def said(order, status=OrderStatus.OPEN, filled="0", **more):
    new = order.new
    return OrderReport(new.client_id, new.symbol, new.side, new.type, status, new.quantity, D(filled), **more)


def execution(order, trade, quantity, **more):
    fields = {"venue_order_id": "7", "client_id": order.client_id, "side": order.new.side, "fee": D("0.1")}
    fields |= {"price": PRICE, "fee_asset": "USDT", "maker": False, "time": 1}
    return Execution(SYMBOL, trade, quantity=D(quantity), **fields | more)


# ------------------------------------------------------------------------------------------------------------ states
@pytest.mark.parametrize("order", list(permutations(range(5))))
def test_reports_in_any_order_move_it_forward(order):
    steps = [
        lambda w: w.learn(said(w, venue_id="7"), 1),
        lambda w: w.learn(said(w, filled="0.004"), 2),
        lambda w: w.count(execution(w, "1", "0.004")),
        lambda w: w.learn(said(w, OrderStatus.CANCELLED, "0.004"), 3),
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
    it.learn(said(it, OrderStatus.CANCELLED), 1)
    it.learn(said(it, OrderStatus.OPEN), 2)
    it.learn(said(it, OrderStatus.EXPIRED), 3)
    assert it.status is OrderStatus.CANCELLED


def test_an_order_that_is_done_learns_nothing():
    it = working()
    it.fate = Fate.DONE
    it.learn(said(it, filled="0.004"), 1)
    it.lost(1, 250)
    assert (it.fate, it.filled, it.accepted) == (Fate.DONE, 0, False)


def test_what_was_accepted_is_never_of_unknown_fate_again():
    it = working()
    it.sent(0)
    it.learn(said(it), 1)
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
    it = working(OrderType.STOP_MARKET, leg=STOP)
    it.status, it.filled, it.counted, it.child_id, it.verified = status, D(filled), D(counted), child, verified
    assert it.complete is complete


# -------------------------------------------------------------------------------------------------------------- book
def book(capabilities=None):
    return Blotter("s", [RULES], capabilities or Capabilities())


def kept(keep, **more):
    order = keep.add(working(**more))
    keep.wanted[0, order.leg] = order
    return order


def test_an_execution_counts_once():
    keep = book()
    order = kept(keep)
    fill = execution(order, "5", "0.004")
    assert len(keep.take(fill, 1, 100)) == 1
    assert keep.take(replace(fill, client_id=""), 2, 100) == []
    assert keep.take(fill, 3, 100, again=True) == []
    assert (keep.held[0], order.counted) == (4, D("0.004"))


def test_executions_of_a_journal_are_not_counted_again():
    keep = book()
    order = kept(keep)
    keep.seen(0, 5, 1, 4, 10)
    assert keep.take(execution(order, "5", "0.004"), 1, 100) == []
    assert keep.held[0] == 4


@pytest.mark.parametrize("trade", ["7", "00123", "a1b2", str(2**63), "-4", ""])
def test_every_trade_id_is_a_number_of_its_own(trade):
    number = trade_number(trade)
    assert 0 < number < 2**63
    assert number == trade_number(trade)
    assert number != trade_number(trade + "1")


def test_the_last_execution_says_that_the_order_is_done():
    keep = book()
    order = kept(keep)
    (first,) = keep.take(execution(order, "1", "0.004"), 1, 100)
    (last,) = keep.take(execution(order, "2", "0.006"), 2, 100)
    assert (first.fields["done"], last.fields["done"]) == (0, 1)
    assert order.fate is Fate.DONE
    assert keep.wanted == {}


def test_an_execution_of_a_conditional_order_waits_for_its_parent():
    keep = book()
    stop = kept(keep, kind=OrderType.STOP_MARKET, leg=STOP, name="s.0.1.s.1", side=-1)
    stop.learn(said(stop, venue_id="3"), 0)
    fill = execution(stop, "1", "0.010", client_id="", venue_order_id="99", side=-1)
    assert keep.take(fill, 0, 100) == []
    assert keep.adopt_orphans(0, 50) == []
    keep.learn(said(stop, venue_id="3", child_id="99"), 60)
    (report,) = keep.adopt_orphans(0, 60)
    assert (report.kind, report.fields["number"], report.fields["leg"]) == (CMD_FILL, 1, STOP)


def test_an_orphan_that_nobody_claims_becomes_a_foreign_execution():
    keep = book()
    stop = kept(keep, kind=OrderType.STOP_MARKET, leg=STOP, name="s.0.1.s.1", side=-1)
    keep.take(execution(stop, "1", "0.010", client_id="web_1", venue_order_id="99", side=-1), 0, 100)
    (report,) = keep.adopt_orphans(0, 100)
    assert (report.fields["number"], report.fields["code"], report.fields["side"]) == (0, WHY_EXTERNAL, -1)
    assert keep.held[0] == -10


def test_with_no_order_of_ours_there_is_nothing_to_wait_for():
    keep = book()
    (report,) = keep.take(execution(working(), "1", "0.010", client_id="web_1", venue_order_id="99"), 0, 100)
    assert report.fields["number"] == 0


@pytest.mark.parametrize(
    ("cause", "code"),
    [(Cause.LIQUIDATION, WHY_LIQUIDATION), (Cause.ADL, WHY_EXTERNAL), (Cause.SETTLEMENT, WHY_EXTERNAL)],
)
def test_forced_closes_are_taken_at_once(cause, code):
    keep = book()
    stop = kept(keep, kind=OrderType.STOP_MARKET, leg=STOP, name="s.0.1.s.1", side=-1)
    fill = execution(stop, "1", "0.010", client_id="autoclose-1", venue_order_id="99", side=-1, cause=cause)
    (report,) = keep.take(fill, 0, 100)
    assert (report.fields["number"], report.fields["leg"], report.fields["code"]) == (0, EXIT, code)


def test_an_execution_of_an_order_from_before_a_restart_is_known_by_its_name():
    keep = book()
    (report,) = keep.take(execution(working(), "1", "0.010", client_id="s.0.1.1.9"), 0, 0, again=True)
    assert (report.fields["number"], report.fields["leg"]) == (9, TP1)


def test_an_older_revision_is_adopted_when_the_venue_lists_it():
    keep = book()
    listed = OrderReport("s.0.1.s.4.2", SYMBOL, -1, OrderType.STOP_MARKET, OrderStatus.OPEN, D("0.010"), venue_id="3")
    order = keep.learn(listed, 5)
    assert (order.leg, order.number, order.revision) == (STOP, 4, 2)
    assert order in keep.live(0)
    assert keep.learn(replace(listed, client_id="x.0.1.s.4", venue_id="5"), 5) is None
    assert keep.learn(replace(listed, client_id="s.0.1.s.5", venue_id="4", status=OrderStatus.CANCELLED), 5) is None


def test_an_order_that_was_given_up_and_arrives_all_the_same_lives_again():
    keep = book()
    order = kept(keep)
    keep.close(order)
    keep.revive(said(order, OrderStatus.FILLED), 5)
    assert order.fate is Fate.DONE
    keep.revive(said(order), 5)
    assert order.fate is Fate.OPEN
    assert not keep.is_wanted(order)
    assert order in keep.live(0)


def test_only_a_stop_over_all_that_is_held_protects():
    keep = book()
    stop = kept(keep, kind=OrderType.STOP_MARKET, leg=STOP, name="s.0.1.s.1", side=-1)
    assert keep.resting_stop(0) is None
    stop.learn(said(stop, venue_id="3"), 0)
    keep.held[0] = 10
    assert keep.resting_stop(0) is stop
    assert keep.resting_stop(0, stop) is None
    keep.held[0] = 11
    assert keep.resting_stop(0) is None
    keep.held[0] = -10  # it belongs to the position before
    assert keep.resting_stop(0) is None
    keep.held[0] = 10
    stop.cancelling = True
    assert keep.resting_stop(0) is None


# -------------------------------------------------------------------------------------------------------------- spot
def test_a_fee_in_the_base_asset_makes_less_to_hold_and_is_the_cost():
    """0.1 % of every purchase is kept: of 10 lots in three parts one owns 9 whole lots, and the rest is dust."""
    keep = book(SPOT)
    order = kept(keep)
    reports = []
    for trade, quantity in (("1", "0.004"), ("2", "0.004"), ("3", "0.002")):
        fee = D(quantity) / 1000
        reports += keep.take(execution(order, trade, quantity, fee=fee, fee_asset="BTC"), 1, 100)
    assert sum(r.fields["lots"] for r in reports) == keep.held[0] == 9
    assert [r.fields["lots"] for r in reports] == [3, 4, 2]
    paid = sum(r.fields["fee"] for r in reports)
    assert paid == pytest.approx(float(D("0.001") * PRICE))  # one lot is bought and not held
    assert reports[-1].fields["done"] == 1


def test_a_sale_pays_in_the_quote_currency():
    keep = book(SPOT)
    order = kept(keep, kind=OrderType.MARKET, leg=EXIT, name="s.0.1.x.1", side=-1)
    (report,) = keep.take(execution(order, "1", "0.010", fee=D("0.5"), side=-1), 1, 100)
    assert (report.fields["lots"], report.fields["fee"], keep.held[0]) == (10, 0.5, -10)


def test_a_fee_in_a_third_asset_costs_nothing_here():
    keep = book(SPOT)
    order = kept(keep)
    (report,) = keep.take(execution(order, "1", "0.010", fee=D("0.01"), fee_asset="BNB"), 1, 100)
    assert (report.fields["lots"], report.fields["fee"]) == (10, 0.0)


def test_what_is_sold_for_somebody_else_is_not_ours():
    harness = Harness().ready()
    assert harness.manager.blotter.take(replace(execution(working(), "1", "0.01"), symbol="ETHUSDT"), 0, 0) == []
