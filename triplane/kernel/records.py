"""The records that everything in the kernel is made of; their codes are named in ``codes.py``.

A record is a NumPy structured dtype: flat, fixed in size, copied with ``tobytes``. Times are int64 milliseconds UTC.
Prices and quantities of *orders and fills* are int64 ticks and lots of their instrument; everything that is only
computed with (indicators, money) is float64. Sides are +1 (buy, long) and -1 (sell, short), 0 is none.
"""

import numpy as np

from triplane.kernel.layout import record

# ---------------------------------------------------------------------------------------------------- market data
CANDLE = record([("open_time", "i8"), ("open", "f8"), ("high", "f8"), ("low", "f8"), ("close", "f8"), ("volume", "f8")])
"""One closed candle. ``volume`` is in base units."""

MAX_TIERS = 20

TIER = record([("above", "f8"), ("rate", "f8"), ("amount", "f8")])
"""Maintenance margin of a position of more base units than ``above``: its notional times the rate, less the amount
(quote currency).
"""

INSTRUMENT = record(
    [
        ("tick_num", "i8"),  # tick size = tick_num / price_scale: ticks become the nearest float, rounded once
        ("price_scale", "f8"),
        ("lot_num", "i8"),  # lot size = lot_num / quantity_scale
        ("quantity_scale", "f8"),
        ("min_quantity_lots", "i8"),
        ("min_notional", "f8"),  # quote currency; 0 = none
        ("maintenance_margin", "f8"),  # fraction of the notional, in the lowest tier
        ("tier_count", "i8"),
        ("tiers", TIER, (MAX_TIERS,)),  # those above the lowest
        ("can_short", "i8"),  # 0 on spot
        ("perpetual", "i8"),  # 1: a position pays or receives funding
    ]
)
"""What the venue says about one symbol."""

LARGEST = 2**53 - 1
"""Most ticks or lots: up to here every number is a float of its own."""

COSTS = record(
    [
        ("maker_fee", "f8"),  # fraction of the notional
        ("taker_fee", "f8"),
        ("slippage", "f8"),  # fraction of the price, against the taker, on market and triggered stop orders
        ("through_ticks", "i8"),  # a limit fills when the market trades through it by this many ticks
        ("leverage", "f8"),
        ("impact", "f8"),  # of size: times the candle's range, times the root of the share of its volume
        ("participation", "f8"),  # share of a candle's volume that one order may take; 0 = any
        ("latency_ms", "i8"),  # before a placed order is in the book; whole candles of it count
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
        ("active_at", "i8"),  # candles that open before are over when it reaches the market
        ("reference", "f8"),  # the price that was asked for, for slippage
        ("level", "f8"),  # the price at which it acts: a limit's, or a trigger's
        ("leg", "i1"),
        ("type", "i1"),
        ("side", "i1"),
        ("reduce_only", "i1"),
        ("reason", "i1"),  # Reason of an exit
        ("mid_bar", "i1"),  # 1: placed while the candle was under way, 2: moved then, 3: has had its share of it
        ("triggered", "i1"),  # a part of it has filled, so what is left fills at market
        ("resting", "i1"),  # a limit that the market had not reached when it was placed
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
        ("entry_price", "f8"),  # average of what is held
        (
            "late_entry",
            "i8",
        ),  # 1: a part was opened after another had closed, so that is not the average of all entries
        ("stop", "f8"),  # current protective stop, price
        ("first_stop", "f8"),  # as it was placed; what is risked is measured from it
        ("liquidation", "f8"),  # price; 0 = none
        ("fees", "f8"),
        ("funding", "f8"),  # received; negative when it was paid
        ("unfunded", "i8"),  # 1: it was held over a time whose funding nobody told of
        ("slippage", "f8"),  # quote currency, against us positive
        ("best", "f8"),  # most favourable price seen
        ("worst", "f8"),
        ("unrealized", "f8"),
        ("margin", "f8"),
        ("mid_bar", "i8"),  # 1: opened within the range of the candle under way, so only its close is known to be later
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
        ("judged_equity", "f8"),  # for which peak and drawdown were last moved
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
        ("funding", "f8"),  # received; negative when it was paid
        ("decisions", "i8"),  # running numbers, so that every id is derived and unique in the session
        ("orders", "i8"),
        ("rows", "i8"),
        ("n_out", "i8"),  # rows in the output buffer now
        ("halted", "i8"),
        ("halt_code", "i8"),
        ("gates", "i8"),  # bits of Gate that are closed from outside
        ("pending_entries", "i8"),  # symbols with a working entry and no position: each will be a position and a trade
        ("reserved_margin", "f8"),  # what working entries will take
        ("epoch", "i8"),  # how often the paper account was begun anew; figures are of one epoch
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
        ("targets", "f8", (3,)),  # prices, 0 = none; the first has a default unless it is NO_TARGET
        ("target_distances", "f8", (3,)),  # from the fill price, used when the target price is 0
        (
            "fractions",
            "f8",
            (3,),
        ),  # share of the position per target, the last one takes the rest; REDUCE: the first
        ("weight", "f8"),  # share of the size that the profile allows for a trade; 0 = all of it
        ("quantity", "f8"),  # at most so much, base units; 0 = what the risk allows
        ("trail_distance", "f8"),  # > 0: the stop follows the best price at this distance
        ("ttl_bars", "i8"),  # of a limit or stop entry; 0 = ENTRY_TTL_BARS, -1 = good till cancelled
        ("confidence", "f8"),  # 0..1
        ("reasons", "i8"),  # bits, sentences in the strategy's spec
        ("seen", "f8", (8,)),  # the values that it was decided on, names in the strategy's spec
    ]
)
"""What a strategy says at the close of a bar."""

NO_TARGET = -1.0
"""As the first target: none, not even the default one."""

ENTRY_TTL_BARS = 24
"""How long a limit or stop entry waits where its strategy does not say: what it was decided on grows old."""

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
        ("stop", "f8"),  # of the open position, price
        ("unrealized", "f8"),  # of the open position, quote currency
        ("balance", "f8"),  # of the account, and what follows too: as all symbols share it
        ("equity", "f8"),
        ("day_pnl", "f8"),  # equity now less that at the start of the UTC day
        ("open_positions", "i8"),
        ("pending_entries", "i8"),
        ("index", "i8"),  # its own place among the symbols of its strategy
        ("candle", CANDLE),  # the bar just closed
    ]
)
"""What a strategy may know besides its bar; one of each symbol of its strategy to those that ask for ``others``."""
