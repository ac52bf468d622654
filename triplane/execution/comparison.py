"""Comparing the blotter with the venue: pure functions, the same at the start, after a reconnect and in between.

They change nothing; the reconciler acts on what they find.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from triplane.execution.ids import parse_client_id
from triplane.execution.orders import Fate, WorkingOrder
from triplane.venues.base import ZERO, OrderReport, PositionReport, Snapshot


@dataclass(frozen=True, slots=True)
class Comparison:
    """One symbol, compared with a snapshot.

    Attributes
    ----------
    ours, theirs
        Signed base units.
    known
        Listed orders of this session.
    foreign
        Listed orders that somebody else placed.
    missing
        Orders that we believe to rest, and that are not listed.
    settled
        No order of the symbol is in flight, of unknown fate, or not counted in full.
    """

    symbol: str
    ours: Decimal
    theirs: Decimal
    price: Decimal
    known: tuple[OrderReport, ...]
    foreign: tuple[OrderReport, ...]
    missing: tuple[WorkingOrder, ...]
    settled: bool

    @property
    def agrees(self) -> bool:
        return self.ours == self.theirs


def settled(orders: Iterable[WorkingOrder]) -> bool:
    """Whether nothing about these orders is in flight or in doubt."""
    return all(
        o.fate is Fate.OPEN and o.status is None and o.filled <= o.counted and not (o.cancelling or o.in_motion)
        for o in orders
    )


def compare(
    session_id: str,
    symbol: str,
    ours: Decimal,
    orders: Iterable[WorkingOrder],
    snapshot: Snapshot,
    dust: Decimal = ZERO,
) -> Comparison:
    """Compare one symbol with a snapshot.

    Parameters
    ----------
    ours
        Signed base units that we believe to hold.
    orders
        Our orders of the symbol that are not done.
    dust
        Smaller differences are ignored.
    """
    position = next((p for p in snapshot.positions if p.symbol == symbol), PositionReport(symbol, ZERO, ZERO))
    theirs = position.quantity
    if abs(theirs - ours) < dust:
        theirs = ours
    orders = list(orders)
    mine = {order.client_id for order in orders}
    listed = [report for report in snapshot.orders if report.symbol == symbol]
    ids = {report.client_id for report in listed} | {report.venue_id for report in listed}
    known = [r for r in listed if r.client_id in mine or parse_client_id(session_id, r.client_id) is not None]
    return Comparison(
        symbol,
        ours,
        theirs,
        position.mark_price,
        tuple(known),
        tuple(r for r in listed if r not in known),
        tuple(o for o in orders if o.fate is Fate.OPEN and o.status is None and not ids & {o.client_id, *o.ids()}),
        settled(orders),
    )
