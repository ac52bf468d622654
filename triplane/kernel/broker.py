"""The simulated broker: turns working orders and a closed candle into fills, always on the pessimistic side.

The rules inside one candle:

* first what has expired is taken out, also when it expired in a gap before the candle;
* at the open: market orders fill; what the open has jumped over fills at the open (a gap), but a limit that rested
  there fills at its own price;
* then within the range: entries, then the stop or the liquidation, then targets. So a candle that holds both stop and
  target is a stop;
* a limit needs a trade *through* it by ``costs.through_ticks`` (1 by default), and pays the maker fee when it rested;
* an order that was placed while the candle was under way (the bracket of a limit entry) fills only by what certainly
  came later, its close, except that a first stop is judged on the whole candle: pessimism again. A stop that was
  *moved* meanwhile (break-even) is judged by the close alone;
* what is reduce-only never opens or turns a position, an entry never nets one, and none fills on a halted account;
* slippage is a fraction of the price, against us, on market and triggered orders, and rounded to the worse tick; on it
  comes what the size itself moves the price, with the root of its share of the candle's volume, the candle's range at
  most;
* one order takes no more than a share of a candle's volume, and what is left of it works on in the next; an order that
  was triggered, at any volume, fills the rest at market, and beside a stop no target. Between candles, and in a
  liquidation, there is no such cap;
* liquidation at the isolated-margin price costs the whole margin of the position, and no other exit costs more.

It knows nothing of signals: it reads ``place``, ``amend`` and ``cancel`` rows from the audit trail as a venue would.
"""

import numpy as np

from triplane.kernel.audit import emit, fill_row
from triplane.kernel.codes import Leg, OrderEnd, OrderType, Reason, RowKind
from triplane.kernel.jit import Rec, njit
from triplane.kernel.prices import to_lots, to_price, to_quantity, to_ticks

EVERYTHING = np.int64(1 << 62)
HAD_ITS_SHARE = 3
"""``ORDER.mid_bar`` of an order that the candle under way had no more volume for."""


@njit
def refused(a: Rec, s: Rec, order: Rec) -> bool:
    """Whether an order may not fill now: after a halt, or where it would open, turn or net a position wrongly."""
    lots = s.position.lots
    if order.reduce_only:
        return bool(lots == 0 or (lots > 0) == (order.side > 0))
    return bool(a.halted or (lots != 0 and (lots > 0) != (order.side > 0)))


@njit
def acts_below(order: Rec) -> bool:
    """Whether the order waits for the price to fall to its level (else: to rise)."""
    below_for_buys = order.type in (OrderType.LIMIT, OrderType.TAKE_PROFIT_MARKET)
    return bool((order.side > 0) == below_for_buys)


@njit
def watch(s: Rec) -> None:
    """Work out the levels between which a candle touches nothing, so that most candles cost four comparisons."""
    low = -np.inf
    high = np.inf
    expiry = np.int64(0x7FFFFFFFFFFFFFFF)
    if s.due_count > 0:
        expiry = min(expiry, s.dues[0].time)
    markets = 0
    for j in range(s.book_count):
        order = s.book[j]
        if order.expires_at > 0:
            expiry = min(expiry, order.expires_at)
        if order.type == OrderType.MARKET or order.triggered:
            markets += 1
        elif acts_below(order):
            low = max(low, order.level)
        else:
            high = min(high, order.level)
        if order.type == OrderType.LIMIT and not order.resting:
            markets += 1  # the next candle fills it or lets it rest
    if s.position.lots > 0 and s.position.liquidation > 0.0:
        low = max(low, s.position.liquidation)
    if s.position.lots < 0 and s.position.liquidation > 0.0:
        high = min(high, s.position.liquidation)
    s.watch_low = low
    s.watch_high = high
    s.watch_expiry = expiry
    s.market_count = markets


@njit
def _remove(s: Rec, j: int) -> None:
    for i in range(j, s.book_count - 1):
        s.book[i] = s.book[i + 1]
    s.book_count -= 1


@njit
def _find(s: Rec, number: int) -> int:
    for j in range(s.book_count):
        if s.book[j].number == number:
            return j
    return -1


@njit
def _place(s: Rec, row: Rec, mid_bar: int) -> None:
    order = s.book[s.book_count]
    s.book_count += 1
    order.number = row.order
    order.decision = row.decision
    order.price_ticks = row.price_ticks
    order.trigger_ticks = row.trigger_ticks
    order.quantity_lots = row.quantity_lots
    order.expires_at = row.expires_at
    order.created_at = row.time
    late = s.costs.latency_ms // s.base_ms * s.base_ms
    order.active_at = row.time + late if late > 0 else 0
    order.reference = row.reference
    order.leg = row.leg
    order.type = row.type
    order.side = row.side
    order.reduce_only = row.reduce_only
    order.reason = row.reason
    order.mid_bar = mid_bar
    order.triggered = 0
    ticks = row.price_ticks if row.type == OrderType.LIMIT else row.trigger_ticks
    order.level = to_price(s.instrument, ticks)
    order.resting = 1 if row.type == OrderType.LIMIT and (s.last.close - order.level) * row.side > 0.0 else 0


@njit
def _amend(s: Rec, order: Rec, row: Rec, mid_bar: int) -> None:
    """Change an order; what was triggered works at market, so there is nothing to move, only its size."""
    if order.triggered:
        order.quantity_lots = row.quantity_lots
        return
    if order.trigger_ticks != row.trigger_ticks and order.mid_bar != HAD_ITS_SHARE:
        order.mid_bar = 2 * mid_bar
    order.trigger_ticks = row.trigger_ticks
    order.quantity_lots = row.quantity_lots
    order.level = to_price(s.instrument, row.trigger_ticks)
    order.reference = order.level
    order.reason = row.reason


@njit
def accept(a: Rec, s: Rec, out: Rec, begin: int, mid_bar: int) -> None:
    """Carry out the intents among the rows ``out.rows[begin:a.n_out]`` that are meant for this symbol."""
    if s.external:
        return
    changed = False
    for j in range(begin, a.n_out):
        kind = out.rows[j].kind
        if kind == RowKind.PLACE:
            _place(s, out.place_rows[j], mid_bar)
            changed = True
        elif kind in (RowKind.AMEND, RowKind.CANCEL):
            at = _find(s, out.rows[j].order)
            if at >= 0:
                if kind == RowKind.AMEND:
                    _amend(s, s.book[at], out.amend_rows[j], mid_bar)
                else:
                    _remove(s, at)
                changed = True
    if changed:
        watch(s)


@njit
def _report(a: Rec, s: Rec, out: Rec, order: Rec, lots: int, price_ticks: int, maker: int, done: bool) -> None:
    """Fill ``lots`` of ``order`` at ``price_ticks``: the row, and ``s.last_fill`` for *decide*."""
    price = to_price(s.instrument, price_ticks)
    fill = s.last_fill
    fill.time = s.event_time
    fill.order = order.number
    fill.price_ticks = price_ticks
    fill.quantity_lots = lots
    rate = s.costs.maker_fee if maker else s.costs.taker_fee
    fill.fee = price * to_quantity(s.instrument, lots) * rate
    fill.reference = order.reference if order.reference > 0.0 else price
    fill.leg = order.leg
    fill.side = order.side
    fill.maker = maker
    fill.reason = order.reason
    fill.done = 1 if done else 0
    fill_row(a, s, out, order.decision, order.type)


@njit
def worse_ticks(s: Rec, price: float, side: int) -> int:
    """Ticks of ``price`` after slippage, rounded against the side that trades; one at least."""
    return max(to_ticks(s.instrument, price * (1.0 + side * s.costs.slippage), side > 0), 1)


@njit
def measure(s: Rec, c: Rec, capped: bool) -> None:
    """Take from ``c`` what limits and moves an order: its volume and its range."""
    s.room = EVERYTHING
    s.range = 0.0
    if not s.has_volume:  # candles of a feed that does not say how much was traded
        return
    if capped and s.costs.participation > 0.0:
        s.room = to_lots(s.instrument, c.volume * s.costs.participation)
    s.volume = c.volume
    s.range = (c.high - c.low) / c.high


@njit
def _pushed(s: Rec, price: float, side: int, lots: int) -> float:
    """Where ``price`` is when ``lots`` have moved it against the side that trades, by one range at most.

    Ranges are fractions: 95 % of the high is not 95 of a price that has fallen to 8.
    """
    quantity = to_quantity(s.instrument, lots)
    share = quantity / s.volume if s.volume > quantity else 1.0
    return price * (1.0 + side * s.range * min(s.costs.impact * np.sqrt(share), 1.0))  # type: ignore[no-any-return]


@njit
def _bankrupt(s: Rec) -> int:
    """The price, in ticks, at which the margin of the position is gone."""
    side = 1 if s.position.lots > 0 else -1
    price = s.position.entry_price * (1.0 - side / s.costs.leverage)
    return to_ticks(s.instrument, max(price, 0.0), side > 0)


@njit
def execute(a: Rec, s: Rec, out: Rec, j: int, price: float, at_open: bool) -> None:
    """Fill order ``j`` of the book at ``price``, as much as there is room for; what is complete leaves the book."""
    order = s.book[j]
    s.fill_at_open = 1 if at_open else 0
    wanted = min(order.quantity_lots, abs(s.position.lots)) if order.reduce_only else order.quantity_lots
    lots = min(wanted, s.room)
    if order.type == OrderType.LIMIT:
        ticks = to_ticks(s.instrument, price, order.side > 0)
        _report(a, s, out, order, lots, ticks, order.resting if at_open else 1, lots == wanted)
    else:
        ticks = worse_ticks(s, _pushed(s, price, order.side, lots), order.side)
        if order.reduce_only and s.position.liquidation > 0.0:  # the venue would have taken the position over
            ticks = max(ticks, _bankrupt(s)) if s.position.lots > 0 else min(ticks, _bankrupt(s))
        _report(a, s, out, order, lots, ticks, 0, lots == wanted)
        order.triggered = 1
    if lots == wanted:
        _remove(s, j)
    else:
        order.quantity_lots = wanted - lots
        order.mid_bar = HAD_ITS_SHARE
    watch(s)


@njit
def _rank(order: Rec) -> int:
    """The pessimistic order of events inside one phase."""
    if order.leg == Leg.EXIT:
        return 0
    if order.leg == Leg.ENTRY:
        return 1
    if order.leg == Leg.STOP:
        return 2
    return 3


@njit
def _open_price(s: Rec, order: Rec, c: Rec) -> float:
    """Where ``order`` fills at the open of ``c``, or NaN."""
    if order.mid_bar:
        return np.nan
    if order.type == OrderType.MARKET or order.triggered:
        return c.open  # type: ignore[no-any-return]
    if order.type == OrderType.LIMIT:
        through = to_price(s.instrument, order.price_ticks - order.side * s.costs.through_ticks)
        price = order.level if order.resting else c.open
        return price if (through - c.open) * order.side >= 0.0 else np.nan
    if acts_below(order):
        return c.open if c.open <= order.level else np.nan
    return c.open if c.open >= order.level else np.nan


@njit
def _range_price(s: Rec, order: Rec, c: Rec) -> float:
    """Where ``order`` fills within the range of ``c``, or NaN."""
    if order.type == OrderType.MARKET or order.triggered or order.mid_bar == HAD_ITS_SHARE:
        return np.nan
    low = c.low
    high = c.high
    if order.mid_bar > 1 or (order.mid_bar and order.leg != Leg.STOP):
        low = c.close
        high = c.close
    if order.type == OrderType.LIMIT:
        through = to_price(s.instrument, order.price_ticks - order.side * s.costs.through_ticks)
        reached = low <= through if order.side > 0 else high >= through
        return order.level if reached else np.nan
    if acts_below(order):
        return order.level if low <= order.level else np.nan
    return order.level if high >= order.level else np.nan


@njit
def trade_price(s: Rec, order: Rec, c: Rec) -> float:
    """Where a resting ``order`` fills when a trade is printed, or NaN; ``c`` is the trade, a candle of one price.

    A limit fills at its own level, for it was there before the trade; what has been triggered fills at the trade, as at
    an open. ``s`` needs the fields ``instrument`` and ``costs`` alone.
    """
    if order.type == OrderType.LIMIT:
        return _range_price(s, order, c)
    return _open_price(s, order, c)


@njit
def _liquidate(a: Rec, s: Rec, out: Rec) -> None:
    """Close the position at its bankruptcy price: the margin is gone."""
    position = s.position
    side = 1 if position.lots > 0 else -1
    a.orders += 1
    order = s.book[s.book_count]  # a spare slot that is never counted in
    order.number = a.orders
    order.decision = position.decision
    order.quantity_lots = abs(position.lots)
    order.leg = Leg.EXIT
    order.type = OrderType.STOP_MARKET
    order.side = -side
    order.reduce_only = 1
    order.reference = position.liquidation
    order.reason = Reason.LIQUIDATION
    _report(a, s, out, order, order.quantity_lots, _bankrupt(s), 0, True)
    s.last_fill.fee = 0.0
    out.fill_rows[a.n_out - 1].fee = 0.0


@njit
def _liquidated(s: Rec, c: Rec, opening: bool, best: int) -> bool:
    """Whether the liquidation price comes before the best fill found (order ``best``, -1 for none)."""
    position = s.position
    if position.lots == 0 or position.liquidation <= 0.0:
        return False
    long = position.lots > 0
    worst = c.open if opening else (c.low if long else c.high)
    hit = worst <= position.liquidation if long else worst >= position.liquidation
    if opening or not hit or best < 0 or s.book[best].leg != Leg.STOP:
        return hit  # type: ignore[no-any-return]
    nearer = s.book[best].level > position.liquidation if long else s.book[best].level < position.liquidation
    return not nearer


@njit
def _stopping(s: Rec) -> bool:
    """Whether the stop was triggered: it sells everything, so no entry and no target fills any more."""
    for j in range(s.book_count):
        if s.book[j].leg == Leg.STOP:
            return bool(s.book[j].triggered)
    return False


@njit
def next_fill(a: Rec, s: Rec, c: Rec, out: Rec, opening: bool) -> bool:
    """Find the next fill of candle ``c`` in the pessimistic order; it is in ``s.last_fill`` when the answer is true.

    Call it until it says false, first with ``opening``, then without, and let *decide* answer each fill in between.
    """
    while True:
        best = -1
        best_rank = 9
        stopping = _stopping(s)
        best_price = 0.0
        for j in range(s.book_count):
            order = s.book[j]
            rank = _rank(order)
            if rank >= best_rank or refused(a, s, order) or c.open_time < order.active_at:
                continue
            if stopping and order.leg not in (Leg.STOP, Leg.EXIT):
                continue
            price = _open_price(s, order, c) if opening else _range_price(s, order, c)
            if not np.isnan(price):
                best = j
                best_rank = rank
                best_price = price
        if best < 0 or s.room > 0:
            break
        s.book[best].mid_bar = HAD_ITS_SHARE  # no volume for it, but a venue has triggered it
        s.book[best].triggered = 1 if s.book[best].type != OrderType.LIMIT else 0
    if _liquidated(s, c, opening, best):
        _liquidate(a, s, out)
        return True
    if best < 0:
        return False
    execute(a, s, out, best, best_price, opening)
    return True


@njit
def expire(a: Rec, s: Rec, out: Rec, time: int) -> int:
    """Take one order out whose time is over at ``time`` and report it; returns its leg, or -1 when none is left."""
    if time < s.watch_expiry:
        return -1
    for j in range(s.book_count):
        order = s.book[j]
        if 0 < order.expires_at <= time:
            row = out.order_rows[emit(a, s, out, RowKind.ORDER)]
            row.order = order.number
            row.decision = order.decision
            row.leg = order.leg
            row.end = OrderEnd.EXPIRED
            row.reason = Reason.ENTRY_EXPIRED
            leg = order.leg
            _remove(s, j)
            watch(s)
            return int(leg)
    return -1


@njit
def settle(s: Rec, c: Rec) -> None:
    """Candle ``c`` is over: orders placed during it count in full from the next one on, and limits rest.

    One that has not arrived rests only if the market has not reached it: else it takes what it finds.
    """
    for j in range(s.book_count):
        order = s.book[j]
        order.mid_bar = 0
        if order.type == OrderType.LIMIT:
            order.resting = 1 if c.open_time >= order.active_at or (c.close - order.level) * order.side > 0.0 else 0
    watch(s)
