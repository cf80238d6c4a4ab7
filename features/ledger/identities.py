"""One person behind several ids: an anonymous visitor, a store card, a second account. Links are logged and can be undone.

Facts keep the id they were recorded under; whose they are is resolved when they are read, so that undoing a link takes nothing away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Index, String, Table, insert, select, update

from features.ledger.columns import METADATA, Id, Moment, Sequence

ANONYMOUS = "anonymous:"
LINKS = Table(
    "links",
    METADATA,
    Column("link_id", Sequence, primary_key=True, autoincrement=True),
    Column("alias", Id, nullable=False),
    Column("customer_id", Id, nullable=False),
    Column("linked_at", Moment, nullable=False),
    Column("source", String(32), nullable=False),
    Column("undone_at", Moment),
    Index(None, "alias"),
    Index(None, "customer_id"),
)
_STANDING = LINKS.c.undone_at.is_(None)
_LOOKED_UP_AT_ONCE = 500  # below SQLite's limit of variables
_FARTHEST = 20  # links in a row; people have a few ids, a longer chain is a mistake


@dataclass(frozen=True)
class Link:
    """One entry of the log."""

    link_id: int
    alias: str
    customer_id: str
    linked_at: datetime
    source: str
    undone_at: datetime | None


@dataclass(frozen=True)
class Linked:
    """What became of a wish to link: `link_id` of the link that stands, and a reason where it was not made."""

    link_id: int | None
    changed: bool
    reason: str = ""


def link(connection: Connection, alias: str, customer_id: str, *, at: datetime, source: str) -> Linked:
    """Say that `alias` is the customer `customer_id`.

    The first link of an id stands until it is undone: a device that a second person signs in on does not make two people one.

    Args:
        connection: of `LedgerDatabase.writing`.
        alias: the other id.
        customer_id: the customer it belongs to, or an alias of theirs.
        at: the clock, UTC.
        source: who said so.
    """
    target = resolve(connection, customer_id)
    present = connection.execute(select(LINKS).where(LINKS.c.alias == alias, _STANDING)).first()
    if present is not None:
        same = resolve(connection, alias) == target
        reason = "" if same else "The id is linked to another customer already; undo that link first."
        return Linked(int(present.link_id), changed=False, reason=reason)
    if alias in (customer_id, target):
        return Linked(None, changed=False, reason="Both ids are the same customer already.")
    if _height(connection, alias) >= _FARTHEST:
        return Linked(None, changed=False, reason=f"More than {_FARTHEST} ids would be linked in a row; undo a link in between first.")
    made = connection.execute(insert(LINKS).values(alias=alias, customer_id=target, linked_at=at, source=source))
    return Linked(int(made.inserted_primary_key[0]), changed=True)  # type: ignore[index]


def undo(connection: Connection, link_id: int, *, at: datetime) -> str | None:
    """Take a link back; returns the customer it led to, None when there is no link of that number that stands."""
    found = connection.execute(select(LINKS.c.customer_id).where(LINKS.c.link_id == link_id, _STANDING)).first()
    if found is None:
        return None
    connection.execute(update(LINKS).where(LINKS.c.link_id == link_id).values(undone_at=at))
    return str(found.customer_id)


def resolve(connection: Connection, recorded_as: str) -> str:
    """The customer behind an id; the id itself when it is linked to nobody."""
    found = recorded_as
    for _ in range(_FARTHEST):
        row = connection.execute(select(LINKS.c.customer_id).where(LINKS.c.alias == found, _STANDING)).first()
        if row is None:
            break
        found = row.customer_id
    return found


def ids_of(connection: Connection, customer_id: str) -> list[str]:
    """The customer's own id and every id linked to it, however far, sorted behind it."""
    found, edge = {customer_id}, {customer_id}
    while edge:
        edge = _aliases(connection, edge) - found
        found |= edge
    return [customer_id, *sorted(found - {customer_id})]


def resolve_all(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Id → the customer behind it, of many at once."""
    found = {one: one for one in ids}
    edge = set(found)
    for _ in range(_FARTHEST):
        up = dict[str, str]()
        for part in _parts(edge):
            rows = connection.execute(select(LINKS.c.alias, LINKS.c.customer_id).where(LINKS.c.alias.in_(part), _STANDING))
            up.update((alias, customer_id) for alias, customer_id in rows)
        if not up:
            break
        found = {one: up.get(end, end) for one, end in found.items()}
        edge = set(up.values())
    return found


def families(connection: Connection, customer_ids: Iterable[str]) -> dict[str, str]:
    """Every id of these customers → the customer, as `ids_of` of many at once."""
    found = {one: one for one in customer_ids}
    edge = set(found)
    while edge:
        below = dict[str, str]()
        for part in _parts(edge):
            rows = connection.execute(select(LINKS.c.alias, LINKS.c.customer_id).where(LINKS.c.customer_id.in_(part), _STANDING))
            below.update((alias, found[customer_id]) for alias, customer_id in rows if alias not in found)
        found |= below
        edge = set(below)
    return found


def _parts(ids: set[str]) -> Iterator[list[str]]:
    wanted = sorted(ids)
    for start in range(0, len(wanted), _LOOKED_UP_AT_ONCE):
        yield wanted[start : start + _LOOKED_UP_AT_ONCE]


def _aliases(connection: Connection, ids: set[str]) -> set[str]:
    """The ids linked to these directly."""
    found = set[str]()
    for part in _parts(ids):
        found.update(connection.execute(select(LINKS.c.alias).where(LINKS.c.customer_id.in_(part), _STANDING)).scalars())
    return found


def _height(connection: Connection, customer_id: str) -> int:
    """Links in the longest row that ends at an id."""
    height, edge = 0, _aliases(connection, {customer_id})
    while edge and height < _FARTHEST:
        height, edge = height + 1, _aliases(connection, edge)
    return height


def standing(connection: Connection) -> dict[str, str]:
    """Alias → customer of every link that stands, chains followed to their end."""
    direct = {row.alias: row.customer_id for row in connection.execute(select(LINKS.c.alias, LINKS.c.customer_id).where(_STANDING))}
    return {alias: _end(direct, alias) for alias in direct}


def _end(direct: dict[str, str], alias: str) -> str:
    found = alias
    for _ in range(_FARTHEST):
        if found not in direct:
            break
        found = direct[found]
    return found


def log_of(connection: Connection, ids: list[str]) -> list[Link]:
    """Every link that was ever made from or to one of these ids, oldest first."""
    found: dict[int, Link] = {}
    for start in range(0, len(ids), _LOOKED_UP_AT_ONCE):
        part = ids[start : start + _LOOKED_UP_AT_ONCE]
        query = select(LINKS).where(LINKS.c.alias.in_(part) | LINKS.c.customer_id.in_(part))
        found.update({row.link_id: Link(**row._mapping) for row in connection.execute(query)})
    return [found[number] for number in sorted(found)]
