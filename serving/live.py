"""Everything a request reads, as one immutable whole: customers, catalogue, models, and what follows from products and models together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.assumptions import FILE as ASSUMPTIONS_FILE
from features.assumptions import load_assumptions
from features.decisions.policy import DecisionPolicy
from features.feature_sets import CATEGORY, CUSTOMER
from features.products import FILE as PRODUCTS_FILE
from features.products import Coupon, read_products
from features.redis_server import RedisServer
from features.store import CustomerReader, open_reader
from serving.arm_models import ARM_NOT_SERVED, NO_ARMS, ArmModels
from serving.catalogue import Catalogue
from serving.decisioning.contacts import rules_of
from serving.decisioning.experiments import ExperimentBook
from serving.decisioning.layouts import Layouts
from serving.file_stamp import Stamp, stamp_of
from serving.live_models import LiveModels
from serving.offers.book import OfferBook
from serving.offers.written_columns import Availability, WrittenColumns
from serving.remembered import Memory

# What of a state follows from a model besides the customers; nothing follows from the others.
_FOLLOWING: Mapping[str, tuple[str, ...]] = {
    "items": ("item_mask", "item_categories", "category_places", "written", "availability", "coupon_positions", "new_bundles"),
    "bundles": ("bundle_mask", "new_bundles"),
    "repurchase": ("category_columns", "customer_columns"),
}


@dataclass(frozen=True)
class Live:
    """One moment's state; a request takes it once and uses nothing else, so that an answer never mixes two states.

    Attributes:
        version: name of the online state's version folder.
        reader: the customers.
        catalogue: products, coupons, assumptions.
        models: finished models.
        experiments: the policy that decides, and what is tried out beside it.
        offers: the shop's written offers.
        exhausted: ids of those whose budget is spent.
        stamp: of the products' file; None where it was not read from one.
        memory: what the models said of customers lately.
        arm_models: that answer in arms of experiments.
    """

    version: str
    reader: CustomerReader
    catalogue: Catalogue
    models: LiveModels
    experiments: ExperimentBook
    offers: OfferBook = field(default_factory=OfferBook)
    exhausted: frozenset[str] = frozenset()
    stamp: Stamp | None = None
    memory: Memory = field(default_factory=lambda: Memory(0))
    arm_models: ArmModels = NO_ARMS
    _arms: dict[tuple[tuple[str, str], ...], Live] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def policy(self) -> DecisionPolicy:
        """What decides where nothing is tried out."""
        return self.experiments.policy

    @property
    def as_of(self) -> datetime:
        """What the online features look from, UTC."""
        return self.catalogue.products.as_of

    @cached_property
    def look_back(self) -> timedelta:
        """How far into a person's history the policy looks."""
        return rules_of(self.policy.contact, self.catalogue.assumptions.outbound_channels).look_back

    def with_models(self, models: LiveModels) -> Live:
        """The same customers and products with other models."""
        return replace(self, models=models, memory=Memory(self.memory.most)).warm()

    def reading(self, reader: CustomerReader) -> Live:
        """The same with another line to the customers."""
        return self._sharing(replace(self, reader=reader, memory=Memory(self.memory.most)))

    def trying(self, experiments: ExperimentBook, arm_models: ArmModels = NO_ARMS) -> Live:
        """The same customers, products and models with other experiments, and what answers in their arms."""
        return self._sharing(replace(self, experiments=experiments, arm_models=arm_models)).warm()

    def in_arm(self, models: Mapping[str, str]) -> tuple[Live, dict[str, str]]:
        """The same state with an arm's models in the place of the live ones, made once.

        Args:
            models: model → label, as of `Assigned`.

        Returns:
            It, and what is degraded about it: where a model of the arm cannot be had, the live ones answer.
        """
        if not models:
            return self, {}
        key = tuple(sorted(models.items()))
        found = self._arms.get(key)
        if found is None:
            found = self._arms[key] = self._with_arm(models)  # two threads may both make it: either is right
        return found, {"arm": ARM_NOT_SERVED} if found is self else {}

    def without_arms(self) -> Live:
        """The same state in which the live models answer in every arm, and every answer of an arm says so."""
        return self._sharing(replace(self, arm_models=NO_ARMS))

    def _with_arm(self, models: Mapping[str, str]) -> Live:
        beside = self.arm_models.beside(self.models, models)
        if beside is None:
            return self
        made = replace(self, models=beside, memory=self.memory.beside(tuple(sorted(models.items()))), arm_models=NO_ARMS)
        return self._sharing(made, but={name for model in models for name in _FOLLOWING.get(model, ())}).warm()

    def with_offers(self, offers: OfferBook) -> Live:
        """The same customers, products and models with other written offers."""
        return self._sharing(replace(self, offers=offers), but=("written", "availability", "new_bundles")).warm()

    def _sharing(self, made: Live, *, but: Collection[str] = ()) -> Live:
        """The masks hold, all but some."""
        left = {"layouts", "look_back", *but}
        made.__dict__.update({name: value for name, value in self.__dict__.items() if name not in made.__dict__ and name not in left})
        return made

    @cached_property
    def layouts(self) -> Layouts:
        """What may be sent to customers asked about lately, of this state alone."""
        return Layouts(self.memory.most)

    def restocked(self, levels: Mapping[str, int | None]) -> Live:
        """The same customers and models with other stock; arguments as `Catalogue.restocked`."""
        made = replace(self, catalogue=self.catalogue.restocked(levels))
        made._arms.update({key: made if arm is self else arm.restocked(levels) for key, arm in self._arms.items()})
        lasting = ("written", "new_bundles", "category_places", "item_categories", "category_columns", "customer_columns")
        made.__dict__.update({name: self.__dict__[name] for name in lasting if name in self.__dict__})
        changed = {p for p in levels if made.catalogue.offerable(p) != self.catalogue.offerable(p)}
        if not changed:
            shared = ("item_mask", "bundle_mask", "coupon_positions", "availability", "layouts")
            made.__dict__.update({name: self.__dict__[name] for name in shared if name in self.__dict__})
        elif self.models.items is not None and self.item_mask is not None:
            ids = sorted(changed)
            positions, places = self.models.items.positions_of(ids)
            mask = self.item_mask.copy()
            mask[positions] = [made.catalogue.offerable(ids[place]) for place in places.tolist()]
            same = {
                c.offer_id: self.coupon_positions[c.offer_id] for c in self.catalogue.products.coupons if changed.isdisjoint(c.product_ids)
            }
            others = {c.offer_id: made._positions(c) for c in made.catalogue.products.coupons if c.offer_id not in same}
            made.__dict__.update(item_mask=mask, coupon_positions=same | others)
        return made.warm()

    def warm(self) -> Live:
        """Pay for the masks now, not in a request; returns itself."""
        self.catalogue.warm()
        _ = self.item_mask, self.item_categories, self.bundle_mask, self.coupon_positions, self.category_columns, self.customer_columns
        _ = self.category_places, self.written, self.availability, self.new_bundles, self.layouts
        for models in self.experiments.arm_models if self.arm_models is not NO_ARMS else ():
            self.in_arm(models)
        return self

    @cached_property
    def item_mask(self) -> NDArray[np.bool_] | None:
        """Which of the item model's products may be offered; None without the model."""
        items = self.models.items
        return None if items is None else self.catalogue.mask(items.product_ids.tolist())

    @cached_property
    def item_categories(self) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
        """Names of the categories of the item model's products, and each product's place among them; "" where it belongs to none."""
        items = self.models.items
        ids = [] if items is None else items.product_ids.tolist()
        names, places = np.unique(np.array([self.catalogue.category_of(p) or "" for p in ids], np.str_), return_inverse=True)
        return names, places.astype(np.int64)

    @cached_property
    def category_places(self) -> dict[str, int]:
        """Category → its place in `item_categories`."""
        return {name: place for place, name in enumerate(self.item_categories[0].tolist())}

    @cached_property
    def written(self) -> WrittenColumns:
        """The written offers as columns."""
        items = self.models.items
        return WrittenColumns.of(self.offers, self.catalogue, (lambda _: None) if items is None else items.index_of, self.category_places)

    @cached_property
    def availability(self) -> Availability:
        """Which of `written` name something that cannot be had now."""
        return Availability.of(self.written, self.catalogue)

    @cached_property
    def new_bundles(self) -> NDArray[np.intp]:
        """Places in `written` of the bundles that the bundle model does not know."""
        known = set() if self.models.bundles is None else set(self.models.bundles.table.bundle_ids)
        places = self.written.of_type.get("bundle", np.empty(0, np.intp))
        return np.array([p for p in places.tolist() if self.written.ids[p].removeprefix("bundle:") not in known], np.intp)

    @cached_property
    def bundle_mask(self) -> NDArray[np.bool_] | None:
        """Which of the bundle model's products may be offered; None without the model."""
        bundles = self.models.bundles
        return None if bundles is None else self.catalogue.mask(bundles.table.product_ids.tolist())

    @cached_property
    def coupon_positions(self) -> dict[str, NDArray[np.int64]]:
        """Offer id → positions, in the item model, of the coupon's products that may be offered."""
        return {coupon.offer_id: self._positions(coupon) for coupon in self.catalogue.products.coupons}

    def _positions(self, coupon: Coupon) -> NDArray[np.int64]:
        items = self.models.items
        if items is None:
            return np.empty(0, np.int64)
        return items.positions_of([p for p in coupon.product_ids if self.catalogue.offerable(p)])[0]

    @cached_property
    def category_columns(self) -> NDArray[np.intp] | None:
        """Columns of the online category block that the repurchase model reads, in its order."""
        repurchase = self.models.repurchase
        return None if repurchase is None else np.array([CATEGORY.columns.index(name) for name in repurchase.category_inputs], np.intp)

    @cached_property
    def customer_columns(self) -> NDArray[np.intp] | None:
        """Columns of the online customer vector that the repurchase model reads, in its order."""
        repurchase = self.models.repurchase
        return None if repurchase is None else np.array([CUSTOMER.columns.index(name) for name in repurchase.customer_inputs], np.intp)


def open_live(folder: Path, models: LiveModels, policy: DecisionPolicy, *, remembered: int = 0, server: RedisServer | None = None) -> Live:
    """Open a version folder of the online state.

    Args:
        folder: what `huitou build` wrote.
        models: to answer with.
        policy: to decide by.
        remembered: customers of whom is kept what the models said of them.
        server: the Redis that may hold the customers' rows.

    Raises:
        StateMissing: there is no store in the folder.
        StateBroken: the products file is damaged.
        SourceUnreadable: the assumptions file is damaged.
    """
    stamp = stamp_of(folder / PRODUCTS_FILE)  # before it is read: what is written meanwhile is read again
    catalogue = Catalogue(read_products(folder), load_assumptions(folder / ASSUMPTIONS_FILE))
    made = Live(
        folder.name, open_reader(folder, server), catalogue, models, ExperimentBook((), policy), memory=Memory(remembered), stamp=stamp
    )
    return made.warm()
