"""The contact policy as a step of the decision: what may not be sent to this person now falls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from features.decisions.policy import ContactPolicy, DecisionPolicy
from features.decisions.record import NO_ACTION
from features.ledger.contact_history import ContactHistory
from serving.customer_context import CustomerContext
from serving.decisioning.contact_policy import STEP, ContactRules, Verdict
from serving.decisioning.eligibility import Dropped
from serving.offers.protocol import Candidate

_POLICIES = 256  # kept compiled: one for each combination of arms that changes the rules


@lru_cache(maxsize=_POLICIES)
def rules_of(policy: ContactPolicy, outbound: tuple[str, ...]) -> ContactRules:
    """The rules of a policy, compiled once; arguments and errors as `ContactRules.compile`."""
    return ContactRules.compile(policy, outbound)


def contactable(
    candidates: Sequence[Candidate], context: CustomerContext, policy: DecisionPolicy, history: ContactHistory
) -> tuple[list[Candidate], list[Dropped]]:
    """Split candidates into those that may be sent now and those that may not.

    Args:
        candidates: all of them eligible.
        context: the customer, the channel and the clock.
        policy: with its section `contact`.
        history: of the person.

    Returns:
        What may be sent, each with the channels on which it may now where none was asked about; and what falls, and why.
    """
    rules = rules_of(policy.contact, context.live.catalogue.assumptions.outbound_channels)
    zone = None if context.customer is None else context.customer.facts.timezone
    kept: list[Candidate] = []
    dropped: list[Dropped] = []
    for candidate in candidates:
        if candidate.type == NO_ACTION:
            kept.append(candidate)
        elif context.channel is not None:
            broken = rules.verdict(candidate, context.channel, history, context.now, zone)
            kept.append(candidate) if broken is None else dropped.append(_dropped(candidate, broken))
        else:
            room = rules.room(candidate, context.usable(candidate.channels), history, context.now, zone)
            if room.channels or not room.closed:
                kept.append(replace(candidate, channels=room.channels))
            else:
                dropped.append(_dropped(candidate, next(iter(room.closed.values()))))
    return kept, dropped


def _dropped(candidate: Candidate, broken: Verdict) -> Dropped:
    return Dropped(candidate, STEP, broken.code, broken.sentence_en, broken.sentence_zh)
