"""What is shown beyond the facts themselves: facts with what the newest price adds, and what many facts add up to.

A view that is a fact with more inherits it, so a further field of the fact is in the view without a word here.
"""

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from triplane.model.conduct import Funnel, Halt
from triplane.model.facts import (
    AnyFact,
    Error,
    Millis,
    Money,
    Order,
    Position,
    RiskAlert,
    Signal,
    StateChange,
    Trade,
    Zone,
)
from triplane.model.live import FeedHealth, Health
from triplane.model.sentences import LogEntry

V = TypeVar("V", bound=msgspec.Struct)


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What all views share: made anew when something changes, never changed."""


def view_of(kind: type[V], source: msgspec.Struct, **more: Any) -> V:
    """A view with what it shares with a fact, and more."""
    shared = {name: getattr(source, name) for name in kind.__struct_fields__ if hasattr(source, name)}
    return kind(**shared | more)


# ---------------------------------------------------------------------------------------------------------- the market
class CandleView(View, frozen=True, kw_only=True):
    """A bar of the session's timeframe, with the indicators at its close."""

    time: Annotated[Millis, Meta(description="When it opened.")]
    open: float
    high: float
    low: float
    close: float
    volume: float
    is_closed: bool
    indicators: dict[str, float | None] = {}


class Marker(View, frozen=True, kw_only=True):
    """A signal, a fill or a rejection at its place on the chart."""

    time: Annotated[Millis, Meta(description="Open time of the bar that it belongs to.")]
    kind: Annotated[str, Meta(description="signal, entry, exit or reject.")]
    side: str
    price: float | None
    text: str
    decision: int


class History(View, frozen=True, kw_only=True):
    """Candles, oldest first, with the zones and markers of their time."""

    session_id: str
    symbol: str
    timeframe: str
    plots: Annotated[list[str], Meta(description="Indicators that the strategy draws; the rest are common ones.")]
    candles: list[CandleView]
    zones: list[Zone]
    markers: list[Marker]


class FeedView(FeedHealth, frozen=True, kw_only=True):
    """The connection to the source of market data."""

    session_id: str
    data_grade: str | None = None


# --------------------------------------------------------------------------------------------------------- the account
class PositionView(Position, frozen=True, kw_only=True, tag="position.v1"):
    """An open position at the newest price."""

    current_price: Money | None
    current_pnl: Money
    current_pnl_pct: float | None
    margin_ratio: float | None
    liquidation_price: Money | None


class Today(View, frozen=True, kw_only=True):
    """What the UTC day has brought so far, by market time."""

    since: Annotated[Millis | None, Meta(description="00:00 UTC of the day.")]
    start_equity: Money
    pnl: Annotated[Money, Meta(description="Equity now less equity then.")]
    pnl_pct: float | None
    opened: Annotated[int, Meta(description="Positions opened.")]
    closed: Annotated[int, Meta(description="Positions closed.")]
    won: Annotated[int, Meta(description="Of these, with a gain.")]
    realized: Annotated[Money, Meta(description="Sum of the closed positions' results.")]


class Portfolio(View, frozen=True, kw_only=True):
    """The account, its open positions and pending orders."""

    session_id: str
    time: Annotated[Millis | None, Meta(description="Market time.")]
    wallet_balance: Money
    margin_balance: Money
    available_balance: Money
    unrealized_pnl: Money
    total_equity: Money
    open_positions: list[PositionView]
    pending_orders: list[Order]
    today: Today


class EquityPoint(View, frozen=True, kw_only=True):
    """Equity at the close of a candle."""

    time: Annotated[Millis, Meta(description="When the candle closed.")]
    equity: float


class EquityCurve(View, frozen=True, kw_only=True):
    """Equity over time, oldest first, evenly chosen from all there is; the newest is among them."""

    session_id: str
    points: list[EquityPoint]


class Performance(View, frozen=True, kw_only=True):
    """The figures of the session so far, of the account's newest epoch and without what a person simulated.

    A null one has its reason in ``reasons``; rates of time are measured until trading stopped, if it did.
    """

    session_id: str
    trades: int
    net_pnl: Money
    return_pct: float
    max_drawdown_pct: float | None
    max_drawdown_bars: int
    sharpe: float | None
    sortino: float | None
    cagr_pct: float | None
    calmar: float | None
    win_rate: float | None
    profit_factor: float | None
    expectancy: float | None
    expectancy_r: float | None
    average_win: float | None
    average_loss: float | None
    average_mae_pct: float | None
    average_mfe_pct: float | None
    exposure_pct: float
    average_notional_pct: float | None
    fees: Money
    funding: Money | None
    slippage: Money
    trades_per_day: float
    final_equity: Money
    reasons: dict[str, str]
    halts: Annotated[list[Halt], Meta(description="Times without entries, oldest first.")]
    halted_pct: Annotated[float, Meta(description="Share of the time that they took.")]
    funnel: Funnel


# ----------------------------------------------------------------------------------------------------------- the state
class EngineState(View, frozen=True, kw_only=True):
    """Whether the engine is heard; what is shown is as old as this says."""

    state: Annotated[str, Meta(description="ok, starting, silent (it lives but says nothing) or dead.")]
    heard_s: Annotated[float | None, Meta(description="Seconds since it was last heard; null when it never was.")]
    text: Annotated[str, Meta(description="The same in a sentence; empty when it is ok.")]


class StatusView(View, frozen=True, kw_only=True):
    """Where a session stands with one symbol."""

    state: Annotated[str, Meta(description="BOOTSTRAP, SCANNING, ENTRY_PENDING, IN_POSITION, COOLDOWN or HALTED.")]
    can_receive_signals: bool
    is_active_trade: bool
    cooldown_remaining: int
    current_order_id: str | None
    current_position_id: str | None
    session_id: str
    session_status: Annotated[str, Meta(description="loading, running, finished, stopped, failed or interrupted.")]
    mode: str
    venue: str
    strategy: str
    symbols: list[str]
    symbol: str
    timeframe: str
    source: str
    speed: Annotated[float | str, Meta(description='Replay speed, or "max".')]
    halted: bool
    halt_reason: str | None
    halt_text: Annotated[str | None, Meta(description="What a person gave as the reason, if one did.")]
    error: Annotated[str | None, Meta(description="What ended the session, or what its strategy raised.")]
    error_line: str | None
    data_grade: str | None
    gates: list[str]
    last_candle_time: Millis | None
    started_at: Millis
    finished: bool
    version: str
    seq: Annotated[int, Meta(description="Newest fact that is shown.")]
    engine: EngineState


class Check(View, frozen=True, kw_only=True):
    """The verdict of one gate."""

    name: str
    passed: bool
    value: float | None = None
    limit: float | None = None
    text: str


class SignalCheck(View, frozen=True, kw_only=True):
    """Why there is no signal, or no order, right now."""

    session_id: str
    symbol: str
    time: Millis | None
    checks: list[Check]
    would_trade: bool


class SessionView(View, frozen=True, kw_only=True):
    """One run of a strategy."""

    id: str
    status: Annotated[str, Meta(description="loading, running, finished, stopped, failed or interrupted.")]
    mode: str
    venue: str = ""
    strategy: str
    symbols: list[str]
    timeframe: str
    source: str
    parameters: dict[str, float] | None = None
    account: str = ""
    started_at: Millis
    ended_at: Millis | None = None
    halt_reason: str | None = None
    error: str | None = None
    decisions_sha256: str | None = None
    start_balance: Money | None = None
    net_pnl: Money | None = None


class Configured(View, frozen=True, kw_only=True):
    """What a session is started with where nothing else is said."""

    strategy: str
    symbols: Annotated[list[str], Meta(description="Empty is all of the source.")]
    timeframe: Annotated[str | None, Meta(description="Null is the strategy's own.")]
    source: str
    mode: str
    balance: float


class StartOptions(View, frozen=True, kw_only=True):
    """What a session can be started with."""

    strategies: list[str]
    sources: list[str]
    modes: list[str]
    configured: Configured


class Decisions(View, frozen=True, kw_only=True):
    """The log of decisions, the latest last."""

    items: list[LogEntry]


# -------------------------------------------------------------------------------------------------------------- health
class Fault(View, frozen=True, kw_only=True):
    """One thing that is not as it should be, as a person is told of it."""

    name: Annotated[
        str,
        Meta(
            description="engine_starting, engine_silent, engine_dead, session_lost, kill_switch, halted, "
            "strategy_error, session_failed, feed_stale, feed_down, venue_silent, not_reconciled, disk_full, "
            "disk_low, facts_error, store_error, store_behind."
        ),
    ]
    level: Annotated[str, Meta(description="info, warn or bad.")]
    text: Annotated[str, Meta(description="A sentence or two; the same as long as it lasts.")]
    session_id: Annotated[str | None, Meta(description="Null when it concerns all.")] = None
    detail: Annotated[str | None, Meta(description="The strategy's line, or what the database said.")] = None
    age_s: Annotated[float | None, Meta(description="Seconds that it has lasted, where that is known.")] = None


class StoreState(View, frozen=True, kw_only=True):
    """How far the database is behind the facts."""

    behind: Annotated[int, Meta(description="Facts that are not stored yet.")]
    age_s: Annotated[float, Meta(description="Seconds for which facts have waited and none was stored.")]
    error: Annotated[str | None, Meta(description="Why nothing can be stored now.")]


class PageState(View, frozen=True, kw_only=True):
    """The page's own process."""

    pid: int
    version: str
    started_at: Millis
    memory_mb: float
    loop_s: Annotated[float, Meta(description="Longest turn of the event loop of the last seconds.")]
    sockets: int
    messages: Annotated[int, Meta(description="Messages published on the sockets since the start.")]


class PageHealth(View, frozen=True, kw_only=True):
    """Everything about how it goes: the engine as heard here, the store, this process."""

    ready: bool
    faults: Annotated[list[Fault], Meta(description="What is not as it should be, the worst first.")]
    engine: EngineState
    told: Annotated[Health | None, Meta(description="What the engine said last.")]
    store: StoreState
    page: PageState


# ------------------------------------------------------------------------------------------------------------- sockets
class MarketData(View, frozen=True, kw_only=True):
    """A bar that closed, or as it stands now."""

    timeframe: str
    candle: CandleView


class ZoneUpdate(View, frozen=True, kw_only=True):
    """Zones that are new, changed or over."""

    zones: list[Zone]


class Resync(View, frozen=True, kw_only=True):
    """Messages were left out: read the present state over REST."""

    reason: str


class SocketData(View, frozen=True, kw_only=True):
    """What the messages of ``/ws`` carry, by their type."""

    market_data: MarketData
    zone_update: ZoneUpdate
    marker: Marker
    decision: LogEntry
    signal_generated: Signal
    order_created: Order
    order_updated: Order
    position_update: PositionView
    position_closed: Trade
    risk_alert: RiskAlert
    session_update: StatusView
    state_change: StateChange
    account_update: Portfolio
    error: Error
    health: PageHealth
    backtest_progress: dict[str, Any]
    facts: AnyFact
    resync: Resync
    heartbeat: dict[str, Any]
