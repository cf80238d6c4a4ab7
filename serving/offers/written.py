"""Which of the shop's written offers a type considers for a customer, and each of them as a candidate where one is to be shown.

A type says whom its offers suit and why; stock, dates, stages and conditions are judged of all of them together
(`decisioning/written_screen.py`), so that what falls is named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from features.offers.offer import Offer
from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferItem, OfferReason, OfferType
from serving.offers.written_columns import WrittenColumns
from serving.offers.written_response import WrittenResponses, written_responses

Places = NDArray[np.intp]
Reasons = Callable[[int], tuple[OfferReason, ...]]


@dataclass(frozen=True)
class Written:
    """The written offers of a type that are considered for a customer.

    Attributes:
        places: in the columns.
        reasons: place → why, before that the shop wrote it.
    """

    places: Places
    reasons: Reasons


def every_written(context: CustomerContext, name: str, *reasons: OfferReason) -> Written:
    """All of a type, each for the same reasons."""
    return Written(context.live.written.of_type.get(name, np.empty(0, np.intp)), lambda _: reasons)


def candidates_of(offer_type: OfferType, context: CustomerContext) -> list[Candidate]:
    """Everything that a type considers, as candidates: what the models make, then the shop's own.

    A set that both know has the model's chance.
    """
    made = offer_type.candidates(context)
    written = offer_type.written(context)
    if written is None:
        return made
    known = {candidate.offer_id for candidate in made}
    return [*made, *(one for one in written_candidates(context, written) if one.offer_id not in known)]


def written_candidates(context: CustomerContext, written: Written) -> list[Candidate]:
    """The offers as candidates, without those that give money away where nobody can say how often that would happen anyway."""
    responses = written_responses(context, written.places)
    return [
        written_candidate(context, place, row, responses, reasons=written.reasons(place))
        for row, place in enumerate(written.places.tolist())
        if responses.known[row]
    ]


def written_candidate(
    context: CustomerContext, place: int, row: int, responses: WrittenResponses, *, reasons: tuple[OfferReason, ...]
) -> Candidate:
    """One of them.

    Args:
        context: the customer.
        place: of the offer in the columns.
        row: of the offer in `responses`.
        responses: as predicted.
        reasons: why the type suits the customer now.
    """
    columns = context.live.written
    offer = columns.offers[place].offer
    return Candidate(
        offer_id=offer.offer_id,
        type=offer.type,
        items=_items(context, columns, place, responses.scores[responses.first[row] : responses.first[row + 1]].tolist()),
        probability=float(responses.probability[row]),
        soon=float(responses.soon[row]),
        valid=float(responses.valid[row]),
        margin=float(responses.margin[row]),
        reasons=(*reasons, _of_shop(offer)),
        until=None,
        channels=columns.channel_sets[columns.channels[place]],
        discount=float(responses.discount[row]),
        cost=offer.cost,
        lever=offer.lever,
        offer=offer,
    )


def _items(context: CustomerContext, columns: WrittenColumns, place: int, scores: list[float]) -> tuple[OfferItem, ...]:
    """In the order in which the shop named them; empty where any order answers."""
    start, catalogue = int(columns.first[place]), context.live.catalogue
    rows = range(start, start + len(scores))
    found = sorted(zip(columns.product_order[start : start + len(scores)].tolist(), rows, scores, strict=True))
    return tuple(OfferItem(p := columns.product_ids[row], catalogue.name(p), score) for _, row, score in found)


def days_passed(context: CustomerContext) -> float:
    """Days between what the customer's features look from and now, not below 0."""
    return 0.0 if context.customer is None else max(0.0, (context.now - context.customer.as_of) / timedelta(days=1))


def _of_shop(offer: Offer) -> OfferReason:
    english, chinese = offer.title.get("en", ""), offer.title.get("zh", "")
    return OfferReason(
        "written_by_shop",
        f"Written by the shop: {english or offer.offer_id}",
        f"商家设置的优惠:{chinese or offer.offer_id}",
        english,
        chinese,
    )
