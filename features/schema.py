"""The shop's tables: columns, types and checks. The only place where their column names are declared.

Times are UTC with microsecond precision (Spark refuses nanoseconds). Ids are opaque strings. Amounts are in the shop's currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from features.errors import SchemaViolation

TIME = pl.Datetime("us", "UTC")
TEXT = pl.String
REAL = pl.Float64
COUNT = pl.Int64
FLAG = pl.Boolean


@dataclass(frozen=True)
class Table:
    """One table of the shop.

    Attributes:
        name: file name in the warehouse.
        columns: column → dtype, in order.
        required: columns that hold no null.
        key: columns that identify a row.
        time: the column that says when the row became known, or None for facts without a date.
        later: declared when there were histories already: one without its file has no row of it.
    """

    name: str
    columns: dict[str, pl.DataType | type[pl.DataType]]
    required: tuple[str, ...]
    key: tuple[str, ...]
    time: str | None = None
    later: bool = False

    def file(self, folder: Path) -> Path:
        """Where its rows stand in a version of the history."""
        return folder / f"{self.name}.parquet"

    def lacks(self, folder: Path) -> bool:
        """Whether that version is older than the table."""
        return self.later and not self.file(folder).is_file()

    def scan(self, folder: Path) -> pl.LazyFrame:
        """Its rows there; none where the version is older than the table."""
        return self.empty().lazy() if self.lacks(folder) else pl.scan_parquet(self.file(folder))

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Cast to the declared types and check required columns and the key.

        Raises:
            SchemaViolation: a column is missing, does not cast, holds nulls, or the key repeats.
        """
        missing = [c for c in self.columns if c not in frame.columns]
        if missing:
            raise SchemaViolation(f"Table {self.name} lacks the column(s) {', '.join(missing)}; found {frame.columns}.")
        try:
            frame = frame.select(pl.col(c).cast(t) for c, t in self.columns.items())
        except pl.exceptions.PolarsError as error:
            raise SchemaViolation(f"Table {self.name}: {error}") from error
        for column in self.required:
            nulls = frame[column].null_count()
            if nulls:
                raise SchemaViolation(f"Table {self.name}, column {column}: {nulls} row(s) without a value.")
        repeats = frame.height - frame.select(self.key).n_unique() if frame.height else 0
        if repeats:
            raise SchemaViolation(f"Table {self.name}: {repeats} row(s) repeat the key {'+'.join(self.key)}.")
        return frame

    def widened(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The declared columns; one that may be empty and was declared after the file was written is empty."""
        missing = [c for c in self.columns if c not in frame.columns and c not in self.required]
        return frame.with_columns(pl.lit(None, dtype=self.columns[c]).alias(c) for c in missing).select(*self.columns)

    def empty(self) -> pl.DataFrame:
        """A frame with the right columns and no rows, for shops that lack this table."""
        return pl.DataFrame(schema=self.columns)


CUSTOMERS = Table(
    "customers",
    {
        "customer_id": TEXT,
        "age_band": TEXT,
        "income_band": TEXT,
        "home_ownership": TEXT,
        "marital_status": TEXT,
        "household_size": TEXT,
        "household_composition": TEXT,
        "children": TEXT,
        "birthday": TEXT,  # 1990-05-03, or --05-03 where the year is nobody's business
        "timezone": TEXT,  # IANA name
        "locale": TEXT,  # BCP 47
    },
    required=("customer_id",),
    key=("customer_id",),
)

CONTACT_FACTS = ("birthday", "timezone", "locale")  # of a customer, for choosing when and how to write to them; no model learns from them

PRODUCTS = Table(
    "products",
    {
        "product_id": TEXT,
        "name": TEXT,  # what customers read; null: made from type and package size
        "product_category": TEXT,
        "department": TEXT,
        "brand": TEXT,
        "product_type": TEXT,
        "package_size": TEXT,
        "in_catalogue": FLAG,  # false: sold, but the shop's catalogue does not know it; never recommended
        "stock": COUNT,  # null: the shop does not say
    },
    required=("product_id", "in_catalogue"),
    key=("product_id",),
)

ORDERS = Table(
    "orders",
    {
        "order_id": TEXT,
        "customer_id": TEXT,
        "ordered_at": TIME,
        "store_id": TEXT,
        "amount": REAL,  # paid by the customer, after the shop's own discounts
        "discount": REAL,  # everything taken off the list price, coupons included, >= 0
        "coupon_discount": REAL,
        "line_count": COUNT,
        "quantity": REAL,
    },
    required=("order_id", "ordered_at", "amount", "discount", "coupon_discount", "line_count", "quantity"),
    key=("order_id",),
    time="ordered_at",
)

ORDER_LINES = Table(
    "order_lines",
    {
        "order_id": TEXT,
        "line_number": COUNT,
        "customer_id": TEXT,
        "ordered_at": TIME,
        "product_id": TEXT,
        "quantity": REAL,
        "amount": REAL,
        "discount": REAL,
    },
    required=("order_id", "line_number", "ordered_at", "product_id", "quantity", "amount", "discount"),
    key=("order_id", "line_number"),
    time="ordered_at",
)

CONTACTS = Table(
    "contacts",
    {"contact_id": TEXT, "customer_id": TEXT, "offer_id": TEXT, "channel": TEXT, "sent_at": TIME},
    required=("contact_id", "customer_id", "sent_at"),
    key=("contact_id",),
    time="sent_at",
)

OFFERS = Table(
    "offers",
    {"offer_id": TEXT, "type": TEXT, "label": TEXT, "starts_at": TIME, "ends_at": TIME},
    required=("offer_id", "type", "starts_at", "ends_at"),
    key=("offer_id",),
    time="starts_at",
)

OFFER_ITEMS = Table(
    "offer_items",
    {"offer_id": TEXT, "coupon_id": TEXT, "product_id": TEXT},
    required=("offer_id", "coupon_id", "product_id"),
    key=("offer_id", "coupon_id", "product_id"),
)

REDEMPTIONS = Table(
    "redemptions",
    {"redemption_id": TEXT, "customer_id": TEXT, "offer_id": TEXT, "coupon_id": TEXT, "redeemed_at": TIME},
    required=("redemption_id", "customer_id", "redeemed_at"),
    key=("redemption_id",),
    time="redeemed_at",
)

EXCLUDED_LINES = Table(
    "excluded_lines",
    {
        "order_id": TEXT,
        "customer_id": TEXT,
        "ordered_at": TIME,
        "product_id": TEXT,
        "quantity": REAL,
        "amount": REAL,
        "discount": REAL,
        "reason": TEXT,
    },
    required=("order_id", "ordered_at", "reason"),
    key=("order_id", "product_id"),
    time="ordered_at",
)

REFUNDS = Table(
    "refunds",
    {
        "refund_id": TEXT,
        "line_number": COUNT,
        "customer_id": TEXT,
        "refunded_at": TIME,
        "product_id": TEXT,
        "quantity": REAL,  # given back, > 0; the sale itself stays an order line: it was true until the refund
        "amount": REAL,  # paid back, >= 0
        "order_id": TEXT,  # the sale it takes back; null: not found in the history
        "order_line_number": COUNT,
    },
    required=("refund_id", "line_number", "refunded_at", "quantity", "amount"),
    key=("refund_id", "line_number"),
    time="refunded_at",
)

BUNDLE_ITEMS = Table(
    "bundle_items",
    {"bundle_id": TEXT, "label": TEXT, "product_id": TEXT},
    required=("bundle_id", "product_id"),
    key=("bundle_id", "product_id"),
)

INTERACTIONS = Table(
    "interactions",
    {
        "interaction_id": TEXT,
        "customer_id": TEXT,
        "type": TEXT,  # viewed, carted, liked, purchased, …: as the shop calls it
        "product_id": TEXT,
        "bundle_id": TEXT,
        "occurred_at": TIME,  # null: the shop kept no time; such rows can only be split by chance
    },
    required=("interaction_id", "customer_id", "type"),
    key=("interaction_id",),
)

ACTIVITIES = Table(
    "activities",
    {
        "activity_id": TEXT,
        "customer_id": TEXT,
        "kind": TEXT,  # of `features.ledger.kinds`
        "occurred_at": TIME,
        "subject": TEXT,  # what it was about: product, content, live session, store, complaint, survey, order, offer
        "label": TEXT,  # tag, tier, life stage, category
        "channel": TEXT,
        "value": REAL,  # rating, score, points, tier level, seconds, days
    },
    required=("activity_id", "customer_id", "kind", "occurred_at"),
    key=("activity_id",),
    time="occurred_at",
)

EXPERIMENTS = Table(
    "experiments",
    {
        "experiment_id": TEXT,
        "customer_id": TEXT,
        "treatment": TEXT,
        "assigned_at": TIME,
        "visited": FLAG,
        "converted": FLAG,
        "spend": REAL,
        "traits": TEXT,  # JSON object of what was known before the assignment
    },
    required=("experiment_id", "customer_id", "treatment"),
    key=("experiment_id", "customer_id"),
)

TRIALS = Table(
    "trials",
    {
        "customer_id": TEXT,
        "sent_at": TIME,  # when the offer was sent, or would have been
        "offer_id": TEXT,
        "offer_type": TEXT,
        "product_category": TEXT,  # whose purchase is the response; null: any order is
        "channel": TEXT,
        "discount_share": REAL,  # of the price, that a response gave away
        "sent": FLAG,  # false: the lot fell on nothing
        "chance": REAL,  # P(sent), given that it was this offer or nothing; strictly between 0 and 1
    },
    required=("customer_id", "sent_at", "offer_id", "offer_type", "sent", "chance"),
    key=("customer_id", "sent_at", "offer_id"),
    time="sent_at",
    later=True,
)

TABLES: tuple[Table, ...] = (
    CUSTOMERS,
    PRODUCTS,
    ORDERS,
    ORDER_LINES,
    CONTACTS,
    OFFERS,
    OFFER_ITEMS,
    REDEMPTIONS,
    EXCLUDED_LINES,
    REFUNDS,
    BUNDLE_ITEMS,
    INTERACTIONS,
    ACTIVITIES,
    EXPERIMENTS,
    TRIALS,
)
