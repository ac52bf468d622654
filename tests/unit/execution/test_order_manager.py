"""The order manager by hand: what it sends when, and what it makes of each answer."""

from dataclasses import replace

import pytest
from harness import RULES, D, Harness

from triplane.execution import messages as m
from triplane.execution.orders import Fate
from triplane.execution.risk import Bounds
from triplane.execution.timeouts import Timeouts
from triplane.kernel.records import (
    CANCELLED,
    CMD_BALANCE,
    CMD_FILL,
    CMD_FUNDING,
    CMD_GATE,
    CMD_ORDER_END,
    ENTRY,
    EXIT,
    EXPIRED,
    GATES,
    LIMIT,
    REJECTED,
    STOP,
    TP1,
)
from triplane.venues.base import Funding, MarginCall, OrderStatus, StreamStatus
from triplane.venues.errors import LATER, NotFound, Refused, Unknown, Why

WAIT = Timeouts()
ABSENT = NotFound("there is none", "-2013")
ENTRIES_END = set(Why) - {Why.DUPLICATE}


def ended(harness):
    return [(r.fields["leg"], r.fields["number"], r.fields["code"]) for r in harness.ends()]


def settle_unknown(harness, span, found=ABSENT, lots=None):
    """Answer lookups and snapshots for a while; returns what was placed."""
    placed = []
    for _ in range(span // 250):
        for request in harness.plan(250):
            if isinstance(request, m.PlaceOrder):
                placed.append(request)
            elif isinstance(request, m.QueryOrder):
                harness.answer(request, found)
            elif isinstance(request, m.TakeSnapshot):
                harness.answer(request, harness.snapshot(lots))
            elif isinstance(request, m.FetchExecutions):
                harness.answer(request, [])
    return placed


# --------------------------------------------------------------------------------------------------------------- gate
def test_the_gate_for_entries_opens_when_the_books_are_right_and_closes_with_the_stream():
    harness = Harness()
    for request in harness.plan():
        harness.answer(request, harness.snapshot())
    gate = GATES.index("not_reconciled")
    assert [(r.kind, r.fields) for r in harness.reports()] == [(CMD_GATE, {"code": gate, "flag": 1})]
    harness.stream()
    for request in harness.orders(400, m.TakeSnapshot):
        harness.answer(request, harness.snapshot())
    harness.plan()
    assert harness.reports()[-1].fields == {"code": gate, "flag": 0}
    harness.stream(StreamStatus.DOWN)
    harness.plan()
    assert harness.reports()[-1].fields == {"code": gate, "flag": 1}
    assert len(harness.reports()) == 3


def test_a_snapshot_during_which_something_happened_proves_nothing():
    harness = Harness()
    harness.stream()
    (request,) = harness.orders(400, m.TakeSnapshot)
    answer = harness.snapshot()
    harness.blotter.activity[0] += 1
    harness.answer(request, answer)
    assert not harness.manager.reconciler.ready(0)


def test_a_snapshot_that_failed_proves_nothing():
    harness = Harness().ready()
    harness.long()
    for request in harness.orders(10_000, m.TakeSnapshot):
        harness.answer(request, Refused("down", why=Why.DOWN))
    assert harness.blotter.held[0] == 10
    assert harness.manager.reconciler.snapshot.positions == ()  # the one before
    assert harness.fills() == []


# ------------------------------------------------------------------------------------------------------------ entries
def test_an_entry_waits_for_the_books_and_grows_stale():
    harness = Harness()
    harness.place(ENTRY, 1)
    assert harness.orders() == []
    assert harness.orders(WAIT.entry - 1) == []
    assert ended(harness) == []
    assert harness.orders(1) == []
    assert ended(harness) == [(ENTRY, 1, EXPIRED)]


def test_an_entry_waits_until_everything_before_it_is_settled():
    harness = Harness().ready()
    stop = harness.long()
    harness.place(ENTRY, 3)
    assert harness.orders() == []
    harness.event(harness.fill(stop))
    harness.event(harness.report(stop, OrderStatus.FILLED, stop.new.quantity))
    assert [r.client_id for r in harness.orders()] == ["s.0.1.e.3"]


@pytest.mark.parametrize("why", sorted(ENTRIES_END))
def test_an_entry_that_is_refused_is_over(why):
    harness = Harness().ready()
    harness.place(ENTRY, 1)
    (request,) = harness.orders()
    harness.answer(request, Refused("no", why=why, retry_at=harness.now + 500))
    assert ended(harness) == [(ENTRY, 1, REJECTED)]
    assert "order_refused" in harness.codes()
    assert settle_unknown(harness, 20_000) == []


def test_a_duplicate_is_an_order_that_arrived():
    harness = Harness().ready()
    order = harness.place(ENTRY, 1, kind=LIMIT, price="49000")
    (request,) = harness.orders()
    harness.answer(request, Refused("no", why=Why.DUPLICATE))
    assert settle_unknown(harness, 1_000, harness.report(order)) == []
    assert (order.fate, order.accepted) == (Fate.OPEN, True)
    assert ended(harness) == []


def test_an_entry_too_large_never_leaves():
    harness = Harness(bounds=lambda _: Bounds(max_notional=D(100), reference=D(50_000))).ready()
    harness.place(ENTRY, 1)
    assert harness.orders() == []
    assert ended(harness) == [(ENTRY, 1, REJECTED)]


def test_an_entry_let_go_of_before_it_was_sent_is_cancelled():
    harness = Harness()
    harness.place(ENTRY, 1)
    harness.cancel(ENTRY, 1)
    assert ended(harness) == [(ENTRY, 1, CANCELLED)]
    assert harness.ready().orders() == []


def test_an_entry_counts_as_working_until_the_venue_says_that_it_is_over():
    harness = Harness().ready()
    order = harness.open(harness.place(ENTRY, 1, kind=LIMIT, price="49000"))
    harness.cancel(ENTRY, 1)
    (request,) = harness.orders(of=m.CancelOrder)
    assert ended(harness) == []
    harness.event(harness.fill(order, 4))
    harness.answer(request, None)
    harness.event(harness.report(order, OrderStatus.CANCELLED, "0.004"))
    assert ended(harness) == [(ENTRY, 1, CANCELLED)]
    assert [r.fields["lots"] for r in harness.fills()] == [4]


@pytest.mark.parametrize("error", [Unknown("lost"), Unknown("no", "-1007")])
def test_an_entry_of_unknown_fate_is_looked_up_and_never_sent_again(error):
    harness = Harness().ready()
    order = harness.place(ENTRY, 1)
    (request,) = harness.orders()
    harness.answer(request, error)
    assert settle_unknown(harness, 5_500) == []
    assert order.fate is Fate.UNKNOWN
    assert ended(harness) == []
    assert settle_unknown(harness, 3_000) == []
    assert ended(harness) == [(ENTRY, 1, REJECTED)]


def test_without_a_look_at_the_account_not_found_stays_unknown():
    harness = Harness().ready()
    order = harness.place(ENTRY, 1)
    (request,) = harness.orders()
    harness.answer(request, Unknown("lost"))
    for _ in range(200):
        for request in harness.plan(250):
            harness.answer(request, ABSENT if isinstance(request, m.QueryOrder) else Refused("down", why=Why.DOWN))
    assert order.fate is Fate.UNKNOWN
    assert ended(harness) == []


def test_an_order_that_arrived_late_lives_again_and_is_taken_out():
    harness = Harness().ready()
    order = harness.place(ENTRY, 1, kind=LIMIT, price="49000")
    (request,) = harness.orders()
    harness.answer(request, Unknown("lost"))
    settle_unknown(harness, 9_000)
    assert order.fate is Fate.DONE
    (request,) = harness.orders(10_000, m.TakeSnapshot)
    harness.answer(request, harness.snapshot(orders=[harness.report(order)]))
    assert [r.client_id for r in harness.orders(of=m.CancelOrder)] == [order.client_id]
    harness.event(harness.fill(order, 4))
    assert [(r.fields["number"], r.fields["lots"]) for r in harness.fills()] == [(1, 4)]


# -------------------------------------------------------------------------------------------------------------- exits
@pytest.mark.parametrize("why", sorted(LATER))
def test_an_exit_is_sent_again_under_the_same_id_when_the_reason_passes(why):
    harness = Harness().ready()
    harness.long()
    harness.place(EXIT, 3)
    (request,) = harness.orders()
    harness.answer(request, Refused("no", why=why, retry_at=harness.now + 7_000))
    assert harness.orders(6_999) == []
    assert [r.client_id for r in harness.orders(1)] == [request.client_id]
    assert ended(harness) == []


def test_exits_wait_twice_as_long_each_time():
    harness = Harness().ready()
    harness.long()
    harness.place(EXIT, 3)
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


def test_after_an_exit_that_failed_for_good_the_core_hears_a_little_later():
    harness = Harness().ready()
    harness.long()
    for number, wait in ((3, 500), (4, 1000), (5, 2000)):
        harness.reported.clear()
        harness.place(EXIT, number)
        (request,) = harness.orders()
        harness.answer(request, Refused("no", why=Why.PRICE_BAND))
        assert ended(harness) == []
        harness.now += wait
        assert ended(harness) == [(EXIT, number, REJECTED)]


def test_exits_come_first_and_entries_last():
    harness = Harness().ready()
    harness.long(stop=False)
    harness.place(TP1, 3)
    harness.place(STOP, 2)
    harness.place(EXIT, 4)
    assert [r.client_id for r in harness.orders()] == ["s.0.1.x.4", "s.0.1.s.2", "s.0.1.1.3"]


def test_exits_are_sent_below_every_minimum_and_only_reduce():
    harness = Harness(bounds=lambda _: Bounds(max_notional=D(1), reference=D(1)), instruments=[RULES])
    harness.ready()
    order = harness.place(EXIT, 1, lots=1, side=-1)
    (request,) = harness.orders()
    assert request.order.value.reduce_only
    assert request.order.value.quantity == D("0.001")
    assert order.fate is Fate.SENT


def test_an_exit_that_never_arrived_is_sent_again_under_the_same_id():
    harness = Harness().ready()
    harness.long()
    order = harness.place(EXIT, 3)
    (request,) = harness.orders()
    harness.answer(request, Unknown("lost"))
    assert [r.client_id for r in settle_unknown(harness, 8_000)] == [order.client_id]


# -------------------------------------------------------------------------------------------------------------- stops
def test_a_stop_that_does_not_rest_in_time_is_given_up():
    harness = Harness().ready()
    harness.long(stop=False)
    harness.place(STOP, 2)
    (request,) = harness.orders()
    harness.answer(request, Refused("busy", why=Why.OVERLOAD, retry_at=harness.now + 60_000))
    assert harness.orders(WAIT.stop - 1) == []
    assert ended(harness) == []
    harness.orders(1)
    assert ended(harness) == [(STOP, 2, REJECTED)]
    assert "no_stop" in harness.codes()


def test_a_venue_that_does_not_answer_says_nothing_against_a_stop():
    harness = Harness().ready()
    harness.long(stop=False)
    harness.place(STOP, 2)
    (request,) = harness.orders()
    harness.answer(request, Unknown("lost"))
    for _ in range(200):
        for request in harness.plan(250):
            harness.answer(request, Refused("down", why=Why.DOWN))
    assert ended(harness) == []


def test_a_new_stop_is_placed_before_the_old_one_is_cancelled():
    harness = Harness().ready()
    old = harness.long()
    new = harness.amend(STOP, 2, 1)
    (request,) = harness.plan()
    assert (type(request), request.client_id) == (m.PlaceOrder, new.client_id)
    assert harness.orders(of=m.CancelOrder) == []
    harness.answer(request, harness.report(new))
    assert [r.client_id for r in harness.orders(of=m.CancelOrder)] == [old.client_id]


def test_the_only_stop_stays_until_the_position_is_flat():
    harness = Harness().ready()
    stop = harness.long()
    harness.cancel(STOP, 2)
    assert harness.orders(of=m.CancelOrder) == []
    exit_ = harness.open(harness.place(EXIT, 3))
    harness.event(harness.fill(exit_))
    assert [r.client_id for r in harness.orders(of=m.CancelOrder)] == [stop.client_id]


def test_a_move_before_the_stop_was_sent_replaces_it():
    harness = Harness().ready()
    harness.long(stop=False)
    harness.place(STOP, 2)
    new = harness.amend(STOP, 2, 1)
    assert [r.client_id for r in harness.orders()] == [new.client_id]


def test_a_confirmed_stop_that_is_not_found_still_protects():
    harness = Harness().ready()
    stop = harness.long()
    harness.manager.on_answer(m.QueryOrder(stop.client_id, "BTCUSDT", True), ABSENT, harness.now)
    assert settle_unknown(harness, 60_000) == []
    assert harness.blotter.resting_stop(0) is stop
    assert ended(harness) == []


def test_a_stop_that_a_snapshot_does_not_list_is_asked_for():
    """Somebody took it out, and nobody said so."""
    harness = Harness().ready()
    stop = harness.long()
    (request,) = harness.orders(10_000, m.TakeSnapshot)
    harness.answer(request, harness.snapshot())
    (request,) = harness.orders(of=m.QueryOrder)
    assert request.client_id == stop.client_id
    harness.answer(request, harness.report(stop, OrderStatus.CANCELLED))
    assert ended(harness) == [(STOP, 2, CANCELLED)]


def test_a_cancellation_that_finds_nothing_is_tried_again_until_the_venue_tells_the_end():
    harness = Harness().ready()
    stop = harness.long()
    exit_ = harness.open(harness.place(EXIT, 3))
    harness.cancel(STOP, 2)
    harness.event(harness.fill(exit_))
    (request,) = harness.orders(of=m.CancelOrder)
    harness.answer(request, NotFound("none open", "-2011"))
    assert stop.fate is Fate.OPEN
    assert harness.orders(WAIT.hidden - 1, m.CancelOrder) == []
    assert [r.client_id for r in harness.orders(1, m.CancelOrder)] == [stop.client_id]


# --------------------------------------------------------------------------------------------------- the rest it hears
def test_funding_is_told_once():
    harness = Harness().ready()
    event = Funding("BTCUSDT", D("-0.7"), 1_700_000_000_000)
    harness.event(event)
    harness.event(event)
    harness.event(Funding("ETHUSDT", D("-0.7"), 1_700_000_000_000))
    assert [r.fields["price"] for r in harness.reports(CMD_FUNDING)] == [-0.7]


def test_the_balance_is_adjusted_when_it_stays_different():
    harness = Harness(wallet=lambda: 10_000.0).ready()
    looks = 0
    while not harness.reports(CMD_BALANCE):
        look(harness, "9990")
        looks += 1
        assert looks < 10
    assert looks > 1
    assert [(r.fields["price"], r.fields["flag"]) for r in harness.reports(CMD_BALANCE)] == [(9990.0, 0)]
    assert "balance_adjusted" in harness.codes()


def test_a_balance_that_differs_for_a_moment_is_left_alone():
    harness = Harness(wallet=lambda: 10_000.0).ready()
    for wallet in ("9990", "10000", "9990", "10000"):
        look(harness, wallet)
    assert harness.reports(CMD_BALANCE) == []


def test_the_balance_that_it_starts_with_is_taken_over():
    harness = Harness(wallet=lambda: 0.0)
    harness.stream()
    while not harness.reports(CMD_BALANCE):
        look(harness, "500")
    assert [(r.fields["price"], r.fields["flag"]) for r in harness.reports(CMD_BALANCE)] == [(500.0, 1)]


def look(harness, wallet):
    """Answer one snapshot; nothing else has anything to tell."""
    looked = False
    for _ in range(100):
        for request in harness.plan(400):
            looked |= isinstance(request, m.TakeSnapshot)
            harness.answer(request, harness.snapshot(wallet=wallet) if isinstance(request, m.TakeSnapshot) else [])
        if looked:
            return


def test_a_position_that_no_execution_explains_is_adjusted_once():
    harness = Harness().ready()
    harness.long()
    harness.reported.clear()
    settle_unknown(harness, 20_000, lots=4)
    (report,) = harness.fills()
    assert (report.fields["number"], report.fields["lots"], report.fields["side"]) == (0, 6, -1)
    assert harness.blotter.held[0] == 4
    assert harness.codes().count("position_adjusted") == 1


def test_a_warning_of_the_venue_and_foreign_orders_are_reported_once():
    harness = Harness().ready()
    harness.event(MarginCall(("BTCUSDT",), harness.now))
    order = harness.place(ENTRY, 1, kind=LIMIT, price="49000")
    foreign = replace(harness.report(order), client_id="web_1", venue_id="99")
    for _ in range(3):
        for request in harness.orders(10_000, m.TakeSnapshot):
            harness.answer(request, harness.snapshot(orders=[foreign]))
    assert harness.codes().count("foreign_order") == 1
    assert harness.codes().count("margin_call") == 1


# ------------------------------------------------------------------------------------------------------------ restart
def test_intents_from_the_journal_are_looked_up_before_anything_is_sent():
    harness = Harness()
    harness.now += 1
    entry = desk_again(harness, ENTRY, 1)
    harness.manager.recovered()
    harness.stream()
    requests = harness.plan(400)
    assert not [r for r in requests if isinstance(r, m.PlaceOrder)]
    assert [r.client_id for r in requests if isinstance(r, m.QueryOrder)] == [entry.client_id]


def desk_again(harness, leg, number):
    harness.place(leg, number, again=True)
    return harness.blotter.wanted[0, leg]


def test_what_the_journal_says_has_ended_is_not_asked_for():
    harness = Harness()
    desk_again(harness, ENTRY, 1)
    command = {"lots": 10, "number": 1, "trade": 5, "side": 1, "time": harness.now, "done": 1, "leg": ENTRY}
    harness.manager.on_command_again(0, CMD_FILL, command)
    desk_again(harness, TP1, 2)
    harness.manager.on_command_again(0, CMD_ORDER_END, {"leg": TP1, "number": 2})
    harness.manager.recovered()
    assert harness.blotter.live(0) == []
    assert harness.blotter.held[0] == 10
    assert harness.orders(400, m.QueryOrder) == []
