"""A number for each place of people, drawn anew by the file itself whenever something about one of them changes.

Drawn, not counted: a table that was made anew, or a file that was brought back, must not come to a number that was there before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Letters of an id by their place from its beginning or its end, each with a weight: what ids of a shop differ in is somewhere there.
_WEIGHTS = (7, 61, 257, 41, 1009, 173, 521, 29, 811, 353, 97, 673, 439, 131, 919, 227)  # of the first letters
_AT = {**dict(enumerate(_WEIGHTS, 1)), -1: 2, -2: 30, -3: 960, -4: 88}
_PLACE = "(({})%1024)".format("+".join(f"{weight}*ifnull(unicode(substr({{id}},{at},1)),0)" for at, weight in _AT.items()))
_IDS = {"links": ("alias", "customer_id"), "consents": ("recorded_as",), "contacts": ("recorded_as",), "events": ("recorded_as",)}
_NEGATIVE = "kind IN ('complaint_opened', 'contact_deleted', 'group_left', 'order_refunded', 'product_reviewed', 'unsubscribed')"
_ROWS = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}


def upgrade() -> None:
    """Make the table, and in a file the triggers."""
    op.create_table(
        "people_changes",
        sa.Column("place", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("place", name="pk_people_changes"),
    )
    if op.get_bind().dialect.name == "postgresql":
        return
    op.execute(
        "WITH RECURSIVE counted(place) AS (SELECT 0 UNION ALL SELECT place + 1 FROM counted WHERE place < 1023) "
        "INSERT INTO people_changes(place, changes) SELECT place, random() FROM counted"
    )
    for table, ids in _IDS.items():
        for what, rows in _ROWS.items():
            drawn = " ".join(
                f"UPDATE people_changes SET changes = random() WHERE place = {_PLACE.format(id=f'{row}.{name}')};"  # noqa: S608 - constants only
                for row in rows
                for name in ids
            )
            when = f"WHEN {' OR '.join(f'{row}.{_NEGATIVE}' for row in rows)}" if table == "events" else ""
            op.execute(f"CREATE TRIGGER people_changes_{table}_{what.lower()} AFTER {what} ON {table} {when} BEGIN {drawn} END")


def downgrade() -> None:
    """Drop them."""
    if op.get_bind().dialect.name != "postgresql":
        for table in _IDS:
            for what in _ROWS:
                op.execute(f"DROP TRIGGER people_changes_{table}_{what.lower()}")
    op.drop_table("people_changes")
