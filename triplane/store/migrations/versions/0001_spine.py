"""The tables of the first version."""

import sqlalchemy as sa
from alembic import op

from triplane.store.types import Money

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _backtest_results()
    _candles()
    _decisions()
    _fills()
    _indicators()
    _journal()
    _orders()
    _positions()
    _risk_events()
    _sessions()
    _settings()
    _signals()


def _backtest_results() -> None:
    op.create_table(
        "backtest_results",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("timeframe", sa.String(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("decisions_sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backtest_results")),
    )
    op.create_index(op.f("ix_backtest_results_created_at"), "backtest_results", ["created_at"], unique=False)


def _candles() -> None:
    op.create_table(
        "candles",
        sa.Column("venue", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("timeframe", sa.String(), nullable=False),
        sa.Column("open_time", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("open", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("close", sa.Double(), nullable=False),
        sa.Column("volume", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("venue", "symbol", "timeframe", "open_time", name=op.f("pk_candles")),
    )


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "seq", name=op.f("pk_decisions")),
    )


def _fills() -> None:
    op.create_table(
        "fills",
        sa.Column("fill_id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("decision", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("leg", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("price", Money(), nullable=False),
        sa.Column("quantity", Money(), nullable=False),
        sa.Column("fee", Money(), nullable=False),
        sa.Column("slippage", Money(), nullable=True),
        sa.Column("maker", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("fill_id", name=op.f("pk_fills")),
    )
    op.create_index(op.f("ix_fills_order_id"), "fills", ["order_id"], unique=False)
    op.create_index(op.f("ix_fills_session_id_time"), "fills", ["session_id", "time"], unique=False)


def _indicators() -> None:
    op.create_table(
        "indicators",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("timeframe", sa.String(), nullable=False),
        sa.Column("open_time", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "symbol", "timeframe", "open_time", name=op.f("pk_indicators")),
    )


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("decisions_sha256", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_journal")),
    )


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("client_order_id", sa.String(), nullable=False),
        sa.Column("exchange_order_id", sa.String(), nullable=True),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("decision", sa.BigInteger(), nullable=False),
        sa.Column("leg", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("price", Money(), nullable=True),
        sa.Column("trigger_price", Money(), nullable=True),
        sa.Column("quantity", Money(), nullable=False),
        sa.Column("filled_quantity", Money(), nullable=False),
        sa.Column("requested_price", Money(), nullable=True),
        sa.Column("filled_price", Money(), nullable=True),
        sa.Column("slippage", Money(), nullable=True),
        sa.Column("slippage_percent", sa.Double(), nullable=True),
        sa.Column("reduce_only", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_orders")),
        sa.UniqueConstraint("client_order_id", name=op.f("uq_orders_client_order_id")),
    )
    op.create_index(op.f("ix_orders_session_id_created_at"), "orders", ["session_id", "created_at"], unique=False)


def _positions() -> None:
    op.create_table(
        "positions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("decision", sa.BigInteger(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("quantity", Money(), nullable=False),
        sa.Column("entry_time", sa.BigInteger(), nullable=False),
        sa.Column("entry_price", Money(), nullable=False),
        sa.Column("stop_loss", Money(), nullable=True),
        sa.Column("exit_time", sa.BigInteger(), nullable=True),
        sa.Column("exit_price", Money(), nullable=True),
        sa.Column("exit_reason", sa.String(), nullable=True),
        sa.Column("pnl", Money(), nullable=True),
        sa.Column("fees", Money(), nullable=True),
        sa.Column("funding", Money(), nullable=True),
        sa.Column("slippage", Money(), nullable=True),
        sa.Column("balance_after", Money(), nullable=True),
        sa.Column("r_multiple", sa.Double(), nullable=True),
        sa.Column("mae", sa.Double(), nullable=True),
        sa.Column("mfe", sa.Double(), nullable=True),
        sa.Column("bars_held", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_positions")),
    )
    op.create_index(op.f("ix_positions_session_id_exit_time"), "positions", ["session_id", "exit_time"], unique=False)


def _risk_events() -> None:
    op.create_table(
        "risk_events",
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=True),
        sa.Column("alert_type", sa.String(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("acknowledged", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("pk_risk_events")),
    )
    op.create_index(
        op.f("ix_risk_events_session_id_timestamp"), "risk_events", ["session_id", "timestamp"], unique=False
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("symbols", sa.JSON(), nullable=False),
        sa.Column("timeframe", sa.String(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("halt_reason", sa.Text(), nullable=True),
        sa.Column("decisions_sha256", sa.String(), nullable=True),
        sa.Column("start_balance", Money(), nullable=True),
        sa.Column("net_pnl", Money(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_started_at"), "sessions", ["started_at"], unique=False)


def _settings() -> None:
    op.create_table(
        "settings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settings")),
    )


def _signals() -> None:
    op.create_table(
        "signals",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("decision", sa.BigInteger(), nullable=False),
        sa.Column("signal_type", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("confidence_level", sa.String(), nullable=False),
        sa.Column("price", sa.Double(), nullable=False),
        sa.Column("entry_price", sa.Double(), nullable=True),
        sa.Column("stop_loss", sa.Double(), nullable=True),
        sa.Column("tp_levels", sa.JSON(), nullable=False),
        sa.Column("position_size", sa.Double(), nullable=True),
        sa.Column("risk_reward_ratio", sa.Double(), nullable=True),
        sa.Column("indicators", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("generated_at", sa.BigInteger(), nullable=False),
        sa.Column("pending_at", sa.BigInteger(), nullable=True),
        sa.Column("executed_at", sa.BigInteger(), nullable=True),
        sa.Column("order_id", sa.String(), nullable=True),
        sa.Column("execution_latency_ms", sa.Double(), nullable=True),
        sa.Column("reject_reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signals")),
    )
    op.create_index(op.f("ix_signals_order_id"), "signals", ["order_id"], unique=False)
    op.create_index(op.f("ix_signals_session_id_generated_at"), "signals", ["session_id", "generated_at"], unique=False)
