"""The records that everything in the kernel is made of, and the names of their codes.

A record is a NumPy structured dtype: flat, fixed in size, copied with ``tobytes``. Times are int64 milliseconds UTC.
Prices and quantities of *orders and fills* are int64 ticks and lots of their instrument; everything that is only
computed with (indicators, money) is float64. Sides are +1 (buy, long) and -1 (sell, short), 0 is none.
"""

from typing import Final

from triplane.kernel.jit import record

# ---------------------------------------------------------------------------------------------------- market data
CANDLE = record([("open_time", "i8"), ("open", "f8"), ("high", "f8"), ("low", "f8"), ("close", "f8"), ("volume", "f8")])
"""One closed candle. ``volume`` is in base units."""

TRADE = record([("time", "i8"), ("price", "f8"), ("quantity", "f8"), ("taker_side", "i8")])
"""One public trade; ``taker_side`` +1 when the taker bought."""

INSTRUMENT = record(
    [
        (
            "tick_num",
            "i8",
        ),  # tick size = tick_num / price_scale, so that ticks convert to the nearest float exactly once
        ("price_scale", "f8"),
        ("lot_num", "i8"),  # lot size = lot_num / quantity_scale
        ("quantity_scale", "f8"),
        ("min_quantity_lots", "i8"),
        ("min_notional", "f8"),  # quote currency; 0 = none
        ("maintenance_margin", "f8"),  # fraction of the notional
        ("can_short", "i8"),  # 0 on spot
    ]
)
"""What the venue says about one symbol."""

COSTS = record(
    [
        ("maker_fee", "f8"),  # fraction of the notional
        ("taker_fee", "f8"),
        ("slippage", "f8"),  # fraction of the price, against the taker, on market and triggered stop orders
        ("through_ticks", "i8"),  # a limit fills when the market trades through it by this many ticks
        ("leverage", "f8"),
    ]
)
"""How the simulated broker charges and fills."""

LIMITS = record(
    [
        ("fixed_lots", "i8"),  # > 0: research; this size always, account limits and cool-down off
        ("risk_per_trade", "f8"),  # fraction of the balance
        ("max_position_quote", "f8"),  # 0 = off
        ("max_position_share", "f8"),  # fraction of the balance
        ("max_open_positions", "i8"),
        ("max_symbol_share", "f8"),  # one symbol's share of equity
        ("daily_loss_quote", "f8"),  # 0 = off; resets at 00:00 UTC
        ("daily_loss_share", "f8"),
        ("max_drawdown", "f8"),  # fraction of the equity peak; 0 = off
        ("max_margin_use", "f8"),  # used margin / equity
        ("max_trades_day", "i8"),
        ("volatility_ceiling", "f8"),  # ATR14 / close; 0 = off
        ("min_sharpe", "f8"),  # of the session's own trades so far; NaN = off
        ("default_stop", "f8"),  # fraction of the price, where the strategy gives no stop
        ("reward_risk", "f8"),  # target distance in stop distances, where the strategy gives no target
        ("cooldown_bars", "i8"),
        ("break_even", "i8"),  # 1: after TP1 the stop moves to the entry price
        ("manual", "i8"),  # 1: signals wait as pending until a person executes them
        ("quality_gate", "i8"),  # 1: no entries while the data grade is D or F
        ("signal_ttl_bars", "i8"),  # a pending signal expires after this many bars
    ]
)
"""The risk profile of a session (contracts, section 4) and its settings."""

# --------------------------------------------------------------------------------------------------------- orders
ENTRY: Final = 0
STOP: Final = 1
TP1: Final = 2
TP2: Final = 3
TP3: Final = 4
EXIT: Final = 5
LEGS: Final = ("entry", "stop", "tp1", "tp2", "tp3", "exit")

MARKET: Final = 0
LIMIT: Final = 1
STOP_MARKET: Final = 2
TAKE_PROFIT_MARKET: Final = 3
ORDER_TYPES: Final = ("market", "limit", "stop_market", "take_profit_market")

ORDER = record(
    [
        ("number", "i8"),  # unique in the session
        ("decision", "i8"),
        ("price_ticks", "i8"),  # limit price
        ("trigger_ticks", "i8"),
        ("quantity_lots", "i8"),
        ("expires_at", "i8"),  # 0 = good till cancelled
        ("created_at", "i8"),
        ("reference", "f8"),  # the price that was asked for, for slippage
        ("level", "f8"),  # the price at which it acts: a limit's, or a trigger's
        ("leg", "i1"),
        ("type", "i1"),
        ("side", "i1"),
        ("reduce_only", "i1"),
        ("reason", "i1"),  # why an exit was ordered, REASONS
        ("mid_bar", "i1"),  # placed while the candle was under way: only what certainly came later may fill it
    ]
)
"""A working order in the simulated broker's book."""

FILL = record(
    [
        ("time", "i8"),
        ("order", "i8"),
        ("price_ticks", "i8"),
        ("quantity_lots", "i8"),
        ("fee", "f8"),  # quote currency
        ("reference", "f8"),
        ("leg", "i1"),
        ("side", "i1"),
        ("maker", "i1"),
        ("reason", "i1"),  # one of REASONS for an exit
        ("done", "i1"),  # the order is complete
    ]
)
"""An execution report, from the simulated broker or from a venue."""

POSITION = record(
    [
        ("lots", "i8"),  # signed
        ("entry_lots", "i8"),  # opened in all
        ("exit_lots", "i8"),
        ("decision", "i8"),
        ("entry_time", "i8"),
        ("entry_bar", "i8"),
        ("entry_value", "f8"),  # sum of price x quantity of the entry fills, quote currency
        ("exit_value", "f8"),
        ("entry_price", "f8"),  # average
        ("stop", "f8"),  # current protective stop, price
        ("initial_risk", "f8"),  # |entry - first stop|, price
        ("liquidation", "f8"),  # price; 0 = none
        ("fees", "f8"),
        ("funding", "f8"),
        ("slippage", "f8"),  # quote currency, against us positive
        ("best", "f8"),  # most favourable price seen
        ("worst", "f8"),
        ("unrealized", "f8"),
        ("margin", "f8"),
    ]
)
"""The open position of one symbol; ``lots`` is 0 when flat."""

ACCOUNT = record(
    [
        ("balance", "f8"),  # wallet, realised
        ("start_balance", "f8"),
        ("unrealized", "f8"),
        ("equity", "f8"),
        ("peak_equity", "f8"),
        ("max_drawdown", "f8"),  # fraction
        ("used_margin", "f8"),
        ("day", "i8"),  # days since 1970, UTC
        ("day_equity", "f8"),  # equity at the start of the day
        ("trades_today", "i8"),
        ("open_positions", "i8"),
        ("trades", "i8"),
        ("return_sum", "f8"),  # of R multiples, for the running Sharpe guard
        ("return_square", "f8"),
        ("fees", "f8"),
        ("funding", "f8"),
        ("decisions", "i8"),  # running numbers, so that every id is derived and unique in the session
        ("orders", "i8"),
        ("rows", "i8"),
        ("n_out", "i8"),  # rows in the output buffer now
        ("halted", "i8"),
        ("halt_code", "i8"),
        ("gates", "i8"),  # bits of GATES that are closed from outside
    ]
)
"""The account that all symbols of a session share."""

# -------------------------------------------------------------------------------------------------------- signals
NOTHING: Final = 0
ENTER: Final = 1
CLOSE: Final = 2

SIGNAL = record(
    [
        ("action", "i8"),  # NOTHING, ENTER, CLOSE
        ("side", "i8"),
        ("entry_type", "i8"),  # MARKET, LIMIT, STOP_MARKET
        ("entry", "f8"),  # price; for a market entry 0
        ("stop", "f8"),  # price, or 0
        ("stop_distance", "f8"),  # from the fill price, used when stop is 0
        ("targets", "f8", (3,)),  # prices, 0 = none
        ("target_distances", "f8", (3,)),  # from the fill price, used when the target price is 0
        ("fractions", "f8", (3,)),  # share of the position per target; the last one takes the rest
        ("trail_distance", "f8"),  # > 0: the stop follows the best price at this distance
        ("ttl_bars", "i8"),  # of a limit or stop entry; 0 = good till cancelled
        ("confidence", "f8"),  # 0..1
        ("reasons", "i8"),  # bits, sentences in the strategy's spec
        ("seen", "f8", (8,)),  # the values that it was decided on, names in the strategy's spec
    ]
)
"""What a strategy says at the close of a bar."""

VIEW = record(
    [
        ("bar", "i8"),  # number of the bar just closed, from 0
        ("side", "i8"),  # of the open position
        ("lots", "i8"),
        ("entry_price", "f8"),
        ("bars_held", "i8"),
        ("pending", "i8"),  # an entry order is working
        ("tick", "f8"),
    ]
)
"""What a strategy may know besides the candles."""

# --------------------------------------------------------------------------------------------------- state machine
BOOTSTRAP: Final = 0
SCANNING: Final = 1
ENTRY_PENDING: Final = 2
IN_POSITION: Final = 3
COOLDOWN: Final = 4
HALTED: Final = 5
STATES: Final = ("BOOTSTRAP", "SCANNING", "ENTRY_PENDING", "IN_POSITION", "COOLDOWN", "HALTED")

REASONS: Final = (
    "none", "stop", "target", "signal", "liquidation", "end", "manual", "external", "trailing", "break_even",
    "warm", "entry_placed", "entry_filled", "entry_expired", "entry_cancelled", "entry_rejected", "cooldown_over",
    "daily_loss", "drawdown", "kill_switch", "error", "resume", "history_failed", "no_stop", "partial_exit",
)  # fmt: skip
"""Why a position closed, an order ended or a state changed; rows hold the index."""

WHY_NONE: Final = 0
WHY_STOP: Final = 1
WHY_TARGET: Final = 2
WHY_SIGNAL: Final = 3
WHY_LIQUIDATION: Final = 4
WHY_END: Final = 5
WHY_MANUAL: Final = 6
WHY_EXTERNAL: Final = 7
WHY_TRAILING: Final = 8
WHY_BREAK_EVEN: Final = 9
WHY_WARM: Final = 10
WHY_ENTRY_PLACED: Final = 11
WHY_ENTRY_FILLED: Final = 12
WHY_ENTRY_EXPIRED: Final = 13
WHY_ENTRY_CANCELLED: Final = 14
WHY_ENTRY_REJECTED: Final = 15
WHY_COOLDOWN_OVER: Final = 16
WHY_DAILY_LOSS: Final = 17
WHY_DRAWDOWN: Final = 18
WHY_KILL_SWITCH: Final = 19
WHY_ERROR: Final = 20
WHY_RESUME: Final = 21
WHY_HISTORY_FAILED: Final = 22
WHY_NO_STOP: Final = 23
WHY_PARTIAL_EXIT: Final = 24

CHECKS: Final = (
    "ok", "max_position_size", "max_open_positions", "concentration", "daily_loss_limit", "drawdown",
    "margin_utilisation", "max_trades_day", "volatility_ceiling", "min_sharpe", "no_stop", "below_minimum",
    "not_scanning", "halted", "data_quality", "stale_feed", "kill_switch", "no_short", "bad_stop", "expired",
    "not_reconciled", "operator_pause", "news_blackout", "funding_guard", "kill_zone", "regime",
)  # fmt: skip
"""The risk checks and gates; 1 to 9 are those of the contracts, in their order."""

CHECK_OK: Final = 0
CHECK_MAX_POSITION: Final = 1
CHECK_MAX_OPEN: Final = 2
CHECK_CONCENTRATION: Final = 3
CHECK_DAILY_LOSS: Final = 4
CHECK_DRAWDOWN: Final = 5
CHECK_MARGIN: Final = 6
CHECK_MAX_TRADES: Final = 7
CHECK_VOLATILITY: Final = 8
CHECK_SHARPE: Final = 9
CHECK_NO_STOP: Final = 10
CHECK_BELOW_MINIMUM: Final = 11
CHECK_NOT_SCANNING: Final = 12
CHECK_HALTED: Final = 13
CHECK_DATA_QUALITY: Final = 14
CHECK_STALE_FEED: Final = 15
CHECK_KILL_SWITCH: Final = 16
CHECK_NO_SHORT: Final = 17
CHECK_BAD_STOP: Final = 18
CHECK_EXPIRED: Final = 19
CHECK_NOT_RECONCILED: Final = 20
CHECK_OPERATOR_PAUSE: Final = 21

GATES: Final = (
    "stale_feed",
    "kill_switch",
    "operator_pause",
    "not_reconciled",
    "news_blackout",
    "funding_guard",
    "kill_zone",
)
"""Gates that are closed and opened by events from outside the kernel: bit numbers of ``ACCOUNT.gates``."""

# --------------------------------------------------------------------------------------------------- audit rows out
ROW_SIGNAL: Final = 1
ROW_REJECT: Final = 2
ROW_PLACE: Final = 3
ROW_AMEND: Final = 4
ROW_CANCEL: Final = 5
ROW_STATE: Final = 6
ROW_FILL: Final = 7
ROW_ORDER: Final = 8
ROW_TRADE: Final = 9
ROWS: Final = ("none", "signal", "reject", "place", "amend", "cancel", "state", "fill", "order", "trade")
LAST_DECISION: Final = ROW_STATE
"""Rows up to this kind are decisions and enter ``decisions_sha256``; the rest are reports of the broker."""

# what became of an order (ROW_ORDER.code) and of a signal (ROW_SIGNAL.code)
EXPIRED: Final = 1
CANCELLED: Final = 2
REJECTED: Final = 3
FILLED: Final = 4
ORDER_ENDS: Final = ("working", "expired", "cancelled", "rejected", "filled")
SIGNAL_GENERATED: Final = 0
SIGNAL_PENDING: Final = 1
SIGNAL_EXECUTED: Final = 2
SIGNAL_EXPIRED: Final = 3
SIGNAL_REJECTED: Final = 4
SIGNAL_STATUS: Final = ("generated", "pending", "executed", "expired", "rejected")

OUTPUT = record(
    [
        ("seq", "i8"),  # running number of the row in the session
        ("time", "i8"),  # when it was known: the close of the candle, or the event's time
        ("decision", "i8"),
        ("order", "i8"),
        ("price_ticks", "i8"),
        ("trigger_ticks", "i8"),
        ("quantity_lots", "i8"),
        ("expires_at", "i8"),
        ("kind", "i2"),  # ROW_*
        ("symbol", "i2"),  # index in the session
        ("leg", "i2"),
        ("type", "i2"),  # order type
        ("side", "i2"),
        ("code", "i2"),  # REASONS / CHECKS / STATES / ORDER_ENDS / SIGNAL_STATUS, see below
        ("code2", "i2"),
        ("flag", "i2"),
        ("bits", "i8"),
        ("x", "f8", (16,)),
    ]
)
"""One row of the audit trail: everything the core says leaves it as such a row.

=======  ==========================================================================================================
kind     fields besides seq, time, symbol, decision
=======  ==========================================================================================================
signal   side, type (entry type), code SIGNAL_STATUS, bits reasons, x[0] price (close), x[1] entry, x[2] stop,
         x[3:6] targets, x[6] confidence, x[7] size (base units, 0 until sized), x[8:16] seen values.
         flag 0: enter, 1: close. A later row of the same decision with another code moves the status forward.
reject   side, code CHECKS, x[0] value, x[1] limit, x[2] entry, x[3] stop
place    order, leg, type, side, price_ticks, trigger_ticks, quantity_lots, expires_at, flag reduce-only,
         code REASONS (exits), x[0] reference price
amend    order, leg, trigger_ticks (new), quantity_lots (new), code REASONS, bits how often it was amended
cancel   order, leg, code REASONS, flag 1 = it counts as working until the venue says that it is over
state    code STATES to, code2 STATES from, flag REASONS, order
fill     order, leg, type, side, price_ticks, quantity_lots, flag maker, code REASONS (exits), code2 1 = order done,
         x[0] fee, x[1] reference, x[2] slippage (price units, against us positive), x[3] lots after, x[4] its time
order    order, leg, code ORDER_ENDS, code2 REASONS (an order ended without a fill)
trade    side, quantity_lots, code REASONS, x[0] entry price, x[1] exit price, x[2] pnl (net), x[3] fees, x[4] entry
         time, x[5] exit time, x[6] R multiple, x[7] MAE (price), x[8] MFE (price), x[9] slippage, x[10] funding,
         x[11] balance after, x[12] bars held, bits entry bar
=======  ==========================================================================================================
"""

OUT_ROWS: Final = 1024
OUT_MARGIN: Final = 128
"""Free rows that the outbox must have before a candle is taken."""
OUTBOX = record([("rows", OUTPUT, (OUT_ROWS,))])
"""The rows since it was last emptied; ``ACCOUNT.n_out`` says how many. A record, because passing an array from
function to function costs two atomic reference counts each time."""

# ------------------------------------------------------------------------------------------------------ commands in
CMD_READY: Final = 1  # history is loaded: BOOTSTRAP ends
CMD_HALT: Final = 2  # code REASONS, flag 1 = flatten
CMD_RESUME: Final = 3
CMD_CLOSE: Final = 4  # close the position of this symbol at market
CMD_CANCEL: Final = 5  # cancel order `number`; 0 = the entry
CMD_MARKET: Final = 6  # execute the pending entry order at market
CMD_EXECUTE: Final = 7  # execute the pending signal `number`
CMD_EXPIRE: Final = 8  # expire the pending signal `number`; 0 = all of the symbol
CMD_GATE: Final = 9  # code = bit of GATES, flag 1 = closed
CMD_SIMULATE: Final = 10  # a debug signal: side, price = stop (0 = default), paper only
CMD_AMEND: Final = 11  # price = new stop (0 = keep), targets
CMD_LIMITS: Final = 12  # new limits follow as bytes; handled outside the step (the record is replaced)
CMD_RESET: Final = 13  # flatten and start the paper account again with balance = price
CMD_END: Final = 14  # end of data: close what is open at the last close, reason "end"
CMD_FILL: Final = 15  # a venue executed `lots` at `ticks` of order `number` (0: nobody here asked for it, reason code)
CMD_ORDER_END: Final = 16  # a venue ended order `number` of `leg`: code ORDER_ENDS, flag 1 = its trigger was passed
CMD_FUNDING: Final = 17  # price = what was received (or, negative, paid)
CMD_BALANCE: Final = 18  # price = what the venue says the wallet holds; flag 1 = to start with
COMMANDS: Final = (
    "none", "ready", "halt", "resume", "close", "cancel", "market", "execute", "expire", "gate", "simulate", "amend",
    "limits", "reset", "end", "fill", "order_end", "funding", "balance",
)  # fmt: skip

COMMAND = record(
    [
        ("time", "i8"),
        ("number", "i8"),
        ("price", "f8"),
        ("targets", "f8", (3,)),
        ("kind", "i2"),
        ("code", "i2"),
        ("flag", "i2"),
        ("side", "i2"),
        # of what a venue reports
        ("ticks", "i8"),
        ("lots", "i8"),
        ("fee", "f8"),  # quote currency
        ("trade", "i8"),  # the venue's number of the execution
        ("leg", "i2"),
        ("maker", "i2"),
        ("done", "i2"),  # the order is complete
    ]
)
"""Something a person, a timer or a watchdog wants, or a venue reports; journaled like every other input."""
