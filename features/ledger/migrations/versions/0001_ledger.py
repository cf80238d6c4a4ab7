"""The ledger's first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ID = sa.String(200)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "events",
        sa.Column("seq", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("message_id", _ID, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("recorded_as", _ID, nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("properties", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
        sa.UniqueConstraint("message_id", name="uq_events_message_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_recorded_as_seq", "events", ["recorded_as", "seq"])
    op.create_table(
        "links",
        sa.Column("link_id", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("alias", _ID, nullable=False),
        sa.Column("customer_id", _ID, nullable=False),
        sa.Column("linked_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("undone_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("link_id", name="pk_links"),
    )
    op.create_index("ix_links_alias", "links", ["alias"])
    op.create_index("ix_links_customer_id", "links", ["customer_id"])
    op.create_table(
        "consents",
        sa.Column("consent_id", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("recorded_as", _ID, nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("stated_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("consent_id", name="pk_consents"),
    )
    op.create_index("ix_consents_recorded_as", "consents", ["recorded_as"])
    op.create_table(
        "documents",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("document_id", _ID, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "document_id", name="pk_documents"),
    )
    op.create_index("ix_documents_change", "documents", ["change"])
    op.create_table(
        "stock",
        sa.Column("product_id", _ID, nullable=False),
        sa.Column("quantity", sa.BigInteger()),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("product_id", name="pk_stock"),
    )
    op.create_index("ix_stock_change", "stock", ["change"])
    op.create_table(
        "decisions",
        sa.Column("decision_id", _ID, nullable=False),
        sa.Column("recorded_as", _ID),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name="pk_decisions"),
    )
    op.create_index("ix_decisions_recorded_as", "decisions", ["recorded_as"])
    op.create_table(
        "outcomes",
        sa.Column("outcome_seq", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("outcome_id", _ID, nullable=False),
        sa.Column("decision_id", _ID, nullable=False),
        sa.Column("offer_id", _ID, nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("value", sa.BigInteger()),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("outcome_seq", name="pk_outcomes"),
        sa.UniqueConstraint("outcome_id", name="uq_outcomes_outcome_id"),
    )
    op.create_index("ix_outcomes_decision_id", "outcomes", ["decision_id"])
    op.create_table(
        "audit",
        sa.Column("seq", _SEQUENCE, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(64)),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_table(
        "erasures",
        sa.Column("erasure_id", sa.String(36), nullable=False),
        sa.Column("subject_hash", sa.String(64), nullable=False),
        sa.Column("ids", sa.Text()),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("asked_by", _ID, nullable=False),
        sa.Column("receipt", sa.Text()),
        sa.PrimaryKeyConstraint("erasure_id", name="pk_erasures"),
    )
    op.create_index("ix_erasures_subject_hash", "erasures", ["subject_hash"])
    op.create_table(
        "tombstones",
        sa.Column("subject_hash", sa.String(64), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject_hash", name="pk_tombstones"),
    )
    op.create_table(
        "ledger_keys",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_ledger_keys"),
    )


def downgrade() -> None:
    """Drop them all."""
    for name in (
        "ledger_keys",
        "tombstones",
        "erasures",
        "audit",
        "outcomes",
        "decisions",
        "stock",
        "documents",
        "consents",
        "links",
        "events",
    ):
        op.drop_table(name)
