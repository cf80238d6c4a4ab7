"""What decisions were drawn from, kept once: the offers that could be given, what was believed of them and why the others fell.

It is most of a decision's record, and the same in every decision about a customer until something new is known of them. A decision names
its slate; a record as it is read is both together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Index, Table, Text, bindparam, insert, select

from features.ledger.columns import METADATA, Id

SLATES = Table(
    "slates",
    METADATA,
    Column("slate_id", Id, primary_key=True),
    Column("recorded_as", Id),  # null: for nobody in particular
    Column("body", Text, nullable=False),  # JSON: the part of `features.decisions.record.DecisionRecord` that decisions share
    Index(None, "recorded_as"),
)
_AT_ONCE = 500  # below SQLite's limit of variables
_KNOWN = select(SLATES.c.slate_id).where(SLATES.c.slate_id.in_(bindparam("ids", expanding=True)))


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
        whose = "" if recorded_as is None else f"{len(recorded_as)}:{recorded_as}"
        return cls(hashlib.blake2b(f"{whose}\n{body}".encode(), digest_size=16).hexdigest(), body)


def record_slates(connection: Connection, slates: Iterable[tuple[KeptSlate, str | None]]) -> None:
    """Write slates that are not here yet, each with whose it is; in the transaction of the decisions that name them: none is missing."""
    wanted = {slate.slate_id: {"slate_id": slate.slate_id, "recorded_as": whose, "body": slate.body} for slate, whose in slates}
    ids = sorted(wanted)
    for start in range(0, len(ids), _AT_ONCE):
        part = ids[start : start + _AT_ONCE]
        known = set(connection.execute(_KNOWN, {"ids": part}).scalars())
        new = [wanted[one] for one in part if one not in known]
        if new:
            connection.execute(insert(SLATES), new)


def whole_record(record: str, slate: str | None) -> str:
    """JSON of a decision's record, from its own part and its slate's; None: it has no slate, and stands by itself."""
    return record if slate is None else f"{record.rstrip()[:-1]},{slate.lstrip()[1:]}"
