"""Keeping the blotter equal to the venue: gate, snapshots, adjustments of position and balance."""

from harness import D, Harness, ended, settle_unknown
from msgspec.structs import replace

from triplane.execution import messages as m
from triplane.kernel.codes import CommandKind, Gate, Leg, OrderEnd, OrderType
from triplane.venues.base import Funding, MarginCall, OrderStatus, StreamStatus
from triplane.venues.errors import Refused, Why


def test_the_gate_for_entries_opens_when_the_books_are_right_and_closes_with_the_stream():
    harness = Harness()
    for request in harness.plan():
        harness.answer(request, harness.snapshot())
    gate = Gate.labels.index("not_reconciled")
    assert [(r.kind, r.fields) for r in harness.reports()] == [(CommandKind.GATE, {"code": gate, "flag": 1})]
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


def test_a_stop_that_a_snapshot_does_not_list_is_asked_for():
    """Somebody took it out, and nobody said so."""
    harness = Harness().ready()
    stop = harness.long()
    (request,) = harness.orders(10_000, m.TakeSnapshot)
    harness.answer(request, harness.snapshot())
    (request,) = harness.orders(of=m.QueryOrder)
    assert request.client_id == stop.client_id
    harness.answer(request, harness.report(stop, OrderStatus.CANCELLED))
    assert ended(harness) == [(Leg.STOP, 2, OrderEnd.CANCELLED)]


def test_funding_is_told_once():
    harness = Harness().ready()
    event = Funding("BTCUSDT", D("-0.7"), 1_700_000_000_000)
    harness.event(event)
    harness.event(event)
    harness.event(Funding("ETHUSDT", D("-0.7"), 1_700_000_000_000))
    assert [r.fields["price"] for r in harness.reports(CommandKind.FUNDING)] == [-0.7]


def test_the_balance_is_adjusted_when_it_stays_different():
    harness = Harness(wallet=lambda: 10_000.0).ready()
    looks = 0
    while not harness.reports(CommandKind.BALANCE):
        settle_wallet(harness, "9990")
        looks += 1
        assert looks < 10
    assert looks > 1
    assert [(r.fields["price"], r.fields["flag"]) for r in harness.reports(CommandKind.BALANCE)] == [(9990.0, 0)]
    assert "balance_adjusted" in harness.codes()


def test_a_balance_that_differs_for_a_moment_is_left_alone():
    harness = Harness(wallet=lambda: 10_000.0).ready()
    for wallet in ("9990", "10000", "9990", "10000"):
        settle_wallet(harness, wallet)
    assert harness.reports(CommandKind.BALANCE) == []


def test_the_balance_that_it_starts_with_is_taken_over():
    harness = Harness(wallet=lambda: 0.0)
    harness.stream()
    while not harness.reports(CommandKind.BALANCE):
        settle_wallet(harness, "500")
    assert [(r.fields["price"], r.fields["flag"]) for r in harness.reports(CommandKind.BALANCE)] == [(500.0, 1)]


def settle_wallet(harness, wallet):
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
    order = harness.place(Leg.ENTRY, 1, kind=OrderType.LIMIT, price="49000")
    foreign = replace(harness.report(order), client_id="web_1", venue_id="99")
    for _ in range(3):
        for request in harness.orders(10_000, m.TakeSnapshot):
            harness.answer(request, harness.snapshot(orders=[foreign]))
    assert harness.codes().count("foreign_order") == 1
    assert harness.codes().count("margin_call") == 1
