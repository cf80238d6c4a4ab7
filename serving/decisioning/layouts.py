"""The layouts of customers asked about lately, of one state of the shop: with other offers, stock, models or policy all begins anew."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
        key = (None if context.customer is None else context.customer.customer_id, context.channel, context.contact)
        found = self.latest(*key)
        if found is not None and found.holds(context.customer, assigned, context.now):
            return found
        made = make()
        with self._lock:
            self._kept[key] = made
            self._kept.move_to_end(key)
            if len(self._kept) > self.most:
                self._kept.popitem(last=False)
        return made

    def latest(self, customer_id: str | None, channel: str | None, contact: frozenset[str] | None) -> Layout | None:
        """The layout made last for a customer without a cart, whether or not it holds; None where none is kept."""
        key = (customer_id, channel, contact)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
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
