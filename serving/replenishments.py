"""Customer × category due within the next weeks, for the whole shop: one table per live state, computed aside when first asked for."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import timedelta

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
            # Not the same object: stock changes many times a minute, and what it changes is looked up when a page is read.
            if self._of is None or self._of.version != live.version or self._of.models is not live.models:
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


def renewed(live: Live, rows: list[Due], *, within_days: float) -> list[Due]:
    """A page's rows as things stand now: customers who bought since are forecast anew, products that sold out give way to others.

    Args:
        live: the state to answer from.
        rows: of the table of this state's build.
        within_days: most days until due.

    Returns:
        The rows that are still due, in their order. Whose customer is gone is gone.
    """
    customers = {row.customer_id: _read(live, row.customer_id) for row in rows}
    later = [found for found in customers.values() if found is not None and found.as_of > live.as_of]
    passed = {found.customer_id: (found.as_of - live.as_of) / timedelta(days=1) for found in later}
    anew = {(due.customer_id, due.category): due for due in due_of(live, [found for found in later if found.categories])}
    own = {
        customer_id: live.catalogue.own_products(found.recent.product_ids.tolist())
        for customer_id, found in customers.items()
        if found is not None
    }
    kept = []
    for row in rows:
        if row.customer_id in passed:
            due = anew.get((row.customer_id, row.category))
            if due is not None and due.days_until_due + passed[row.customer_id] <= within_days:
                kept.append(replace(due, days_until_due=round(due.days_until_due + passed[row.customer_id], 2)))
        elif row.customer_id in own:
            kept.append(replace(row, product_id=live.catalogue.usual_product(row.category, own[row.customer_id])))
    return kept


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
