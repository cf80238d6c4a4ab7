"""Requests to be forgotten, and how far each has come: one that was begun is finished, whatever happens in between."""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text

from features.ledger.columns import METADATA, Id, Moment

ERASURES = Table(
    "erasures",
    METADATA,
    Column("erasure_id", String(36), primary_key=True),
    Column("subject_hash", String(64), nullable=False, index=True),
    Column("ids", Text),  # JSON list of the ids to erase; null once all of them are gone
    Column("asked_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("asked_by", Id, nullable=False),
    Column("receipt", Text),  # JSON: place → what was removed; without ids
)
