"""What an offer allows of itself: so many times to one customer, so much money in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from features.decisions.record import NO_ACTION
from features.ledger.contact_history import ContactHistory
from serving.decisioning.contact_policy import STEP as CONTACT_POLICY
from serving.decisioning.eligibility import Dropped
from serving.offers.protocol import Candidate


def within_limits(
    candidates: Sequence[Candidate], history: ContactHistory, exhausted: frozenset[str]
) -> tuple[list[Candidate], list[Dropped]]:
    """Split candidates into those that may be sent once more and those that may not.

    Args:
        candidates: lawful ones.
        history: of the person; messages from before it begins are not counted.
        exhausted: ids of offers whose budget is spent.
    """
    sent = Counter(name for contact in history.contacts for name in (contact.offer_id, *(told for _, told in contact.also)))
    kept: list[Candidate] = []
    dropped: list[Dropped] = []
    for candidate in candidates:
        fallen = None if candidate.type == NO_ACTION else _fallen(candidate, sent[candidate.offer_id], exhausted)
        kept.append(candidate) if fallen is None else dropped.append(fallen)
    return kept, dropped


def _fallen(candidate: Candidate, times: int, exhausted: frozenset[str]) -> Dropped | None:
    if candidate.offer_id in exhausted:
        return Dropped(candidate, "eligible", "budget_spent", "Its budget is spent", "预算已用完")
    most = None if candidate.offer is None else candidate.offer.cap
    if most is None or times < most:
        return None
    return Dropped(
        candidate,
        CONTACT_POLICY,
        "offer_cap_reached",
        f"Sent {times} times; the offer allows {most}",
        f"已发送 {times} 次;该优惠最多 {most} 次",
    )
