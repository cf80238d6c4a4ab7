"""Replenishment: a category the customer will need again soon, with the product they usually take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.offers.offer import Offer
from serving.category_needs import category_needs, usual_quantities
from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferItem, OfferReason
from serving.offers.terms import Objection, asks_for_products
from serving.offers.written import Written


@dataclass(frozen=True)
class _Due:
    """Chance of buying within the horizon and soon, days until the category is due, usual quantity."""

    probability: float
    soon: float
    days: float
    quantity: float


@dataclass(frozen=True)
class ReplenishmentOffers:
    """One candidate per category that is due.

    Attributes:
        due_within_days: two steps of the model: a reminder sent now still comes before the purchase.
        considered: categories forecast in full, those most likely within the first 7 days; so a request stays short, and a category beyond
            them is one that eight others are more urgent than.
    """

    name: str = "replenishment"
    due_within_days: float = 14.0
    considered: int = 8

    def candidates(self, context: CustomerContext) -> list[Candidate]:
        """Categories that the model finds due."""
        return self._of_model(context)

    def written(self, context: CustomerContext) -> Written | None:
        """The shop's own of what the customer bought before."""
        bought = [] if context.customer is None else context.customer.recent.product_ids.tolist()
        return Written(context.live.written.naming(self.name, bought), lambda _: ())

    def demand(self, offer: Offer) -> Objection | None:
        """What is bought again."""
        return asks_for_products(offer)

    def _of_model(self, context: CustomerContext) -> list[Candidate]:
        """Categories whose due date is near and that have a product to offer."""
        model, inputs, customer, known = context.live.models.repurchase, context.category_inputs, context.customer, context.category_hazards
        if model is None or inputs is None or customer is None or known is None:
            return []
        category, of_customer = inputs
        rows = np.argsort(-known[:, 0], kind="stable")[: self.considered]
        needs = category_needs(model, category[rows], of_customer, known=known[rows])
        due = np.flatnonzero(needs.days_until_due <= self.due_within_days)
        if not len(due):
            return []
        quantities = usual_quantities(customer.category_features[rows])
        own = context.live.catalogue.own_products(customer.recent.product_ids.tolist())
        found = []
        for place, row in zip(due.tolist(), rows[due].tolist(), strict=True):
            name, days = customer.categories[row], float(needs.days_until_due[place])
            product = context.live.catalogue.usual_product(name, own)
            if product is not None:
                chance = context.category_chances[name]
                found.append(
                    self._candidate(
                        context, name, product, _Due(chance, context.category_chances_soon[name], days, float(quantities[place]))
                    )
                )
        return found

    def _candidate(self, context: CustomerContext, category: str, product: str, due: _Due) -> Candidate:
        catalogue = context.live.catalogue
        return Candidate(
            offer_id=f"{self.name}:{category}",
            type=self.name,
            items=(OfferItem(product, catalogue.name(product), due.probability),),
            probability=due.probability,
            soon=due.soon,
            margin=catalogue.margin(product) * due.quantity,
            reasons=(_because(catalogue.category_name(category), due.days),),
            until=None,
            channels=tuple(catalogue.assumptions.consent.channels),
        )


def _because(category: str, days: float) -> OfferReason:
    name = category.capitalize()
    english = "a day" if days < 1.5 else f"{days:.0f} days"
    return OfferReason(
        "due_soon",
        f"{name} will be needed again in about {english}",
        f"预计约 {days:.0f} 天后需要再次购买 {category}",
        f"Time for {name} again?",
        f"{category} 该补货了",
    )
