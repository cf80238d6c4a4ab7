"""The contact policy's step of a decision: which candidates may be sent now, each only where there is room."""

from __future__ import annotations

from dataclasses import replace

from features.decisions.record import NO_ACTION
from features.ledger.contact_history import ContactHistory
from serving.customer_context import CustomerContext
from serving.decisioning.contact_policy import ContactRules, Verdict
from serving.offers.protocol import Candidate


def within_contact_policy(
    candidates: list[Candidate], context: CustomerContext, rules: ContactRules, history: ContactHistory
) -> tuple[list[Candidate], list[tuple[Candidate, Verdict]]]:
    """Split candidates into those that may be sent now and those that may not; doing nothing always may.

    Args:
        candidates: lawful ones.
        context: the customer, the clock, the channel asked for.
        rules: of the shop.
        history: of the person, joined with what is on its way to the ledger; empty for nobody in particular.

    Returns:
        What stays, in its order, without channels that are closed now where no channel was asked for; and what does not, with the reason.
    """
    timezone = context.customer.facts.timezone if context.customer is not None else None
    kept: list[Candidate] = []
    dropped: list[tuple[Candidate, Verdict]] = []
    for candidate in candidates:
        if candidate.type == NO_ACTION:
            kept.append(candidate)
            continue
        # Without a channel only those count on which the person may be reached at all.
        asked = candidate if context.channel is not None else replace(candidate, channels=context.usable(candidate.channels))
        verdict = rules.verdict(asked, context.channel, history, context.now, timezone)
        if verdict is not None:
            dropped.append((candidate, verdict))
        elif context.channel is not None:
            kept.append(candidate)
        else:
            room = rules.room(candidate, candidate.channels, history, context.now, timezone)
            kept.append(replace(candidate, channels=room.channels) if room.closed else candidate)
    return kept, dropped
