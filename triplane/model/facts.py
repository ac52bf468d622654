"""The facts of a session, each declared once.

A fact is something that happened or is now known: a candle closed, an order changed, a position was opened. A session
emits its facts in one numbered stream, a function of its journal alone: read again, a journal gives the same facts
under the same numbers. From the declarations here derive the tables of the store, the shapes of the API and of the
sockets, the types of the page, the columns of frames and the list of events in the docs. **A new field has two places:
here, and where it is computed.**

Times are milliseconds since 1970, UTC. Prices, quantities and amounts of orders, fills and balances are exact decimals
in text (:data:`Money`); market data, signals and statistics are floats, ``None`` where there is none yet. A change of a
fact's shape that is more than a further field is a new version of its name.
"""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypeAlias, Union

import msgspec
from msgspec import Meta

Money = Annotated[str, Meta(description="Exact decimal in text, never with an exponent.", extra={"column": "money"})]
Millis = Annotated[int, Meta(description="Milliseconds since 1970, UTC.", extra={"column": "millis"})]
Key = Meta(extra={"key": True})
"""Marks a field as part of the key of its table."""


def row_name(symbol: str, sleeve: str) -> str:
    """What a symbol of a sleeve is called by: ``BTCUSDT``, in a portfolio ``BTCUSDT:scalper``."""
    return f"{symbol}:{sleeve}" if sleeve and symbol else symbol


def about(wanted: str, name: str) -> bool:
    """Whether what is wanted, a row or a market with all its rows, has to do with a row or a market."""
    return wanted == name or f"{name}:".startswith(f"{wanted}:") or f"{wanted}:".startswith(f"{name}:")


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """What all facts carry."""

    table: ClassVar[str | None] = None
    """Table of the store that keeps it, or None. Its key is what is marked as :data:`Key`, else session and number."""

    @property
    def row(self) -> str:
        """Name of the row that it is about, see :func:`row_name`."""
        return row_name(self.symbol, self.sleeve)

    session_id: Annotated[str, Meta(description="Whose fact it is.")]
    seq: Annotated[int, Meta(description="Number in the session's stream, from 1.", extra={"column": "millis"})]
    time: Annotated[Millis, Meta(description="Market time at which it was known.")]
    symbol: Annotated[str, Meta(description="Empty when it concerns the whole session.")] = ""
    sleeve: Annotated[str, Meta(description="Part of the portfolio; empty when the session has only one.")] = ""
    decision: Annotated[int, Meta(description="Number of the decision behind it, 0 when there is none.")] = 0


# ---------------------------------------------------------------------------------------------------------- the session
class Session(Fact, frozen=True, kw_only=True, tag="session.v1"):
    """What a session was started with; the first fact of each stream."""

    mode: str
    venue: str
    source: str
    strategy: str
    strategy_text: str
    parameters: dict[str, float]
    symbols: list[str]
    base: Annotated[str, Meta(description="Timeframe of the candles it is fed with.")]
    timeframe: Annotated[str, Meta(description="Timeframe that it decides on.")]
    start_balance: Money
    started_at: Millis
    settings: dict[str, Any]
    fixed_lots: int = 0
    version: str = ""
    account: Annotated[str, Meta(description="Name of the account; it outlives the session.")] = ""
    epoch: int = 0
    sleeves: Annotated[list["SleeveInfo"], Meta(description="The parts of a portfolio; empty when there is one.")] = []


class SleeveInfo(msgspec.Struct, frozen=True):
    """A part of a portfolio."""

    name: str
    strategy: str
    parameters: dict[str, float]
    symbols: list[str]
    timeframe: str


class SessionEnd(Fact, frozen=True, kw_only=True, tag="session_end.v1"):
    """The data of a session ended; nothing follows."""

    decisions_sha256: str


class Settings(Fact, frozen=True, kw_only=True, tag="settings.v1"):
    """The limits were replaced."""

    table: ClassVar[str | None] = "settings"

    values: dict[str, Any]


# ---------------------------------------------------------------------------------------------------------- the market
class Candle(Fact, frozen=True, kw_only=True, tag="candles.v1"):
    """A candle, closed unless it says otherwise."""

    table: ClassVar[str | None] = "candles"

    venue: Annotated[str, Key]
    symbol: Annotated[str, Key]
    tf: Annotated[str, Key]
    open_time: Annotated[Millis, Key]
    open: float
    high: float
    low: float
    close: float
    volume: float
    is_closed: bool = True


class Features(Fact, frozen=True, kw_only=True, tag="features.v1"):
    """The indicators at the close of a bar; ``None`` until warm."""

    table: ClassVar[str | None] = "indicators"

    tf: str
    ts: Annotated[Millis, Meta(description="Open time of the bar.")]
    ema20: float | None = None
    ema50: float | None = None
    ema200: float | None = None
    rsi14: float | None = None
    macd: float | None = None
    macd_signal: float | None = None
    macd_hist: float | None = None
    atr14: float | None = None
    bb_upper: float | None = None
    bb_middle: float | None = None
    bb_lower: float | None = None
    stoch_rsi_k: float | None = None
    stoch_rsi_d: float | None = None
    vwap: float | None = None
    vwap_upper: float | None = None
    vwap_lower: float | None = None
    adx: float | None = None
    plus_di: float | None = None
    minus_di: float | None = None
    volume_ratio: float | None = None
    plots: Annotated[dict[str, float | None], Meta(description="What the strategy draws beside the candles.")] = {}


class Structure(Fact, frozen=True, kw_only=True, tag="smc_events.v1"):
    """A break of structure, a change of character or a liquidity sweep, at the close that confirmed it."""

    table: ClassVar[str | None] = "smc_events"

    tf: str
    ts: Annotated[Millis, Meta(description="Open time of the bar that confirmed it.")]
    kind: Annotated[str, Meta(description="BOS_UP, BOS_DN, CHOCH_UP, CHOCH_DN, SWEEP_HIGH or SWEEP_LOW.")]
    ref_ts: Annotated[Millis, Meta(description="Open time of the swing or pool that it refers to.")]
    level: float


class Zone(Fact, frozen=True, kw_only=True, tag="zones.v1"):
    """An order block, fair value gap or breaker as it stands after a bar."""

    table: ClassVar[str | None] = "zones"

    session_id: Annotated[str, Key]
    id: Annotated[str, Key]
    tf: str
    kind: Annotated[str, Meta(description="OB, FVG or BREAKER.")]
    side: Annotated[str, Meta(description="DEMAND or SUPPLY.")]
    price_lo: float
    price_hi: float
    created_ts: Annotated[Millis, Meta(description="Open time of the bar where it is drawn.")]
    confirmed_ts: Annotated[Millis, Meta(description="Open time of the bar at whose close it became known.")]
    strength: float
    touches: int
    filled_percent: float
    valid: bool
    ended_ts: Millis | None = None
    end_reason: str | None = None


# --------------------------------------------------------------------------------------------------------- the decision
class RawSignal(Fact, frozen=True, kw_only=True, tag="signals_raw.v1"):
    """What one agent of a strategy said, before it was weighed with others."""

    agent: str
    tf: str
    side_hint: Annotated[str, Meta(description="buy, sell or close.")]
    entry_hint: float | None
    sl_hint: float | None
    tpR: Annotated[list[float], Meta(description="Targets in distances of the stop.")]  # noqa: N815 - the contract's name
    features: dict[str, float | str | None]
    score: float
    ttl_bars: int


class TpLevels(msgspec.Struct, frozen=True):
    """The prices of up to three targets."""

    tp1: float | None = None
    tp2: float | None = None
    tp3: float | None = None


class Signal(Fact, frozen=True, kw_only=True, tag="signal.v1"):
    """What a strategy said, and how far it has come."""

    table: ClassVar[str | None] = "signals"

    id: Annotated[str, Key]
    agent: Annotated[str, Meta(description="Name of the strategy.")]
    action: Annotated[str, Meta(description="enter or close.")]
    signal_type: Annotated[str, Meta(description="buy, sell or neutral.")]
    status: Annotated[str, Meta(description="generated, pending, executed, expired or rejected.")]
    confidence: float
    confidence_level: Annotated[str, Meta(description="high from 0.7, medium from 0.4, else low.")]
    price: float
    entry_price: float | None
    stop_loss: float | None
    tp_levels: TpLevels
    position_size: float | None
    risk_reward_ratio: float | None
    indicators: Annotated[dict[str, float | str | None], Meta(description="The values that it was decided on.")]
    reasons: list[str]
    generated_at: Millis
    pending_at: Millis | None = None
    executed_at: Millis | None = None
    order_id: str | None = None
    execution_latency_ms: int | None = None
    reject_reason: str | None = None
    reject_value: float | None = None
    reject_limit: float | None = None
    capped: Annotated[bool, Meta(description="A limit made the size smaller than its risk alone would.")] = False
    simulated: Annotated[bool, Meta(description="A person made it up; figures leave it out.")] = False


class Step(msgspec.Struct, frozen=True):
    """One step of a ladder of targets."""

    price: float
    qty: Money | None


class Risk(msgspec.Struct, frozen=True):
    """What a decision puts at risk, quote currency."""

    position_value: float
    risk_amount: float
    risk_reward: float | None


class Decision(Fact, frozen=True, kw_only=True, tag="decision.v1"):
    """A signal that passed risk: what is going to be traded."""

    side: str
    size: Money
    entry: float
    sl: float
    tp_ladder: list[Step]
    risk: Risk


# ---------------------------------------------------------------------------------------------------- orders, positions
class Order(Fact, frozen=True, kw_only=True, tag="order.v1"):
    """An order as it stands now."""

    table: ClassVar[str | None] = "orders"

    order_id: Annotated[str, Key]
    client_order_id: str
    leg: Annotated[str, Meta(description="entry, stop, tp1, tp2, tp3 or exit.")]
    type: Annotated[str, Meta(description="market, limit, stop_market or take_profit_market.")]
    side: Annotated[str, Meta(description="buy or sell.")]
    quantity: Money
    price: Money | None
    trigger_price: Money | None
    requested_price: Money | None
    reduce_only: bool
    created_at: Millis
    expires_at: Millis | None
    status: Annotated[str, Meta(description="working, partially_filled, filled, cancelled, expired or rejected.")] = (
        "working"
    )
    reason: str | None = None
    filled_quantity: Money = "0"
    filled_price: Money | None = None
    slippage: Money | None = None
    slippage_percent: float | None = None
    exchange_order_id: str | None = None
    latency_ms: Annotated[int | None, Meta(description="From the intent to the venue's confirmation.")] = None

    @property
    def working(self) -> bool:
        """Whether it may still fill."""
        return self.status in ("working", "partially_filled")


class Fill(Fact, frozen=True, kw_only=True, tag="fill.v1"):
    """An execution."""

    table: ClassVar[str | None] = "fills"

    fill_id: Annotated[str, Key]
    order_id: str
    filled_at: Millis
    leg: str
    side: str
    price: Money
    quantity: Money
    fee: Money
    slippage: Money
    maker: bool
    reason: str | None


class TakeProfit(msgspec.Struct, frozen=True):
    """One target of a position."""

    price: Money
    quantity: Money
    filled: bool = False


class Position(Fact, frozen=True, kw_only=True, tag="position.v1"):
    """A position as it stands now."""

    table: ClassVar[str | None] = "positions"

    id: Annotated[str, Key]
    side: Annotated[str, Meta(description="LONG or SHORT.")]
    status: Annotated[str, Meta(description="open or closed.")]
    size: Money
    quantity: Annotated[Money, Meta(description="Opened in all.")]
    entry_price: Money
    entry_time: Millis
    stop_loss: Money | None
    take_profits: list[TakeProfit]
    leverage: Money


class Trade(Fact, frozen=True, kw_only=True, tag="trade.v1"):
    """A closed position and what it earned."""

    table: ClassVar[str | None] = "trades"

    id: Annotated[str, Key]
    position_id: str
    side: str
    quantity: Money
    entry_time: Millis
    exit_time: Millis
    entry_price: Money
    exit_price: Money
    pnl: Annotated[Money, Meta(description="Net of fees and funding.")]
    fees: Money
    funding: Annotated[Money, Meta(description="Received; negative when paid, null when not known.")] | None
    slippage: Money
    balance_after: Money
    r_multiple: float | None
    mae: float | None
    mfe: float | None
    exit_reason: str
    bars_held: int
    stop_loss: Money | None
    simulated: Annotated[bool, Meta(description="A person made its signal up; figures leave it out.")] = False


# ----------------------------------------------------------------------------------------------------- state and alerts
class Account(Fact, frozen=True, kw_only=True, tag="account.v1"):
    """The account, whenever a figure of it has changed; floats of the core, quote currency."""

    epoch: Annotated[int, Meta(description="How often the paper account was begun anew; figures are of one epoch.")]
    start_balance: Annotated[float, Meta(description="What the session, or its newest epoch, began with.")]
    simulated: Annotated[float, Meta(description="What trades that a person simulated have added to the equity.")]
    balance: float
    equity: float
    unrealized: float
    used_margin: float
    peak_equity: float
    max_drawdown: float
    day_equity: Annotated[float, Meta(description="Equity at the start of the UTC day.")]
    trades_today: int
    open_positions: int
    halted: bool
    halt_reason: str | None
    gates: Annotated[list[str], Meta(description="Gates that are closed for entries.")]


class Status(Fact, frozen=True, kw_only=True, tag="status.v1"):
    """Where the session stands with one symbol, whenever that has changed."""

    state: Annotated[str, Meta(description="BOOTSTRAP, SCANNING, ENTRY_PENDING, IN_POSITION, COOLDOWN or HALTED.")]
    cooldown_remaining: int
    data_grade: str | None
    margin: float
    liquidation_price: float | None


class StateChange(Fact, frozen=True, kw_only=True, tag="state_change.v1"):
    """The state machine of one symbol moved."""

    from_state: str
    to_state: str
    reason: str
    order_id: str | None
    position_id: str | None


class RiskAlert(Fact, frozen=True, kw_only=True, tag="risk_alert.v1"):
    """A check refused a signal, a limit halted the session, or execution found something."""

    table: ClassVar[str | None] = "risk_events"

    alert_id: Annotated[str, Key]
    severity: Annotated[str, Meta(description="CRITICAL, WARNING or INFO.")]
    alert_type: str
    message: str
    details: dict[str, float | str | None]


class Error(Fact, frozen=True, kw_only=True, tag="error.v1"):
    """Something went wrong, or a person intervened, outside the core."""

    table: ClassVar[str | None] = "errors"

    code: str
    message: str
    severity: str = "WARNING"


FACTS: Final[tuple[type[Fact], ...]] = tuple(Fact.__subclasses__())
"""Every fact, in the order of the docs."""
if TYPE_CHECKING:
    AnyFact: TypeAlias = Fact
else:
    AnyFact = Union[FACTS]  # noqa: UP007 - made of what is declared above
TABLES: Final = {str(kind.table): kind for kind in FACTS if kind.table}
"""Facts that have a table, by its name."""


def event_name(fact: Fact | type[Fact]) -> str:
    """The versioned name, such as ``order.v1``."""
    return str(fact.__struct_config__.tag)
