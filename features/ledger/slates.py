"""What decisions were drawn from, kept once: the offers that could be given, what was believed of them and why the others fell.

It is most of a decision's record, and the same in every decision about a customer until something new is known of them. A decision names
its slate; a record as it is read is both together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Index, Table, Text

from features.ledger.by_driver import add_rows, known_ids
from features.ledger.columns import METADATA, Id

SLATES = Table(
    "slates",
    METADATA,
    Column("slate_id", Id, primary_key=True),
    Column("recorded_as", Id),  # null: for nobody in particular
    Column("body", Text, nullable=False),  # JSON: the part of `features.decisions.record.DecisionRecord` that decisions share
    Index(None, "recorded_as"),
)


@dataclass(frozen=True)
class KeptSlate:
    """A slate as the ledger keeps it.

    Attributes:
        slate_id: names whose it is and what it says: equal ones are one.
        body: JSON of an object.
    """

    slate_id: str
    body: str

    @classmethod
    def of(cls, body: str, recorded_as: str | None) -> KeptSlate:
        """A slate of somebody's decisions; None: of nobody's in particular."""
        return cls(hash_of(body, recorded_as), body)


def hash_of(body: str, recorded_as: str | None) -> str:
    """Names a text and whose it is, 32 hex digits; None: nobody's in particular."""
    whose = "" if recorded_as is None else f"{len(recorded_as)}:{recorded_as}"
    return hashlib.blake2b(f"{whose}\n{body}".encode(), digest_size=16).hexdigest()


def record_slates(connection: Connection, slates: Iterable[tuple[KeptSlate, str | None]]) -> None:
    """Write slates that are not here yet, each with whose it is; in the transaction of the decisions that name them: none is missing."""
    wanted = {slate.slate_id: (slate.slate_id, whose, slate.body) for slate, whose in slates}
    known = known_ids(connection, SLATES, wanted)
    add_rows(connection, SLATES, ("slate_id", "recorded_as", "body"), [row for one, row in wanted.items() if one not in known])


def whole_record(record: str, slate: str | None) -> str:
    """JSON of a decision's record, from its own part and its slate's; None: it has no slate, and stands by itself."""
    return record if slate is None else f"{record.rstrip()[:-1]},{slate.lstrip()[1:]}"
