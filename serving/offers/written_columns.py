"""The shop's written offers as columns, made once when they, the products or the models change: a request looks at all of them at once.

What depends on stock stands apart (`Availability`): levels change by the second, offers by the day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from features.ledger.columns import micros
from serving.catalogue import Catalogue
from serving.offers.book import OfferBook, WrittenOffer
from serving.offers.condition_columns import ConditionColumns
from serving.offers.validity import VALID_DAYS, begun

Array = NDArray[np.float64]
Places = NDArray[np.intp]
Flags = NDArray[np.bool_]
_Kind = TypeVar("_Kind", frozenset[str], tuple[str, ...])
_DAY = 86_400e6  # microseconds
_NEVER = np.iinfo(np.int64).max
_ANY_ORDER = frozenset({"usage_tip"})  # types that speak of products but are answered by any order: they sell none of them
_UNLIMITED = np.iinfo(np.int64).max


@dataclass(frozen=True)
class WrittenColumns:
    """n written offers, by type and then by id, with the m products they name.

    Attributes:
        offers: as written.
        ids: (n,) offer ids, and (n,) `type/id` as records name them.
        of_type: type → its places.
        starts, ends: (n,) microseconds since 1970 UTC within which it may be sent.
        stages, layers: (n,) index into `stage_sets`, `layer_sets`; the empty set stands for everybody.
        channels: (n,) index into `channel_sets`: where it may be sent.
        margin: (n,) its own, NaN where it says none.
        discount, discount_share, cost, lever: (n,) as written.
        valid_days: (n,) for how long somebody who is sent it can use it.
        cap: (n,) most times one customer is sent it.
        first: (n + 1,) where each offer's products begin among the m; products of one category stand together.
        product_ids, product_order: (m,) ids, and each one's place in the offer as written.
        position: (m,) in the item model, -1 where it knows none.
        category: (m,) place of its category in `Live.item_categories`, -1 without.
        category_names: (m,) its category, None without.
        begins_category: (m,) whether it is the first of its category in its offer.
        price, product_margin: (m,).
    """

    offers: tuple[WrittenOffer, ...]
    ids: NDArray[np.object_]
    named: NDArray[np.object_]
    types: NDArray[np.object_]
    of_type: Mapping[str, Places]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    stages: NDArray[np.intp]
    stage_sets: tuple[frozenset[str], ...]
    layers: NDArray[np.intp]
    layer_sets: tuple[frozenset[str], ...]
    channels: NDArray[np.intp]
    channel_sets: tuple[tuple[str, ...], ...]
    margin: Array
    discount: Array
    discount_share: Array
    cost: Array
    lever: Array
    valid_days: Array
    cap: NDArray[np.int64]
    first: NDArray[np.intp]
    product_ids: NDArray[np.object_]
    product_order: NDArray[np.intp]
    position: NDArray[np.intp]
    category: NDArray[np.intp]
    category_names: NDArray[np.object_]
    begins_category: Flags
    price: Array
    product_margin: Array

    @classmethod
    def of(
        cls, book: OfferBook, catalogue: Catalogue, index_of: Callable[[str], int | None], categories: Mapping[str, int]
    ) -> WrittenColumns:
        """Make them.

        Args:
            book: the written offers.
            catalogue: what the products cost and leave.
            index_of: position of a product in the item model.
            categories: category → its place in `Live.item_categories`.
        """
        offers = tuple(one for name in sorted(book.by_type) for one in book.of_type(name))
        written = [one.offer for one in offers]
        everywhere = tuple(catalogue.assumptions.consent.channels)
        stages, stage_sets = _numbered([frozenset(o.stages) for o in written])
        layers, layer_sets = _numbered([frozenset(o.layers) for o in written])
        channels, channel_sets = _numbered([o.channels or everywhere for o in written])
        rows = [_products(() if o.type in _ANY_ORDER else o.product_ids, catalogue, index_of, categories) for o in written]
        flat = [product for row in rows for product in row]
        begins = [i == 0 or row[i].category != row[i - 1].category for row in rows for i in range(len(row))]
        types = [o.type for o in written]
        return cls(
            offers,
            ids=_objects([o.offer_id for o in written]),
            named=_objects([f"{o.type}/{o.offer_id}" for o in written]),
            types=_objects(types),
            of_type={name: np.flatnonzero([kind == name for kind in types]) for name in dict.fromkeys(types)},
            starts=np.array([-_NEVER if o.starts_at is None else micros(o.starts_at) for o in written], np.int64),
            ends=np.array([_NEVER if o.ends_at is None else micros(o.ends_at) for o in written], np.int64),
            stages=stages,
            stage_sets=stage_sets,
            layers=layers,
            layer_sets=layer_sets,
            channels=channels,
            channel_sets=channel_sets,
            margin=np.array([np.nan if o.margin is None else o.margin for o in written], np.float64),
            discount=np.array([o.discount for o in written], np.float64),
            discount_share=np.array([o.discount_share for o in written], np.float64),
            cost=np.array([o.cost for o in written], np.float64),
            lever=np.array([o.lever for o in written], np.float64),
            valid_days=np.array([VALID_DAYS if o.valid_days is None else o.valid_days for o in written], np.float64),
            cap=np.array([_UNLIMITED if o.cap is None else o.cap for o in written], np.int64),
            first=np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.intp)]).astype(np.intp),
            product_ids=_objects([p.product_id for p in flat]),
            product_order=np.array([p.order for p in flat], np.intp),
            position=np.array([p.position for p in flat], np.intp),
            category=np.array([p.category for p in flat], np.intp),
            category_names=_objects([catalogue.category_of(p.product_id) for p in flat]),
            begins_category=np.array(begins, np.bool_),
            price=np.array([catalogue.price(p.product_id) for p in flat], np.float64),
            product_margin=np.array([catalogue.margin(p.product_id) for p in flat], np.float64),
        )

    def __len__(self) -> int:
        return len(self.offers)

    @cached_property
    def gives(self) -> Flags:
        """(n,) Which take money off."""
        return (self.discount > 0) | (self.discount_share > 0)

    @cached_property
    def sold(self) -> tuple[tuple[str, ...], ...]:
        """(n,) Products of each, as written; none where any order answers."""
        return tuple(() if one.offer.type in _ANY_ORDER else one.offer.product_ids for one in self.offers)

    @cached_property
    def counts(self) -> NDArray[np.intp]:
        """(n,) Products of each."""
        return np.diff(self.first)

    @cached_property
    def place_of(self) -> dict[str, int]:
        """Offer id → place."""
        return {name: place for place, name in enumerate(self.ids.tolist())}

    @cached_property
    def channel_groups(self) -> tuple[NDArray[np.intp], tuple[frozenset[str], ...]]:
        """(sets,) Which of a few groups each of `channel_sets` is, whatever the order in which a shop named them; and the groups."""
        return _numbered([frozenset(one) for one in self.channel_sets])

    @cached_property
    def by_product(self) -> dict[str, list[int]]:
        """Product → places of the offers that name it."""
        return self._naming(self.product_ids)

    @cached_property
    def by_category(self) -> dict[str, list[int]]:
        """Category → places of the offers that name a product of it."""
        return self._naming(self.category_names)

    def _naming(self, names: NDArray[np.object_]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        owners = np.repeat(np.arange(len(self)), self.counts).tolist()
        for place, name in zip(owners, names.tolist(), strict=True):
            if name is not None:
                found.setdefault(name, []).append(place)
        return found

    def ends_in_use(self, now: datetime) -> bool:
        """Whether an offer that takes money off ends before the time is over for which it could be used."""
        return bool((self.gives & (self.ends > micros(now)) & ((self.ends - micros(begun(now))) / _DAY < self.valid_days)).any())

    @cached_property
    def turns(self) -> NDArray[np.int64]:
        """(t,) Moments from which on an offer may or may no longer be sent, ascending, microseconds since 1970 UTC."""
        begin, end = self.starts[self.starts != -_NEVER], self.ends[self.ends != _NEVER] + 1
        return np.unique(np.concatenate([begin, end]))

    @cached_property
    def compared(self) -> ConditionColumns:
        """Conditions that only compare numbers."""
        return ConditionColumns.of(self.offers)

    @cached_property
    def conditional(self) -> Flags:
        """(n,) Which ask something else of the customer."""
        return np.array([one.suits is not None for one in self.offers], np.bool_) & ~self.compared.offers

    def valid_for(self, places: Places, now: datetime) -> Array:
        """(k,) Days for which offers can be used, as `validity.days_left` counts them."""
        left = (self.ends[places] - micros(begun(now))) / _DAY
        return np.asarray(np.maximum(np.minimum(self.valid_days[places], left), 0.0))

    def naming(self, name: str, product_ids: Iterable[str]) -> Places:
        """Places of the offers of a type that name one of some products, in order."""
        if name not in self.of_type:
            return np.empty(0, np.intp)
        places = {place for product in product_ids for place in self.by_product.get(product, ()) if self.types[place] == name}
        return np.array(sorted(places), np.intp)

    def products(self, place: int) -> tuple[str, ...]:
        """Products of one offer, as written."""
        return self.offers[place].offer.product_ids


@dataclass(frozen=True)
class Availability:
    """Which written offers name something that cannot be had.

    Attributes:
        inactive, sold_out: (n,).
    """

    inactive: Flags
    sold_out: Flags

    @classmethod
    def of(cls, columns: WrittenColumns, catalogue: Catalogue) -> Availability:
        """By today's stock."""
        ids = columns.product_ids.tolist()
        return cls(
            _any_of([not catalogue.active(p) for p in ids], columns.first),
            _any_of([not catalogue.offerable(p) for p in ids], columns.first),
        )


@dataclass(frozen=True)
class _Product:
    product_id: str
    order: int
    position: int
    category: int


def _products(
    product_ids: tuple[str, ...], catalogue: Catalogue, index_of: Callable[[str], int | None], categories: Mapping[str, int]
) -> list[_Product]:
    rows = []
    for order, product in enumerate(product_ids):
        position, category = index_of(product), catalogue.category_of(product)
        rows.append(
            _Product(product, order, -1 if position is None else position, -1 if category is None else categories.get(category, -1))
        )
    return sorted(rows, key=lambda row: row.category)


def _any_of(flags: list[bool], first: NDArray[np.intp]) -> Flags:
    """Whether any product of each offer is flagged, (n,)."""
    sums = np.concatenate([[0], np.cumsum(flags)])
    return np.asarray(sums[first[1:]] > sums[first[:-1]])


def _numbered(values: list[_Kind]) -> tuple[NDArray[np.intp], tuple[_Kind, ...]]:
    kinds = {value: place for place, value in enumerate(dict.fromkeys(values))}
    return np.array([kinds[value] for value in values], np.intp), tuple(kinds)


def _objects(values: Sequence[str | None]) -> NDArray[np.object_]:
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made
