"""The tables, as SQLAlchemy describes them today; how an older database gets there is in ``migrations``.

Names follow the field's own. Every table that is filled from a journal has ``session_id`` and ``seq``, the number of
the journal row that last changed the record: a row that is older than what is stored changes nothing, which is what
makes writing the same batch twice the same as writing it once. There are no foreign keys, so that rows can arrive in
any order and tables can be moved to a store for time series.
"""

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, Table, Text, UniqueConstraint

from triplane.store.types import Json, Money, Name, Real, Time

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _key(name: str) -> Column[str]:
    return Column(name, Name(), primary_key=True)


def _projected() -> list[Column[object]]:
    """The columns of every table that is filled from a journal."""
    return [Column("session_id", Name(), nullable=False), Column("seq", Time(), nullable=False)]


CANDLES = Table(
    "candles",
    METADATA,
    _key("venue"),
    _key("symbol"),
    _key("timeframe"),
    Column("open_time", Time(), primary_key=True, autoincrement=False),
    *(Column(name, Real(), nullable=False) for name in ("open", "high", "low", "close", "volume")),
)

INDICATORS = Table(
    "indicators",
    METADATA,
    _key("session_id"),
    _key("symbol"),
    _key("timeframe"),
    Column("open_time", Time(), primary_key=True, autoincrement=False),
    Column("values", Json(), nullable=False),
)

SESSIONS = Table(
    "sessions",
    METADATA,
    _key("id"),
    Column("status", Name(), nullable=False),
    Column("mode", Name(), nullable=False),
    Column("strategy", Name(), nullable=False),
    Column("symbols", Json(), nullable=False),
    Column("timeframe", Name(), nullable=False),
    Column("source", Text(), nullable=False),
    Column("parameters", Json()),
    Column("started_at", Time(), nullable=False),
    Column("ended_at", Time()),
    Column("halt_reason", Text()),
    Column("decisions_sha256", Name()),
    Column("start_balance", Money()),
    Column("net_pnl", Money()),
    Index(None, "started_at"),
)

SIGNALS = Table(
    "signals",
    METADATA,
    _key("id"),
    *_projected(),
    Column("symbol", Name(), nullable=False),
    Column("decision", Time(), nullable=False),
    Column("signal_type", Name(), nullable=False),
    Column("status", Name(), nullable=False),
    Column("confidence", Real(), nullable=False),
    Column("confidence_level", Name(), nullable=False),
    Column("price", Real(), nullable=False),
    Column("entry_price", Real()),
    Column("stop_loss", Real()),
    Column("tp_levels", Json(), nullable=False),
    Column("position_size", Real()),
    Column("risk_reward_ratio", Real()),
    Column("indicators", Json(), nullable=False),
    Column("reasons", Json(), nullable=False),
    Column("generated_at", Time(), nullable=False),
    Column("pending_at", Time()),
    Column("executed_at", Time()),
    Column("order_id", Name()),
    Column("execution_latency_ms", Real()),
    Column("reject_reason", Name()),
    Index(None, "session_id", "generated_at"),
    Index(None, "order_id"),
)

ORDERS = Table(
    "orders",
    METADATA,
    _key("order_id"),
    *_projected(),
    Column("client_order_id", Name(), nullable=False),
    Column("exchange_order_id", Name()),
    Column("latency_ms", Real()),
    Column("symbol", Name(), nullable=False),
    Column("decision", Time(), nullable=False),
    Column("leg", Name(), nullable=False),
    Column("type", Name(), nullable=False),
    Column("side", Name(), nullable=False),
    Column("status", Name(), nullable=False),
    Column("reason", Name()),
    Column("price", Money()),
    Column("trigger_price", Money()),
    Column("quantity", Money(), nullable=False),
    Column("filled_quantity", Money(), nullable=False),
    Column("requested_price", Money()),
    Column("filled_price", Money()),
    Column("slippage", Money()),
    Column("slippage_percent", Real()),
    Column("reduce_only", Boolean(), nullable=False),
    Column("created_at", Time(), nullable=False),
    Column("updated_at", Time(), nullable=False),
    Column("expires_at", Time()),
    UniqueConstraint("client_order_id"),
    Index(None, "session_id", "created_at"),
)

FILLS = Table(
    "fills",
    METADATA,
    _key("fill_id"),
    *_projected(),
    Column("order_id", Name(), nullable=False),
    Column("symbol", Name(), nullable=False),
    Column("decision", Time(), nullable=False),
    Column("time", Time(), nullable=False),
    Column("leg", Name(), nullable=False),
    Column("side", Name(), nullable=False),
    Column("price", Money(), nullable=False),
    Column("quantity", Money(), nullable=False),
    Column("fee", Money(), nullable=False),
    Column("slippage", Money()),
    Column("maker", Boolean(), nullable=False),
    Column("reason", Name()),
    Index(None, "session_id", "time"),
    Index(None, "order_id"),
)

POSITIONS = Table(
    "positions",
    METADATA,
    _key("id"),
    *_projected(),
    Column("symbol", Name(), nullable=False),
    Column("decision", Time(), nullable=False),
    Column("side", Name(), nullable=False),
    Column("status", Name(), nullable=False),
    Column("quantity", Money(), nullable=False),
    Column("entry_time", Time(), nullable=False),
    Column("entry_price", Money(), nullable=False),
    Column("stop_loss", Money()),
    Column("exit_time", Time()),
    Column("exit_price", Money()),
    Column("exit_reason", Name()),
    Column("pnl", Money()),
    Column("fees", Money()),
    Column("funding", Money()),
    Column("slippage", Money()),
    Column("balance_after", Money()),
    Column("r_multiple", Real()),
    Column("mae", Real()),
    Column("mfe", Real()),
    Column("bars_held", Integer()),
    Index(None, "session_id", "exit_time"),
)

RISK_EVENTS = Table(
    "risk_events",
    METADATA,
    _key("alert_id"),
    *_projected(),
    Column("timestamp", Time(), nullable=False),
    Column("severity", Name(), nullable=False),
    Column("symbol", Name()),
    Column("alert_type", Name(), nullable=False),
    Column("message", Text(), nullable=False),
    Column("details", Json(), nullable=False),
    Column("acknowledged", Boolean(), nullable=False, default=False),
    Index(None, "session_id", "timestamp"),
)

DECISIONS = Table(
    "decisions",
    METADATA,
    _key("session_id"),
    Column("seq", Time(), primary_key=True, autoincrement=False),
    Column("time", Time(), nullable=False),
    Column("symbol", Name(), nullable=False),
    Column("kind", Name(), nullable=False),
    Column("text", Text(), nullable=False),
    Column("reasons", Json(), nullable=False),
    Column("level", Name(), nullable=False),
)

BACKTEST_RESULTS = Table(
    "backtest_results",
    METADATA,
    _key("id"),
    Column("created_at", Time(), nullable=False),
    Column("strategy", Name(), nullable=False),
    Column("symbol", Name(), nullable=False),
    Column("timeframe", Name(), nullable=False),
    Column("data", Text(), nullable=False),
    Column("parameters", Json(), nullable=False),
    Column("metrics", Json(), nullable=False),
    Column("decisions_sha256", Name(), nullable=False),
    Index(None, "created_at"),
)

JOURNAL = Table(
    "journal",
    METADATA,
    _key("session_id"),
    Column("path", Text(), nullable=False, default=""),
    Column("bytes", Time(), nullable=False, default=0),
    Column("last_seq", Time(), nullable=False),
    Column("decisions_sha256", Name()),
)

SETTINGS = Table(
    "settings",
    METADATA,
    Column("id", Integer(), primary_key=True),
    Column("session_id", Name()),
    Column("changed_at", Time(), nullable=False),
    Column("changed_by", Name(), nullable=False),
    Column("values", Json(), nullable=False),
)
