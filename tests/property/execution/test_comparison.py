"""Comparing blotter and venue changes nothing, finds every difference, and finds the same ones again."""

from copy import deepcopy
from decimal import Decimal

from harness import SYMBOL, D, Harness
from hypothesis import given
from hypothesis import strategies as st

from triplane.execution import messages as m
from triplane.execution.comparison import compare
from triplane.execution.orders import Fate, WorkingOrder
from triplane.kernel.codes import Leg
from triplane.venues.base import Balance, NewOrder, OrderReport, OrderStatus, OrderType, PositionReport, Snapshot

LOTS = st.integers(-30, 30)
NAMES = st.sampled_from(["s.0.1.e.1", "s.0.1.s.2", "s.0.1.s.2.1", "s.0.1.1.3", "s.0.2.x.9", "web_1", "x.0.1.e.1"])


@st.composite
def workings(draw):
    """An order of ours in any state."""
    kind = draw(st.sampled_from(list(OrderType)))
    name = draw(NAMES.filter(lambda n: n.startswith("s.")))
    order = WorkingOrder(
        NewOrder(name, SYMBOL, 1, kind, D("0.010")), 0, Leg.ENTRY if ".e." in name else Leg.STOP, 1, 0, 0, 0
    )
    order.fate = draw(st.sampled_from([f for f in Fate if f is not Fate.DONE]))
    order.accepted, order.cancelling = draw(st.booleans()), draw(st.booleans())
    order.venue_id = draw(st.sampled_from(["", "7", "8"]))
    order.child_id = draw(st.sampled_from(["", "9"])) if kind.conditional else ""
    order.status = draw(st.sampled_from([None, None, *OrderStatus]))
    order.filled, order.counted = (D(draw(st.integers(0, 10))) / 1000 for _ in range(2))
    return order


@st.composite
def snapshots(draw):
    """What a venue may list."""
    reports = []
    for name in draw(st.lists(NAMES, max_size=4, unique=True)):
        symbol, venue_id = draw(st.sampled_from([SYMBOL, "ETHUSDT"])), draw(st.sampled_from(["7", "8", "10"]))
        reports.append(OrderReport(name, symbol, 1, OrderType.LIMIT, OrderStatus.OPEN, D("0.01"), venue_id=venue_id))
    lots = draw(LOTS)
    positions = [
        PositionReport(s, Decimal(lots) / 1000, D(1)) for s in draw(st.sampled_from([(), (SYMBOL,), ("ETHUSDT",)]))
    ]
    return Snapshot(1, tuple(positions), tuple(reports), Balance("USDT", D(1), D(1)))


@given(st.lists(workings(), max_size=4), LOTS, snapshots())
def test_comparing_changes_nothing_and_says_the_same_again(orders, lots, snapshot):
    before, seen = deepcopy([vars_of(o) for o in orders]), deepcopy(snapshot)
    ours = Decimal(lots) / 1000
    found = compare("s", SYMBOL, ours, orders, snapshot)
    assert compare("s", SYMBOL, ours, iter(orders), snapshot) == found
    assert [vars_of(o) for o in orders] == before
    assert snapshot == seen


def vars_of(order):
    return {name: getattr(order, name) for name in WorkingOrder.__slots__}


@given(st.lists(workings(), max_size=4), LOTS, snapshots())
def test_every_listed_order_is_known_or_foreign_and_every_difference_is_found(orders, lots, snapshot):
    ours = Decimal(lots) / 1000
    found = compare("s", SYMBOL, ours, orders, snapshot)
    theirs = sum((p.quantity for p in snapshot.positions if p.symbol == SYMBOL), D(0))
    assert found.agrees == (theirs == ours)
    assert sorted(r.client_id for r in found.known + found.foreign) == sorted(
        r.client_id for r in snapshot.orders if r.symbol == SYMBOL
    )
    assert all(r.client_id.startswith("s.") for r in found.known)
    listed = {r.client_id for r in snapshot.orders if r.symbol == SYMBOL}
    for order in found.missing:
        assert order.fate is Fate.OPEN
        assert order.status is None
        assert order.client_id not in listed
    for order in orders:
        rests = order.fate is Fate.OPEN and order.status is None
        if rests and not order.ids() and order.client_id not in listed:
            assert order in found.missing


@given(LOTS, LOTS, st.integers(0, 5))
def test_a_difference_below_dust_is_none(lots, more, dust):
    ours, theirs, limit = Decimal(lots) / 1000, Decimal(lots + more) / 1000, Decimal(dust) / 1000
    snapshot = Snapshot(1, (PositionReport(SYMBOL, theirs, D(1)),), (), Balance("USDT", D(1), D(1)))
    assert compare("s", SYMBOL, ours, (), snapshot, limit).agrees == (more == 0 or abs(more) < dust)


@given(st.integers(-30, 30), st.integers(1, 4))
def test_the_same_snapshot_again_changes_nothing(lots, times):
    """What the venue holds more or less is adjusted once; from then on they agree."""
    harness = Harness().ready()
    seen = 0
    for _ in range(40 + 10 * times):
        for request in harness.plan(1_000):
            harness.answer(request, harness.snapshot(lots) if isinstance(request, m.TakeSnapshot) else [])
        if harness.manager.reconciler.ready(0) and harness.blotter.held[0] == lots:
            seen += 1
    adjusted = [r.fields["side"] * r.fields["lots"] for r in harness.fills()]
    assert adjusted == ([lots] if lots else [])
    assert harness.blotter.held[0] == lots
    assert seen > 10
