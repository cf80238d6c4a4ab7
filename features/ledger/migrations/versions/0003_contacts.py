"""Contacts, the record of each decision, and an index of the few events after which nobody is written to for a while."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.String(200)
_NEGATIVE = sa.text("kind IN ('complaint_opened', 'contact_deleted', 'group_left', 'order_refunded', 'product_reviewed', 'unsubscribed')")


def upgrade() -> None:
    """Make the table, the column and the index."""
    op.create_table(
        "contacts",
        sa.Column("contact_id", _ID, nullable=False),
        sa.Column("recorded_as", _ID, nullable=False),
        sa.Column("channel", _ID),
        sa.Column("offer_type", sa.String(32)),
        sa.Column("offer_id", _ID),
        sa.Column("also", sa.Text()),
        sa.Column("decision_id", _ID),
        sa.Column("message_id", _ID),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("contact_id", name="pk_contacts"),
    )
    op.create_index("ix_contacts_recorded_as_at", "contacts", ["recorded_as", "at"])
    op.add_column("decisions", sa.Column("record", sa.Text()))
    op.create_index("ix_events_negative", "events", ["recorded_as", "occurred_at"], sqlite_where=_NEGATIVE, postgresql_where=_NEGATIVE)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_events_negative", "events")
    op.drop_column("decisions", "record")
    op.drop_table("contacts")
