"""Recomputes customers: their own rows, put together as in the night, through the definitions of the build."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import polars as pl
from sqlalchemy import Connection

from features.assumptions import Assumptions
from features.definitions.category_cycle import KEYS
from features.errors import TooLittleHistory
from features.feature_sets import CATEGORY
from features.folding.compose import consented_children, put_together
from features.folding.erased import without_erased
from features.folding.fold import Fold, merged
from features.ledger import consents
from features.ledger import events as ledger_events
from features.ledger.ledger import Ledger
from features.ledger.tombstones import erased_since
from features.looks_build import recent_looks
from features.never_bought import never_bought
from features.online import pack_customers
from features.recent_build import recent_purchases
from features.refreshing.compiled import Compiled, compile_views
from features.refreshing.demand import Demand
from features.refreshing.held import Frames, hold
from features.refreshing.people import People
from features.schema import ACTIVITIES, CUSTOMERS, INTERACTIONS, ORDERS, REFUNDS, TIME
from features.settings import FeatureSettings
from features.tags_build import newest_tags

Thing = TypeVar("Thing")
_AT_ONCE = 20_000  # events folded in one go
_IDS_AT_ONCE = 500  # below SQLite's limit of variables


@dataclass(frozen=True)
class Refreshed:
    """What became of some customers.

    Attributes:
        packed: one row a customer as `features.online.pack_customers` makes them.
        gone: customers without a row, as in the build: who does not consent to profiling, and who never ordered and did nothing lately.
    """

    packed: pl.DataFrame
    gone: tuple[str, ...]

    def without(self, ids: Collection[str]) -> Refreshed:
        """The same, with no row for these customers."""
        theirs = pl.col("customer_id").is_in(list(ids))
        found = self.packed.filter(theirs)["customer_id"].to_list()
        return Refreshed(self.packed.filter(~theirs), (*self.gone, *found)) if found else self


class Refresher:
    """Holds the history up to the last fold, and reads what came since from the ledger."""

    def __init__(self, settings: FeatureSettings, ledger: Ledger, assumptions: Assumptions, backend: Any) -> None:  # noqa: ANN401
        """Read the history.

        Args:
            settings: folders.
            ledger: what came since the fold.
            assumptions: says which categories are no merchandise.
            backend: from `features.engine.open_engine`; its tables are this object's.

        Raises:
            TooLittleHistory: nothing was ordered.
            StateBroken: a file of the history cannot be read.
        """
        self._ledger, self._assumptions = ledger, assumptions
        self._never_bought_days = settings.never_bought_days
        self.held = hold(settings, backend, ledger)
        if self.held.first_event is None:
            raise TooLittleHistory("The history holds no order, so there are no features to keep fresh.")
        self._compiled = self._compile(self.held.first_event)
        self.demand = Demand(self.held, ledger, self.held.first_event)

    def _compile(self, first_event: datetime) -> Compiled:
        return compile_views(self.held, first_event, excluded_categories=self._assumptions.catalogue.excluded_categories)

    def refresh(self, connection: Connection, people: People, as_of: datetime) -> Refreshed:
        """Features of some customers as of a moment; nothing after it is seen.

        Args:
            connection: of the ledger: one state of it.
            people: whom, with all their ids.
            as_of: UTC.
        """
        tables = self._rows(connection, people, as_of)
        permitted = _profiled(connection, people)
        orders = tables[ORDERS.name].filter((pl.col("ordered_at") <= as_of) & pl.col("customer_id").is_in(permitted))
        first = orders["ordered_at"].min()
        if isinstance(first, datetime) and first < self._compiled.first_event:  # an order from before the shop's first
            self._compiled = self._compile(first)
            self.demand = Demand(self.held, self._ledger, first)
        buyers = orders["customer_id"].unique().sort()
        others = self._never_bought(tables, permitted, as_of)
        spine = pl.DataFrame({"customer_id": pl.concat([buyers, others])}).with_columns(as_of=pl.lit(as_of).cast(TIME))
        online = set(spine["customer_id"])
        gone = tuple(customer for customer in people.customers if customer not in online)
        vectors, pairs = self._compiled.run(tables, spine)
        categories = pairs.join(self.demand.rows(as_of), on="product_category", how="left").select(*KEYS, *CATEGORY.columns)
        lines = tables["order_lines"].filter(pl.col("customer_id").is_in(buyers.implode()))
        tags = newest_tags(tables[ACTIVITIES.name], as_of)
        looks = recent_looks(tables[INTERACTIONS.name].filter(pl.col("customer_id").is_in(others.implode())), as_of)
        recent, customers = pl.concat([recent_purchases(lines, as_of), looks]), tables[CUSTOMERS.name]
        return Refreshed(pack_customers(vectors, categories, recent=recent, tags=tags, customers=customers, as_of=as_of), gone)

    def _never_bought(self, tables: Frames, permitted: list[str], as_of: datetime) -> pl.Series:
        """Who of the permitted never ordered and did something lately."""
        parts = (tables[table.name].lazy().filter(pl.col("customer_id").is_in(permitted)) for table in (ORDERS, INTERACTIONS, ACTIVITIES))
        return never_bought(*parts, as_of=as_of, within_days=self._never_bought_days)["customer_id"]

    def _rows(self, connection: Connection, people: People, as_of: datetime) -> Frames:
        """Every row of these customers, each under its customer."""
        new = self._unfolded(connection, people.ids, as_of)
        told = {*new[ORDERS.name]["order_id"], *new[REFUNDS.name]["order_id"].drop_nulls()}
        imported, folded = self.held.rows_of(people.ids, told)
        erased = _erased(connection, people.ids)
        if erased:  # what is held may be older than the wish to be forgotten
            imported, folded = without_erased(imported, erased), without_erased(folded, erased)
        folded = merged(folded, new)
        children = consented_children(connection, folded[ACTIVITIES.name])
        return put_together(imported, folded, links=people.links, children=children)

    def _unfolded(self, connection: Connection, ids: Collection[str], as_of: datetime) -> Frames:
        making = Fold()
        for part in _parts(sorted(ids), _IDS_AT_ONCE):
            found = ledger_events.read_of(connection, part, after=self.held.until)
            for events in _parts((event for event in found if event.occurred_at <= as_of), _AT_ONCE):
                making.add(events)
        return making.tables()


def _profiled(connection: Connection, people: People) -> list[str]:
    """Those of the customers who consent to profiling, by what they said under any of their ids."""
    said: dict[str, list[consents.Statement]] = {customer: [] for customer in people.customers}
    for part in _parts(people.ids, _IDS_AT_ONCE):
        for statement in consents.history(connection, part):
            said[people.links.get(statement.recorded_as, statement.recorded_as)].append(statement)
    in_order = {customer: sorted(statements, key=lambda s: s.stated_at) for customer, statements in said.items()}
    return [customer for customer, statements in in_order.items() if consents.granted(statements, consents.Purpose.PROFILING)]


def _parts(things: Iterable[Thing], size: int) -> Iterator[list[Thing]]:
    rest = iter(things)
    while part := list(islice(rest, size)):
        yield part


def _erased(connection: Connection, ids: list[str]) -> dict[str, datetime]:
    return erased_since(connection, set(ids))
