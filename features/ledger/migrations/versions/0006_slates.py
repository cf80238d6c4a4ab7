"""What decisions were drawn from is kept once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and let decisions name its rows."""
    op.create_table(
        "slates",
        sa.Column("slate_id", sa.String(200), nullable=False),
        sa.Column("recorded_as", sa.String(200)),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("slate_id", name="pk_slates"),
    )
    op.create_index("ix_slates_recorded_as", "slates", ["recorded_as"])
    op.add_column("decisions", sa.Column("slate_id", sa.String(200)))
    op.create_index("ix_decisions_slate_id", "decisions", ["slate_id"])


def downgrade() -> None:
    """Drop it; decisions that have a slate keep no record, as it would be half of one."""
    op.execute("UPDATE decisions SET record = NULL WHERE slate_id IS NOT NULL")
    op.drop_index("ix_decisions_slate_id", "decisions")
    op.drop_column("decisions", "slate_id")
    op.drop_table("slates")
