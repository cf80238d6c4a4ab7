"""Who speaks well of the shop: loyal customers and advocates whose reviews or answers say so."""

from __future__ import annotations

from serving.customer_context import CustomerContext
from serving.offers.protocol import OfferReason
from serving.segments import Stage


def speaks_well(context: CustomerContext) -> OfferReason | None:
    """Why somebody may be asked to speak for the shop; None where nothing says so.

    Bounds stand in the assumptions: `offers.advocate_from_rating`, `offers.advocate_from_nps`.
    """
    if context.customer is None or context.segments.stage not in {Stage.LOYAL, Stage.ADVOCATE}:
        return None
    bounds, customer = context.live.catalogue.assumptions.offers, context.customer
    rating, nps = customer.value("mean_rating"), customer.value("last_nps")
    if rating >= bounds.advocate_from_rating:  # false for NaN
        return OfferReason("rates_well", f"Loyal, and rates products {rating:.1f} on average", f"忠诚顾客,平均评分 {rating:.1f}")
    if nps >= bounds.advocate_from_nps:
        return OfferReason("would_recommend", f"Loyal, and would recommend the shop ({nps:.0f} of 10)", f"忠诚顾客,推荐意愿 {nps:.0f}/10")
    return None
