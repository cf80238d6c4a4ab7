"""As-of features → offline Parquet → Feast's online store.

Both states are written aside and become current together with their own pointer; an interrupted build leaves the previous ones whole. A
build whose inputs (history, definitions, assumptions, clock) have not changed is not repeated.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import ibis
import polars as pl

from features.assumptions import FILE as ASSUMPTIONS_FILE
from features.assumptions import Assumptions, load_assumptions
from features.definitions.catalogue import CUSTOMER_VIEWS
from features.definitions.category_cycle import CATEGORY_CYCLE, pair_spine
from features.engine import open_engine, open_shop
from features.errors import StateBroken, TooLittleHistory
from features.feature_sets import CATEGORY, CUSTOMER, FACTS, RECENT, TAGS
from features.first_orders import first_orders
from features.freshness import Followed, begin_following
from features.ledger.erasing import unfinished
from features.ledger.ledger import ledger_exists, open_ledger
from features.ledger.marks import Marks
from features.never_bought_build import join_files, newest_never_bought, write_never_bought
from features.offline import OfflineFeatures
from features.online import materialize, pack_customers
from features.online_place import projects_of
from features.online_removal import remove_from
from features.products import FILE as PRODUCTS_FILE
from features.products_build import build_products
from features.recent_build import recent_purchases
from features.redis_rows import sweep
from features.redis_server import RedisServer
from features.schema import CUSTOMERS
from features.settings import FeatureSettings
from features.store import PACKED_FILE
from features.sweep_lock import writing_people
from features.tags_build import newest_tags
from features.versions import content_hash, current_folder, matches, new_version
from features.warehouse import Warehouse, current_warehouse

_FORMAT = 1  # raise when the written files change their form
_WEEK = timedelta(days=7)
# The churn model learns from the snapshots of two years, each season twice; what a shop was like before tells less of it now. A snapshot
# still sees the whole history before it.
_WEEKS = 104


@dataclass(frozen=True)
class Built:
    """What a build made.

    Attributes:
        offline: folder of the offline features.
        online: folder of the online store.
        as_of_dates: number of as-of dates, the newest included.
        customers: number of customers online, those who never ordered included.
        changed: False when the previous build was still good.
    """

    offline: Path
    online: Path
    as_of_dates: int
    customers: int
    changed: bool


def build_features(
    settings: FeatureSettings, *, now: datetime | None = None, force: bool = False, progress: Callable[[str], None] = lambda _: None
) -> Built:
    """Build every feature as of each week and of `now`, and materialise the newest online.

    Args:
        settings: folders, engine, threads.
        now: the clock, UTC; the last event of the history by default. Nothing after it is seen.
        force: build even when nothing changed.
        progress: told the name of each part as it begins.

    Raises:
        StateMissing: nothing was imported.
        TooLittleHistory: no customer had ordered by `now`.
        StoreAway: the Redis for the online rows does not answer; the previous build stays.
    """
    with writing_people(settings.data_dir):
        return _build(settings, now, force=force, progress=progress)


def _build(settings: FeatureSettings, now: datetime | None, *, force: bool, progress: Callable[[str], None]) -> Built:
    warehouse = current_warehouse(settings)  # who withdrew since the history was put together is in no feature
    now = now or warehouse.last_event
    assumptions = load_assumptions(settings.data_dir / ASSUMPTIONS_FILE)
    inputs = {
        "format": _FORMAT,
        "warehouse": warehouse.version,
        "now": now.isoformat(),
        "never bought": settings.never_bought_days,
        "sets": [CUSTOMER.hash, CATEGORY.hash, RECENT.hash, TAGS.hash, FACTS.hash],
        "assumptions": assumptions.version,
        "code": content_hash(*sorted(Path(__file__).parent.rglob("*.py"))),  # a changed definition must not pass for a built one
    }
    online_inputs = inputs if settings.online_server is None else {**inputs, "online": settings.online_server.shown}
    dates = as_of_dates(warehouse, now)
    if not force and matches(settings.features_dir, inputs) and matches(settings.online_dir, online_inputs):
        offline = current_folder(settings.features_dir, remedy="run `huitou build` again.")
        online = current_folder(settings.online_dir, remedy="run `huitou build` again.")
        customers = pl.scan_parquet(offline / PACKED_FILE).select(pl.len()).collect().item()
        return Built(offline, online, len(dates), customers, changed=False)
    with new_version(settings.features_dir, inputs) as folder:
        customers = _write_offline(settings, warehouse, assumptions, dates=dates, folder=folder, progress=progress)
    offline = current_folder(settings.features_dir, remedy="run `huitou build` again.")
    with new_version(settings.online_dir, online_inputs, publishing=partial(_without_erased, settings)) as folder:
        progress("writing the online store")
        shutil.copyfile(offline / PRODUCTS_FILE, folder / PRODUCTS_FILE)
        shutil.copyfile(settings.data_dir / ASSUMPTIONS_FILE, folder / ASSUMPTIONS_FILE)
        materialize(folder, offline, settings.online_server)
        _begin_following(folder, warehouse, now, settings.online_server)
    online = current_folder(settings.online_dir, remedy="run `huitou build` again.")
    if settings.online_server is not None:
        with contextlib.suppress(StateBroken):  # safe: the next build, or an erasure, does it
            sweep(settings.online_server, *projects_of(settings.online_dir))
    return Built(offline, online, len(dates), customers, changed=True)


@contextlib.contextmanager
def _without_erased(settings: FeatureSettings, folder: Path) -> Iterator[None]:
    """Whoever asked to be forgotten while this was built is in no answer for a moment; nobody can ask within the block.

    Their rows in the other files stay until the erasure that waits for this build goes through them.
    """
    if not ledger_exists(settings):
        yield
        return
    ledger = open_ledger(settings)
    try:
        with ledger.database.writing() as connection:
            remove_from(folder, {customer_id for erasure in unfinished(connection) for customer_id in erasure.ids}, settings.online_server)
            yield
    finally:
        ledger.close()


def as_of_dates(warehouse: Warehouse, now: datetime) -> list[datetime]:
    """Weekly as-of dates from a week after the first event's midnight, of the last two years, and `now` itself, oldest first."""
    midnight = warehouse.first_event.replace(hour=0, minute=0, second=0, microsecond=0)
    grid = [midnight + _WEEK * i for i in range(1, int((now - midnight) / _WEEK) + 1)][-_WEEKS:]
    return [*grid, now] if not grid or grid[-1] != now else grid


def customer_spine(warehouse: Warehouse, dates: list[datetime]) -> pl.DataFrame:
    """Every customer at every as-of date from the first order on: `customer_id`, `as_of`."""
    firsts = warehouse.read("orders").drop_nulls("customer_id").group_by("customer_id").agg(pl.col("ordered_at").min().alias("first"))
    frame = pl.DataFrame({"as_of": dates}, schema={"as_of": pl.Datetime("us", "UTC")})
    return (
        firsts.join(frame, how="cross")
        .filter(pl.col("first") <= pl.col("as_of"))
        .select("customer_id", "as_of")
        .sort("as_of", "customer_id")
    )


def _write_offline(
    settings: FeatureSettings,
    warehouse: Warehouse,
    assumptions: Assumptions,
    *,
    dates: list[datetime],
    folder: Path,
    progress: Callable[[str], None],
) -> int:
    spine = customer_spine(warehouse, dates)
    if spine.is_empty():
        raise TooLittleHistory(
            f"No customer who consents to profiling had ordered by {dates[-1].isoformat()}. Choose a later clock or import more history; "
            "and if your customers agreed, say so: import again with --consent granted, or state each one's consent with PUT /v1/consents."
        )
    backend = open_engine(settings)
    shop = open_shop(backend, warehouse)
    spine_table = ibis.memtable(spine)
    for view in CUSTOMER_VIEWS:
        progress(f"view {view.name}: {spine.height:,} rows")
        _write(view.build(shop, spine_table), folder / f"{view.name}.parquet")
    progress(f"view {CATEGORY_CYCLE.name}, newest date")
    newest = ibis.memtable(spine.filter(pl.col("as_of") == dates[-1]))
    pairs = pair_spine(shop, newest, excluded_categories=assumptions.catalogue.excluded_categories)
    _write(CATEGORY_CYCLE.build(shop, pairs), folder / f"{CATEGORY_CYCLE.name}.parquet")
    progress("packing the newest rows")
    offline = OfflineFeatures(folder)
    vectors = offline.feature_set(CUSTOMER, [dates[-1]])
    recent = recent_purchases(pl.scan_parquet(warehouse.path("order_lines")), dates[-1])
    tags = newest_tags(pl.scan_parquet(warehouse.path("activities")), dates[-1])
    customers = CUSTOMERS.widened(warehouse.read(CUSTOMERS.name))
    categories = offline.read(CATEGORY_CYCLE.name)
    packed = pack_customers(vectors, categories, recent=recent, tags=tags, customers=customers, as_of=dates[-1])
    packed.write_parquet(folder / PACKED_FILE)
    others = newest_never_bought(warehouse, as_of=dates[-1], within_days=settings.never_bought_days)
    if others.height:
        progress(f"who never ordered: {others.height:,} rows")
        first = (folder / PACKED_FILE).rename(folder / f".{PACKED_FILE}")
        rows = write_never_bought(shop, warehouse, others, folder=folder, as_of=dates[-1])
        join_files([first, *rows], folder / PACKED_FILE)
    firsts = first_orders(warehouse, as_of=dates[-1], within_days=settings.never_bought_days)
    products = build_products(warehouse, assumptions, vectors, dates[-1]).model_copy(update={"first_orders": firsts})
    (folder / PRODUCTS_FILE).write_text(products.model_dump_json(), encoding="utf-8")
    return packed.height + others.height


def _begin_following(folder: Path, warehouse: Warehouse, now: datetime, server: RedisServer | None) -> None:
    """Say which events the features know, so that whoever keeps them fresh goes on from there."""
    told = warehouse.report.get("ledger", {})
    begin_following(folder, Followed(int(told.get("until", 0)), Marks(**told.get("marks", {})), now), server)


def _write(table: ibis.Table, path: Path) -> None:
    table.to_parquet(path)
