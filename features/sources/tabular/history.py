"""All staged files together → the shop's tables.

Of two files that speak of the same thing (the same order and product, the same customer, …) the newer one is believed; overlapping
exports therefore do no harm. A repaired quarantine file speaks for the lines it came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from features.sources.tabular.identity import identity
from features.sources.tabular.kinds import KINDS, Kind
from features.sources.tabular.order_history import FAULT, order_history
from features.sources.tabular.raw_file import LINE
from features.sources.tabular.staging import Staged
from features.sources.tabular.trial_lots import told_by_lot

_FACTS = ("product_category", "department", "brand")
_SAME_FILE = 0.5  # share of an older file's things that a newer one of the same name must hold to stand in its place
_FAULTS = {"origin": pl.String, LINE: pl.Int64, "column": pl.String, "reason": pl.String}


@dataclass(frozen=True)
class History:
    """Everything the files say.

    Attributes:
        tables: table name → frame, to be conformed by the warehouse.
        faults: `kind`, `origin`, `huitou_line`, `column`, `reason` of every line still set aside, one row per fault.
        counts: fate → number of lines or things.
    """

    tables: dict[str, pl.DataFrame]
    faults: pl.DataFrame
    counts: dict[str, int]


def history(staged: Sequence[Staged]) -> History:
    """Put staged files together, oldest first."""
    rows = {kind.name: _rows(kind, staged) for kind in KINDS}
    faults = [_open_faults(kind, staged, rows[kind.name]) for kind in KINDS]
    products = rows["products"]
    tables: dict[str, pl.DataFrame] = {}
    counts: dict[str, int] = {}
    if not rows["orders"].is_empty():
        made = order_history(rows["orders"], None if products.is_empty() else products["product_id"])
        tables |= {"orders": made.orders, "order_lines": made.order_lines, "refunds": made.refunds}
        faults.append(made.faults.select(*FAULT, pl.lit("orders").alias("kind")))
        counts |= made.counts
    lines = tables.get("order_lines")
    tables["products"] = _products(products, lines)
    tables["customers"] = _customers(rows["customers"], tables.get("orders"))
    tables |= {name: frame for name, frame in _plain_tables(rows).items() if not frame.is_empty()}
    if not rows["trials"].is_empty():
        tables["trials"], doubtful = told_by_lot(rows["trials"], tables.get("orders"))
        faults.append(doubtful.select(*FAULT, pl.lit("trials").alias("kind")))
    return History(tables, pl.concat(faults), counts)


def _rows(kind: Kind, staged: Sequence[Staged]) -> pl.DataFrame:
    own = [s for s in staged if s.kind == kind.name]
    if not own:
        return pl.DataFrame()
    ages = {s.content: age for age, s in enumerate(own)}
    frames = []
    for age, file in enumerate(own):
        frame = file.rows().with_columns(pl.lit(age).alias("_age"), pl.lit(file.repairs).alias("_repair"))
        if file.repairs:  # as old as the lines it repairs
            frame = frame.with_columns(pl.col("origin").replace_strict(ages, default=age, return_dtype=pl.Int32).alias("_age"))
        frames.append(_meant(frame, file) if kind.name == "orders" else frame)
    rows = pl.concat(frames, how="diagonal_relaxed").unique(["origin", LINE], keep="last", maintain_order=True)
    rows = rows.sort("_age", LINE)  # lines of an order are numbered as they stand in their file
    if len(own) == 1:
        return rows
    rows = _without_returned_duplicates(kind, rows, own)
    return rows.filter(pl.col("_age") == pl.col("_age").max().over(identity(kind, rows)))


def _without_returned_duplicates(kind: Kind, rows: pl.DataFrame, own: Sequence[Staged]) -> pl.DataFrame:
    """A duplicate that comes back from quarantine as it went there is still one."""
    strict = [s.content for s in own if s.part.meaning.duplicates == "quarantine"]
    fields = ["origin", *(f.name for f in kind.fields)]
    back = rows.filter(pl.col("_repair") & pl.col("origin").is_in(strict))
    again = back.join(rows.filter(~pl.col("_repair")), on=fields, how="semi", nulls_equal=True).select("origin", LINE)
    return rows.join(again, on=["origin", LINE], how="anti", maintain_order="left")


def _meant(frame: pl.DataFrame, file: Staged) -> pl.DataFrame:
    meaning = file.part.meaning
    prefix = pl.lit(value=False)
    if meaning.refund_prefix:
        prefix = pl.col("order_id").str.starts_with(meaning.refund_prefix).fill_null(value=False)
    return frame.with_columns(
        has_product=pl.lit("product_id" in file.part.columns),
        takes_back=prefix,
        charge=pl.col("product_id").is_in(list(meaning.charges)).fill_null(value=False),
        of_order=pl.lit(meaning.amount_of == "order"),
        unknown_kept=pl.lit(meaning.unknown_products == "keep"),
    )


def _open_faults(kind: Kind, staged: Sequence[Staged], rows: pl.DataFrame) -> pl.DataFrame:
    own = [s for s in staged if s.kind == kind.name]
    empty = pl.DataFrame(schema={**_FAULTS, "kind": pl.String})
    frames = []
    for age, file in enumerate(own):
        faults = file.faults().with_columns(pl.lit(age).alias("_age"))
        frames.append(faults if not _stands_in(kind, file, own[age + 1 :]) else faults.clear())
    if not frames:
        return empty
    faults = pl.concat(frames)
    faults = faults.filter(pl.col("_age") == pl.col("_age").max().over("origin", LINE))
    if not rows.is_empty():
        accepted = rows.filter("_repair").select("origin", LINE)
        faults = faults.join(accepted, on=["origin", LINE], how="anti")
    return faults.select(*FAULT, pl.lit(kind.name).alias("kind"))


def _stands_in(kind: Kind, file: Staged, newer: Sequence[Staged]) -> bool:
    """Whether a newer file of the same name holds most of this one: then it was mended and given again, and its faults are those of now."""
    for other in newer:
        if other.name == file.name and not other.repairs:
            old, new = file.rows(), other.rows()
            key = [c for c in kind.key if c in old.columns]
            shared = old.select(key).unique().join(new.select(key).unique(), on=key, how="semi", nulls_equal=True).height
            if shared >= _SAME_FILE * max(old.select(key).n_unique(), 1):
                return True
    return False


def _products(given: pl.DataFrame, lines: pl.DataFrame | None) -> pl.DataFrame:
    frames = []
    if not given.is_empty():
        told = given.unique("product_id", keep="last", maintain_order=True)
        frames.append(told.with_columns(pl.col("in_catalogue").fill_null(value=True), pl.col("stock").cast(pl.Int64)))
    if lines is not None and not lines.is_empty():
        sold = lines.group_by("product_id").agg(
            pl.col("product_name").drop_nulls().mode().sort().first().alias("name"),
            *(pl.col(fact).drop_nulls().last() for fact in _FACTS),
            pl.col("charge").any(),
        )
        listed = ~pl.col("charge") if not frames else pl.lit(value=False)
        sold = sold.with_columns(in_catalogue=listed)
        if frames:
            names = sold.select("product_id", sold_name="name")
            known = frames[0].join(names, on="product_id", how="left").with_columns(pl.coalesce("name", "sold_name").alias("name"))
            charges = sold.filter("charge")["product_id"].implode()
            frames = [known.with_columns(pl.col("in_catalogue") & ~pl.col("product_id").is_in(charges))]
            sold = sold.join(known, on="product_id", how="anti")
        frames.append(sold)
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()


def _customers(given: pl.DataFrame, orders: pl.DataFrame | None) -> pl.DataFrame:
    frames = [] if given.is_empty() else [given.unique("customer_id", keep="last", maintain_order=True)]
    if orders is not None:
        buyers = orders.select("customer_id").drop_nulls().unique().sort("customer_id")
        frames.append(buyers.join(frames[0], on="customer_id", how="anti") if frames else buyers)
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()


def _plain_tables(rows: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Tables whose rows are those of the files, with ids made where the shop has none."""
    made = {
        "contacts": _with_id(rows["contacts"], "contact_id", ("customer_id", "offer_id", "channel", "sent_at")),
        "redemptions": _with_id(rows["redemptions"], "redemption_id", ("customer_id", "offer_id", "coupon_id", "redeemed_at")),
        "interactions": _with_id(rows["interactions"], "interaction_id", ("customer_id", "type", "product_id", "bundle_id", "occurred_at")),
        "offers": rows["offers"],
        "offer_items": rows["offer_items"],
        "bundle_items": rows["bundles"],
        "experiments": rows["experiments"],
    }
    if not made["offers"].is_empty():
        made["offers"] = (
            made["offers"].with_columns(pl.col("type").fill_null("coupon")).unique("offer_id", keep="last", maintain_order=True)
        )
    if not made["offer_items"].is_empty():
        items = made["offer_items"].with_columns(pl.coalesce("coupon_id", "offer_id").alias("coupon_id"))
        made["offer_items"] = items.unique(["offer_id", "coupon_id", "product_id"], maintain_order=True)
    if not made["bundle_items"].is_empty():
        made["bundle_items"] = made["bundle_items"].unique(["bundle_id", "product_id"], maintain_order=True)
    if not made["experiments"].is_empty():
        row = pl.concat_str(pl.lit("row-"), pl.col(LINE))
        named = made["experiments"].with_columns(pl.coalesce("customer_id", row).alias("customer_id"))
        made["experiments"] = named.unique(["experiment_id", "customer_id"], keep="last", maintain_order=True)
    return made


def _with_id(rows: pl.DataFrame, name: str, parts: tuple[str, ...]) -> pl.DataFrame:
    if rows.is_empty():
        return rows
    made = pl.concat_str([pl.col(p).cast(pl.String).fill_null("") for p in parts], separator="|")
    own = pl.col(name) if name in rows.columns else pl.lit(None, dtype=pl.String)
    return rows.with_columns(pl.coalesce(own, made).alias(name)).unique(name, keep="last", maintain_order=True)
