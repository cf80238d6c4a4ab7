"""Decisions are found by their id and by whose they are; an index by slate served a nightly sweep, and cost every decision a page."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the index."""
    op.drop_index("ix_decisions_slate_id", "decisions")


def downgrade() -> None:
    """Make it again."""
    op.create_index("ix_decisions_slate_id", "decisions", ["slate_id"])
