"""What would do harm now: promotions to somebody who waits for an answer, discounts that train to wait for discounts, sales at a loss."""

from __future__ import annotations

from serving.customer_context import CustomerContext
from serving.decisioning.eligibility import Broken, Dropped, Rules, sifted
from serving.offers.protocol import Candidate

NO_PROMOTION = frozenset({"adviser_talk", "usage_tip"})
"""Types that help or ask somebody who complained, rather than sell to them."""


def _complaint(candidate: Candidate, context: CustomerContext) -> Broken:
    if context.customer is None or candidate.type in NO_PROMOTION or not context.customer.value("complaints_open") > 0:
        return None
    return "A complaint is open: no promotion before it is closed", "有未关闭的投诉:处理完毕前不推送促销"


def depends_on_discounts(context: CustomerContext) -> bool:
    """Whether the customer buys on discount so much that they should get no more of them."""
    bound = context.live.catalogue.assumptions.offers.no_discounts_from_share
    return context.customer is not None and context.customer.value("discount_share") > bound


def _discount_dependence(candidate: Candidate, context: CustomerContext) -> Broken:
    if context.customer is None or not candidate.discount > 0 or not depends_on_discounts(context):
        return None
    bound, share = context.live.catalogue.assumptions.offers.no_discounts_from_share, context.customer.value("discount_share")
    return (
        f"Discounts are {share:.0%} of what they buy for, above {bound:.0%}: no more of them",
        f"折扣占比 {share:.0%},高于 {bound:.0%}:不再给予折扣",
    )


def _loses_money(candidate: Candidate, _: CustomerContext) -> Broken:
    left = candidate.margin - candidate.discount
    if not candidate.discount > 0 or left > 0:
        return None
    return f"A response would leave {left:.2f} after the discount", f"扣除折扣后每次响应毛利为 {left:.2f}"


RULES: Rules = (("open_complaint", _complaint), ("discount_dependence", _discount_dependence), ("no_margin_left", _loses_money))


def suitable(candidates: list[Candidate], context: CustomerContext) -> tuple[list[Candidate], list[Dropped]]:
    """Split applicable candidates into those that are good for the customer and the shop now and those that are not."""
    return sifted("suitable", RULES, candidates, context)
