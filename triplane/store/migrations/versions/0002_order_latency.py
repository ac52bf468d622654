"""How long it took until a venue had confirmed an order."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column."""
    op.add_column("orders", sa.Column("latency_ms", sa.Double()))
