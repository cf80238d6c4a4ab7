"""An answer that is given again is kept once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and let decisions name its rows."""
    op.create_table(
        "answers",
        sa.Column("answer_id", sa.String(200), nullable=False),
        sa.Column("recorded_as", sa.String(200)),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("answer_id", name="pk_answers"),
    )
    op.create_index("ix_answers_recorded_as", "answers", ["recorded_as"])
    op.add_column("decisions", sa.Column("answer_id", sa.String(200)))


def downgrade() -> None:
    """Give each decision its whole answer again, and drop it."""
    op.execute(
        """UPDATE decisions SET body = COALESCE((
            SELECT replace(answers.body, '"decision_id":""', '"decision_id":"' || decisions.decision_id || '"')
            FROM answers WHERE answers.answer_id = decisions.answer_id
        ), body) WHERE answer_id IS NOT NULL"""
    )
    op.drop_column("decisions", "answer_id")
    op.drop_table("answers")
