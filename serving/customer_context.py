"""One customer in one request: what is known, and what the models say, each asked at most once and only when needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.recent import RecentPurchases, nothing_recent
from features.store import CustomerFeatures
from serving.category_needs import chances_within, hazards_within
from serving.channel_scores import Leaving, leaving_of, lost_margin
from serving.churn_scores import ChurnScores, score_churn
from serving.live import Live
from serving.new_needs import NewNeed, new_needs_of
from serving.offers.within import all_within, within
from serving.remembered import Kept, remembered
from serving.segments import Segments, cycle_survival, segments_of
from training.artifacts.bundles import ScoredBundle
from training.artifacts.items import ItemTaste, ScoredItem
from training.artifacts.logistic_map import sigmoid
from training.artifacts.reasons import Reason
from training.artifacts.top_positions import top_positions
from training.artifacts.value import ValueScores

_FEWEST_PEOPLE = 100  # without an order four weeks ago; of fewer, the share of those who came is uncertain by more than its size


_LOOKED_THROUGH = 64  # products and sets kept of the best: sixteen times what is shown, so that a sell-out leaves enough


@dataclass(frozen=True)
class CustomerContext:
    """What offers are made from.

    Attributes:
        live: the state this request answers from.
        now: the service's clock, UTC.
        customer: features; None for somebody unknown, and whenever nothing personal may be used.
        channel: where the answer will be sent, None when not yet decided.
        cart: product ids in the cart now.
        contact: outbound channels the customer agreed to be contacted on; None where nobody in particular is asked about.
        horizon_days: within which responses are predicted.
        soon_days: within which the effect of an offer shows, at most the horizon.
        kept: what is remembered of the customer as their features are; None: nothing is.
    """

    live: Live
    now: datetime
    customer: CustomerFeatures | None = None
    channel: str | None = None
    cart: tuple[str, ...] = ()
    contact: frozenset[str] | None = None
    horizon_days: int = 28
    soon_days: int = 7
    kept: Kept | None = None

    def usable(self, channels: Sequence[str]) -> tuple[str, ...]:
        """Of the channels an offer may use, those on which this person may be reached."""
        inbound = self.live.catalogue.assumptions.consent.inbound_channels
        return tuple(c for c in channels if self.contact is None or c in self.contact or c in inbound)

    @property
    def comes_by_themselves(self) -> bool:
        """Whether the answer is shown to somebody who is here, rather than sent."""
        return self.channel in self.live.catalogue.assumptions.consent.inbound_channels

    @property
    def personal(self) -> bool:
        """Whether anything of the customer may be and is used."""
        return self.customer is not None

    @property
    def buyer(self) -> CustomerFeatures | None:
        """The customer, if they ever ordered: the only ones of whom models of orders say anything."""
        return self.customer if self.customer is not None and self.customer.has_ordered else None

    @property
    def message_price(self) -> float:
        """Price of one message on the channel; nothing where the answer is shown to somebody who is here."""
        return 0.0 if self.comes_by_themselves else self.live.catalogue.assumptions.contact_cost(self.channel)

    @cached_property
    def p_order(self) -> float | None:
        """P(orders within the horizon); of somebody who never ordered, the share of such people that do. None without model, or few."""
        return self._orders_within(self.horizon_days)

    @cached_property
    def p_order_soon(self) -> float | None:
        """P(orders within `soon_days`); as `p_order`."""
        return self._orders_within(self.soon_days)

    def _orders_within(self, days: int) -> float | None:
        if self.customer is not None and not self.customer.has_ordered:
            return self._first_order(days)
        return None if self.churn is None else 1.0 - cycle_survival(self.churn.curve[0], float(days))

    def _first_order(self, days: int) -> float | None:
        found = self.live.catalogue.products.first_orders
        if found is None or found.people < _FEWEST_PEOPLE:
            return None
        return within((found.ordered + 0.5) / (found.people + 1.0), float(days))  # Jeffreys: none seen is not never

    @property
    def usual_basket(self) -> float:
        """Mean amount of the customer's orders; of somebody who never ordered, of the shop's first orders. 0 where neither is known."""
        if self.customer is None:
            return 0.0
        firsts = self.live.catalogue.products.first_orders
        mean = self.customer.value("amount_mean") if self.customer.has_ordered else 0.0 if firsts is None else firsts.basket
        return mean if math.isfinite(mean) else 0.0

    @cached_property
    def cost_of_leaving(self) -> float:
        """What one message costs because the customer may leave the channel over it.

        0 for somebody unknown, without the model, and where the answer is shown to somebody who is here.
        """
        if self.customer is None or self.comes_by_themselves:
            return 0.0
        leaving = self.leaving
        return 0.0 if leaving is None else leaving.cost

    @remembered
    def leaving(self) -> Leaving | None:
        """How likely the customer is to leave the channel, and what a message adds to it; None without customer or model."""
        model, customer = self.live.models.channel_churn, self.customer
        return None if model is None or customer is None else leaving_of(model, customer.vector, self.live.catalogue.assumptions)

    @cached_property
    def lost_by_leaving(self) -> float:
        """Money lost when the customer leaves the channel; 0 for somebody unknown."""
        return 0.0 if self.customer is None else float(lost_margin(self.customer.vector[None, :], self.live.catalogue.assumptions)[0])

    @cached_property
    def recent(self) -> RecentPurchases:
        """Recent purchases with the cart's products as bought today: what is in the cart tells most about the next need."""
        return nothing_recent() if self.customer is None else with_cart(self.customer.recent, self.cart)

    @cached_property
    def taste(self) -> RecentPurchases:
        """What speaks for the customer's taste: purchases and cart; of somebody who never ordered, what they looked at, and the cart.

        Looks have no order: the item model then takes nothing for a repeat purchase.
        """
        if self.customer is None or self.customer.has_ordered or not len(self.customer.looked):
            return self.recent
        return replace(with_cart(self.customer.looked, self.cart), orders=0)

    @cached_property
    def just_bought(self) -> frozenset[str]:
        """Products bought so lately that nobody needs to be offered them again."""
        days = self.live.catalogue.assumptions.catalogue.just_bought_days
        if self.customer is None or days <= 0:
            return frozenset()
        recent, passed = self.customer.recent, max(0.0, (self.now - self.customer.as_of) / timedelta(days=1))
        return frozenset(recent.product_ids[recent.days_since_last + passed < days].tolist())

    @cached_property
    def barred(self) -> frozenset[str]:
        """Products that are in the cart or were just bought."""
        return self.just_bought | frozenset(self.cart)

    @cached_property
    def bundle_mask(self) -> NDArray[np.bool_] | None:
        """Which of the bundle model's products may be offered to this customer: a set with what was just bought would sell it twice."""
        bundles, mask = self.live.models.bundles, self.live.bundle_mask
        if bundles is None or mask is None or not self.just_bought:
            return mask
        return mask & ~np.isin(bundles.table.product_ids, list(self.just_bought))

    @remembered
    def churn(self) -> ChurnScores | None:
        """Churn scores of this one customer; None without model, and of somebody who never ordered: they have nothing to return to."""
        model = self.live.models.return_hazard
        return None if model is None or self.buyer is None else score_churn(model, self.buyer.vector[None, :])

    @remembered
    def churn_causes(self) -> list[Reason]:
        """What moves the churn probability most; empty without customer or model."""
        model = self.live.models.return_hazard
        return [] if model is None or self.customer is None else model.reasons(self.customer.vector)

    @remembered
    def value(self) -> ValueScores | None:
        """What this one customer is worth; None without model, and of somebody who never ordered: the model learned from who did."""
        model = self.live.models.value
        return None if model is None or self.buyer is None else model.score(self.buyer.vector[None, :])

    @cached_property
    def segments(self) -> Segments:
        """Stage and value layer."""
        return segments_of(self.live, self.customer, self.churn, self.value)

    @remembered
    def usual_taste(self) -> ItemTaste | None:
        """What the item model knows of the customer, their cart apart."""
        items = self.live.models.items
        return None if items is None else items.taste((replace(self, cart=()) if self.cart else self).taste)

    @cached_property
    def item_logits(self) -> NDArray[np.float32] | None:
        """Log-odds of every product of the item model; what anybody would buy when nothing personal is used."""
        items = self.live.models.items
        if items is None:
            return None
        return items.logits(self.taste) if self.cart else items.logits_of(self.usual_taste)

    def item_logits_at(self, positions: NDArray[np.intp]) -> NDArray[np.float32] | None:
        """`item_logits` of some products; cheap where the others are not asked for."""
        items = self.live.models.items
        if items is None or self.cart or "item_logits" in self.__dict__:
            return None if self.item_logits is None else self.item_logits[positions]
        return items.logits_of(self.usual_taste, positions)

    @cached_property
    def liked(self) -> NDArray[np.float64] | None:
        """Sum of the chances within the horizon over the products of each of `Live.item_categories`, where the customer bought in it.

        That is what an offer of all of a category is a part of; 0 where they never bought.
        """
        if self.live.models.items is None:
            return None
        found = np.zeros(len(self.live.category_places))
        found[self._own_categories] = self._liked_now if self.cart else self.usually_liked
        return found

    @remembered
    def usually_liked(self) -> NDArray[np.float64]:
        """`liked` of the categories the customer bought in, their cart apart, in the order of the features."""
        return replace(self, cart=(), kept=None)._liked_now

    @property
    def _liked_now(self) -> NDArray[np.float64]:
        logits, (names, of_product) = self.item_logits, self.live.item_categories
        if logits is None:
            return np.zeros(len(self._own_categories))
        chances = all_within(sigmoid(logits).astype(np.float64), self.horizon_days)
        return np.asarray(np.bincount(of_product, weights=chances, minlength=len(names)), np.float64)[self._own_categories]

    @cached_property
    def _own_categories(self) -> list[int]:
        """Places in `Live.item_categories` of the categories the customer bought in."""
        places, customer = self.live.category_places, self.customer
        return [] if customer is None else [places[name] for name in customer.categories if name in places]

    @cached_property
    def due_chances(self) -> NDArray[np.float64] | None:
        """`category_chances` in the order of `Live.item_categories`, NaN where the customer never bought; None where there are none."""
        return self._due(self.category_chances)

    @cached_property
    def due_chances_soon(self) -> NDArray[np.float64] | None:
        """The same of `category_chances_soon`."""
        return self._due(self.category_chances_soon)

    def _due(self, chances: dict[str, float]) -> NDArray[np.float64] | None:
        places = self.live.category_places
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
        items, mask = self.live.models.items, self.live.item_mask
        if items is None:
            return []
        if explore and not self.cart and mask is not None:
            positions, logits = self.newest_likings
            open_to = mask[positions] & ~np.isin(items.product_ids[positions], list(self.barred))
            if open_to.sum() >= limit:
                positions, logits = positions[open_to][:limit], logits[open_to][:limit]
                columns = zip(items.product_ids[positions].tolist(), logits.tolist(), sigmoid(logits).tolist(), strict=True)
                return [ScoredItem(product, score, chance) for product, score, chance in columns]
        if self.item_logits is None:
            return []
        exclude = {*self.barred, *self.recent.product_ids.tolist()} if explore else self.barred
        return items.best(self.item_logits.copy(), limit, allowed=mask, exclude=exclude)

    @remembered
    def newest_likings(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Positions and log-odds of the products the customer never bought and may like best, stock and cart apart, best first."""
        items, logits = self.live.models.items, self.item_logits
        if items is None or logits is None:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        unknown = logits.copy()
        unknown[items.positions_of(self.recent.product_ids.tolist())[0]] = -np.inf
        best = top_positions(unknown, min(_LOOKED_THROUGH, len(unknown)))
        best = best[np.isfinite(unknown[best])]
        return best, unknown[best]

    @property
    def new_needs(self) -> tuple[NewNeed, ...]:
        """Categories the customer never bought from and will probably come to; empty without customer or model."""
        mask, customer = self.live.item_mask, self.customer
        if customer is None or mask is None:
            return ()
        judged_by, known = (None, ()) if self.cart else self.needs_by_stock
        if judged_by is mask:
            return known
        # The cart, or other stock than when it was remembered.
        found = () if self.item_logits is None else new_needs_of(self.item_logits, mask, self.live.item_categories, customer.categories)
        if self.kept is not None and not self.cart:
            self.kept["needs_by_stock"] = self.__dict__["needs_by_stock"] = (mask, found)
        return found

    @remembered
    def needs_by_stock(self) -> tuple[NDArray[np.bool_] | None, tuple[NewNeed, ...]]:
        """`new_needs`, and the stock by which they were found."""
        return None, ()

    def best_bundles(self, limit: int) -> list[ScoredBundle]:
        """Sets that may be offered, best first: none with what was just bought, none that the cart holds whole."""
        model = self.live.models.bundles
        if model is None:
            return []
        if not self.cart:
            offerable, barred = self.live.catalogue.offerable, self.just_bought
            found = [one for one in self.likely_bundles if all(offerable(p) and p not in barred for p in one.product_ids)]
            if len(found) >= limit:
                return found[:limit]
        return model.recommend(self.recent, limit=limit, active=self.bundle_mask, just_bought=self.cart)

    @remembered
    def likely_bundles(self) -> list[ScoredBundle]:
        """The likeliest sets, stock and cart apart."""
        model = self.live.models.bundles
        return [] if model is None else model.recommend(replace(self, cart=()).recent, limit=_LOOKED_THROUGH)

    @remembered
    def category_hazards(self) -> NDArray[np.float64] | None:
        """(categories, steps) P(bought again in each step that begins within the horizon); None when there is nothing to ask."""
        model, inputs = self.live.models.repurchase, self.category_inputs
        return None if model is None or inputs is None else hazards_within(model, *inputs, self.horizon_days)

    @cached_property
    def category_chances(self) -> dict[str, float]:
        """Category the customer has bought → P(buys it again within the horizon); empty without customer or model."""
        return self._categories_within(self.horizon_days)

    @cached_property
    def category_chances_soon(self) -> dict[str, float]:
        """The same within `soon_days`."""
        return self._categories_within(self.soon_days)

    def _categories_within(self, days: int) -> dict[str, float]:
        hazards = self.category_hazards
        if hazards is None or self.customer is None:
            return {}
        return dict(zip(self.customer.categories, chances_within(hazards, days).tolist(), strict=True))

    @cached_property
    def category_inputs(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """The repurchase model's inputs: (categories, features) and (features,); None when there is nothing to ask."""
        columns, of_customer = self.live.category_columns, self.live.customer_columns
        if self.customer is None or columns is None or of_customer is None or not self.customer.categories:
            return None
        return self.customer.category_features[:, columns], self.customer.vector[of_customer]


def with_cart(recent: RecentPurchases, cart: Sequence[str]) -> RecentPurchases:
    """Recent purchases as if the cart had just been ordered: its products come first, with one purchase more than before."""
    if not cart:
        return recent
    wanted = list(dict.fromkeys(cart))
    earlier = dict(zip(recent.product_ids.tolist(), recent.purchases.tolist(), strict=True))
    others = ~np.isin(recent.product_ids, wanted)
    return RecentPurchases(
        product_ids=np.concatenate([np.asarray(wanted, np.str_), recent.product_ids[others]]),
        purchases=np.concatenate([np.array([earlier.get(p, 0) + 1 for p in wanted], np.int32), recent.purchases[others]]),
        days_since_last=np.concatenate([np.zeros(len(wanted), np.float32), recent.days_since_last[others]]),
        orders=recent.orders + 1,
    )
