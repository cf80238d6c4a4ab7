"""One decision: read the customer once, let every offer type make candidates, drop what may not be sent, value the rest, draw.

Somebody unknown, and everybody who does not want a personal answer, gets what suits most people; for the latter nothing personal is read,
and nothing is explored on either: nobody would be learned about.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from features.decisions.assignment import holdout_of
from features.decisions.choosing import Choice, choose, seed_of
from features.decisions.policy import DecisionPolicy
from features.decisions.record import Considered, DecisionRecord, DroppedOffer
from features.decisions.slots import STEP, fill_slots
from features.errors import StateBroken
from features.ledger.contact_history import NO_HISTORY, ContactHistory
from serving.customer_context import CustomerContext
from serving.decisioning.applicability import applicable
from serving.decisioning.contact_policy import STEP as CONTACT_POLICY
from serving.decisioning.contact_step import within_contact_policy
from serving.decisioning.contacts import rules_of
from serving.decisioning.effect_state import effect_state
from serving.decisioning.eligibility import Dropped, eligible
from serving.decisioning.experiments import Assigned
from serving.decisioning.fairness import over_the_cap
from serving.decisioning.fatigue import fatigue_of
from serving.decisioning.offer_limits import within_limits
from serving.decisioning.suitability import suitable
from serving.decisioning.valuation import valued
from serving.errors import CUSTOMER_UNREADABLE
from serving.live import Live
from serving.offers.protocol import Candidate, OfferType


@dataclass(frozen=True)
class OfferRequest:
    """What is asked.

    Attributes:
        customer_id: None for somebody anonymous.
        channel: where the answer will be sent; None when not yet decided.
        scenario: the caller's label.
        cart: product ids in the cart now.
        limit: most offers wanted.
        personalized: False: use nothing of the customer.
        contact: outbound channels the customer agreed to; None where nobody in particular is asked about.
        history: messages that the person got lately, and what displeased them.
    """

    customer_id: str | None
    channel: str | None = None
    scenario: str | None = None
    cart: tuple[str, ...] = ()
    limit: int = 3
    personalized: bool = True
    contact: frozenset[str] | None = None
    history: ContactHistory = NO_HISTORY


@dataclass(frozen=True)
class Given:
    """An offer of the answer.

    Attributes:
        candidate: what is offered, and the channels on which it may be sent now.
        considered: its value, the factors of it, and the probability with which it came first.
        message_key: of the text in the system that sends: an experiment's copy, else the offer's own.
    """

    candidate: Candidate
    considered: Considered
    message_key: str | None = None


@dataclass(frozen=True)
class Decision:
    """One answer, with everything that led to it.

    Attributes:
        context: the customer and the models' answers, as used.
        offers: first slot first; `no_action` where the line below which nothing is worth it falls within the limit.
        dropped: what was not offered, and why.
        record: what is kept of it.
        degraded: part → one sentence; empty when every part worked.
    """

    context: CustomerContext
    offers: tuple[Given, ...]
    dropped: tuple[Dropped, ...]
    record: DecisionRecord
    degraded: dict[str, str]

    @property
    def decision_id(self) -> str:
        """Unique; outcomes refer to it."""
        return self.record.decision_id


class Engine:
    """Decides; holds no state but the offer types."""

    def __init__(self, offer_types: Sequence[OfferType], *, new_id: Callable[[], str] = lambda: str(uuid.uuid4())) -> None:
        """Prepare.

        Args:
            offer_types: that make candidates.
            new_id: gives each decision its id; the draw is made from it.
        """
        self.offer_types = tuple(offer_types)
        self._new_id = new_id

    def decide(self, live: Live, request: OfferRequest, *, now: datetime) -> Decision:
        """Decide what to offer.

        Args:
            live: the state to answer from.
            request: what is asked.
            now: the service's clock, UTC.
        """
        context, assigned, degraded = _opened(live, request, now)
        policy = assigned.policy
        degraded |= live.models.degraded()
        made = [candidate for offer_type in self.offer_types for candidate in offer_type.candidates(context)]
        candidates, fallen = _sendable(made, context, policy, request.history)
        state = effect_state(context)
        fatigue = fatigue_of(context, request.history, policy.contact).cost
        considered = valued(candidates, context, policy, state, fatigue=fatigue)
        decision_id = self._new_id()
        whose = request.customer_id if context.personal else None
        seed = seed_of(policy.exploration.seed, whose, decision_id)
        holdout = None if whose is None else holdout_of(whose, policy.holdouts)
        choice = choose(considered, policy, seed=seed, state=state, holdout=holdout, explore=whose is not None)
        places, unchosen = fill_slots(considered, choice.order, limit=request.limit, holdout=holdout)
        drawn = _drawn(considered, choice, places)
        record = DecisionRecord(
            decision_id=decision_id,
            customer_id=whose,
            now=now,
            channel=request.channel,
            scenario=request.scenario,
            policy=policy,
            state=state,
            considered=drawn,
            dropped=tuple(_kept(one) for one in fallen),
            explored=choice.explored,
            seed=seed,
            holdout=holdout,
            assignments=assigned.assignments,
            model_versions=live.models.versions,
            limit=request.limit,
        )
        offers = tuple(Given(candidates[place], drawn[place], _message_key(candidates[place], assigned)) for place in places)
        unslotted = (Dropped(candidates[u.place], STEP, u.code, u.sentence_en, u.sentence_zh, considered[u.place].value) for u in unchosen)
        return Decision(context, offers, (*fallen, *unslotted), record, degraded)


def open_context(live: Live, request: OfferRequest, *, now: datetime) -> tuple[CustomerContext, dict[str, str]]:
    """Read the customer, if that is allowed and possible.

    Returns:
        The context, and what is degraded about it: a damaged row is answered as for somebody unknown, which is lawful and never empty.
    """
    context, _, degraded = _opened(live, request, now)
    return context, degraded


def _opened(live: Live, request: OfferRequest, now: datetime) -> tuple[CustomerContext, Assigned, dict[str, str]]:
    degraded: dict[str, str] = {}
    customer = None
    if request.personalized and request.customer_id is not None:
        try:
            customer = live.reader.read(request.customer_id)
        except StateBroken:
            degraded["customer"] = CUSTOMER_UNREADABLE
    assigned = live.experiments.assigned(None if customer is None else request.customer_id, now)
    horizon = assigned.policy.horizon_days
    return CustomerContext(live, now, customer, request.channel, request.cart, request.contact, horizon), assigned, degraded


def _sendable(
    made: list[Candidate], context: CustomerContext, policy: DecisionPolicy, history: ContactHistory
) -> tuple[list[Candidate], list[Dropped]]:
    """What may be sent now and makes sense, and what falls, in the order of the steps."""
    rules = rules_of(policy.contact, context.live.catalogue.assumptions.outbound_channels)
    lawful, unlawful = eligible(made, context)
    sensible, senseless = applicable(lawful, context)
    good, harmful = suitable(sensible, context)
    fair, unfair = _fair(good, policy)
    allowed, used_up = within_limits(fair, history, context.live.exhausted)
    candidates, closed = within_contact_policy(allowed, context, rules, history)
    put_off = (Dropped(one, CONTACT_POLICY, v.code, v.sentence_en, v.sentence_zh) for one, v in closed)
    return candidates, [*unlawful, *senseless, *harmful, *unfair, *used_up, *put_off]


def _fair(candidates: Sequence[Candidate], policy: DecisionPolicy) -> tuple[list[Candidate], list[Dropped]]:
    """Without what gives away more than one response may."""
    fair: list[Candidate] = []
    dropped: list[Dropped] = []
    for candidate in candidates:
        broken = over_the_cap(candidate.discount, policy.fairness)
        if broken is None:
            fair.append(candidate)
        else:
            dropped.append(Dropped(candidate, "suitable", *broken))
    return fair, dropped


def _message_key(candidate: Candidate, assigned: Assigned) -> str | None:
    return assigned.messages.get(candidate.offer_id, None if candidate.offer is None else candidate.offer.message_key)


def _drawn(considered: Sequence[Considered], choice: Choice, places: Sequence[int]) -> tuple[Considered, ...]:
    slots = {place: slot for slot, place in enumerate(places, start=1)}
    exact, of_policy = choice.propensities.tolist(), choice.policy_propensities.tolist()
    return tuple(
        one.model_copy(update={"propensity": exact[i], "policy_propensity": of_policy[i], "slot": slots.get(i)})
        for i, one in enumerate(considered)
    )


def _kept(dropped: Dropped) -> DroppedOffer:
    candidate = dropped.candidate
    return DroppedOffer(
        offer_id=candidate.offer_id,
        type=candidate.type,
        step=dropped.step,
        code=dropped.code,
        sentence_en=dropped.sentence_en,
        sentence_zh=dropped.sentence_zh,
    )
