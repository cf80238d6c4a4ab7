"""Tier upgrade: the next tier of membership is near, and the customer may not know."""

from __future__ import annotations

from dataclasses import dataclass

from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferReason
from serving.offers.written import Written, every_written


@dataclass(frozen=True)
class TierUpgradeOffers:
    """Written offers, for who lacks at most `offers.tier_near_share` of the points that `offers.tier_points` asks for the next level."""

    name: str = "tier_upgrade"

    def candidates(self, context: CustomerContext) -> list[Candidate]:  # noqa: ARG002 - the models make none
        """Only the shop makes them."""
        return []

    def written(self, context: CustomerContext) -> Written | None:
        """Those of the shop, while the next tier is near; nobody's where the shop did not say what its tiers take."""
        if context.customer is None:
            return None
        bounds = context.live.catalogue.assumptions.offers
        points, level = context.customer.value("points_balance"), context.customer.value("tier_level")
        if not 0 <= level < len(bounds.tier_points):  # false for NaN as well
            return None
        wanted = bounds.tier_points[int(level)]
        if not wanted * (1.0 - bounds.tier_near_share) <= points < wanted:
            return None
        return every_written(context, self.name, _near(wanted - points))


def _near(missing: float) -> OfferReason:
    return OfferReason(
        "tier_near",
        f"Lacks {missing:,.0f} points to the next tier",
        f"距下一会员等级还差 {missing:,.0f} 积分",
        f"Only {missing:,.0f} points to your next tier",
        f"再获 {missing:,.0f} 积分即可升级",
    )
