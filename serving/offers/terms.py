"""What a written offer is judged by besides its own form: the types, channels and rules of this shop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from features.assumptions import Assumptions
from features.offers.offer import Offer


@dataclass(frozen=True)
class Objection:
    """Why an offer is not taken: the field, and one sentence."""

    field: str
    reason: str


Demand = Callable[[Offer], Objection | None]


@dataclass(frozen=True)
class Terms:
    """The shop's own.

    Attributes:
        types: the types that can be written, each with what it demands of an offer beyond the common form.
        channels: every channel of the shop, inbound ones too.
        bundle_discount: share taken off a bundle's list price.
        live_invite_days: live sessions are offered from so many days before they begin.
    """

    types: Mapping[str, Demand]
    channels: frozenset[str]
    bundle_discount: float = 0.0
    live_invite_days: float = 3.0

    @classmethod
    def of(cls, assumptions: Assumptions, types: Mapping[str, Demand]) -> Terms:
        """As the assumptions say."""
        channels = frozenset((*assumptions.consent.channels, *assumptions.consent.inbound_channels))
        return cls(types, channels, assumptions.offers.bundle_discount, assumptions.offers.live_invite_days)

    def objection(self, offer: Offer) -> Objection | None:
        """The first thing that keeps the offer from being taken; None when it does."""
        demand = self.types.get(offer.type)
        if demand is None:
            return Objection(
                "type", f"there is no offer type {offer.type} that can be written; the types are {', '.join(sorted(self.types))}"
            )
        if offer.offer_id.split(":", 1)[0] in {*self.types, "no_action"}:
            return Objection("offer_id", "is a type's name or begins with one and a colon, as the offers do that are made by models")
        unknown = [channel for channel in offer.channels if channel not in self.channels]
        if unknown:
            return Objection("channels", f"the shop has no channel {unknown[0]}; assumptions.toml, [consent] names {_list(self.channels)}")
        if offer.budget is not None and offer.budget < offer.cost + offer.discount:
            return Objection("budget", f"{offer.budget:g} does not pay for one sending and one response ({offer.cost + offer.discount:g})")
        return demand(offer)


def nothing_more(_: Offer) -> Objection | None:
    """Of a type whose offers need no more than the common form."""
    return None


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def asks_for_link(offer: Offer) -> Objection | None:
    """Of a type whose offers lead somewhere."""
    return None if offer.url else Objection("url", f"an offer of type {offer.type} leads somewhere: give its deep link")


def asks_for_content(offer: Offer) -> Objection | None:
    """Of a type whose offers show something."""
    return (
        None
        if offer.url or offer.content_id
        else Objection("content_id", f"an offer of type {offer.type} shows something: name it or its url")
    )


def asks_for_products(offer: Offer) -> Objection | None:
    """Of a type whose offers are about products."""
    return None if offer.product_ids else Objection("product_ids", f"an offer of type {offer.type} is about products: name them")


def asks_for_a_set(offer: Offer) -> Objection | None:
    """Of bundles."""
    return None if len(set(offer.product_ids)) > 1 else Objection("product_ids", "a bundle holds at least two products")
