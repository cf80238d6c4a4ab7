"""What the models said of customers lately, kept until something new is known of them: most who ask about a customer ask more than once.

Kept is only what follows from the customer's features and the models, a few kilobytes; what depends on stock, cart, clock, offers or policy
is worked out in every answer. A new row of features, another model or another build makes it anew, so an answer from memory is the answer
that would be computed; a test holds both together.
"""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

from features.store import CustomerFeatures

_Said = TypeVar("_Said")
Kept = dict[str, Any]
Key = tuple[str, int, int]


def remembered(method: Callable[[Any], _Said]) -> cached_property[_Said]:
    """A property of a `CustomerContext` that is asked for once, and then known as long as the customer's features stay as they are."""
    name = method.__name__

    def said(context: Any) -> _Said:  # noqa: ANN401 - a CustomerContext; importing it would be a circle
        kept: Kept | None = context.kept
        if kept is not None and name in kept:
            known: _Said = kept[name]
            return known
        found = method(context)
        if kept is not None:
            kept[name] = found
        return found

    said.__doc__ = method.__doc__
    return cached_property(said)


class Memory:
    """The customers asked about lately, the longest ago forgotten first; safe from any thread."""

    def __init__(self, most: int) -> None:
        """Begin with nobody.

        Args:
            most: customers; at some 5 kB each 10,000 take 50 MB. 0: nobody is remembered.
        """
        self.most = most
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._newest: dict[str, Key] = {}
        self._lock = threading.Lock()
        self._beside: dict[object, Memory] = {}

    def beside(self, versions: object) -> Memory:
        """Of the same customers, what other models said of them: an arm's models must not answer with what the live ones said.

        Args:
            versions: name those models.
        """
        with self._lock:
            return self._beside.setdefault(versions, Memory(self.most))

    def of(self, customer: CustomerFeatures, horizon_days: int) -> Kept | None:
        """What is known of a customer as their features are now; empty at first, None where nobody is remembered."""
        if not self.most:
            return None
        key = (customer.customer_id, horizon_days, _fingerprint(customer))
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                found = self._kept[key] = {}
                before = self._newest.get(customer.customer_id)
                if before is not None:
                    self._kept.pop(before, None)
                self._newest[customer.customer_id] = key
                if len(self._kept) > self.most:
                    oldest, _ = self._kept.popitem(last=False)
                    self._newest.pop(oldest[0], None)
            else:
                self._kept.move_to_end(key)
            return found

    def __len__(self) -> int:
        return len(self._kept)


def _fingerprint(customer: CustomerFeatures) -> int:
    """Differs whenever any number or name of the features does, as good as certainly: 64 bits of two checksums."""
    blocks = (customer.vector, customer.category_features, customer.recent.days_since_last, customer.looked.days_since_last)
    numbers = b"".join(block.tobytes() for block in blocks)
    names = "\x1f".join((customer.as_of.isoformat(), *customer.categories, *customer.recent.product_ids, *customer.looked.product_ids))
    return zlib.crc32(numbers) << 32 | zlib.crc32(names.encode())
