"""Tables with the columns of the facts: names that changed, trades apart from positions, sessions to be read again.

What a fact has more than the old table is added when the upgrade is through (see ``triplane.store.upgrade``). Numbers
of journal rows become 0, so that the facts of a session, whose numbers are others, take the place of what is here as
soon as the session is read again; until then the old records stay readable.
"""

import sqlalchemy as sa
from alembic import op

from triplane.store.types import Money

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Rename, split and drop."""
    op.drop_table("decisions")  # sentences are made from the facts when they are read
    op.drop_table("indicators")  # nothing ever wrote it
    _candles()
    _signals_and_orders()
    _fills()
    _trades()
    _positions()
    _risk_events()
    _settings()
    op.execute("UPDATE sessions SET status = 'open' WHERE status <> 'finished'")
    op.execute("UPDATE journal SET last_seq = 0")
    with op.batch_alter_table("journal") as journal:
        journal.drop_column("decisions_sha256")  # the session's record has it


def _rename(table: str, old: str, new: str) -> None:
    op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")


def _candles() -> None:
    _rename("candles", "timeframe", "tf")
    op.add_column("candles", sa.Column("session_id", sa.String(), nullable=False, server_default=""))
    op.add_column("candles", sa.Column("seq", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("candles", sa.Column("time", sa.BigInteger()))
    op.execute("UPDATE candles SET time = open_time")


def _signals_and_orders() -> None:
    with op.batch_alter_table("signals") as signals:
        signals.alter_column("execution_latency_ms", type_=sa.BigInteger())
        signals.add_column(sa.Column("time", sa.BigInteger()))
        signals.add_column(sa.Column("agent", sa.String()))
        signals.add_column(sa.Column("action", sa.String()))
    op.execute(
        "UPDATE signals SET seq = 0, time = coalesce(executed_at, pending_at, generated_at), "
        "action = CASE WHEN stop_loss IS NULL THEN 'close' ELSE 'enter' END, "
        "agent = (SELECT strategy FROM sessions WHERE sessions.id = signals.session_id)"
    )
    _rename("orders", "updated_at", "time")
    with op.batch_alter_table("orders") as orders:
        orders.alter_column("latency_ms", type_=sa.BigInteger())
    op.execute("UPDATE orders SET seq = 0")


def _fills() -> None:
    op.drop_index("ix_fills_session_id_time", "fills")
    _rename("fills", "time", "filled_at")
    op.add_column("fills", sa.Column("time", sa.BigInteger()))
    op.execute("UPDATE fills SET seq = 0, time = filled_at")


_SAME = (
    "id, session_id, symbol, decision, side, quantity, entry_time, entry_price, stop_loss, exit_time, exit_price, "
    "exit_reason, pnl, fees, funding, slippage, balance_after, r_multiple, mae, mfe, bars_held"
)


def _trades() -> None:
    texts = ("session_id", "symbol", "position_id", "side", "exit_reason")
    times = ("seq", "time", "decision", "entry_time", "exit_time", "bars_held")
    amounts = ("quantity", "entry_price", "exit_price", "pnl", "fees", "funding", "slippage", "balance_after")
    op.create_table(
        "trades",
        sa.Column("id", sa.String(), nullable=False),
        *(sa.Column(name, sa.String()) for name in texts),
        *(sa.Column(name, sa.BigInteger()) for name in times),
        *(sa.Column(name, Money()) for name in (*amounts, "stop_loss")),
        *(sa.Column(name, sa.Double()) for name in ("r_multiple", "mae", "mfe")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trades")),
    )
    op.execute(
        f"INSERT INTO trades ({_SAME}, position_id, seq, time) "  # noqa: S608 - names of this file
        f"SELECT {_SAME}, id, 0, exit_time FROM positions WHERE status = 'closed'"
    )


def _positions() -> None:
    op.drop_index("ix_positions_session_id_exit_time", "positions")
    with op.batch_alter_table("positions") as positions:
        positions.add_column(sa.Column("time", sa.BigInteger()))
        positions.add_column(sa.Column("size", Money()))
        positions.add_column(sa.Column("take_profits", sa.JSON(), nullable=False, server_default="[]"))
    op.execute(
        "UPDATE positions SET seq = 0, time = coalesce(exit_time, entry_time), "
        "size = CASE WHEN status = 'closed' THEN 0 ELSE quantity END"
    )
    with op.batch_alter_table("positions") as positions:
        for name in _SAME.split(", ")[9:]:
            positions.drop_column(name)


def _risk_events() -> None:
    op.drop_index("ix_risk_events_session_id_timestamp", "risk_events")
    _rename("risk_events", "timestamp", "time")
    op.execute("UPDATE risk_events SET seq = 0, symbol = coalesce(symbol, '')")


def _settings() -> None:
    """The key was a number of its own; now it is the fact's, and what no fact told is below 0."""
    names = ("id", "session_id", "changed_at")
    old = sa.table("settings", *(sa.column(name) for name in names), sa.column("values", sa.JSON()))
    kept = op.get_bind().execute(sa.select(old)).all()
    op.drop_table("settings")
    made = op.create_table(
        "settings",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False, server_default=""),
        sa.Column("decision", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "seq", name=op.f("pk_settings")),
    )
    op.bulk_insert(made, [{"session_id": r[1] or "", "seq": -r[0], "time": r[2], "values": r[3]} for r in kept])
