"""One customer in one request: what is known, and what the models say, each asked at most once and only when needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.decisions.sensitive import unprofiled
from features.recent import RecentPurchases, nothing_recent
from features.store import CustomerFeatures
from serving.cart import with_cart
from serving.category_needs import REACH_DAYS, chances_within, hazards_within
from serving.channel_scores import Leaving, leaving_of
from serving.churn_scores import ChurnScores, score_churn
from serving.likings import Likings
from serving.live import Live
from serving.numberless import numberless
from serving.offers.within import within
from serving.remembered import Kept, remembered
from serving.segments import Segments, cycle_survival, segments_of
from training.artifacts.reasons import Reason
from training.artifacts.value import ValueScores

_FEWEST_PEOPLE = 100  # without an order four weeks ago; of fewer, the share of those who came is uncertain by more than its size


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

    @cached_property
    def seen(self) -> NDArray[np.float64]:
        """(features,) What models are asked by: the customer's features without who they are. Empty for nobody in particular.

        What is offered to somebody, a discount above all, follows what they did, not their age or income. A written offer's conditions
        may ask for those where it gives no discount.
        """
        return np.empty(0) if self.customer is None else unprofiled(self.customer.vector)

    @property
    def message_price(self) -> float:
        """Price of one message on the channel; nothing where the answer is shown to somebody who is here."""
        return 0.0 if self.comes_by_themselves else self.live.catalogue.assumptions.contact_cost(self.channel)

    @cached_property
    def p_order(self) -> float | None:
        """P(orders within the horizon); of somebody who never ordered, the share of such people that do. None without model, or few."""
        return self.orders_within(self.horizon_days)

    @cached_property
    def p_order_soon(self) -> float | None:
        """P(orders within `soon_days`); as `p_order`."""
        return self.orders_within(self.soon_days)

    def orders_within(self, days: float) -> float | None:
        """P(orders within so many days), at most as far as the curve of churn goes; as `p_order`."""
        if self.customer is not None and not self.customer.has_ordered:
            return self._first_order(days)
        return None if self.churn is None else 1.0 - cycle_survival(self.churn.curve[0], float(days))

    def _first_order(self, days: float) -> float | None:
        found = self.live.catalogue.products.first_orders
        if found is None or found.people < _FEWEST_PEOPLE:
            return None
        return within((found.ordered + 0.5) / (found.people + 1.0), days)  # Jeffreys: none seen is not never

    @property
    def usual_basket(self) -> float:
        """Mean amount of the customer's orders; of somebody who never ordered, of the shop's first orders. 0 where neither is known."""
        if self.customer is None:
            return 0.0
        firsts = self.live.catalogue.products.first_orders
        mean = self.customer.value("amount_mean") if self.customer.has_ordered else 0.0 if firsts is None else firsts.basket
        return mean if math.isfinite(mean) else 0.0

    @property
    def added_leaving(self) -> float:
        """What one message adds to the chance that the customer leaves the channel.

        0 for somebody unknown, without the model, and where the answer is shown to somebody who is here.
        """
        leaving = None if self.comes_by_themselves else self.leaving
        return 0.0 if leaving is None else leaving.added

    @remembered
    def leaving(self) -> Leaving | None:
        """How likely the customer is to leave the channel, and what a message adds to it; None without customer or model."""
        model, customer = self.live.models.channel_churn, self.customer
        return None if model is None or customer is None else leaving_of(model, self.seen)

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
        """Churn scores of this one customer; None without model, and of somebody who never ordered: they have nothing to return to.

        None as well where the model gives no number (`serving.numberless`).
        """
        model = self.live.models.return_hazard
        scores = None if model is None or self.buyer is None else score_churn(model, self.seen[None, :])
        return None if scores is None or np.isnan(scores.curve).any() else scores

    @remembered
    def churn_causes(self) -> list[Reason]:
        """What moves the churn probability most; empty without customer or model."""
        model = self.live.models.return_hazard
        return [] if model is None or self.customer is None else model.reasons(self.seen)

    @remembered
    def value(self) -> ValueScores | None:
        """What this one customer is worth; None without model, and of somebody who never ordered: the model learned from who did.

        None as well where the model gives no number.
        """
        model = self.live.models.value
        scores = None if model is None or self.buyer is None else model.score(self.seen[None, :])
        return None if scores is None or np.isnan(scores.predicted_clv).any() or np.isnan(scores.percentile).any() else scores

    @cached_property
    def segments(self) -> Segments:
        """Stage and value layer."""
        return segments_of(self.live, self.customer, self.churn, self.value)

    @cached_property
    def likings(self) -> Likings:
        """What the item and bundle models say of the customer."""
        return Likings(self)

    @remembered
    def category_hazards(self) -> NDArray[np.float64] | None:
        """(categories, steps) P(bought again in each step that begins within the horizon); None when there is nothing to ask."""
        model, inputs = self.live.models.repurchase, self.category_inputs
        return None if model is None or inputs is None else hazards_within(model, *inputs, self.horizon_days)

    @remembered
    def looked_hazards(self) -> NDArray[np.float64] | None:
        """As `category_hazards`, of what the customer looked at lately and never bought; of at least 28 days."""
        model, of_category, of_customer = self.live.models.repurchase, self.live.category_columns, self.live.customer_columns
        if model is None or of_category is None or of_customer is None or self.customer is None or not self.customer.looked_categories:
            return None
        days = max(self.horizon_days, REACH_DAYS)
        return hazards_within(model, self.customer.looked_features[:, of_category], self.seen[of_customer], days)

    def looked_within(self, days: int) -> dict[str, float]:
        """Category looked at lately and never bought → P(bought within so many days); empty without customer or model."""
        if self.looked_hazards is None or self.customer is None:
            return {}
        return dict(zip(self.customer.looked_categories, chances_within(self.looked_hazards, days).tolist(), strict=True))

    @cached_property
    def numberless(self) -> tuple[str, ...]:
        """Models that gave no number for this customer."""
        return numberless(self)

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
        return self.customer.category_features[:, columns], self.seen[of_customer]
