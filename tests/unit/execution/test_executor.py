"""The executor by hand: what it sends when, and what it makes of each answer."""

from dataclasses import replace

import pytest
from desk import RULES, D, Desk

from triplane.execution import messages as m
from triplane.execution.orders import Fate
from triplane.execution.patience import Patience
from triplane.execution.risk import Bounds
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
from triplane.venues.base import Funding, MarginCall, OrderStatus, Stream
from triplane.venues.errors import LATER, NotFound, Refused, Unknown, Why

WAIT = Patience()
ABSENT = NotFound("there is none", "-2013")
ENTRIES_END = set(Why) - {Why.DUPLICATE}


def ended(desk):
    return [(r.fields["leg"], r.fields["number"], r.fields["code"]) for r in desk.ends()]


def settle_unknown(desk, span, found=ABSENT, lots=None):
    """Answer lookups and snapshots for a while; returns what was placed."""
    placed = []
    for _ in range(span // 250):
        for request in desk.plan(250):
            if isinstance(request, m.Place):
                placed.append(request)
            elif isinstance(request, m.Lookup):
                desk.answer(request, found)
            elif isinstance(request, m.TakeSnapshot):
                desk.answer(request, desk.snapshot(lots))
            elif isinstance(request, m.FetchFills):
                desk.answer(request, [])
    return placed


# --------------------------------------------------------------------------------------------------------------- gate
def test_the_gate_for_entries_opens_when_the_books_are_right_and_closes_with_the_stream():
    desk = Desk()
    for request in desk.plan():
        desk.answer(request, desk.snapshot())
    gate = GATES.index("not_reconciled")
    assert [(r.kind, r.fields) for r in desk.reports()] == [(CMD_GATE, {"code": gate, "flag": 1})]
    desk.stream()
    for request in desk.orders(400, m.TakeSnapshot):
        desk.answer(request, desk.snapshot())
    desk.plan()
    assert desk.reports()[-1].fields == {"code": gate, "flag": 0}
    desk.stream(Stream.DOWN)
    desk.plan()
    assert desk.reports()[-1].fields == {"code": gate, "flag": 1}
    assert len(desk.reports()) == 3


def test_a_snapshot_during_which_something_happened_proves_nothing():
    desk = Desk()
    desk.stream()
    (request,) = desk.orders(400, m.TakeSnapshot)
    answer = desk.snapshot()
    desk.book.activity[0] += 1
    desk.answer(request, answer)
    assert not desk.executor.reconciler.ready(0)


def test_a_snapshot_that_failed_proves_nothing():
    desk = Desk().ready()
    desk.long()
    for request in desk.orders(10_000, m.TakeSnapshot):
        desk.answer(request, Refused("down", why=Why.DOWN))
    assert desk.book.held[0] == 10
    assert desk.executor.reconciler.snapshot.positions == ()  # the one before
    assert desk.fills() == []


# ------------------------------------------------------------------------------------------------------------ entries
def test_an_entry_waits_for_the_books_and_grows_stale():
    desk = Desk()
    desk.place(ENTRY, 1)
    assert desk.orders() == []
    assert desk.orders(WAIT.entry - 1) == []
    assert ended(desk) == []
    assert desk.orders(1) == []
    assert ended(desk) == [(ENTRY, 1, EXPIRED)]


def test_an_entry_waits_until_everything_before_it_is_settled():
    desk = Desk().ready()
    stop = desk.long()
    desk.place(ENTRY, 3)
    assert desk.orders() == []
    desk.event(desk.fill(stop))
    desk.event(desk.report(stop, OrderStatus.FILLED, stop.new.quantity))
    assert [r.client_id for r in desk.orders()] == ["s.0.1.e.3"]


@pytest.mark.parametrize("why", sorted(ENTRIES_END))
def test_an_entry_that_is_refused_is_over(why):
    desk = Desk().ready()
    desk.place(ENTRY, 1)
    (request,) = desk.orders()
    desk.answer(request, Refused("no", why=why, retry_at=desk.now + 500))
    assert ended(desk) == [(ENTRY, 1, REJECTED)]
    assert "order_refused" in desk.codes()
    assert settle_unknown(desk, 20_000) == []


def test_a_duplicate_is_an_order_that_arrived():
    desk = Desk().ready()
    order = desk.place(ENTRY, 1, kind=LIMIT, price="49000")
    (request,) = desk.orders()
    desk.answer(request, Refused("no", why=Why.DUPLICATE))
    assert settle_unknown(desk, 1_000, desk.report(order)) == []
    assert (order.fate, order.accepted) == (Fate.OPEN, True)
    assert ended(desk) == []


def test_an_entry_too_large_never_leaves():
    desk = Desk(bounds=lambda _: Bounds(max_notional=D(100), reference=D(50_000))).ready()
    desk.place(ENTRY, 1)
    assert desk.orders() == []
    assert ended(desk) == [(ENTRY, 1, REJECTED)]


def test_an_entry_let_go_of_before_it_was_sent_is_cancelled():
    desk = Desk()
    desk.place(ENTRY, 1)
    desk.cancel(ENTRY, 1)
    assert ended(desk) == [(ENTRY, 1, CANCELLED)]
    assert desk.ready().orders() == []


def test_an_entry_counts_as_working_until_the_venue_says_that_it_is_over():
    desk = Desk().ready()
    order = desk.open(desk.place(ENTRY, 1, kind=LIMIT, price="49000"))
    desk.cancel(ENTRY, 1)
    (request,) = desk.orders(of=m.Cancel)
    assert ended(desk) == []
    desk.event(desk.fill(order, 4))
    desk.answer(request, None)
    desk.event(desk.report(order, OrderStatus.CANCELLED, "0.004"))
    assert ended(desk) == [(ENTRY, 1, CANCELLED)]
    assert [r.fields["lots"] for r in desk.fills()] == [4]


@pytest.mark.parametrize("error", [Unknown("lost"), Unknown("no", "-1007")])
def test_an_entry_of_unknown_fate_is_looked_up_and_never_sent_again(error):
    desk = Desk().ready()
    order = desk.place(ENTRY, 1)
    (request,) = desk.orders()
    desk.answer(request, error)
    assert settle_unknown(desk, 5_500) == []
    assert order.fate is Fate.UNKNOWN
    assert ended(desk) == []
    assert settle_unknown(desk, 3_000) == []
    assert ended(desk) == [(ENTRY, 1, REJECTED)]


def test_without_a_look_at_the_account_not_found_stays_unknown():
    desk = Desk().ready()
    order = desk.place(ENTRY, 1)
    (request,) = desk.orders()
    desk.answer(request, Unknown("lost"))
    for _ in range(200):
        for request in desk.plan(250):
            desk.answer(request, ABSENT if isinstance(request, m.Lookup) else Refused("down", why=Why.DOWN))
    assert order.fate is Fate.UNKNOWN
    assert ended(desk) == []


def test_an_order_that_arrived_late_lives_again_and_is_taken_out():
    desk = Desk().ready()
    order = desk.place(ENTRY, 1, kind=LIMIT, price="49000")
    (request,) = desk.orders()
    desk.answer(request, Unknown("lost"))
    settle_unknown(desk, 9_000)
    assert order.fate is Fate.DONE
    (request,) = desk.orders(10_000, m.TakeSnapshot)
    desk.answer(request, desk.snapshot(orders=[desk.report(order)]))
    assert [r.client_id for r in desk.orders(of=m.Cancel)] == [order.client_id]
    desk.event(desk.fill(order, 4))
    assert [(r.fields["number"], r.fields["lots"]) for r in desk.fills()] == [(1, 4)]


# -------------------------------------------------------------------------------------------------------------- exits
@pytest.mark.parametrize("why", sorted(LATER))
def test_an_exit_is_sent_again_under_the_same_id_when_the_reason_passes(why):
    desk = Desk().ready()
    desk.long()
    desk.place(EXIT, 3)
    (request,) = desk.orders()
    desk.answer(request, Refused("no", why=why, retry_at=desk.now + 7_000))
    assert desk.orders(6_999) == []
    assert [r.client_id for r in desk.orders(1)] == [request.client_id]
    assert ended(desk) == []


def test_exits_wait_twice_as_long_each_time():
    desk = Desk().ready()
    desk.long()
    desk.place(EXIT, 3)
    waits, began = [], desk.now
    (request,) = desk.orders()
    for _ in range(5):
        desk.answer(request, Refused("busy", why=Why.OVERLOAD))
        began, found = desk.now, []
        while not found:
            found = desk.orders(10)
        (request,) = found
        waits.append(desk.now - began)
    assert waits == [500, 1000, 2000, 4000, 8000]


def test_after_an_exit_that_failed_for_good_the_core_hears_a_little_later():
    desk = Desk().ready()
    desk.long()
    for number, wait in ((3, 500), (4, 1000), (5, 2000)):
        desk.told.clear()
        desk.place(EXIT, number)
        (request,) = desk.orders()
        desk.answer(request, Refused("no", why=Why.PRICE_BAND))
        assert ended(desk) == []
        desk.now += wait
        assert ended(desk) == [(EXIT, number, REJECTED)]


def test_exits_come_first_and_entries_last():
    desk = Desk().ready()
    desk.long(stop=False)
    desk.place(TP1, 3)
    desk.place(STOP, 2)
    desk.place(EXIT, 4)
    assert [r.client_id for r in desk.orders()] == ["s.0.1.x.4", "s.0.1.s.2", "s.0.1.1.3"]


def test_exits_are_sent_below_every_minimum_and_only_reduce():
    desk = Desk(bounds=lambda _: Bounds(max_notional=D(1), reference=D(1)), instruments=[RULES])
    desk.ready()
    order = desk.place(EXIT, 1, lots=1, side=-1)
    (request,) = desk.orders()
    assert request.order.value.reduce_only
    assert request.order.value.quantity == D("0.001")
    assert order.fate is Fate.SENT


def test_an_exit_that_never_arrived_is_sent_again_under_the_same_id():
    desk = Desk().ready()
    desk.long()
    order = desk.place(EXIT, 3)
    (request,) = desk.orders()
    desk.answer(request, Unknown("lost"))
    assert [r.client_id for r in settle_unknown(desk, 8_000)] == [order.client_id]


# -------------------------------------------------------------------------------------------------------------- stops
def test_a_stop_that_does_not_rest_in_time_is_given_up():
    desk = Desk().ready()
    desk.long(stop=False)
    desk.place(STOP, 2)
    (request,) = desk.orders()
    desk.answer(request, Refused("busy", why=Why.OVERLOAD, retry_at=desk.now + 60_000))
    assert desk.orders(WAIT.stop - 1) == []
    assert ended(desk) == []
    desk.orders(1)
    assert ended(desk) == [(STOP, 2, REJECTED)]
    assert "no_stop" in desk.codes()


def test_a_venue_that_does_not_answer_says_nothing_against_a_stop():
    desk = Desk().ready()
    desk.long(stop=False)
    desk.place(STOP, 2)
    (request,) = desk.orders()
    desk.answer(request, Unknown("lost"))
    for _ in range(200):
        for request in desk.plan(250):
            desk.answer(request, Refused("down", why=Why.DOWN))
    assert ended(desk) == []


def test_a_new_stop_is_placed_before_the_old_one_is_cancelled():
    desk = Desk().ready()
    old = desk.long()
    new = desk.amend(STOP, 2, 1)
    (request,) = desk.plan()
    assert (type(request), request.client_id) == (m.Place, new.client_id)
    assert desk.orders(of=m.Cancel) == []
    desk.answer(request, desk.report(new))
    assert [r.client_id for r in desk.orders(of=m.Cancel)] == [old.client_id]


def test_the_only_stop_stays_until_the_position_is_flat():
    desk = Desk().ready()
    stop = desk.long()
    desk.cancel(STOP, 2)
    assert desk.orders(of=m.Cancel) == []
    exit_ = desk.open(desk.place(EXIT, 3))
    desk.event(desk.fill(exit_))
    assert [r.client_id for r in desk.orders(of=m.Cancel)] == [stop.client_id]


def test_a_move_before_the_stop_was_sent_replaces_it():
    desk = Desk().ready()
    desk.long(stop=False)
    desk.place(STOP, 2)
    new = desk.amend(STOP, 2, 1)
    assert [r.client_id for r in desk.orders()] == [new.client_id]


def test_a_confirmed_stop_that_is_not_found_still_protects():
    desk = Desk().ready()
    stop = desk.long()
    desk.executor.on_answer(m.Lookup(stop.client_id, "BTCUSDT", True), ABSENT, desk.now)
    assert settle_unknown(desk, 60_000) == []
    assert desk.book.resting_stop(0) is stop
    assert ended(desk) == []


def test_a_stop_that_a_snapshot_does_not_list_is_asked_for():
    """Somebody took it out, and nobody said so."""
    desk = Desk().ready()
    stop = desk.long()
    (request,) = desk.orders(10_000, m.TakeSnapshot)
    desk.answer(request, desk.snapshot())
    (request,) = desk.orders(of=m.Lookup)
    assert request.client_id == stop.client_id
    desk.answer(request, desk.report(stop, OrderStatus.CANCELLED))
    assert ended(desk) == [(STOP, 2, CANCELLED)]


def test_a_cancellation_that_finds_nothing_is_tried_again_until_the_venue_tells_the_end():
    desk = Desk().ready()
    stop = desk.long()
    exit_ = desk.open(desk.place(EXIT, 3))
    desk.cancel(STOP, 2)
    desk.event(desk.fill(exit_))
    (request,) = desk.orders(of=m.Cancel)
    desk.answer(request, NotFound("none open", "-2011"))
    assert stop.fate is Fate.OPEN
    assert desk.orders(WAIT.hidden - 1, m.Cancel) == []
    assert [r.client_id for r in desk.orders(1, m.Cancel)] == [stop.client_id]


# --------------------------------------------------------------------------------------------------- the rest it hears
def test_funding_is_told_once():
    desk = Desk().ready()
    event = Funding("BTCUSDT", D("-0.7"), 1_700_000_000_000)
    desk.event(event)
    desk.event(event)
    desk.event(Funding("ETHUSDT", D("-0.7"), 1_700_000_000_000))
    assert [r.fields["price"] for r in desk.reports(CMD_FUNDING)] == [-0.7]


def test_the_balance_is_adjusted_when_it_stays_different():
    desk = Desk(wallet=lambda: 10_000.0).ready()
    looks = 0
    while not desk.reports(CMD_BALANCE):
        look(desk, "9990")
        looks += 1
        assert looks < 10
    assert looks > 1
    assert [(r.fields["price"], r.fields["flag"]) for r in desk.reports(CMD_BALANCE)] == [(9990.0, 0)]
    assert "balance_adjusted" in desk.codes()


def test_a_balance_that_differs_for_a_moment_is_left_alone():
    desk = Desk(wallet=lambda: 10_000.0).ready()
    for wallet in ("9990", "10000", "9990", "10000"):
        look(desk, wallet)
    assert desk.reports(CMD_BALANCE) == []


def test_the_balance_that_it_starts_with_is_taken_over():
    desk = Desk(wallet=lambda: 0.0)
    desk.stream()
    while not desk.reports(CMD_BALANCE):
        look(desk, "500")
    assert [(r.fields["price"], r.fields["flag"]) for r in desk.reports(CMD_BALANCE)] == [(500.0, 1)]


def look(desk, wallet):
    """Answer one snapshot; nothing else has anything to tell."""
    looked = False
    for _ in range(100):
        for request in desk.plan(400):
            looked |= isinstance(request, m.TakeSnapshot)
            desk.answer(request, desk.snapshot(wallet=wallet) if isinstance(request, m.TakeSnapshot) else [])
        if looked:
            return


def test_a_position_that_no_execution_explains_is_adjusted_once():
    desk = Desk().ready()
    desk.long()
    desk.told.clear()
    settle_unknown(desk, 20_000, lots=4)
    (report,) = desk.fills()
    assert (report.fields["number"], report.fields["lots"], report.fields["side"]) == (0, 6, -1)
    assert desk.book.held[0] == 4
    assert desk.codes().count("position_adjusted") == 1


def test_a_warning_of_the_venue_and_strange_orders_are_told_once():
    desk = Desk().ready()
    desk.event(MarginCall(("BTCUSDT",), desk.now))
    order = desk.place(ENTRY, 1, kind=LIMIT, price="49000")
    strange = replace(desk.report(order), client_id="web_1", venue_id="99")
    for _ in range(3):
        for request in desk.orders(10_000, m.TakeSnapshot):
            desk.answer(request, desk.snapshot(orders=[strange]))
    assert desk.codes().count("foreign_order") == 1
    assert desk.codes().count("margin_call") == 1


# ------------------------------------------------------------------------------------------------------------ restart
def test_intents_from_the_journal_are_looked_up_before_anything_is_sent():
    desk = Desk()
    desk.now += 1
    entry = desk_again(desk, ENTRY, 1)
    desk.executor.recovered()
    desk.stream()
    requests = desk.plan(400)
    assert not [r for r in requests if isinstance(r, m.Place)]
    assert [r.client_id for r in requests if isinstance(r, m.Lookup)] == [entry.client_id]


def desk_again(desk, leg, number):
    desk.place(leg, number, again=True)
    return desk.book.wanted[0, leg]


def test_what_the_journal_says_has_ended_is_not_asked_for():
    desk = Desk()
    desk_again(desk, ENTRY, 1)
    command = {"lots": 10, "number": 1, "trade": 5, "side": 1, "time": desk.now, "done": 1, "leg": ENTRY}
    desk.executor.on_command_again(0, CMD_FILL, command)
    desk_again(desk, TP1, 2)
    desk.executor.on_command_again(0, CMD_ORDER_END, {"leg": TP1, "number": 2})
    desk.executor.recovered()
    assert desk.book.live(0) == []
    assert desk.book.held[0] == 10
    assert desk.orders(400, m.Lookup) == []
