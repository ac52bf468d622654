"""A stop that triggers is reported by two services under two ids, in any order: one fill, the right parent, one end."""

from itertools import permutations

import pytest
from harness import PRICE, SYMBOL, D, Harness

from triplane.execution import messages as m
from triplane.kernel.codes import Leg
from triplane.venues.base import OrderStatus
from triplane.venues.binance import codec
from triplane.venues.errors import NotFound, Refused, Why

ALGO, CHILD = 3_000_001, 1_000_009
DOWN = Refused("no answer", why=Why.DOWN)


def algo(client_id, status, child=""):
    """ALGO_UPDATE."""
    filled = "0.010" if status == "FINISHED" else "0"
    return {"e": "ALGO_UPDATE", "T": 5, "E": 5, "o": {
        "caid": client_id, "aid": ALGO, "o": "STOP_MARKET", "s": SYMBOL, "S": "SELL", "q": "0.010", "X": status,
        "ai": child, "tp": "49000", "p": "0", "R": True, "ap": "0", "aq": filled}}  # fmt: skip


def child(client_id, execution, status, filled="0", last="0", trade=0):
    """ORDER_TRADE_UPDATE of the order that it has become."""
    return {"e": "ORDER_TRADE_UPDATE", "T": 5, "E": 5, "o": {
        "c": client_id, "s": SYMBOL, "S": "SELL", "o": "MARKET", "ot": "STOP_MARKET", "x": execution, "X": status,
        "i": CHILD, "q": "0.010", "p": "0", "ap": "0", "sp": "49000", "l": last, "z": filled, "L": str(PRICE), "T": 5,
        "t": trade, "m": False, "R": True, "N": "USDT", "n": "0.1"}}  # fmt: skip


class Outside:
    """What the venue answers while and after it happens."""

    def __init__(self, harness, stop, lookups, trades, child_id):
        self.harness, self.stop, self.lookups, self.trades, self.child_id = harness, stop, lookups, trades, child_id

    def go(self, span, step=250):
        harness = self.harness
        for _ in range(span // step):
            for request in harness.plan(step):
                assert not isinstance(request, m.PlaceOrder)
                harness.answer(request, self.answer(request))
            harness.reports()

    def answer(self, request):
        if isinstance(request, m.TakeSnapshot):
            return self.harness.snapshot(lots=0)
        if isinstance(request, m.CancelOrder) or self.lookups == "not found":
            return [] if isinstance(request, m.FetchExecutions) else NotFound("there is none", "-2013")
        if self.lookups == "failing":
            return DOWN
        if isinstance(request, m.FetchExecutions):
            return [codec.fill({"symbol": SYMBOL, "id": t, "orderId": CHILD, "side": "SELL", "price": str(PRICE),
                                "qty": q, "commission": "0.1", "commissionAsset": "USDT", "maker": False, "time": 5})
                    for t, q in self.trades]  # fmt: skip
        return self.harness.report(self.stop, OrderStatus.FILLED, "0.010", venue_id=str(ALGO), child_id=self.child_id)


def triggered(events, lookups, trades=((7, "0.010"),), child_id=str(CHILD)):
    """Play the events, each after a moment, then let time pass."""
    harness = Harness().ready()
    stop = harness.long()
    outside = Outside(harness, stop, lookups, trades, child_id)
    for message in events(stop.client_id):
        for event in codec.events(message):
            harness.event(event)
        outside.go(250)
    outside.go(15_000, 1_000)
    fills = harness.fills()
    assert sum(f.fields["lots"] for f in fills) == 10
    assert len({f.fields["trade"] for f in fills}) == len(fills) == len(trades)
    assert [(f.fields["number"], f.fields["leg"]) for f in fills] == [(2, Leg.STOP)] * len(fills)
    assert sum(f.fields["done"] for f in fills) + len(harness.ends()) == 1
    assert harness.blotter.held[0] == 0
    assert stop.fate == "done"
    assert stop.status is OrderStatus.FILLED
    assert harness.blotter.live(0) == []
    assert harness.blotter.orphans[0] == []
    assert "position_adjusted" not in harness.codes()
    assert "foreign_fill" not in harness.codes()


def story(order, named, tells_child):
    """The six messages of a triggered stop in some order."""
    number = str(CHILD) if tells_child else ""

    def events(client_id):
        other = client_id if named else "x-of-the-venue"
        messages = [
            algo(client_id, "NEW"),
            algo(client_id, "TRIGGERING"),
            algo(client_id, "TRIGGERED", number),
            child(other, "NEW", "NEW"),
            child(other, "TRADE", "FILLED", "0.010", "0.010", 7),
            algo(client_id, "FINISHED", number),
        ]
        return [messages[i] for i in order]

    return events


@pytest.mark.parametrize("lookups", ["found", "failing", "not found"])
@pytest.mark.parametrize(("named", "tells_child"), [(True, True), (True, False), (False, True)])
def test_every_order_of_the_events_is_one_fill_of_the_stop(named, tells_child, lookups):
    for order in permutations(range(6)):
        triggered(story(order, named, tells_child), lookups)


@pytest.mark.parametrize("lookups", ["found", "failing", "not found"])
def test_two_executions_in_every_order(lookups):
    def events(order):
        def ordered(client_id):
            parts = [
                algo(client_id, "TRIGGERED", str(CHILD)),
                child(client_id, "TRADE", "PARTIALLY_FILLED", "0.004", "0.004", 7),
                child(client_id, "TRADE", "FILLED", "0.010", "0.006", 8),
                algo(client_id, "FINISHED", str(CHILD)),
            ]
            return [parts[i] for i in order]

        return ordered

    for order in permutations(range(4)):
        triggered(events(order), lookups, ((7, "0.004"), (8, "0.006")))


@pytest.mark.parametrize("delivered", range(7))
def test_what_the_stream_left_out_is_asked_for(delivered):
    """Only the first few messages come; the next snapshot does not list the stop any more."""
    triggered(lambda client_id: story(range(6), True, True)(client_id)[:delivered], "found")


def test_an_end_without_an_execution_is_reported_once():
    """The trigger found nothing to close."""
    harness = Harness().ready()
    stop = harness.long()
    for message in (algo(stop.client_id, "TRIGGERED", str(CHILD)), child(stop.client_id, "EXPIRED", "EXPIRED"),
                    algo(stop.client_id, "EXPIRED", str(CHILD))):  # fmt: skip
        for event in codec.events(message):
            harness.event(event)
    for _ in range(10):
        for request in harness.plan(400):
            harness.answer(request, [] if isinstance(request, m.FetchExecutions) else harness.snapshot())
    assert len(harness.ends()) == 1
    assert harness.fills() == []
    assert D(harness.blotter.held[0]) == 10
