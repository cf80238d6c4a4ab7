"""Makes `products.json` from the warehouse and the assumptions, as of a moment."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from features.assumptions import Assumptions
from features.products import Coupon, Product, Products
from features.units import read_units
from features.warehouse import Warehouse

_PRICE_DAYS = 91  # a quarter: long enough for slow sellers, short enough for today's price
_BEST_SELLERS = 20  # kept per category
_SMOOTHING = 20  # pseudo-customers of the overall redemption rate added to each campaign's own


def build_products(warehouse: Warehouse, assumptions: Assumptions, vectors: pl.DataFrame, as_of: datetime) -> Products:
    """Prices, activity, best sellers and running coupons, nothing after `as_of` seen.

    Args:
        warehouse: the history.
        assumptions: margins, exclusions, when a product counts as inactive.
        vectors: newest customer features, for the spend percentiles.
        as_of: UTC.
    """
    lines = warehouse.read("order_lines").lazy().filter(pl.col("ordered_at") <= as_of)
    facts = (
        lines.group_by("product_id")
        .agg(
            pl.col("ordered_at").max().alias("last_sold"),
            (_recent(pl.col("amount"), as_of).sum() / _recent(pl.col("quantity"), as_of).sum()).alias("recent_price"),
            (pl.col("amount").sum() / pl.col("quantity").sum()).alias("price"),
            _recent(pl.col("order_id"), as_of).n_unique().alias("sales"),
        )
        .collect()
    )
    products = warehouse.read("products").join(facts, on="product_id", how="inner")
    active = (
        pl.col("in_catalogue")
        & (pl.col("last_sold") >= as_of - timedelta(days=assumptions.catalogue.inactive_after_days))
        & ~pl.col("product_category").is_in(assumptions.catalogue.excluded_categories).fill_null(value=False)
    )
    products = products.with_columns(active=active, price=pl.coalesce(_finite("recent_price"), _finite("price")))
    units = read_units(warehouse)
    products = products.drop("product_category").join(units.table, on="product_id", how="left")
    best = products.filter(pl.col("active") & pl.col("product_category").is_not_null()).sort(
        "sales", "product_id", descending=[True, False]
    )
    popular = best.group_by("product_category", maintain_order=True).agg(pl.col("product_id").head(_BEST_SELLERS))
    coupons, mailed = _coupons(warehouse, set(products.filter("active")["product_id"]), as_of)
    spend = vectors["amount_decayed_112d"]
    return Products(
        as_of=as_of,
        products=tuple(_product(row, assumptions) for row in products.sort("product_id").iter_rows(named=True)),
        unit=units.kind,
        popular_in_category={row["product_category"]: tuple(row["product_id"]) for row in popular.iter_rows(named=True)},
        coupons=coupons,
        mailed=mailed,
        spend_percentiles=tuple(float(spend.quantile(q / 100) or 0.0) for q in range(101)) if len(spend) else (),
    )


def _recent(column: pl.Expr, as_of: datetime) -> pl.Expr:
    return column.filter(pl.col("ordered_at") > as_of - timedelta(days=_PRICE_DAYS))


def _finite(column: str) -> pl.Expr:
    return pl.when(pl.col(column).is_finite() & (pl.col(column) > 0)).then(pl.col(column))


def _product(row: dict[str, object], assumptions: Assumptions) -> Product:
    words = [str(row[c]) for c in ("product_type", "package_size") if row[c] is not None]
    department = row["department"]
    return Product.model_validate(
        {
            "product_id": row["product_id"],
            "category": row["product_category"],
            "name": row["name"] or " ".join(words) or str(row["product_id"]),
            "price": row["price"],
            "margin_rate": assumptions.margin_rate(None if department is None else str(department)),
            "stock": row["stock"],
            "active": bool(row["active"]),
        }
    )


def _coupons(warehouse: Warehouse, active: set[str], as_of: datetime) -> tuple[tuple[Coupon, ...], dict[str, tuple[str, ...]]]:
    contacts = warehouse.read("contacts").filter(pl.col("sent_at") <= as_of)
    redemptions = warehouse.read("redemptions").filter(pl.col("redeemed_at") <= as_of)
    offers = warehouse.read("offers").filter(pl.col("starts_at") <= as_of)
    finished = offers.filter(pl.col("ends_at") < as_of)["offer_id"].to_list()
    base = contacts.filter(pl.col("offer_id").is_in(finished)).select("offer_id", "customer_id").unique()
    used = redemptions.select("offer_id", "customer_id").unique()
    overall = base.join(used, on=["offer_id", "customer_id"], how="semi").height / max(base.height, 1)
    items = warehouse.read("offer_items").filter(pl.col("product_id").is_in(active))
    coupons = []
    for offer in offers.filter(pl.col("ends_at") >= as_of).sort("offer_id").iter_rows(named=True):
        own = contacts.filter(pl.col("offer_id") == offer["offer_id"])["customer_id"].n_unique()
        taken = used.filter(pl.col("offer_id") == offer["offer_id"]).height
        products = items.filter(pl.col("offer_id") == offer["offer_id"])["product_id"].unique().sort().to_list()
        # A running campaign's own rate is still growing: it may raise the estimate, never lower it below the finished campaigns' rate.
        rate = max(overall, (taken + _SMOOTHING * overall) / (own + _SMOOTHING))
        coupons.append(
            Coupon(
                offer_id=offer["offer_id"],
                label=offer["label"] or offer["offer_id"],
                starts_at=offer["starts_at"],
                ends_at=offer["ends_at"],
                product_ids=tuple(products),
                redemption_rate=rate,
                redemption_base=base.height + own,
            )
        )
    running = {c.offer_id for c in coupons}
    # Whoever redeemed a coupon of the campaign has answered: a reminder would only remind of what was done.
    mailed = contacts.join(used, on=["offer_id", "customer_id"], how="anti").group_by("offer_id").agg(pl.col("customer_id").unique().sort())
    holders = {row["offer_id"]: tuple(row["customer_id"]) for row in mailed.iter_rows(named=True) if row["offer_id"] in running}
    return tuple(coupons), holders
