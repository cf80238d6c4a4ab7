"""What the shop offers and tries out, as it feeds it: products, offers, bundles, content, experiments as documents; stock as numbers.

The newest word counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Column, Connection, Index, PrimaryKeyConstraint, String, Table, Text, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from features.ledger.columns import METADATA, Id, Moment

_ASKED = 500  # ids in one statement

DOCUMENTS = Table(
    "documents",
    METADATA,
    Column("kind", String(16), nullable=False),
    Column("document_id", Id, nullable=False),
    Column("body", Text, nullable=False),  # JSON
    Column("changed_at", Moment, nullable=False),
    Column("change", BigInteger, nullable=False),  # number of the last change of any document: what is above is new
    PrimaryKeyConstraint("kind", "document_id"),
    Index(None, "change"),
)
STOCK = Table(
    "stock",
    METADATA,
    Column("product_id", Id, primary_key=True),
    Column("quantity", BigInteger),  # null: the shop does not say
    Column("changed_at", Moment, nullable=False),
    Column("change", BigInteger, nullable=False),
    Index(None, "change"),
)


class Kind(StrEnum):
    """Kinds of documents."""

    PRODUCT = "product"
    OFFER = "offer"
    BUNDLE = "bundle"
    CONTENT = "content"
    EXPERIMENT = "experiment"


@dataclass(frozen=True)
class StockLevel:
    """Pieces of one product, None where the shop does not say, and the number of the change."""

    product_id: str
    quantity: int | None
    change: int


@dataclass(frozen=True)
class ChangedDocument:
    """One document, and the number of the change."""

    kind: Kind
    document_id: str
    body: str
    change: int


def put_documents(connection: Connection, kind: Kind, bodies: Mapping[str, str], *, at: datetime) -> None:
    """Write documents, each whole.

    Args:
        connection: of `LedgerDatabase.writing`: alone, so that numbers of changes are given once.
        kind: what they are.
        bodies: id → JSON.
        at: the clock, UTC.
    """
    first = _last_change(connection, DOCUMENTS) + 1
    rows: list[dict[str, object]] = [
        {"kind": kind.value, "document_id": document_id, "body": body, "changed_at": at, "change": first + i}
        for i, (document_id, body) in enumerate(bodies.items())
    ]
    _upsert(connection, DOCUMENTS, rows, ("kind", "document_id"))


def put_stock(connection: Connection, quantities: Mapping[str, int | None], *, at: datetime) -> None:
    """Write stock levels; arguments as `put_documents`."""
    first = _last_change(connection, STOCK) + 1
    rows: list[dict[str, object]] = [
        {"product_id": product_id, "quantity": quantity, "changed_at": at, "change": first + i}
        for i, (product_id, quantity) in enumerate(quantities.items())
    ]
    _upsert(connection, STOCK, rows, ("product_id",))


def documents(connection: Connection, kind: Kind, *, after: int = 0, beyond: str | None = None, limit: int | None = None) -> dict[str, str]:
    """Id → JSON of documents, by id.

    Args:
        connection: any of the ledger.
        kind: which.
        after: number of a change; only those changed later.
        beyond: an id; only those behind it.
        limit: most documents.
    """
    query = select(DOCUMENTS).where(DOCUMENTS.c.kind == kind.value, DOCUMENTS.c.change > after).order_by(DOCUMENTS.c.document_id)
    if beyond is not None:
        query = query.where(DOCUMENTS.c.document_id > beyond)
    if limit is not None:
        query = query.limit(limit)
    return {row.document_id: row.body for row in connection.execute(query)}


def documents_change(connection: Connection, kind: Kind | None = None) -> int:
    """Number of the last change of any document of a kind, None: of any kind; 0 without any."""
    query = select(func.coalesce(func.max(DOCUMENTS.c.change), 0))
    return int(connection.execute(query if kind is None else query.where(DOCUMENTS.c.kind == kind.value)).scalar_one())


def changed_documents(connection: Connection, kinds: Iterable[Kind], *, after: int = 0) -> list[ChangedDocument]:
    """Documents of some kinds changed after a change's number, in the order of the changes."""
    wanted = [kind.value for kind in kinds]
    query = select(DOCUMENTS).where(DOCUMENTS.c.change > after, DOCUMENTS.c.kind.in_(wanted)).order_by(DOCUMENTS.c.change)
    return [ChangedDocument(Kind(row.kind), row.document_id, row.body, row.change) for row in connection.execute(query)]


def known_documents(connection: Connection, kind: Kind, document_ids: Iterable[str]) -> set[str]:
    """Those of the ids under which a document was fed."""
    wanted, known = list(document_ids), set[str]()
    for start in range(0, len(wanted), _ASKED):
        some = wanted[start : start + _ASKED]
        query = select(DOCUMENTS.c.document_id).where(DOCUMENTS.c.kind == kind.value, DOCUMENTS.c.document_id.in_(some))
        known.update(connection.execute(query).scalars())
    return known


def document(connection: Connection, kind: Kind, document_id: str) -> str | None:
    """JSON of one document; None when there is none."""
    query = select(DOCUMENTS.c.body).where(DOCUMENTS.c.kind == kind.value, DOCUMENTS.c.document_id == document_id)
    return connection.execute(query).scalar_one_or_none()


def stock_levels(connection: Connection, *, after: int = 0) -> list[StockLevel]:
    """Stock levels changed after a change's number, in the order of the changes."""
    query = select(STOCK.c.product_id, STOCK.c.quantity, STOCK.c.change).where(STOCK.c.change > after).order_by(STOCK.c.change)
    return [StockLevel(**row._mapping) for row in connection.execute(query)]


def stock_page(connection: Connection, *, beyond: str | None, limit: int) -> list[StockLevel]:
    """Stock levels by product: at most so many, of the products behind an id."""
    query = select(STOCK.c.product_id, STOCK.c.quantity, STOCK.c.change).order_by(STOCK.c.product_id).limit(limit)
    if beyond is not None:
        query = query.where(STOCK.c.product_id > beyond)
    return [StockLevel(**row._mapping) for row in connection.execute(query)]


def stock_level(connection: Connection, product_id: str) -> StockLevel | None:
    """Stock of one product; None when it was never fed."""
    query = select(STOCK.c.product_id, STOCK.c.quantity, STOCK.c.change).where(STOCK.c.product_id == product_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else StockLevel(**row._mapping)


def _last_change(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.coalesce(func.max(table.c.change), 0))).scalar_one())


def _upsert(connection: Connection, table: Table, rows: list[dict[str, object]], key: tuple[str, ...]) -> None:
    if not rows:
        return
    made = postgresql_insert(table) if connection.dialect.name == "postgresql" else sqlite_insert(table)
    values = {c.name: made.excluded[c.name] for c in table.columns if c.name not in key}
    connection.execute(made.on_conflict_do_update(index_elements=list(key), set_=values), rows)
