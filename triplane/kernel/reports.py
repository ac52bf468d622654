"""What a venue reports to the core: fills, ends of orders, funding, the balance. The venue is the truth about them all.

Reports come in any order and late, each once (whoever brings them sees to that). What nobody here asked for, a
liquidation or a trade by hand, is booked like everything else: what makes the position smaller closes that much of it;
what opens or widens one is adopted, gets a stop like any position, and halts the session until a person has looked.
"""

from triplane.kernel.audit import change_state, emit, fill_row
from triplane.kernel.codes import CommandKind, Leg, OrderEnd, OrderType, Reason, RowKind, State
from triplane.kernel.decide import leave, on_fill, on_order_end, place
from triplane.kernel.jit import Rec, njit
from triplane.kernel.ledger import book_funding, mark, reserve
from triplane.kernel.prices import to_price
from triplane.kernel.records import NO_SIGNAL
from triplane.kernel.step import halt


@njit
def _book(a: Rec, s: Rec, cmd: Rec, out: Rec, leg: int, lots: int, fee: float, done: int) -> None:
    """Write ``lots`` of the reported fill as one of ``leg``, and let *decide* answer."""
    mine = s.legs[leg]
    known = cmd.order != 0 and mine.order == cmd.order
    fill = s.last_fill
    fill.time = cmd.time
    fill.order = cmd.order
    fill.price_ticks = cmd.ticks
    fill.quantity_lots = lots
    fill.fee = fee
    fill.reference = mine.reference if known and mine.reference > 0.0 else to_price(s.instrument, cmd.ticks)
    fill.leg = leg
    fill.side = cmd.side
    fill.maker = cmd.maker
    fill.reason = 0 if leg == Leg.ENTRY else (mine.reason if known else cmd.reason)
    fill.done = done
    fill_row(a, s, out, s.plan.decision, OrderType.MARKET)
    on_fill(a, s, out)


@njit
def _adopt(a: Rec, s: Rec, cmd: Rec, out: Rec, lots: int, fee: float) -> None:
    """Take over what was opened from outside, and halt."""
    if s.position.lots == 0:
        a.decisions += 1
        s.plan.signal = NO_SIGNAL[0]
        s.plan.signal.side = cmd.side
        s.plan.decision = a.decisions
        s.plan.leaving = 0
        s.position.decision = a.decisions
    s.plan.targets_placed = 1
    halt(a, s, out, Reason.EXTERNAL)
    _book(a, s, cmd, out, Leg.ENTRY, lots, fee, 0)


@njit
def _filled(a: Rec, s: Rec, cmd: Rec, out: Rec) -> None:
    held = s.position.lots
    closing = held != 0 and (held > 0) != (cmd.side > 0)
    if cmd.leg == Leg.ENTRY and cmd.order != 0 and not closing:
        if held == 0 and s.plan.leaving:  # the position was closed before: this is another one
            a.decisions += 1
            s.plan.decision = a.decisions
            s.position.decision = a.decisions
        _book(a, s, cmd, out, Leg.ENTRY, cmd.lots, cmd.fee, cmd.done)
        return
    fee = cmd.fee
    lots = cmd.lots
    if closing:
        part = min(lots, abs(held))
        _book(a, s, cmd, out, Leg.EXIT if cmd.leg == Leg.ENTRY else cmd.leg, part, fee, cmd.done)
        lots -= part
        fee = 0.0
    if lots > 0:
        _adopt(a, s, cmd, out, lots, fee)
    for leg in range(6):
        if cmd.done and cmd.order != 0 and s.legs[leg].order == cmd.order:
            s.legs[leg].order = 0
            reserve(a, s)


@njit
def _entry_ended(a: Rec, s: Rec, cmd: Rec, out: Rec) -> None:
    mine = s.legs[Leg.ENTRY]
    if cmd.end == OrderEnd.REJECTED:
        reason = Reason.ENTRY_REJECTED
    elif cmd.end == OrderEnd.EXPIRED or mine.cancelling == Reason.ENTRY_EXPIRED:
        reason = Reason.ENTRY_EXPIRED
    else:
        reason = Reason.ENTRY_CANCELLED
    lots = mine.quantity_lots
    on_order_end(a, s, out, Leg.ENTRY, reason)
    passed = cmd.end == OrderEnd.REJECTED and cmd.passed != 0  # the market is where the entry waited for it to be
    if (
        (passed or (s.plan.then_market and cmd.end == OrderEnd.CANCELLED))
        and s.position.lots == 0
        and not s.plan.leaving  # a part of it had filled, and was closed again
        and s.state != State.HALTED
        and not a.halted
    ):
        s.plan.signal.entry_type = OrderType.MARKET
        place(a, s, out, Leg.ENTRY, OrderType.MARKET, s.plan.signal.side, 0, lots, 0)
        change_state(a, s, out, State.ENTRY_PENDING, Reason.ENTRY_PLACED, mine.order)
    s.plan.then_market = 0


@njit
def _ended(a: Rec, s: Rec, cmd: Rec, out: Rec) -> None:
    """An order is over without (more) fills. A position is never left without a stop or an exit."""
    leg = cmd.leg
    mine = s.legs[leg]
    if mine.order != cmd.order:
        return  # it was let go of before
    row = out.order_rows[emit(a, s, out, RowKind.ORDER)]
    row.order = cmd.order
    row.decision = s.plan.decision
    row.leg = leg
    row.end = cmd.end
    row.reason = mine.cancelling
    if leg == Leg.ENTRY:
        _entry_ended(a, s, cmd, out)
        return
    mine.order = 0
    lots = abs(s.position.lots)
    side = -1 if s.position.lots > 0 else 1
    if lots == 0:
        return
    if leg == Leg.STOP and cmd.end == OrderEnd.REJECTED:
        leave(a, s, out, Reason.NO_STOP)
    elif leg == Leg.STOP:
        place(a, s, out, Leg.STOP, OrderType.STOP_MARKET, side, mine.trigger_ticks, lots, mine.reason)
    elif leg == Leg.EXIT and s.plan.leaving:  # else it was to close a part: the strategy may ask again
        leave(a, s, out, mine.reason)
    elif leg >= Leg.TP1 and cmd.end == OrderEnd.REJECTED and cmd.passed:
        place(a, s, out, leg, OrderType.MARKET, side, 0, min(mine.quantity_lots, lots), Reason.TARGET)


@njit
def _balance(a: Rec, cmd: Rec) -> None:
    """Take the venue's word for the wallet; what came or went otherwise is neither profit nor loss."""
    change = cmd.balance - a.balance
    a.balance = cmd.balance
    a.equity += change
    a.peak_equity += change
    a.day_equity += change
    if cmd.initial:
        a.start_balance = cmd.balance


@njit
def on_report(a: Rec, s: Rec, cmd: Rec, out: Rec) -> None:
    """Take one report of the venue."""
    kind = cmd.command.kind
    if kind == CommandKind.FILL:
        _filled(a, s, cmd.as_fill, out)
    elif kind == CommandKind.ORDER_END:
        _ended(a, s, cmd.as_order_end, out)
    elif kind == CommandKind.FUNDING:
        book_funding(a, s, cmd.as_funding.received)
    elif kind == CommandKind.BALANCE:
        _balance(a, cmd.as_balance)
    mark(a, s, s.last.close if s.last.close > 0.0 else s.position.entry_price)
