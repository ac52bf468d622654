"""The records that everything in the kernel is made of; their codes are named in ``codes.py``.

A record is a NumPy structured dtype: flat, fixed in size, copied with ``tobytes``. Times are int64 milliseconds UTC.
Prices and quantities of *orders and fills* are int64 ticks and lots of their instrument; everything that is only
computed with (indicators, money) is float64. Sides are +1 (buy, long) and -1 (sell, short), 0 is none.
"""

from typing import Final

import numpy as np

from triplane.kernel.layout import record

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
        ("reason", "i1"),  # Reason of an exit
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
        ("reason", "i1"),  # Reason of an exit
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

NO_POSITION = np.zeros(1, POSITION)

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
        ("gates", "i8"),  # bits of Gate that are closed from outside
    ]
)
"""The account that all symbols of a session share."""

# -------------------------------------------------------------------------------------------------------- signals
SIGNAL = record(
    [
        ("action", "i8"),  # Action
        ("side", "i8"),
        ("entry_type", "i8"),  # OrderType
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

NO_SIGNAL = np.zeros(1, SIGNAL)
"""Nothing said, to be assigned: ``s.signal = NO_SIGNAL[0]``."""

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

# -------------------------------------------------------- former homes and names: to be deleted from here to the end
from triplane.kernel import inputs as _inputs  # noqa: E402
from triplane.kernel import rows as _rows  # noqa: E402
from triplane.kernel.codes import (  # noqa: E402
    Action,
    Check,
    CommandKind,
    Gate,
    Leg,
    OrderEnd,
    OrderType,
    Reason,
    RowKind,
    SignalStatus,
    State,
)

COMMAND: Final = _inputs.COMMAND
OUTPUT: Final = _rows.OUTPUT
OUTBOX: Final = _rows.OUTBOX
OUT_ROWS: Final = _rows.OUT_ROWS
OUT_MARGIN: Final = _rows.OUT_MARGIN
LAST_DECISION: Final = _rows.LAST_DECISION

ENTRY: Final = Leg.ENTRY
STOP: Final = Leg.STOP
TP1: Final = Leg.TP1
TP2: Final = Leg.TP2
TP3: Final = Leg.TP3
EXIT: Final = Leg.EXIT
MARKET: Final = OrderType.MARKET
LIMIT: Final = OrderType.LIMIT
STOP_MARKET: Final = OrderType.STOP_MARKET
TAKE_PROFIT_MARKET: Final = OrderType.TAKE_PROFIT_MARKET
NOTHING: Final = Action.NOTHING
ENTER: Final = Action.ENTER
CLOSE: Final = Action.CLOSE
BOOTSTRAP: Final = State.BOOTSTRAP
SCANNING: Final = State.SCANNING
ENTRY_PENDING: Final = State.ENTRY_PENDING
IN_POSITION: Final = State.IN_POSITION
COOLDOWN: Final = State.COOLDOWN
HALTED: Final = State.HALTED
WHY_NONE: Final = Reason.NONE
WHY_STOP: Final = Reason.STOP
WHY_TARGET: Final = Reason.TARGET
WHY_SIGNAL: Final = Reason.SIGNAL
WHY_LIQUIDATION: Final = Reason.LIQUIDATION
WHY_END: Final = Reason.END
WHY_MANUAL: Final = Reason.MANUAL
WHY_EXTERNAL: Final = Reason.EXTERNAL
WHY_TRAILING: Final = Reason.TRAILING
WHY_BREAK_EVEN: Final = Reason.BREAK_EVEN
WHY_WARM: Final = Reason.WARM
WHY_ENTRY_PLACED: Final = Reason.ENTRY_PLACED
WHY_ENTRY_FILLED: Final = Reason.ENTRY_FILLED
WHY_ENTRY_EXPIRED: Final = Reason.ENTRY_EXPIRED
WHY_ENTRY_CANCELLED: Final = Reason.ENTRY_CANCELLED
WHY_ENTRY_REJECTED: Final = Reason.ENTRY_REJECTED
WHY_COOLDOWN_OVER: Final = Reason.COOLDOWN_OVER
WHY_DAILY_LOSS: Final = Reason.DAILY_LOSS
WHY_DRAWDOWN: Final = Reason.DRAWDOWN
WHY_KILL_SWITCH: Final = Reason.KILL_SWITCH
WHY_ERROR: Final = Reason.ERROR
WHY_RESUME: Final = Reason.RESUME
WHY_HISTORY_FAILED: Final = Reason.HISTORY_FAILED
WHY_NO_STOP: Final = Reason.NO_STOP
WHY_PARTIAL_EXIT: Final = Reason.PARTIAL_EXIT
CHECK_OK: Final = Check.OK
CHECK_MAX_POSITION: Final = Check.MAX_POSITION_SIZE
CHECK_MAX_OPEN: Final = Check.MAX_OPEN_POSITIONS
CHECK_CONCENTRATION: Final = Check.CONCENTRATION
CHECK_DAILY_LOSS: Final = Check.DAILY_LOSS_LIMIT
CHECK_DRAWDOWN: Final = Check.DRAWDOWN
CHECK_MARGIN: Final = Check.MARGIN_UTILISATION
CHECK_MAX_TRADES: Final = Check.MAX_TRADES_DAY
CHECK_VOLATILITY: Final = Check.VOLATILITY_CEILING
CHECK_SHARPE: Final = Check.MIN_SHARPE
CHECK_NO_STOP: Final = Check.NO_STOP
CHECK_BELOW_MINIMUM: Final = Check.BELOW_MINIMUM
CHECK_NOT_SCANNING: Final = Check.NOT_SCANNING
CHECK_HALTED: Final = Check.HALTED
CHECK_DATA_QUALITY: Final = Check.DATA_QUALITY
CHECK_STALE_FEED: Final = Check.STALE_FEED
CHECK_KILL_SWITCH: Final = Check.KILL_SWITCH
CHECK_NO_SHORT: Final = Check.NO_SHORT
CHECK_BAD_STOP: Final = Check.BAD_STOP
CHECK_EXPIRED: Final = Check.EXPIRED
CHECK_NOT_RECONCILED: Final = Check.NOT_RECONCILED
CHECK_OPERATOR_PAUSE: Final = Check.OPERATOR_PAUSE
ROW_NONE: Final = RowKind.NONE
ROW_SIGNAL: Final = RowKind.SIGNAL
ROW_REJECT: Final = RowKind.REJECT
ROW_PLACE: Final = RowKind.PLACE
ROW_AMEND: Final = RowKind.AMEND
ROW_CANCEL: Final = RowKind.CANCEL
ROW_STATE: Final = RowKind.STATE
ROW_FILL: Final = RowKind.FILL
ROW_ORDER: Final = RowKind.ORDER
ROW_TRADE: Final = RowKind.TRADE
EXPIRED: Final = OrderEnd.EXPIRED
CANCELLED: Final = OrderEnd.CANCELLED
REJECTED: Final = OrderEnd.REJECTED
FILLED: Final = OrderEnd.FILLED
SIGNAL_GENERATED: Final = SignalStatus.GENERATED
SIGNAL_PENDING: Final = SignalStatus.PENDING
SIGNAL_EXECUTED: Final = SignalStatus.EXECUTED
SIGNAL_EXPIRED: Final = SignalStatus.EXPIRED
SIGNAL_REJECTED: Final = SignalStatus.REJECTED
CMD_NONE: Final = CommandKind.NONE
CMD_READY: Final = CommandKind.READY
CMD_HALT: Final = CommandKind.HALT
CMD_RESUME: Final = CommandKind.RESUME
CMD_CLOSE: Final = CommandKind.CLOSE
CMD_CANCEL: Final = CommandKind.CANCEL
CMD_MARKET: Final = CommandKind.MARKET
CMD_EXECUTE: Final = CommandKind.EXECUTE
CMD_EXPIRE: Final = CommandKind.EXPIRE
CMD_GATE: Final = CommandKind.GATE
CMD_SIMULATE: Final = CommandKind.SIMULATE
CMD_AMEND: Final = CommandKind.AMEND
CMD_LIMITS: Final = CommandKind.LIMITS
CMD_RESET: Final = CommandKind.RESET
CMD_END: Final = CommandKind.END
CMD_FILL: Final = CommandKind.FILL
CMD_ORDER_END: Final = CommandKind.ORDER_END
CMD_FUNDING: Final = CommandKind.FUNDING
CMD_BALANCE: Final = CommandKind.BALANCE
LEGS: Final = Leg.labels
ORDER_TYPES: Final = OrderType.labels
STATES: Final = State.labels
REASONS: Final = Reason.labels
CHECKS: Final = Check.labels
GATES: Final = Gate.labels
ROWS: Final = RowKind.labels
ORDER_ENDS: Final = OrderEnd.labels
SIGNAL_STATUS: Final = SignalStatus.labels
COMMANDS: Final = CommandKind.labels
