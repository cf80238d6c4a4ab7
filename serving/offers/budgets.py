"""Offers whose budget is spent: messages and discounts that were really given, not those that were expected."""

from __future__ import annotations

from collections.abc import Mapping

from features.assumptions import Assumptions
from features.ledger.ledger import Ledger
from features.ledger.offer_spending import OfferUse, offer_use
from features.offers.offer import Offer
from serving.offers.book import OfferBook


def exhausted(book: OfferBook, ledger: Ledger, assumptions: Assumptions) -> frozenset[str]:
    """Ids of offers whose budget is spent.

    Args:
        book: the written offers.
        ledger: what was sent, and what came of it.
        assumptions: prices of messages.

    Raises:
        LedgerAway, LedgerBroken: the ledger does not answer.
    """
    limited = {offer_id: one.offer for offer_id, one in book.by_id.items() if one.offer.budget is not None}
    if not limited:
        return frozenset()
    with ledger.database.reading() as connection:
        used: Mapping[str, OfferUse] = offer_use(connection, limited)
    return frozenset(name for name, use in used.items() if spent(limited[name], use, assumptions) >= (limited[name].budget or 0.0))


def spent(offer: Offer, use: OfferUse, assumptions: Assumptions) -> float:
    """Money that an offer has cost: every message its price and the offer's own cost, every response its discount."""
    messages = sum(count * (assumptions.contact_cost(channel) + offer.cost) for channel, count in use.messages.items())
    return messages + use.responses * offer.discount + float(use.value) * offer.discount_share
