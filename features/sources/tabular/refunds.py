"""Lines that take sales back, matched to the sales they take back.

A refund belongs to the same customer and product and comes after its sale. The latest earlier sale of exactly its quantity is taken first;
otherwise the latest earlier sales one after another, each as far as something of it is left. A sale is never changed: until the refund it
was true. (Ledgers call the second rule last in, first out.)
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import polars as pl

_KEY = ["customer_id", "product_id"]


def match_refunds(refunds: pl.DataFrame, sales: pl.DataFrame) -> pl.DataFrame:
    """Find the sales that refund lines take back.

    Args:
        refunds: `row`, `customer_id`, `product_id`, `ordered_at`, `quantity` (> 0).
        sales: `order_id`, `line_number`, `customer_id`, `product_id`, `ordered_at`, `quantity` (> 0).

    Returns:
        `row`, `quantity`, `sale_order_id`, `sale_line_number`; several rows where one refund takes back several sales. What exceeds the
        sales of the history has null for its sale.
    """
    wanted = refunds.filter(pl.col("customer_id").is_not_null() & pl.col("product_id").is_not_null())
    open_sales: dict[tuple[str, str], list[list[Any]]] = defaultdict(list)
    kept = sales.join(wanted.select(_KEY).unique(), on=_KEY, how="semi").sort("ordered_at", "order_id", "line_number")
    for customer, product, order, line, at, quantity in kept.select(*_KEY, "order_id", "line_number", "ordered_at", "quantity").iter_rows():
        open_sales[customer, product].append([at, quantity, order, line])
    matched: list[tuple[int, float, str | None, int | None]] = []
    for row, customer, product, at, quantity in (
        refunds.sort("ordered_at", "row").select("row", *_KEY, "ordered_at", "quantity").iter_rows()
    ):
        matched.extend((row, *part) for part in _take(open_sales.get((customer, product), []), at, quantity))
    schema: dict[str, pl.DataType | type[pl.DataType]] = {"row": refunds.schema["row"], "quantity": pl.Float64}
    schema |= {"sale_order_id": pl.String, "sale_line_number": pl.Int64}
    return pl.DataFrame(matched, schema=schema, orient="row")


def _take(sales: list[list[Any]], at: Any, quantity: float) -> list[tuple[float, str | None, int | None]]:  # noqa: ANN401 - a datetime
    earlier = [sale for sale in sales if sale[0] <= at and sale[1] > 0]
    exact = [sale for sale in earlier if sale[1] == quantity]
    parts: list[tuple[float, str | None, int | None]] = []
    left = quantity
    for sale in exact[-1:] or reversed(earlier):
        taken = min(left, sale[1])
        sale[1] -= taken
        left -= taken
        parts.append((taken, sale[2], sale[3]))
        if left <= 0:
            break
    return [*parts, (left, None, None)] if left > 0 else parts
