"""What must never be sent: each rule names why a candidate is dropped, whichever offer type made it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from serving.customer_context import CustomerContext
from serving.offers import no_action
from serving.offers.protocol import Candidate


@dataclass(frozen=True)
class Dropped:
    """A candidate that is not offered.

    Attributes:
        candidate: as made.
        code: stable name of the rule.
        sentence: for the marketer.
    """

    candidate: Candidate
    code: str
    sentence: str


def _no_number(candidate: Candidate, _: CustomerContext) -> str | None:
    return None if math.isfinite(candidate.expected_value) else "Its value cannot be computed"


def _inactive(candidate: Candidate, context: CustomerContext) -> str | None:
    gone = [item.product_id for item in candidate.items if not context.live.catalogue.active(item.product_id)]
    return f"Not in the catalogue or not sold lately: {', '.join(gone)}" if gone else None


def _out_of_stock(candidate: Candidate, context: CustomerContext) -> str | None:
    gone = [item.product_id for item in candidate.items if not context.live.catalogue.offerable(item.product_id)]
    return f"Out of stock: {', '.join(gone)}" if gone else None


def _ended(candidate: Candidate, context: CustomerContext) -> str | None:
    return f"Ended at {candidate.valid_until.isoformat()}" if candidate.valid_until < context.now else None


def _channel_not_consented(candidate: Candidate, context: CustomerContext) -> str | None:
    if context.comes_by_themselves:
        return None
    if not candidate.channels:
        return "No channel may be used"
    usable = context.usable(candidate.channels)
    # Without a channel nothing is sent yet: the answer names those that may be used.
    if context.channel is None or context.channel in usable:
        return None
    return f"Channel {context.channel} may not be used; allowed are {', '.join(usable) or 'none'}"


def _in_cart(candidate: Candidate, context: CustomerContext) -> str | None:
    present = [item.product_id for item in candidate.items if item.product_id in context.cart]
    # A bundle completes a cart that holds some of it; any other offer would sell what is already being bought.
    enough = len(candidate.items) if candidate.type == "bundle" else 1
    return f"Already in the cart: {', '.join(present)}" if present and len(present) >= enough else None


def _just_bought(candidate: Candidate, context: CustomerContext) -> str | None:
    bought = [item.product_id for item in candidate.items if item.product_id in context.just_bought]
    if not bought and candidate.type == "replenishment":
        # Another product of the category fills the same need.
        needs = {context.live.catalogue.category_of(product) for product in context.just_bought} - {None}
        bought = [item.product_id for item in candidate.items if context.live.catalogue.category_of(item.product_id) in needs]
    return f"Just bought: {', '.join(bought)}" if bought else None


RULES: tuple[tuple[str, Callable[[Candidate, CustomerContext], str | None]], ...] = (
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
            dropped.append(Dropped(candidate, *broken))
    return kept, dropped


def _first_broken(candidate: Candidate, context: CustomerContext) -> tuple[str, str] | None:
    for code, rule in RULES:
        sentence = rule(candidate, context)
        if sentence is not None:
            return code, sentence
    return None
