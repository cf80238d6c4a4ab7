"""New need: a category the customer never bought from, and will probably come to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serving.customer_context import CustomerContext
from serving.new_needs import NewNeed
from serving.offers.protocol import Candidate, OfferItem, OfferReason
from serving.offers.within import within
from serving.offers.written import Written, every_written

_HORIZONS = (56, 91)


@dataclass(frozen=True)
class NewNeedOffers:
    """The likeliest new categories, each with its likeliest product.

    The propensity of a category is that at least one of its products is bought, by the item model, products taken as independent and their
    rate as constant over 56 and 91 days. The offer itself is about the one product: its chance is the offer's.

    Attributes:
        considered: categories; a message about more would be about none.
    """

    name: str = "new_need"
    considered: int = 2

    def candidates(self, context: CustomerContext) -> list[Candidate]:
        """Those of the model."""
        return self._of_model(context)

    def written(self, context: CustomerContext) -> Written | None:
        """What the shop wrote about categories that the customer never bought from: of the others it would be a reminder."""
        columns, customer = context.live.written, context.customer
        found = every_written(context, self.name)
        if customer is None or not len(found.places):
            return found
        owned = [place for name in customer.categories if (place := context.live.category_places.get(name)) is not None]
        so_far = np.concatenate([[0], np.cumsum(np.isin(columns.category, owned))])  # products of owned categories, up to each
        bought = so_far[columns.first[found.places + 1]] > so_far[columns.first[found.places]]
        return Written(found.places[~bought], found.reasons)

    def _of_model(self, context: CustomerContext) -> list[Candidate]:
        made = (self._candidate(context, need) for need in context.likings.new_needs[: self.considered])
        return [candidate for candidate in made if candidate is not None]

    def _candidate(self, context: CustomerContext, need: NewNeed) -> Candidate | None:
        items, catalogue = context.live.models.items, context.live.catalogue
        if items is None:
            return None
        product, category = str(items.product_ids[need.position]), str(context.live.item_categories[0][need.category])
        if product in context.barred:
            return None
        chance = within(need.probability, context.horizon_days)
        return Candidate(
            offer_id=f"{self.name}:{category}",
            type=self.name,
            items=(OfferItem(product, catalogue.name(product), chance),),
            probability=chance,
            margin=catalogue.margin(product),
            reasons=(_because(catalogue.category_name(category), *(within(need.propensity, days) for days in _HORIZONS)),),
            until=None,
            channels=tuple(catalogue.assumptions.consent.channels),
        )


def _because(category: str, within_56: float, within_91: float) -> OfferReason:
    return OfferReason(
        "new_need",
        f"Never bought {category}; {within_56:.0%} likely to within 56 days, {within_91:.0%} within 91",
        f"从未购买 {category};56 天内购买概率 {within_56:.0%},91 天内 {within_91:.0%}",
        f"{category.capitalize()} for you",
        f"为您推荐:{category}",
    )
