"""Whether anything came into the ledger since somebody looked: one statement, for who looks several times a second and mostly in vain."""

from __future__ import annotations

from features.ledger.database import LedgerDatabase

# Each by the newest end of an index.
_LOOK = """
SELECT 1 WHERE EXISTS (SELECT 1 FROM events WHERE seq > ?)
OR EXISTS (SELECT 1 FROM stock WHERE change > ?)
OR EXISTS (SELECT 1 FROM documents WHERE change > ?)
"""


def anything_new(database: LedgerDatabase, *, seq: int, stock: int, documents: int) -> bool:
    """Whether there is something behind what was seen.

    Args:
        database: the ledger's.
        seq: number of the last event seen.
        stock: number of the last change of a stock level seen.
        documents: number of the last change of a document seen.

    Raises:
        LedgerAway, LedgerBroken: the ledger does not answer.
    """
    return bool(database.rows(_LOOK, (seq, stock, documents)))
