"""What was spent on an offer is found by its id."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes."""
    op.create_index("ix_contacts_offer_id", "contacts", ["offer_id"])
    op.create_index("ix_outcomes_offer_id", "outcomes", ["offer_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_outcomes_offer_id", "outcomes")
    op.drop_index("ix_contacts_offer_id", "contacts")
