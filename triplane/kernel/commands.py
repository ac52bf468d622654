"""What a person, a timer or a watchdog may ask of the core between candles; each is journaled before it comes here.
What a venue reports comes the same way (``reports.py``).

A command that closes at market carries the newest price that the engine has seen; the simulated broker fills it there
and then. Commands that find nothing to act on change nothing.
"""

from triplane.kernel.audit import change_state
from triplane.kernel.broker import accept, execute, measure, refused, watch
from triplane.kernel.codes import Action, CommandKind, Leg, OrderType, Reason, State
from triplane.kernel.decide import (
    cancel,
    cancel_entry,
    enter,
    expire_waiting,
    leave,
    place,
    ready,
    set_stop,
    set_target,
)
from triplane.kernel.jit import Rec, njit
from triplane.kernel.ledger import charge_due, mark, move_peak, owe, roll_day
from triplane.kernel.records import NO_SIGNAL
from triplane.kernel.reports import on_report
from triplane.kernel.step import answer, halt, look_again


@njit
def _fill_now(a: Rec, s: Rec, out: Rec, price: float) -> None:
    """Fill the market orders in the book at ``price``, if the engine knows one."""
    if not price > 0.0:
        return
    measure(s, s.last, False)
    charge_due(a, s, s.now)
    j = 0
    while j < s.book_count:
        if s.book[j].type == OrderType.MARKET:
            if refused(a, s, s.book[j]):
                j += 1
                continue
            execute(a, s, out, j, price, True)
            answer(a, s, out, 0)
            j = 0
        else:
            j += 1


@njit
def _market_entry(a: Rec, s: Rec, out: Rec) -> None:
    """Replace the working entry order by a market order for the same decision."""
    if s.legs[Leg.ENTRY].order == 0 or s.position.lots != 0 or a.halted:
        return
    if s.external:
        s.plan.then_market = 1
        cancel(a, s, out, Leg.ENTRY, Reason.MANUAL)
        return
    lots = s.legs[Leg.ENTRY].quantity_lots
    cancel_entry(a, s, out, Reason.MANUAL)
    s.plan.signal.entry_type = OrderType.MARKET
    place(a, s, out, Leg.ENTRY, OrderType.MARKET, s.plan.signal.side, 0, lots, 0)
    change_state(a, s, out, State.ENTRY_PENDING, Reason.ENTRY_PLACED, s.legs[Leg.ENTRY].order)


@njit
def _waiting(a: Rec, s: Rec, out: Rec, decision: int, execute: bool) -> None:
    """Execute or expire the pending signal of a decision, 0 = all."""
    for j in range(len(s.waiting)):
        w = s.waiting[j]
        if w.decision == 0 or (decision > 0 and w.decision != decision):
            continue
        if not execute:
            expire_waiting(a, s, out, j)
        elif ready(s):
            number = w.decision
            w.decision = 0
            enter(a, s, out, w.signal, number)


@njit
def _simulate(a: Rec, s: Rec, out: Rec, cmd: Rec) -> None:
    """A debug signal from a person; everything but its origin is as for any other."""
    if not ready(s) or cmd.side == 0:
        return
    s.signal = NO_SIGNAL[0]
    sig = s.signal
    sig.action = Action.ENTER
    sig.side = cmd.side
    sig.stop = cmd.stop
    sig.confidence = 1.0
    sig.targets = cmd.targets
    a.decisions += 1
    enter(a, s, out, sig, a.decisions)


@njit
def _amend(a: Rec, s: Rec, out: Rec, cmd: Rec) -> None:
    """Move the stop (only if it stays on the losing side of the last price) and the targets."""
    if s.position.lots == 0:
        return
    set_stop(a, s, out, cmd.stop, Reason.MANUAL)
    for i in range(3):
        set_target(a, s, out, i, cmd.targets[i])


@njit
def _reset(a: Rec, cmd: Rec) -> None:
    """Start the paper account again, in a new epoch; the engine closes every position first."""
    if cmd.balance > 0.0 and a.open_positions == 0:
        a.epoch += 1
        a.balance = cmd.balance
        a.start_balance = cmd.balance
        a.equity = cmd.balance
        a.peak_equity = cmd.balance
        a.day_equity = cmd.balance
        a.max_drawdown = 0.0
        a.judged_equity = cmd.balance
        a.trades_today = 0
        a.trades = 0
        a.return_sum = 0.0
        a.return_square = 0.0
        a.fees = 0.0
        a.funding = 0.0


@njit
def _resume(a: Rec, s: Rec, out: Rec) -> None:
    """Acknowledge a halt: the loss limits start to count again from the equity of now, the peak not after a bad day."""
    if a.equity <= 0.0 and not s.external:
        return
    if a.halted:  # once, however many rows are resumed
        if a.halt_code != Reason.DAILY_LOSS:
            a.peak_equity = a.equity
        a.halted = 0
        a.halt_code = 0
        a.day_equity = a.equity
    if s.state == State.HALTED:
        change_state(a, s, out, State.BOOTSTRAP, Reason.RESUME, 0)


@njit
def _gate(a: Rec, cmd: Rec) -> None:
    if cmd.closed:
        a.gates |= 1 << cmd.gate
    else:
        a.gates &= ~(1 << cmd.gate)


@njit
def _funding(a: Rec, s: Rec, cmd: Rec) -> None:
    """Charge a funding, unless a venue executes: it reports its own."""
    if not s.external and s.instrument.perpetual:
        owe(a, s, cmd.due if cmd.due > 0 else cmd.time, cmd.rate, cmd.mark)
        watch(s)


@njit
def on_command(a: Rec, s: Rec, cmd: Rec, out: Rec) -> None:
    """Carry out one command (``inputs.INBOX``) for the symbol of ``s``."""
    s.now = max(s.now, cmd.command.time)
    s.event_time = s.now
    roll_day(a, s.now)
    begin = a.n_out
    kind = cmd.command.kind
    if kind == CommandKind.READY:
        s.hold = 0
        if s.state == State.BOOTSTRAP and s.bars > s.warmup:
            look_again(a, s, out)
    elif kind == CommandKind.HALT:
        halt(a, s, out, cmd.as_halt.reason)
        if cmd.as_halt.close:
            leave(a, s, out, cmd.as_halt.reason)
    elif kind == CommandKind.RESUME:
        _resume(a, s, out)
    elif kind == CommandKind.CLOSE:
        leave(a, s, out, Reason.MANUAL)
    elif kind == CommandKind.END:
        cancel_entry(a, s, out, Reason.END)
        leave(a, s, out, Reason.END)
    elif kind == CommandKind.CANCEL:
        cancel_entry(a, s, out, Reason.ENTRY_CANCELLED)
    elif kind == CommandKind.MARKET:
        _market_entry(a, s, out)
    elif kind == CommandKind.EXECUTE:
        _waiting(a, s, out, cmd.as_execute.decision, True)
    elif kind == CommandKind.EXPIRE:
        _waiting(a, s, out, cmd.as_expire.decision, False)
    elif kind == CommandKind.GATE:
        _gate(a, cmd.as_gate)
    elif kind == CommandKind.SIMULATE:
        _simulate(a, s, out, cmd.as_simulate)
    elif kind == CommandKind.AMEND:
        _amend(a, s, out, cmd.as_amend)
    elif kind == CommandKind.RESET:
        _reset(a, cmd.as_reset)
    elif kind == CommandKind.FUNDING_RATE:
        _funding(a, s, cmd.as_funding_rate)
    elif kind >= CommandKind.FILL:
        on_report(a, s, cmd, out)
    accept(a, s, out, begin, 0)
    if kind in (CommandKind.CLOSE, CommandKind.HALT, CommandKind.MARKET, CommandKind.EXECUTE):
        _fill_now(a, s, out, cmd.command.price)
    if kind == CommandKind.END and s.book_count > 0:
        _fill_now(a, s, out, s.last.close)
    mark(a, s, s.last.close)
    move_peak(a)
