"""What must never be sent: each rule names why a candidate is dropped, whichever offer type made it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from serving.customer_context import CustomerContext
from serving.decisioning.valuation import finite
from serving.offers import no_action
from serving.offers.protocol import Candidate


@dataclass(frozen=True)
class Dropped:
    """A candidate that is not offered.

    Attributes:
        candidate: as made.
        step: of the decision in which it fell: eligible, contact_policy, arbitrate, …
        code: stable name of the rule.
        sentence_en, sentence_zh: for the marketer.
    """

    candidate: Candidate
    step: str
    code: str
    sentence_en: str
    sentence_zh: str


Broken = tuple[str, str] | None  # what a rule says: the sentence in English and in Chinese


def _no_number(candidate: Candidate, _: CustomerContext) -> Broken:
    return None if finite(candidate) else ("Its value cannot be computed", "无法计算其价值")


def _inactive(candidate: Candidate, context: CustomerContext) -> Broken:
    gone = _names(item.product_id for item in candidate.items if not context.live.catalogue.active(item.product_id))
    return (f"Not in the catalogue or not sold lately: {gone}", f"不在目录中或近期未售出:{gone}") if gone else None


def _out_of_stock(candidate: Candidate, context: CustomerContext) -> Broken:
    gone = _names(item.product_id for item in candidate.items if not context.live.catalogue.offerable(item.product_id))
    return (f"Out of stock: {gone}", f"缺货:{gone}") if gone else None


def _ended(candidate: Candidate, context: CustomerContext) -> Broken:
    at = candidate.valid_until.isoformat()
    return (f"Ended at {at}", f"已于 {at} 结束") if candidate.valid_until < context.now else None


def _channel_not_consented(candidate: Candidate, context: CustomerContext) -> Broken:
    if context.comes_by_themselves:
        return None
    if not candidate.channels:
        return "No channel may be used", "没有可用的渠道"
    usable = context.usable(candidate.channels)
    # Without a channel nothing is sent yet: the answer names those that may be used.
    if context.channel is None or context.channel in usable:
        return None
    return (
        f"Channel {context.channel} may not be used; allowed are {', '.join(usable) or 'none'}",
        f"渠道 {context.channel} 不可使用;允许的渠道:{', '.join(usable) or '无'}",
    )


def _in_cart(candidate: Candidate, context: CustomerContext) -> Broken:
    present = [item.product_id for item in candidate.items if item.product_id in context.cart]
    # A bundle completes a cart that holds some of it; any other offer would sell what is already being bought.
    enough = len(candidate.items) if candidate.type == "bundle" else 1
    names = _names(present)
    return (f"Already in the cart: {names}", f"已在购物车中:{names}") if present and len(present) >= enough else None


def _just_bought(candidate: Candidate, context: CustomerContext) -> Broken:
    bought = [item.product_id for item in candidate.items if item.product_id in context.just_bought]
    if not bought and candidate.type == "replenishment":
        # Another product of the category fills the same need.
        needs = {context.live.catalogue.category_of(product) for product in context.just_bought} - {None}
        bought = [item.product_id for item in candidate.items if context.live.catalogue.category_of(item.product_id) in needs]
    return (f"Just bought: {_names(bought)}", f"刚刚购买:{_names(bought)}") if bought else None


def _names(products: Iterable[str]) -> str:
    return ", ".join(products)


RULES: tuple[tuple[str, Callable[[Candidate, CustomerContext], Broken]], ...] = (
    ("no_number", _no_number),
    ("inactive", _inactive),
    ("out_of_stock", _out_of_stock),
    ("ended", _ended),
    ("channel_not_consented", _channel_not_consented),
    ("in_cart", _in_cart),
    ("just_bought", _just_bought),
)


def eligible(candidates: list[Candidate], context: CustomerContext) -> tuple[list[Candidate], list[Dropped]]:
    """Split candidates into those that may be sent and those that may not; doing nothing is always lawful.

    Args:
        candidates: of every offer type.
        context: the customer, the clock, the channel, the cart.
    """
    kept: list[Candidate] = []
    dropped: list[Dropped] = []
    for candidate in candidates:
        broken = None if candidate.type == no_action.NAME else _first_broken(candidate, context)
        if broken is None:
            kept.append(candidate)
        else:
            dropped.append(Dropped(candidate, "eligible", *broken))
    return kept, dropped


def _first_broken(candidate: Candidate, context: CustomerContext) -> tuple[str, str, str] | None:
    for code, rule in RULES:
        sentences = rule(candidate, context)
        if sentences is not None:
            return code, *sentences
    return None
