"""Bundle: products that sell together, at a small discount for the set."""

from __future__ import annotations

from dataclasses import dataclass

from features.offers.offer import Offer
from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferItem, OfferReason
from serving.offers.terms import Objection, asks_for_a_set
from serving.offers.within import within
from serving.offers.written import Written
from training.artifacts.bundles import ScoredBundle


@dataclass(frozen=True)
class BundleOffers:
    """The best few sets, each a candidate of its own.

    Attributes:
        considered: sets valued per customer; the money decides among them.
    """

    name: str = "bundle"
    considered: int = 8

    def candidates(self, context: CustomerContext) -> list[Candidate]:
        """Those of the model, the shop's own among them once it knows them."""
        return self._of_model(context)

    def written(self, context: CustomerContext) -> Written | None:
        """The shop's that the model does not know yet; of those it knows it has named the best few already."""
        return Written(context.live.new_bundles, lambda _: ())

    def demand(self, offer: Offer) -> Objection | None:
        """A set."""
        return asks_for_a_set(offer)

    def _of_model(self, context: CustomerContext) -> list[Candidate]:
        """Sets whose products may all be offered and are not already all in the cart."""
        return [self._candidate(context, bundle) for bundle in context.likings.best_bundles(self.considered)]

    def _candidate(self, context: CustomerContext, bundle: ScoredBundle) -> Candidate:
        catalogue = context.live.catalogue
        discount = catalogue.assumptions.offers.bundle_discount * sum(catalogue.price(p) for p in bundle.product_ids)
        return Candidate(
            offer_id=f"{self.name}:{bundle.bundle_id}",
            type=self.name,
            items=tuple(OfferItem(p, catalogue.name(p), bundle.probability) for p in bundle.product_ids),
            probability=within(bundle.probability, context.horizon_days),
            margin=sum(catalogue.margin(p) for p in bundle.product_ids),
            discount=discount,
            reasons=(_bought_together(bundle),),
            until=None,
            channels=tuple(catalogue.assumptions.consent.channels),
        )


def _bought_together(bundle: ScoredBundle) -> OfferReason:
    return OfferReason(
        "bought_together",
        f"Bought together in {bundle.support} orders, {bundle.lift:.1f} times as often as by chance",
        f"在 {bundle.support} 个订单中一起购买,是随机情况的 {bundle.lift:.1f} 倍",
        "Often bought together",
        "经常一起购买",
    )
