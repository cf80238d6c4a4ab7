"""Customer × category due within the next weeks, for the whole shop: one table per live state, computed aside when first asked for."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from features.errors import StateBroken
from features.store import CustomerFeatures
from serving.category_needs import category_needs, usual_quantities
from serving.errors import CursorInvalid, ModelUnavailable
from serving.live import Live

_BATCH = 32  # customers forecast at a time, about 3,000 pairs: the thread comes up for air often enough for requests to pass


@dataclass(frozen=True, order=True)
class Due:
    """One category that one customer will need again; ordered by due date, then ids.

    Attributes:
        days_until_due: after the as-of date.
        probability: P(bought again within 28 days).
        quantity: usual quantity of a purchase.
        product_id: the customer's own most recent product of it that may be offered, else its best seller; None when there is neither.
    """

    days_until_due: float
    customer_id: str
    category: str
    probability: float = field(compare=False)
    quantity: float = field(compare=False)
    product_id: str | None = field(compare=False)


class DueTable:
    """Computes the table in a thread of its own and keeps it until the live state changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: Live | None = None
        self._rows: Future[list[Due]] = Future()

    def rows(self, live: Live) -> Future[list[Due]]:
        """The table of a live state, computed or under way.

        Raises:
            ModelUnavailable: there is no repurchase model to ask.
        """
        if live.models.repurchase is None:
            raise ModelUnavailable(live.models.problems.get("repurchase", "There is no repurchase model; run `huitou train repurchase`."))
        with self._lock:
            # Identity, not equality: a reload makes a new object even from equal parts.
            if self._of is not live:
                self._of, self._rows = live, Future()
                threading.Thread(target=_fill, args=(live, self._rows), name="huitou-due", daemon=True).start()
            return self._rows


def _fill(live: Live, rows: Future[list[Due]]) -> None:
    try:
        rows.set_result(sorted(_due(live)))
    except Exception as error:  # whoever waits for the table gets the error
        rows.set_exception(error)


def _due(live: Live) -> Iterator[Due]:
    ids = live.reader.customer_ids()
    for start in range(0, len(ids), _BATCH):
        batch = (_read(live, customer_id) for customer_id in ids[start : start + _BATCH])
        yield from due_of(live, [customer for customer in batch if customer is not None and customer.categories])


def _read(live: Live, customer_id: str) -> CustomerFeatures | None:
    try:
        return live.reader.read(customer_id)
    except StateBroken:
        return None  # safe: a damaged row leaves one customer out of a list of reminders


def due_of(live: Live, customers: list[CustomerFeatures]) -> Iterator[Due]:
    """Rows of some customers, unsorted; none without a repurchase model.

    Args:
        live: the state to answer from.
        customers: each with at least one category.
    """
    model, columns, of_customer = live.models.repurchase, live.category_columns, live.customer_columns
    if model is None or columns is None or of_customer is None or not customers:
        return
    category = np.vstack([customer.category_features for customer in customers])
    owners = np.repeat(np.arange(len(customers)), [len(customer.categories) for customer in customers])
    needs = category_needs(model, category[:, columns], np.vstack([customer.vector[of_customer] for customer in customers])[owners])
    quantities = usual_quantities(category)
    names = [name for customer in customers for name in customer.categories]
    own: dict[int, dict[str, str]] = {}
    for row in np.flatnonzero(np.isfinite(needs.days_until_due)).tolist():
        owner = int(owners[row])
        if owner not in own:
            own[owner] = live.catalogue.own_products(customers[owner].recent.product_ids.tolist())
        yield Due(
            days_until_due=round(float(needs.days_until_due[row]), 2),
            customer_id=customers[owner].customer_id,
            category=names[row],
            probability=float(needs.probability_28d[row]),
            quantity=float(quantities[row]),
            product_id=live.catalogue.usual_product(names[row], own[owner]),
        )


def page(rows: list[Due], *, within_days: float, limit: int, after: tuple[float, str, str] | None) -> tuple[list[Due], bool]:
    """One page of the table.

    Args:
        rows: the whole table, sorted.
        within_days: most days until due.
        limit: rows per page.
        after: key of the last row of the page before; None for the first page.

    Returns:
        The rows, and whether there are more.

    Raises:
        CursorInvalid: `after` does not lie within what is listed.
    """
    if after is not None and after[0] > within_days:
        raise CursorInvalid("The cursor belongs to a list that reaches further; start again without it.")
    start = 0 if after is None else bisect.bisect_right(rows, after, key=lambda due: (due.days_until_due, due.customer_id, due.category))
    end = bisect.bisect_right(rows, within_days, key=lambda due: due.days_until_due)
    return rows[start : min(start + limit, end)], start + limit < end
