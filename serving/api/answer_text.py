"""An answer as JSON, put together from parts that decisions about a customer share: text that was made once is not made again.

Parts are the schema's fields, or cut out of what it writes; that nothing else comes of it a test holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic_core import to_json

from serving.api.next_best_offers_schemas import NextBestOffersRequest
from serving.api.offer_views import answer_of, offer_fields
from serving.decisioning.engine import Decision
from serving.offers.protocol import Candidate

_Frame = tuple[str, str, str]
_OfferParts = tuple[Candidate, str, str]


def answer_text(body: NextBestOffersRequest, decision: Decision, degraded: Mapping[str, str], customer_id: str | None) -> str:
    """The answer.

    Args:
        body: what was asked.
        decision: as made.
        degraded: part that is missing → one sentence.
        customer_id: as the answer names it.
    """
    if body.explain or degraded or body.channel is None:
        # Rare, or different at every moment: without a channel the answer names those that are open at this hour.
        return answer_of(body, decision, degraded).model_copy(update={"customer_id": customer_id}).model_dump_json()
    before, between, after = _frame(body, decision, customer_id)
    offers = ",".join(_offer(decision, slot, place) for slot, place in enumerate(decision.places))
    return f'{before}"{decision.decision_id}"{between}[{offers}]{after}'


def _frame(body: NextBestOffersRequest, decision: Decision, customer_id: str | None) -> _Frame:
    """What stands before the decision's id, between it and the offers, and behind these."""
    told, name = decision.arbitration.told, f"answer to {customer_id!r} {body.personalized}"
    found: _Frame | None = told.get(name)
    if found is None:
        answer = answer_of(body, decision, {}).model_copy(update={"customer_id": customer_id, "decision_id": "", "offers": []})
        # In a string a quotation mark has a backslash before it: neither mark can be anything but the field.
        before, rest = answer.model_dump_json().split('"decision_id":""')
        between, after = rest.split('"offers":[]')
        found = told[name] = f'{before}"decision_id":', f'{between}"offers":', after
    return found


def _offer(decision: Decision, slot: int, place: int) -> str:
    told, name = decision.arbitration.told, f"offer {place}"
    found: _OfferParts | None = told.get(name)
    now = decision.context.now
    if found is None:
        given = decision.offers[slot]
        fields = offer_fields(given, decision.context.usable(given.candidate.channels), now)
        before, after = to_json(fields).decode().rsplit(_until(given.candidate, now), 1)  # what follows it names no time
        found = given.candidate, before, after
        if not decision.choice.explored:  # what was drawn to find something out is hardly drawn again: of fifty offers three are kept
            told[name] = found
    candidate, before, after = found
    return f"{before}{_until(candidate, now)}{after}"


def _until(candidate: Candidate, now: datetime) -> str:
    return f'"valid_until":{to_json(candidate.valid_until(now)).decode()}'
