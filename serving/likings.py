"""What the item and the bundle model say of one customer: products and sets they may like, and how much of a category an offer is.

What follows from the customer alone is remembered; stock and cart are looked at in every answer.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from serving.category_needs import REACH_DAYS, chances_each_within, usual_quantities
from serving.new_needs import NewNeed, new_needs_of
from serving.offers.within import all_within
from serving.remembered import Kept, remembered
from training.artifacts.bundles import ScoredBundle
from training.artifacts.items import ItemTaste, ScoredItem
from training.artifacts.logistic_map import sigmoid
from training.artifacts.top_positions import top_positions

if TYPE_CHECKING:
    from serving.customer_context import CustomerContext

_LOOKED_THROUGH = 64  # products and sets kept of the best: sixteen times what is shown, so that a sell-out leaves enough


@dataclass(frozen=True)
class Likings:
    """Of one customer in one request, each asked at most once and only when needed.

    Attributes:
        context: the customer, the cart, the state to answer from.
    """

    context: CustomerContext

    @property
    def kept(self) -> Kept | None:
        """What is remembered of the customer."""
        return self.context.kept

    @cached_property
    def _cartless(self) -> Likings:
        """The same without the cart."""
        return replace(self.context, cart=()).likings if self.context.cart else self

    @remembered
    def usual_taste(self) -> ItemTaste | None:
        """What the item model knows of the customer, their cart apart."""
        items = self.context.live.models.items
        return None if items is None else items.taste(self._cartless.context.taste)

    @cached_property
    def taste_now(self) -> ItemTaste | None:
        """The same with their cart."""
        items = self.context.live.models.items
        return items.taste(self.context.taste) if self.context.cart and items is not None else self.usual_taste

    @cached_property
    def item_logits(self) -> NDArray[np.float32] | None:
        """Log-odds of every product of the item model; what anybody would buy when nothing personal is used."""
        items = self.context.live.models.items
        if items is None:
            return None
        return items.logits_of(self.taste_now)

    @property
    def items_numberless(self) -> bool:
        """Whether the item model gives no number for some product."""
        items = self.context.live.models.items
        if not self.context.cart or items is None:
            return self.items_usually_numberless
        return not items.has_numbers(self.taste_now) and self.item_logits is not None and bool(np.isnan(self.item_logits).any())

    @remembered
    def items_usually_numberless(self) -> bool:
        """The same, the cart apart."""
        items = self.context.live.models.items
        if items is None or items.has_numbers(self.usual_taste):
            return False
        logits = self._cartless.item_logits
        return logits is not None and bool(np.isnan(logits).any())

    def item_logits_at(self, positions: NDArray[np.intp]) -> NDArray[np.float32] | None:
        """`item_logits` of some products; cheap where the others are not asked for."""
        items = self.context.live.models.items
        if items is None or self.context.cart or "item_logits" in self.__dict__:
            return None if self.item_logits is None else self.item_logits[positions]
        return items.logits_of(self.usual_taste, positions)

    @cached_property
    def liked(self) -> NDArray[np.float64] | None:
        """Sum of the chances within the horizon over the products of each category where the customer bought, or looked lately.

        That is what an offer of all of a category is a part of; 0 where they never did.
        """
        if self.context.live.models.items is None:
            return None
        found = np.zeros(len(self.context.live.category_places))
        found[self._own_categories] = self._liked_now if self.context.cart else self.usually_liked
        return found

    @remembered
    def usually_liked(self) -> NDArray[np.float64]:
        """`liked` of the categories the customer bought in or looked at, their cart apart, in the order of the features."""
        return self._cartless._liked_now

    @property
    def _liked_now(self) -> NDArray[np.float64]:
        logits, (names, of_product) = self.item_logits, self.context.live.item_categories
        if logits is None:
            return np.zeros(len(self._own_categories))
        chances = all_within(sigmoid(logits).astype(np.float64), self.context.horizon_days)
        return np.asarray(np.bincount(of_product, weights=chances, minlength=len(names)), np.float64)[self._own_categories]

    @cached_property
    def _own_categories(self) -> list[int]:
        """Places in `Live.item_categories` of the categories the customer bought in, or looked at lately."""
        places, customer = self.context.live.category_places, self.context.customer
        return [] if customer is None else [places[name] for name in (*customer.categories, *customer.looked_categories) if name in places]

    @cached_property
    def usual_quantity(self) -> NDArray[np.float64]:
        """How much of each of `Live.item_categories` the customer takes at a time; 1 where they never bought."""
        places, customer = self.context.live.category_places, self.context.customer
        found = np.ones(len(places))
        if customer is not None:
            for name, quantity in zip(customer.categories, usual_quantities(customer.category_features).tolist(), strict=True):
                if name in places:
                    found[places[name]] = quantity
        return found

    @cached_property
    def due_chances(self) -> NDArray[np.float64] | None:
        """Chances by `Live.item_categories` of what was bought or looked at; NaN of the others, None where there are none."""
        return self._due(self.context.looked_within(self.context.horizon_days) | self.context.category_chances)

    @cached_property
    def due_chances_soon(self) -> NDArray[np.float64] | None:
        """The same of `category_chances_soon`."""
        return self._due(self.context.looked_within(self.context.soon_days) | self.context.category_chances_soon)

    def due_within(self, categories: NDArray[np.intp], days: NDArray[np.float64]) -> NDArray[np.float64]:
        """`due_chances` of (n,) of `Live.item_categories`, each within its own (n,) days, at most the horizon."""
        found, context = np.full(len(categories), np.nan), self.context
        customer, places = context.customer, context.live.category_places
        if customer is None:
            return found
        for names, hazards in ((customer.looked_categories, context.looked_hazards), (customer.categories, context.category_hazards)):
            if hazards is not None:
                row_of = np.full(len(places) + 1, -1)  # the last stands for no category
                row_of[[places.get(name, -1) for name in names]] = np.arange(len(names))
                row_of[-1] = -1
                rows = row_of[categories]
                own = rows >= 0
                found[own] = chances_each_within(hazards[rows[own]], days[own])
        return found

    def _due(self, chances: dict[str, float]) -> NDArray[np.float64] | None:
        places = self.context.live.category_places
        if not chances:
            return None
        found = np.full(len(places), np.nan)
        known = [(places[name], chance) for name, chance in chances.items() if name in places]
        if known:
            at, values = zip(*known, strict=True)
            found[list(at)] = values
        return found

    def best_items(self, limit: int, *, explore: bool = False) -> list[ScoredItem]:
        """Products that may be offered, best first, none of them in the cart or just bought.

        Args:
            limit: how many at most.
            explore: leave out what the customer bought in the last year.
        """
        items, mask = self.context.live.models.items, self.context.live.item_mask
        if items is None:
            return []
        if explore and not self.context.cart and mask is not None:
            positions, logits = self.newest_likings
            open_to = mask[positions] & ~np.isin(items.product_ids[positions], list(self.context.barred))
            if open_to.sum() >= limit:
                positions, logits = positions[open_to][:limit], logits[open_to][:limit]
                columns = zip(items.product_ids[positions].tolist(), logits.tolist(), sigmoid(logits).tolist(), strict=True)
                return [ScoredItem(product, score, chance) for product, score, chance in columns]
        exclude = {*self.context.barred, *self.context.recent.product_ids.tolist()} if explore else self.context.barred
        if items.ranked is not None and "item_logits" not in self.__dict__:
            return items.best_for(self.taste_now, limit, allowed=mask, exclude=exclude)
        return [] if self.item_logits is None else items.best(self.item_logits.copy(), limit, allowed=mask, exclude=exclude)

    @remembered
    def newest_likings(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Positions and log-odds of the products the customer never bought and may like best, stock and cart apart, best first."""
        items = self.context.live.models.items
        if items is not None and items.ranked is not None and "item_logits" not in self.__dict__:
            likeliest = items.best_for(self.usual_taste, _LOOKED_THROUGH, exclude=self.context.recent.product_ids.tolist())
            found = items.positions_of([one.product_id for one in likeliest])[0]
            return found, np.array([one.score for one in likeliest], np.float32)
        logits = self.item_logits
        if items is None or logits is None:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        unknown = logits.copy()
        unknown[items.positions_of(self.context.recent.product_ids.tolist())[0]] = -np.inf
        best = top_positions(unknown, min(_LOOKED_THROUGH, len(unknown)))
        best = best[np.isfinite(unknown[best])]
        return best, unknown[best]

    @property
    def new_needs(self) -> tuple[NewNeed, ...]:
        """Categories the customer never bought from and will probably come to; empty without customer or model."""
        mask, customer = self.context.live.item_mask, self.context.customer
        if customer is None or mask is None:
            return ()
        judged_by, known = (None, ()) if self.context.cart else self.needs_by_stock
        if judged_by is mask:
            return known
        # The cart, or other stock than when it was remembered.
        places = self.context.live.category_places
        looked = {places[name]: chance for name, chance in self.context.looked_within(REACH_DAYS).items() if name in places}
        categories = self.context.live.item_categories
        found = () if self.item_logits is None else new_needs_of(self.item_logits, mask, categories, customer.categories, looked=looked)
        if self.context.kept is not None and not self.context.cart:
            self.context.kept["needs_by_stock"] = self.__dict__["needs_by_stock"] = (mask, found)
        return found

    @remembered
    def needs_by_stock(self) -> tuple[NDArray[np.bool_] | None, tuple[NewNeed, ...]]:
        """`new_needs`, and the stock by which they were found."""
        return None, ()

    def best_bundles(self, limit: int) -> list[ScoredBundle]:
        """Sets that may be offered, best first: none with what was just bought, none that the cart holds whole."""
        model = self.context.live.models.bundles
        if model is None:
            return []
        if not self.context.cart:
            offerable, barred = self.context.live.catalogue.offerable, self.context.just_bought
            open_to = (one for one in self.likely_bundles if all(offerable(p) and p not in barred for p in one.product_ids))
            found = list(itertools.islice(open_to, limit))
            if len(found) == limit:
                return found
        logits = self.bundle_logits
        if logits is None:
            return []
        return model.best(logits.copy(), limit, active=self.context.bundle_mask, just_bought=self.context.cart)

    @cached_property
    def bundle_logits(self) -> NDArray[np.float32] | None:
        """Log-odds of every set of the bundle model."""
        model = self.context.live.models.bundles
        return None if model is None else model.logits(self.context.recent)

    @property
    def bundles_numberless(self) -> bool:
        """Whether the bundle model gives no number for some set."""
        logits = self.bundle_logits if self.context.cart else None
        return bool(np.isnan(logits).any()) if logits is not None else self.bundles_usually_numberless

    @remembered
    def bundles_usually_numberless(self) -> bool:
        """The same, the cart apart."""
        logits = self._cartless.bundle_logits
        return logits is not None and bool(np.isnan(logits).any())

    @remembered
    def likely_bundles(self) -> list[ScoredBundle]:
        """The likeliest sets, stock and cart apart."""
        model, logits = (
            self.context.live.models.bundles,
            self._cartless.bundle_logits,
        )
        return [] if model is None or logits is None else model.best(logits.copy(), _LOOKED_THROUGH)
