"""Who met an experiment: the first decision that was made by an arm, once a customer and experiment.

Later decisions change nothing: what is compared are customers as they were dealt, from the first time on that it could matter to them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Index, PrimaryKeyConstraint, String, Table, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from features.ledger import identities
from features.ledger.columns import METADATA, Id, Moment

EXPOSURES = Table(
    "exposures",
    METADATA,
    Column("experiment_id", String(64), nullable=False),
    Column("recorded_as", Id, nullable=False),
    Column("arm", String(64), nullable=False),
    Column("first_at", Moment, nullable=False),
    PrimaryKeyConstraint("experiment_id", "recorded_as"),
    Index(None, "recorded_as"),
)


@dataclass(frozen=True)
class Exposure:
    """One customer in one experiment.

    Attributes:
        experiment_id, arm: what made the decision.
        recorded_as: the customer's id as asked with.
        first_at: the decision's own clock, UTC, by which the customer's orders are told before and after.
    """

    experiment_id: str
    recorded_as: str
    arm: str
    first_at: datetime


def record_exposures(connection: Connection, exposures: Iterable[Exposure]) -> None:
    """Write exposures that are not here yet; of several, the first written stays."""
    rows = [vars(one) for one in exposures]
    if rows:
        made = postgresql_insert(EXPOSURES) if connection.dialect.name == "postgresql" else sqlite_insert(EXPOSURES)
        connection.execute(made.on_conflict_do_nothing(index_elements=["experiment_id", "recorded_as"]), rows)


def exposures(connection: Connection, experiment_id: str, *, until: datetime | None = None) -> list[Exposure]:
    """Customers of an experiment, each once, in the order in which they met it.

    Ids of one person are one customer, in the arm that came first: that arm was drawn by chance, whichever others followed.

    Args:
        connection: any of the ledger.
        experiment_id: which.
        until: last moment that counts, UTC; None: all.
    """
    query = select(EXPOSURES).where(EXPOSURES.c.experiment_id == experiment_id).order_by(EXPOSURES.c.first_at, EXPOSURES.c.recorded_as)
    if until is not None:
        query = query.where(EXPOSURES.c.first_at <= until)
    owner = identities.standing(connection)
    found: dict[str, Exposure] = {}
    for row in connection.execute(query):
        customer_id = owner.get(row.recorded_as, row.recorded_as)
        found.setdefault(customer_id, Exposure(row.experiment_id, customer_id, row.arm, row.first_at))
    return list(found.values())


def exposed_counts(connection: Connection, experiment_id: str) -> dict[str, int]:
    """Arm → ids that met it, quickly: ids of one person count each."""
    query = select(EXPOSURES.c.arm, func.count()).where(EXPOSURES.c.experiment_id == experiment_id).group_by(EXPOSURES.c.arm)
    return {arm: int(count) for arm, count in connection.execute(query)}
