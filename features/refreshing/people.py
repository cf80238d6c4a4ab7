"""Who is behind the ids that events came under, for many at once: one query a step, not one an id."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Row, Select, bindparam, select

from features.ledger.identities import LINKS

_AT_ONCE = 500  # below SQLite's limit of variables
_FARTHEST = 20  # links in a row, as in `features.ledger.identities`
_STANDING = LINKS.c.undone_at.is_(None)
_UP = select(LINKS.c.alias, LINKS.c.customer_id).where(LINKS.c.alias.in_(bindparam("ids", expanding=True)), _STANDING)
_DOWN = select(LINKS.c.alias, LINKS.c.customer_id).where(LINKS.c.customer_id.in_(bindparam("ids", expanding=True)), _STANDING)


@dataclass(frozen=True)
class People:
    """Some customers with all their ids.

    Attributes:
        customers: ids behind which a person stands.
        links: alias → customer, of these customers.
    """

    customers: tuple[str, ...]
    links: dict[str, str]

    @property
    def ids(self) -> list[str]:
        """Every id of these customers."""
        return [*self.customers, *self.links]


def people_behind(connection: Connection, ids: Collection[str]) -> tuple[People, set[str]]:
    """The customers behind ids.

    Returns:
        Them, and those of `ids` that are another customer's alias by now: they are nobody of their own.
    """
    above = _walk_up(connection, set(ids))
    customers = {above.get(found, found) for found in ids}
    links = dict(_all_below(connection, customers))
    return People(tuple(sorted(customers)), links), {found for found in ids if found in above}


def _walk_up(connection: Connection, ids: set[str]) -> dict[str, str]:
    """Alias → the customer at the end of its links; ids that are no alias are left out."""
    direct: dict[str, str] = {}
    edge = ids
    for _ in range(_FARTHEST):
        found = {row.alias: row.customer_id for row in _rows(connection, _UP, edge)}
        direct |= found
        edge = set(found.values()) - set(direct)
        if not edge:
            break
    ends: dict[str, str] = {}
    for alias in ids & set(direct):
        end = alias
        for _ in range(_FARTHEST):
            if end not in direct:
                break
            end = direct[end]
        ends[alias] = end
    return ends


def _all_below(connection: Connection, customers: set[str]) -> Iterator[tuple[str, str]]:
    owner = {customer: customer for customer in customers}
    edge = set(customers)
    while edge:
        rows = [(row.alias, row.customer_id) for row in _rows(connection, _DOWN, edge)]
        edge = {alias for alias, _ in rows} - set(owner)
        for alias, target in rows:
            if alias in edge:
                owner[alias] = owner[target]
                yield alias, owner[alias]


def _rows(connection: Connection, query: Select[tuple[str, str]], ids: Iterable[str]) -> Iterator[Row[tuple[str, str]]]:
    wanted = sorted(ids)
    for start in range(0, len(wanted), _AT_ONCE):
        yield from connection.execute(query, {"ids": wanted[start : start + _AT_ONCE]})
