"""Imported and folded tables, links, the catalogue as fed and stock put together into the one history that everything reads.

Always made anew from its parts and made current at once: a crash leaves the history before, and doing it twice gives the same. What the
ledger does not touch is linked, not copied, so that a shop without a ledger pays nothing.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection

from features.folding.catalogue import merge_products
from features.folding.folded import Folded, read_folded
from features.folding.refunds import completed_refunds
from features.folding.rows import CHILD
from features.ledger import consents, identities
from features.ledger.catalogue import Kind, documents, stock_levels
from features.ledger.ledger import ledger_exists, open_ledger
from features.ledger.marks import Marks, read_marks
from features.schema import ACTIVITIES, CUSTOMERS, ORDER_LINES, ORDERS, PRODUCTS, REFUNDS, TABLES, TRIALS, Table
from features.settings import FeatureSettings
from features.sweep_lock import writing_people
from features.versions import content_hash, current_version, matches, new_version

REPORT = "import.json"
_ASKED_ONE_BY_ONE = 100  # people; beyond, reading all statements once is quicker than some queries for each
_FORMAT = 3  # raise when putting together gives something else from the same parts
_PERSONAL = tuple(table.name for table in TABLES if "customer_id" in table.columns)


@dataclass(frozen=True)
class _Told:
    """What the ledger says beside events.

    Attributes:
        links: alias → customer.
        products: id → JSON.
        stock: id → pieces.
        children: ids under which a consent to facts about a child stands.
        profiled: customers who consent to profiling.
        marks: how far the logs had grown: what is beyond is not in the history yet.
    """

    links: dict[str, str] = field(default_factory=dict)
    products: dict[str, str] = field(default_factory=dict)
    stock: dict[str, int | None] = field(default_factory=dict)
    children: frozenset[str] = frozenset()
    profiled: frozenset[str] = frozenset()
    marks: Marks = field(default_factory=Marks)


def compose(settings: FeatureSettings) -> bool:
    """Make the history that fits the newest import, fold, links and catalogue; False when it is current already.

    Raises:
        StateBroken: a part cannot be read.
        LedgerAway: the ledger's database does not answer.
    """
    with writing_people(settings.data_dir):
        return _compose(settings)


def _compose(settings: FeatureSettings) -> bool:
    imported, folded = current_version(settings.imported_dir), read_folded(settings)
    if imported is None and folded.version is None:
        return False
    told = _told(settings, folded)
    parts = {
        "format": _FORMAT,
        "imported": imported,
        "folded": folded.version,
        "links": content_hash(told.links),
        "catalogue": content_hash(told.products, told.stock),
        "children": sorted(told.children),
        "profiled": content_hash(sorted(told.profiled)),
    }
    if matches(settings.warehouse_dir, parts):
        return False
    source = None if imported is None else settings.imported_dir / imported
    with new_version(settings.warehouse_dir, parts) as folder:
        report = _write(folder, source, folded, told)
        (folder / REPORT).write_text(json.dumps(report, indent=2), encoding="utf-8")
    return True


def _told(settings: FeatureSettings, folded: Folded) -> _Told:
    if not ledger_exists(settings):
        return _Told()
    ledger = open_ledger(settings)
    try:
        with ledger.database.reading() as connection:
            return _Told(
                identities.standing(connection),
                documents(connection, Kind.PRODUCT),
                {level.product_id: level.quantity for level in stock_levels(connection)},
                consented_children(connection, folded.tables[ACTIVITIES.name]),
                frozenset(consents.granted_ids(connection, consents.Purpose.PROFILING)),
                read_marks(connection),
            )
    finally:
        ledger.close()


def consented_children(connection: Connection, activities: pl.DataFrame) -> frozenset[str]:
    """Ids, of those under which something is told of a child, whose person consents to it; what they said under any of their ids counts."""
    stated = activities.filter(pl.col("subject") == CHILD)["customer_id"].unique().to_list()
    if len(stated) > _ASKED_ONE_BY_ONE:
        owner, consenting = identities.standing(connection), consents.granted_ids(connection, consents.Purpose.CHILD)
        return frozenset(recorded_as for recorded_as in stated if owner.get(recorded_as, recorded_as) in consenting)
    return frozenset(recorded_as for recorded_as in stated if _child_granted(connection, recorded_as))


def _child_granted(connection: Connection, recorded_as: str) -> bool:
    ids = identities.ids_of(connection, identities.resolve(connection, recorded_as))
    return consents.granted(consents.history(connection, ids), consents.Purpose.CHILD)


def _write(folder: Path, source: Path | None, folded: Folded, told: _Told) -> dict[str, Any]:
    """Write every table; returns the report."""
    report: dict[str, Any] = {"source": "ledger"} if source is None else json.loads((source / REPORT).read_text(encoding="utf-8"))
    untouched = folded.until == 0 and not (told.links or told.products or told.stock) and _all_profiled(source, told.profiled)
    made = {} if untouched else _tables(source, folded, told)
    for table in TABLES:
        path = folder / f"{table.name}.parquet"
        if table.name in made:
            frame = table.conform(made[table.name])
            frame.sort(*([table.time] if table.time else []), *table.key).write_parquet(path, statistics=True)
        elif source is not None and not table.lacks(source):
            _linked(source / path.name, path)
        else:
            table.empty().write_parquet(path)
    if made:
        report |= described(folder)
    report["ledger"] = {
        "until": folded.until,
        "kept": folded.kept,
        "set aside": folded.set_aside,
        "links": len(told.links),
        "marks": vars(told.marks),
    }
    return report


def described(folder: Path) -> dict[str, Any]:
    """What a report says of the tables in a folder: rows, time of the first order and of the last order or activity, content hash."""
    first, last = _span(folder, ORDERS.name, "ordered_at")
    _, last_activity = _span(folder, ACTIVITIES.name, "occurred_at")
    if last is not None and last_activity is not None:
        last = max(last, last_activity)  # what customers did since is known too; the first event stays an order: gaps are counted from it
    return {
        "rows": {t.name: pl.scan_parquet(folder / f"{t.name}.parquet").select(pl.len()).collect().item() for t in TABLES},
        "first_event": _iso(first),
        "last_event": _iso(last),
        "content_hash": content_hash(*(folder / f"{t.name}.parquet" for t in TABLES)),
    }


def _span(folder: Path, table: str, column: str) -> tuple[datetime | None, datetime | None]:
    frame = pl.scan_parquet(folder / f"{table}.parquet").select(pl.col(column).min().alias("first"), pl.col(column).max().alias("last"))
    first, last = frame.collect().row(0)
    return first, last


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def _linked(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # safe: another file system; the copy is the same
        shutil.copyfile(source, target)


def _tables(source: Path | None, folded: Folded, told: _Told) -> dict[str, pl.DataFrame]:
    """Tables that the ledger touches, put together."""
    imported = {t.name: t.empty() if source is None else t.widened(t.scan(source).collect()) for t in TABLES}
    found = put_together(imported, folded.tables, links=told.links, children=told.children)
    found[PRODUCTS.name] = merge_products(found[PRODUCTS.name], found[ORDER_LINES.name], told.products, told.stock)
    return {table.name: _without_ids(table, found[table.name], told.profiled) for table in TABLES}


def put_together(
    imported: Mapping[str, pl.DataFrame], folded: Mapping[str, pl.DataFrame], *, links: Mapping[str, str], children: Collection[str]
) -> dict[str, pl.DataFrame]:
    """Everything that belongs to customers, each row under its customer. Pure: a refresh hands in some customers' rows, and gets theirs.

    Args:
        imported: every table of `features.schema`, ids as in the files; with the orders that events tell of too, whoever's they are.
        folded: result of `features.folding.fold`.
        links: alias → customer.
        children: ids under which a consent to facts about a child stands.
    """
    found, new = dict(imported), dict(folded)
    activities = new[ACTIVITIES.name]
    new[ACTIVITIES.name] = activities.filter((pl.col("subject").fill_null("") != CHILD) | pl.col("customer_id").is_in(list(children)))
    # The shop's own books win: an order that was imported is not counted again from its event.
    for table in (ORDERS, ORDER_LINES):
        new[table.name] = new[table.name].join(found[ORDERS.name], on="order_id", how="anti")
    for name, frame in new.items():
        if name not in {CUSTOMERS.name, REFUNDS.name}:
            found[name] = pl.concat([found[name], frame.select(found[name].columns)])
    found[REFUNDS.name] = pl.concat(
        [found[REFUNDS.name], completed_refunds(new[REFUNDS.name], found[ORDER_LINES.name], found[REFUNDS.name])]
    )
    for name in _PERSONAL:
        if name != CUSTOMERS.name:
            found[name] = _resolved(found[name], links)
    # Somebody who fell into one trial under two ids counts once.
    found[TRIALS.name] = found[TRIALS.name].unique(TRIALS.key, keep="first", maintain_order=True)
    found[CUSTOMERS.name] = _customers(found, new[CUSTOMERS.name], links)
    return found


def _all_profiled(source: Path | None, profiled: frozenset[str]) -> bool:
    """Whether nobody of an import would have to be left out."""
    return source is None or profiled.issuperset(imported_customers(source))


def imported_customers(source: Path) -> list[str]:
    """Every id in an import's tables."""
    frames = [table.scan(source).select("customer_id").unique() for table in TABLES if table.name in _PERSONAL]
    return pl.concat(frames).drop_nulls().unique().collect()["customer_id"].to_list()


def _without_ids(table: Table, frame: pl.DataFrame, profiled: frozenset[str]) -> pl.DataFrame:
    """Rows of people who do not consent to profiling: a sale stays as one of nobody's, what is only about the person goes."""
    if table.name not in _PERSONAL:
        return frame
    consents_to_it = pl.col("customer_id").is_in(list(profiled))
    if "customer_id" in table.required:
        return frame.filter(consents_to_it)
    return frame.with_columns(pl.when(consents_to_it).then(pl.col("customer_id")).alias("customer_id"))


def _resolved(frame: pl.DataFrame, links: Mapping[str, str]) -> pl.DataFrame:
    return frame.with_columns(pl.col("customer_id").replace(links)) if links and frame.height else frame


def _customers(found: Mapping[str, pl.DataFrame], traits: pl.DataFrame, links: Mapping[str, str]) -> pl.DataFrame:
    """Everybody who appears, once; of several ids of one person the shop's own file comes before what events said."""
    seen = [found[name].select("customer_id") for name in (ORDERS.name, ACTIVITIES.name, "interactions", "contacts")]
    everybody = pl.concat(seen).drop_nulls().unique()
    columns = [c for c in CUSTOMERS.columns if c != "customer_id"]
    stacked = pl.concat([found[CUSTOMERS.name], traits.select(*CUSTOMERS.columns), everybody], how="diagonal")
    # A customer's own id before their aliases: what the shop says of the account counts first.
    own = stacked.with_columns(pl.col("customer_id").is_in(list(links)).alias("alias")).sort("alias", maintain_order=True)
    return _resolved(own, links).group_by("customer_id", maintain_order=True).agg(pl.col(c).drop_nulls().first() for c in columns)
