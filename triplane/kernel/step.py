"""The way of one symbol's candle through the core; ``moment.py`` takes the candles of all symbols along it together.

``take_candle`` runs the simulated broker over a base candle and lets *decide* answer each fill. For each decision bar
that closed with it come ``begin_bar``, the strategy, ``exit_bar``, ``enter_bar`` and ``end_bar``. Where a venue
executes (``external``), the broker stays out of it, and the fills come as reports (``reports.py``).
"""

from triplane.kernel.audit import change_state
from triplane.kernel.broker import accept, expire, measure, next_fill, settle, watch
from triplane.kernel.codes import Action, Leg, Reason, State
from triplane.kernel.decide import (
    cancel,
    cancel_entry,
    expire_waiting,
    leave,
    on_entry,
    on_exit,
    on_fill,
    on_order_end,
    trail,
)
from triplane.kernel.indicators.volatility import atr_step
from triplane.kernel.jit import Rec, njit
from triplane.kernel.ledger import FUNDING_LATE_MS, charge_due, mark, track
from triplane.kernel.quality import quality_step
from triplane.kernel.records import NO_SIGNAL


@njit
def answer(a: Rec, s: Rec, out: Rec, mid_bar: int) -> None:
    """Let *decide* answer ``s.last_fill`` and hand its new intents to the broker."""
    begin = a.n_out
    on_fill(a, s, out)
    accept(a, s, out, begin, mid_bar)
    watch(s)


@njit
def _expire(a: Rec, s: Rec, out: Rec, time: int) -> None:
    """Take out what has expired at ``time``."""
    leg = expire(a, s, out, time)
    while leg >= 0:
        begin = a.n_out
        on_order_end(a, s, out, leg, Reason.ENTRY_EXPIRED)
        accept(a, s, out, begin, 0)
        leg = expire(a, s, out, time)


@njit
def _trade(a: Rec, s: Rec, c: Rec, out: Rec) -> None:
    """Everything in the book that this candle touches."""
    charge_due(a, s, c.open_time + FUNDING_LATE_MS - 1)
    _expire(a, s, out, c.open_time)
    measure(s, c, True)
    while next_fill(a, s, c, out, True):
        answer(a, s, out, 0)
    while next_fill(a, s, c, out, False):
        answer(a, s, out, 1)
    charge_due(a, s, s.now - 1)
    _expire(a, s, out, s.now)
    settle(s, c)


@njit
def halt(a: Rec, s: Rec, out: Rec, reason: int) -> None:
    """Stop taking entries: the open entry is cancelled, a position keeps its stop and targets."""
    if not a.halted:
        a.halted = 1
        a.halt_code = reason
    change_state(a, s, out, State.HALTED, reason, 0)
    cancel_entry(a, s, out, reason)


@njit
def look_again(a: Rec, s: Rec, out: Rec) -> None:
    """Leave BOOTSTRAP: for what is open or working, else to look for an entry."""
    to = State.SCANNING
    if s.position.lots != 0:
        to = State.IN_POSITION
    elif s.legs[Leg.ENTRY].order != 0:
        to = State.ENTRY_PENDING
    change_state(a, s, out, to, Reason.WARM, s.legs[Leg.ENTRY].order)


@njit
def halt_now(a: Rec, s: Rec, out: Rec, reason: int, now: int) -> None:
    """Halt a symbol because of the account, if it is not halted already; a lost account closes what is open."""
    if s.state != State.HALTED or (reason == Reason.BANKRUPT and s.position.lots != 0):
        s.now = max(s.now, now)
        begin = a.n_out
        halt(a, s, out, reason)
        if reason == Reason.BANKRUPT:
            leave(a, s, out, reason)
        accept(a, s, out, begin, 0)


@njit
def take_candle(a: Rec, s: Rec, c: Rec, out: Rec) -> None:
    """Run a closed base candle through the data gate and the broker, and mark the position."""
    s.event_time = c.open_time
    s.now = c.open_time + s.base_ms
    if c.volume > 0.0:
        s.has_volume = 1
    if s.limits.quality_gate:
        quality_step(s.quality, c, s.base_ms)
    if s.external:
        if 0 < s.legs[Leg.ENTRY].expires_at <= s.now:
            cancel(a, s, out, Leg.ENTRY, Reason.ENTRY_EXPIRED)
    elif s.market_count > 0 or c.low <= s.watch_low or c.high >= s.watch_high or s.now >= s.watch_expiry:
        _trade(a, s, c, out)
    s.last = c
    if s.position.lots != 0:
        track(s, c)
        mark(a, s, c.close)
        if s.plan.signal.trail_distance > 0.0:
            begin = a.n_out
            trail(a, s, out)
            accept(a, s, out, begin, 0)


@njit
def begin_bar(a: Rec, s: Rec, bar: Rec, out: Rec) -> None:
    """A decision bar has closed: move the state machine, and show the strategy what it may know."""
    if s.limits.volatility_ceiling > 0.0:
        atr_step(s.atr, bar.high, bar.low, bar.close)
    if s.state == State.COOLDOWN:
        s.cooldown -= 1
        if s.cooldown <= 0:
            change_state(a, s, out, State.SCANNING, Reason.COOLDOWN_OVER, 0)
    elif s.state == State.BOOTSTRAP and s.bars >= s.warmup and not s.hold:
        look_again(a, s, out)
    view = s.shown
    lots = s.position.lots
    view.candle = bar
    view.index = s.symbol - s.first
    view.bar = s.bars
    view.side = 1 if lots > 0 else (-1 if lots < 0 else 0)
    view.lots = lots
    view.entry_price = s.position.entry_price if lots != 0 else 0.0
    view.bars_held = s.bars - s.position.entry_bar if lots != 0 else 0
    view.pending = 1 if s.legs[Leg.ENTRY].order != 0 else 0
    view.stop = s.position.stop if lots != 0 else 0.0
    view.unrealized = s.position.unrealized
    view.balance = a.balance
    view.equity = a.equity
    view.day_pnl = a.equity - a.day_equity
    view.open_positions = a.open_positions
    view.pending_entries = a.pending_entries
    if s.signal.action != Action.NOTHING:
        s.signal = NO_SIGNAL[0]


@njit
def exit_bar(a: Rec, s: Rec, out: Rec) -> None:
    """Act on what the strategy wants of its position, or of its working entry."""
    if s.signal.action >= Action.CLOSE and s.state != State.BOOTSTRAP:
        begin = a.n_out
        on_exit(a, s, out)
        accept(a, s, out, begin, 0)


@njit
def enter_bar(a: Rec, s: Rec, out: Rec) -> None:
    """Act on an entry that the strategy asks for."""
    begin = a.n_out
    on_entry(a, s, out)
    accept(a, s, out, begin, 0)


@njit
def end_bar(a: Rec, s: Rec, out: Rec) -> None:
    """Let pending signals grow old; the bar is over."""
    if s.limits.manual:
        for j in range(len(s.waiting)):
            w = s.waiting[j]
            if w.decision > 0 and s.bars >= w.expires_bar:
                expire_waiting(a, s, out, j)
    s.bars += 1
