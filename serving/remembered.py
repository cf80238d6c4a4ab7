"""What is known of customers asked about lately, kept until something new is: most who ask about a customer ask more than once.

Kept is the customer's row of features as it was read, and what follows from it and the models, a few kilobytes; what depends on stock,
cart, clock, offers or policy is worked out in every answer or kept elsewhere (`serving/decisioning/layouts.py`). The store is asked, at
most every two milliseconds, whether anything in it has changed; where it has, or cannot say so, the row is read and compared byte by byte.
With another model or another build all begins anew. So an answer from memory is the answer that would be computed; a test holds both
together.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from features.store import CustomerFeatures, CustomerReader, unpack_customer

_Said = TypeVar("_Said")
Kept = dict[str, Any]


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


@dataclass
class Acquaintance:
    """A customer as their features are now.

    Attributes:
        customer: their features.
        packed: the row they were read from.
        seen: of which reader, at which version of theirs, the row was last seen to be this; None: it could not say.
        said: by which models, within how many days → what they said.
    """

    customer: CustomerFeatures
    packed: Mapping[str, bytes]
    seen: tuple[CustomerReader, int] | None = None
    said: dict[tuple[object, int], Kept] = field(default_factory=dict)


class Memory:
    """The customers asked about lately, the longest ago forgotten first; safe from any thread."""

    def __init__(self, most: int) -> None:
        """Begin with nobody.

        Args:
            most: customers. 0: nobody is remembered.
        """
        self.most = most
        self._known: OrderedDict[str, Acquaintance] = OrderedDict()
        self._lock = threading.Lock()
        self._models: object = None  # the live ones
        self._views: dict[object, Memory] = {}

    def beside(self, versions: object) -> Memory:
        """Of the same customers, what other models said of them: an arm's models must not answer with what the live ones said.

        Args:
            versions: name those models.
        """
        with self._lock:
            view = self._views.setdefault(versions, Memory(self.most))
        view._known, view._lock, view._models = self._known, self._lock, versions
        return view

    def read(self, reader: CustomerReader, customer_id: str) -> CustomerFeatures | None:
        """As `CustomerReader.read`; the very object that was read before while the row stays as it is."""
        if not self.most:
            return reader.read(customer_id)
        lately = reader.version_lately(customer_id)
        with self._lock:
            known = self._known.get(customer_id)
            if known is not None and lately is not None and known.seen == (reader, lately):
                self._known.move_to_end(customer_id)
                return known.customer
        before = reader.version(customer_id)
        packed = reader.packed(customer_id)
        # Somebody may have written in between: what was read then is of either version, and looked at again next time.
        seen = None if before is None or reader.version(customer_id) != before else (reader, before)
        with self._lock:
            known = self._known.get(customer_id)
            if packed is None:
                self._known.pop(customer_id, None)
                return None
            if known is not None and known.packed == packed:
                known.seen = seen
                self._known.move_to_end(customer_id)
                return known.customer
        customer = unpack_customer(customer_id, packed)
        with self._lock:
            self._known[customer_id] = Acquaintance(customer, packed, seen)
            self._known.move_to_end(customer_id)
            if len(self._known) > self.most:
                self._known.popitem(last=False)
        return customer

    def new(self, reader: CustomerReader, customer_ids: Iterable[str], horizon_days: int) -> list[str]:
        """Who is to be asked about together before each is answered.

        Args:
            reader: of the store.
            customer_ids: any.
            horizon_days: of the policy that will decide.

        Returns:
            Those whose row `read` would look at, or of whom these models said nothing yet within that horizon.

        Raises:
            StateBroken, StoreAway: the store cannot be read.
        """
        asked, said = list(customer_ids), (self._models, horizon_days)
        versions = [reader.version_lately(one) if self.most else None for one in asked]
        with self._lock:
            known = [self._known.get(one) for one in asked]
            return [
                one
                for one, version, found in zip(asked, versions, known, strict=True)
                if version is None or found is None or found.seen != (reader, version) or said not in found.said
            ]

    def of(self, customer: CustomerFeatures, horizon_days: int) -> Kept | None:
        """What is known of a customer that `read` returned last; empty at first, None of others."""
        with self._lock:
            known = self._known.get(customer.customer_id)
            return None if known is None or known.customer is not customer else known.said.setdefault((self._models, horizon_days), {})

    def known(self, customer_id: str) -> CustomerFeatures | None:
        """The object that `read` returned last of a customer; None of whom nothing is remembered."""
        with self._lock:
            known = self._known.get(customer_id)
            return None if known is None else known.customer

    def __contains__(self, customer_id: str) -> bool:
        return customer_id in self._known

    def __len__(self) -> int:
        return len(self._known)
