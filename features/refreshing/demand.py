"""What everybody buys, beside one customer's own rows: the category's part of `CATEGORY`, from every customer's orders.

Purchases count from the end of their day (UTC), so what the day itself brings changes nothing before midnight. The day sums are therefore
added up when the history is read anew, and when orders of earlier days came in late, at most every ten minutes; the features are read off
them at the as-of date of the refresh: exactly what a build at that moment would say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl

from features.definitions import category_demand
from features.engine import Shop
from features.folding.fold import Fold
from features.ledger import events as ledger_events
from features.ledger import identities
from features.ledger.ledger import Ledger
from features.refreshing.compiled import shop_of
from features.refreshing.held import Held, put
from features.schema import ORDER_LINES, TIME

LATE_EVERY = timedelta(minutes=10)
_AT_ONCE = 20_000  # events read in one go
_LINES = ", ".join(c for c in ORDER_LINES.columns if c != "customer_id")
# What the shop's own books hold is not counted again from its event, and what came last counts of an order told twice.
_ALL_LINES = f"""
CREATE OR REPLACE VIEW all_order_lines AS
SELECT {_LINES}, coalesce(demand_links.person, told.customer_id) AS customer_id FROM (
    SELECT * FROM imported_order_lines
    UNION ALL BY NAME SELECT * FROM folded_order_lines WHERE order_id NOT IN (SELECT order_id FROM imported_orders)
        AND order_id NOT IN (SELECT order_id FROM unfolded_order_lines)
    UNION ALL BY NAME SELECT * FROM unfolded_order_lines WHERE order_id NOT IN (SELECT order_id FROM imported_orders)
) AS told LEFT JOIN demand_links ON demand_links.alias = told.customer_id
"""  # noqa: S608 - names of the schema


@dataclass
class Demand:
    """The categories' part, read off sums by day.

    Attributes:
        held: the history up to the last fold.
        ledger: what came since.
        first_event: time of the shop's first order, UTC.
    """

    held: Held
    ledger: Ledger
    first_event: datetime
    _sql: str = ""
    _summed_at: datetime | None = None
    _late: bool = False
    _cached: dict[datetime, pl.DataFrame] = field(default_factory=dict)

    def tell(self, occurred_at: datetime, as_of: datetime) -> None:
        """Learn of an order: one of an earlier day than the as-of date changes the sums."""
        self._late = self._late or occurred_at < _midnight(as_of)

    def rows(self, as_of: datetime) -> pl.DataFrame:
        """`product_category` and its features at an as-of date, UTC."""
        now = self.ledger.clock()
        if self._summed_at is None or (self._late and now - self._summed_at >= LATE_EVERY):
            self._sum_days(as_of)
            self._summed_at, self._late = now, False
            self._cached.clear()
        # From the shop's 91st day on nothing changes within a day.
        at = _midnight(as_of) if as_of - self.first_event >= timedelta(days=92) else as_of
        if at not in self._cached:
            self._cached.clear()
            self._cached[at] = self._read_off(at)
        return self._cached[at]

    def _sum_days(self, as_of: datetime) -> None:
        making, links, after = Fold(), {}, self.held.until
        with self.ledger.database.reading() as connection:
            links = identities.standing(connection)
            while part := ledger_events.read(connection, after=after, limit=_AT_ONCE, kind="order_completed"):
                making.add(event for event in part if event.occurred_at <= as_of)
                after = part[-1].seq
        backend = self.held.backend
        put(backend, "unfolded_order_lines", making.tables()[ORDER_LINES.name])
        put(
            backend,
            "demand_links",
            pl.DataFrame({"alias": list(links), "person": list(links.values())}, schema=dict.fromkeys(("alias", "person"), pl.String)),
        )
        backend.con.execute(_ALL_LINES)
        shop = shop_of(self.held, self.first_event)
        everybody = Shop(**{**vars(shop), "order_lines": backend.table("all_order_lines")})
        put(backend, "demand_daily", pl.DataFrame(backend.con.sql(backend.compile(category_demand.daily(everybody))).to_arrow_table()))
        put(backend, "demand_spine", self._spine(as_of))
        view = category_demand.from_daily(backend.table("demand_daily"), backend.table("demand_spine"), self.first_event)
        self._sql = backend.compile(view)

    def _read_off(self, as_of: datetime) -> pl.DataFrame:
        put(self.held.backend, "demand_spine", self._spine(as_of))
        return pl.DataFrame(self.held.backend.con.sql(self._sql).to_arrow_table()).drop("as_of")

    def _spine(self, as_of: datetime) -> pl.DataFrame:
        categories = self.held.units.table.select("product_category").unique().sort("product_category")
        return categories.with_columns(as_of=pl.lit(as_of).cast(TIME))


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
