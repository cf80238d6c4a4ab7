"""What one more message costs beyond its price: some who get it leave the channel, and later messages do not reach them.

Learned from unsubscriptions where there is a model of them (docs/adr/0009), else what the policy says each message of late adds; and never
less than the policy's floor, since a model of few unsubscriptions finds no difference where there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from features.decisions.policy import ContactPolicy
from features.ledger.contact_history import ContactHistory
from serving.customer_context import CustomerContext

LATELY = timedelta(days=28)  # messages that tire, and the window of a message's effect on leaving (`serving.channel_scores`)


class FatigueSource(StrEnum):
    """Where the figure comes from."""

    LEARNED = "learned"  # change of P(leaves the channel) × what is lost with it (`serving.lost_reach`)
    POLICY = "policy"  # `contact.fatigue` × messages of the last 28 days, or `contact.leaving` × what is lost where that is more
    NONE = "none"  # nothing is sent: the customer is here


@dataclass(frozen=True)
class Fatigue:
    """The figure.

    Attributes:
        cost: currency, never negative.
        source: where it comes from.
        messages: of the last 28 days, as far as the ledger knows.
    """

    cost: float
    source: FatigueSource
    messages: int


def fatigue_of(context: CustomerContext, history: ContactHistory, policy: ContactPolicy, *, lost: float) -> Fatigue:
    """What one more message to this customer, now, on the context's channel, costs beyond its price.

    The model sees the messages that are in the features; the policy's figure those in the history, which are seconds fresher.

    Args:
        context: the customer, the clock and the channel.
        history: of the person.
        policy: the section `contact`.
        lost: money that goes with the channel when the customer leaves it.
    """
    if context.comes_by_themselves:
        return Fatigue(0.0, FatigueSource.NONE, 0)
    messages = lately(history, context.now)
    floor, learned = policy.leaving * lost, context.added_leaving * lost
    if context.customer is not None and context.live.models.channel_churn is not None and learned >= floor:
        return Fatigue(learned, FatigueSource.LEARNED, messages)
    return Fatigue(max(policy.fatigue * messages, floor), FatigueSource.POLICY, messages)


def lately(history: ContactHistory, now: datetime) -> int:
    """Messages of the last 28 days."""
    return sum(contact.at > now - LATELY for contact in history.contacts)
