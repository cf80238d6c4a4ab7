"""Who met which experiment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "exposures",
        sa.Column("experiment_id", sa.String(64), nullable=False),
        sa.Column("recorded_as", sa.String(200), nullable=False),
        sa.Column("arm", sa.String(64), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("experiment_id", "recorded_as", name="pk_exposures"),
    )
    op.create_index("ix_exposures_recorded_as", "exposures", ["recorded_as"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("exposures")
