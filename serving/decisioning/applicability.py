"""What makes no sense for this customer: they have it, are buying it, or have just bought it."""

from __future__ import annotations

from serving.customer_context import CustomerContext
from serving.decisioning.eligibility import Broken, Dropped, Rules, names, sifted
from serving.offers.protocol import Candidate

REPEATED = frozenset({"replenishment", "usage_tip", "back_in_stock"})
"""Types about what is owned."""


def _in_cart(candidate: Candidate, context: CustomerContext) -> Broken:
    present = [item.product_id for item in candidate.items if item.product_id in context.cart]
    # A bundle completes a cart that holds some of it; any other offer would sell what is already being bought.
    enough = len(candidate.items) if candidate.type == "bundle" else 1
    found = names(present)
    return (f"Already in the cart: {found}", f"已在购物车中:{found}") if present and len(present) >= enough else None


def _just_bought(candidate: Candidate, context: CustomerContext) -> Broken:
    bought = [item.product_id for item in candidate.items if item.product_id in context.just_bought]
    if not bought and candidate.type == "replenishment":
        # Another product of the category fills the same need.
        needs = {context.live.catalogue.category_of(product) for product in context.just_bought} - {None}
        bought = [item.product_id for item in candidate.items if context.live.catalogue.category_of(item.product_id) in needs]
    return (f"Just bought: {names(bought)}", f"刚刚购买:{names(bought)}") if bought else None


def _owned(candidate: Candidate, context: CustomerContext) -> Broken:
    """Of things that nobody buys again while they have one: categories whose buyers hardly ever came back for a second."""
    durable = context.live.catalogue.assumptions.catalogue.durable_categories
    if context.customer is None or not durable or candidate.type in REPEATED:
        return None
    catalogue, categories = context.live.catalogue, set(context.customer.categories)
    found = [i.product_id for i in candidate.items if (c := catalogue.category_of(i.product_id)) in durable and c in categories]
    return (f"Has one already: {names(found)}", f"已拥有同类商品:{names(found)}") if found else None


RULES: Rules = (("in_cart", _in_cart), ("just_bought", _just_bought), ("owned", _owned))


def applicable(candidates: list[Candidate], context: CustomerContext) -> tuple[list[Candidate], list[Dropped]]:
    """Split lawful candidates into those that make sense for the customer and those that do not."""
    return sifted("applicable", RULES, candidates, context)
