"""What customers said of themselves and were given, newest first: the tags that offers may ask for."""

from __future__ import annotations

from datetime import datetime

import polars as pl

MAX_TAGS = 64  # a customer; what was said before the newest so many is not asked for
KINDS = {"tag_added": "tag", "life_stage_stated": "life_stage", "need_stated": "need", "tier_changed": "tier"}
_CHILD = "child_age_band"  # subject of a statement about a child's age
_MICROSECONDS_A_DAY = 86_400_000_000.0


def newest_tags(activities: pl.DataFrame | pl.LazyFrame, as_of: datetime) -> pl.DataFrame:
    """One row per customer with any.

    Args:
        activities: of `features.schema`, any customers, any order; handing in those of one customer gives exactly that customer's row.
        as_of: UTC; nothing after it is seen.

    Returns:
        `customer_id` and the lists `tags` (`kind:label`, kinds `tag`, `life_stage`, `child_age_band`, `need`, `tier`) and `days_since_told`
        (Float64), the newest first, each once; of tiers and life stages only the newest, as they take each other's place.
    """
    told = activities.lazy().filter(pl.col("kind").is_in(list(KINDS)) & pl.col("label").is_not_null() & (pl.col("occurred_at") <= as_of))
    of_child = (pl.col("kind") == "life_stage_stated") & (pl.col("subject") == _CHILD).fill_null(value=False)
    age = (pl.lit(as_of).cast(pl.Datetime("us", "UTC")) - pl.col("last")).dt.total_microseconds() / _MICROSECONDS_A_DAY
    return (
        told.with_columns(kind=pl.when(of_child).then(pl.lit(_CHILD)).otherwise(pl.col("kind").replace(KINDS)))
        .group_by("customer_id", "kind", "label")
        .agg(last=pl.col("occurred_at").max())
        .sort(["customer_id", "last", "kind", "label"], descending=[False, True, False, False])
        .filter(~pl.col("kind").is_in(["tier", "life_stage"]) | pl.struct("customer_id", "kind").is_first_distinct())
        .filter(pl.int_range(pl.len()).over("customer_id") < MAX_TAGS)
        .group_by("customer_id", maintain_order=True)
        .agg(tags=pl.format("{}:{}", "kind", "label"), days_since_told=age)
        .collect()
    )
