"""The state of one symbol under one strategy in a session: everything the core remembers, in one flat record.

The two halves share it but not its parts: *decide* owns ``legs``, ``plan``, ``waiting`` and the state machine; the
simulated *broker* owns ``book`` and the watch levels. They speak through audit rows (``rows.OUTPUT``) and fills.
"""

from triplane.kernel.indicators.volatility import ATR
from triplane.kernel.layout import record
from triplane.kernel.quality import QUALITY
from triplane.kernel.records import CANDLE, COSTS, FILL, INSTRUMENT, LIMITS, ORDER, POSITION, SIGNAL, VIEW
from triplane.kernel.timeframes import AGG

BOOK_SIZE = 8
"""Working orders of one symbol: an entry, a stop, three targets, an exit, and two spare for replacements."""

WAITING_SIZE = 4
"""Signals of one symbol that may wait for a person at the same time."""

DUES_SIZE = 24
"""Fundings that may fall into one candle: hourly ones into a day."""

LEG = record(
    [
        ("order", "i8"),  # number of the working order, 0 = none
        ("quantity_lots", "i8"),  # of an entry all that was asked for, else what is left of it
        ("trigger_ticks", "i8"),
        ("price_ticks", "i8"),
        ("reason", "i8"),  # why an exit was ordered (Reason)
        ("expires_at", "i8"),
        ("revision", "i8"),  # how often it was amended
        ("cancelling", "i8"),  # Reason of a cancellation that a venue has not confirmed
        ("reference", "f8"),  # the price that was asked for
    ]
)
"""What *decide* knows of one of its orders."""

PLAN = record(
    [
        ("signal", SIGNAL),
        ("decision", "i8"),
        ("targets_placed", "i8"),
        ("leaving", "i8"),  # Reason: the position is to be closed, also what still fills late
        ("then_market", "i8"),  # the entry is being cancelled to be placed again at market
    ]
)
"""What the position was opened for: used when its entry fills."""

WAITING = record([("signal", SIGNAL), ("decision", "i8"), ("expires_bar", "i8")])
"""A pending signal in manual mode; ``decision`` 0 = free."""

DUE = record([("time", "i8"), ("rate", "f8"), ("mark", "f8")])
"""A funding that was told of before the candle that it falls into; ``mark`` 0 = the newest close."""

CORE = record(
    [
        ("symbol", "i8"),  # number of this row in the session
        ("market", "i8"),  # several strategies may trade one market, each in a row of its own
        ("first", "i8"),  # the rows of the same strategy: this one and those behind it
        ("count", "i8"),
        ("elsewhere", "f8"),  # what other rows have open or working in the same market, quote currency
        ("base_ms", "i8"),
        ("timeframe_ms", "i8"),
        ("warmup", "i8"),  # bars before the strategy may trade
        ("external", "i8"),  # 1: a venue executes, and reports; 0: the simulated broker
        ("hold", "i8"),  # 1: stay in BOOTSTRAP until the engine says that history is loaded
        ("now", "i8"),  # ms, the close of the newest candle or the time of the newest command
        ("event_time", "i8"),  # ms, stamped on fills: the open of the candle under way, or the time of the command
        ("bars", "i8"),  # closed decision bars so far
        ("state", "i8"),
        ("cooldown", "i8"),
        ("considered", "i8"),  # 1: what its strategy asked for on this bar was acted on
        ("closed", "i8"),  # the decision bars that closed with the newest candle: LATE, DONE
        ("slot", "i8"),  # 1: its working entry has a place among the account's positions
        ("reserved", "f8"),  # margin that its working entry will take
        ("book_count", "i8"),
        ("fill_at_open", "i8"),  # 1: the last fill was at the open of its candle, or between candles
        ("market_count", "i8"),  # orders in the book that fill at the next open
        ("room", "i8"),  # lots that one order may take of the candle under way
        ("range", "f8"),  # of the candle under way, a fraction of its high; what size moves is measured in it
        ("volume", "f8"),  # of the candle under way
        ("has_volume", "i8"),  # 1: its candles say how much was traded
        ("watch_low", "f8"),  # a candle that stays between these levels touches nothing in the book
        ("watch_high", "f8"),
        ("watch_expiry", "i8"),
        ("funded_at", "i8"),  # ms, the newest funding time that was told
        ("due_count", "i8"),
        ("dues", DUE, (DUES_SIZE,)),
        ("capped", "i8"),  # 1: a limit made the last size smaller than its risk
        ("check_value", "f8"),  # of the last failed risk check
        ("check_limit", "f8"),
        ("instrument", INSTRUMENT),
        ("costs", COSTS),
        ("limits", LIMITS),
        ("position", POSITION),
        ("legs", LEG, (6,)),
        ("plan", PLAN),
        ("waiting", WAITING, (WAITING_SIZE,)),
        ("signal", SIGNAL),
        ("shown", VIEW),
        ("last_fill", FILL),
        ("last", CANDLE),
        ("book", ORDER, (BOOK_SIZE,)),
        ("quality", QUALITY),
        ("agg", AGG),
        ("atr", ATR),
        ("raised", "i8"),  # number of the bar, from 1, on which the strategy raised; 0 when it did not
    ]
)
