"""Writing audit rows (``rows.py``). Everything that leaves the core leaves it here."""

from triplane.kernel.codes import RowKind
from triplane.kernel.jit import Rec, njit
from triplane.kernel.prices import to_price
from triplane.kernel.rows import NO_ROW


@njit
def emit(a: Rec, s: Rec, out: Rec, kind: int) -> int:
    """Start a new row of ``kind`` at the end of ``out``, every other field zero, and return its index.

    The index, not the row: a compiled function returns a record as a copy.
    """
    index = int(a.n_out)
    out.rows[index] = NO_ROW[0]
    row = out.rows[index]
    a.n_out = index + 1
    a.rows += 1
    row.seq = a.rows
    row.time = s.now
    row.kind = kind
    row.symbol = s.symbol
    return index


@njit
def change_state(a: Rec, s: Rec, out: Rec, to: int, reason: int, order: int) -> None:
    """Move the state machine and say so; nothing happens when it is there already."""
    if s.state == to:
        return
    row = out.state_rows[emit(a, s, out, RowKind.STATE)]
    row.to_state = to
    row.from_state = s.state
    row.reason = reason
    row.order = order
    row.decision = s.plan.decision
    s.state = to


@njit
def fill_row(a: Rec, s: Rec, out: Rec, decision: int, kind: int) -> None:
    """Write the fill in ``s.last_fill``, of an order of type ``kind``, before it is booked."""
    fill = s.last_fill
    row = out.fill_rows[emit(a, s, out, RowKind.FILL)]
    row.order = fill.order
    row.decision = decision
    row.price_ticks = fill.price_ticks
    row.quantity_lots = fill.quantity_lots
    row.leg = fill.leg
    row.type = kind
    row.side = fill.side
    row.maker = fill.maker
    row.reason = fill.reason
    row.done = fill.done
    row.fee = fill.fee
    row.reference = fill.reference
    row.slippage = (to_price(s.instrument, fill.price_ticks) - fill.reference) * fill.side
    row.position_lots = s.position.lots + fill.side * fill.quantity_lots
    row.filled_at = fill.time
