"""The layouts of customers asked about lately, of one state of the shop: with other offers, stock, models or policy all begins anew."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from features.store import CustomerFeatures
    from serving.customer_context import CustomerContext
    from serving.decisioning.experiments import Assigned
    from serving.decisioning.layout import Layout

_Key = tuple[str | None, str | None, frozenset[str] | None]


class Layouts:
    """By customer, channel and consent, the longest ago forgotten first; safe from any thread."""

    def __init__(self, most: int) -> None:
        """Begin with none.

        Args:
            most: layouts; 0: none is kept.
        """
        self.most = most
        self._kept: OrderedDict[_Key, Layout] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, context: CustomerContext, assigned: Assigned, make: Callable[[], Layout]) -> Layout:
        """The layout that holds now, made where none does; one with a cart is nobody else's and not kept."""
        if not self.most or context.cart:
            return make()
        found = self.found(context.customer, context.channel, context.contact, assigned, context.now)
        if found is not None:
            return found
        made = make()
        with self._lock:
            key = (None if context.customer is None else context.customer.customer_id, context.channel, context.contact)
            self._kept[key] = made
            self._kept.move_to_end(key)
            if len(self._kept) > self.most:
                self._kept.popitem(last=False)
        return made

    def found(
        self, customer: CustomerFeatures | None, channel: str | None, contact: frozenset[str] | None, assigned: Assigned, now: datetime
    ) -> Layout | None:
        """The layout that holds for a customer without a cart; None where it must be made."""
        key = (None if customer is None else customer.customer_id, channel, contact)
        with self._lock:
            found = self._kept.get(key)
            if found is None or not found.holds(customer, assigned, now):
                return None
            self._kept.move_to_end(key)
            return found

    def channels(self, customers: Collection[str]) -> dict[str, list[str | None]]:
        """On which channels some customers were asked about lately."""
        found: dict[str, list[str | None]] = {}
        with self._lock:
            for customer_id, channel, _ in self._kept:
                if customer_id is not None and customer_id in customers and channel not in found.get(customer_id, ()):
                    found.setdefault(customer_id, []).append(channel)
        return found

    def __len__(self) -> int:
        return len(self._kept)
