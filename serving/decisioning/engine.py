"""One decision: read the customer once, collect what may be sent, value it, draw.

Somebody unknown, and everybody who does not want a personal answer, gets what suits most people; for the latter nothing personal is read,
and nothing is explored on either: nobody would be learned about.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.decisions.assignment import holdout_of
from features.decisions.choosing import Choice, beliefs_seed_of, choose, seed_of
from features.decisions.record import Considered, DecisionRecord, Holdout
from features.decisions.slate import Slate
from features.decisions.slots import STEP, fill_slots, unchosen
from features.decisions.worth import worth
from features.errors import StateBroken
from features.ledger.contact_history import NO_HISTORY, ContactHistory
from serving.customer_context import CustomerContext
from serving.decisioning.board import Board, set_out
from serving.decisioning.decision_json import decision_json
from serving.decisioning.effect_state import effect_state
from serving.decisioning.eligibility import Dropped
from serving.decisioning.experiments import Assigned
from serving.decisioning.fatigue import fatigue_of
from serving.decisioning.valuation import valued
from serving.errors import CUSTOMER_UNREADABLE
from serving.live import Live
from serving.numberless import told
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
    """One answer, with everything that led to it; what is only wanted to explain it is made when it is asked for.

    Attributes:
        decision_id: unique; outcomes refer to it.
        request: what was asked.
        board: what could be sent.
        slate: the same as columns, with the factors of each value.
        values: (k,) of each.
        choice: the draw.
        places: of the offers given, first slot first.
        state: what is known of the customer that an effect may depend on.
        seed: of the draw.
        beliefs_seed: of the draws of what is believed.
        holdout: into which the customer falls.
        assigned: experiments, and the policy that follows.
        degraded: part → one sentence; empty when every part worked.
        numberless: models that gave no number.
    """

    decision_id: str
    request: OfferRequest
    board: Board
    slate: Slate
    values: NDArray[np.float64]
    choice: Choice
    places: Sequence[int]
    state: Mapping[str, float | None]
    seed: int
    beliefs_seed: int
    holdout: Holdout | None
    assigned: Assigned
    degraded: dict[str, str]
    numberless: tuple[str, ...] = ()

    @property
    def context(self) -> CustomerContext:
        """The customer and the models' answers, as used."""
        return self.board.context

    @property
    def whose(self) -> str | None:
        """Whose decision it is; None where nothing personal was used."""
        return self.request.customer_id if self.context.personal else None

    @cached_property
    def offers(self) -> tuple[Given, ...]:
        """First slot first; `no_action` where the line below which nothing is worth it falls within the limit."""
        made = [(self.board.candidate(place), self.considered(place)) for place in self.places]
        return tuple(Given(candidate, row, _message_key(candidate, self.assigned)) for candidate, row in made)

    @cached_property
    def dropped(self) -> tuple[Dropped, ...]:
        """What was not offered, and why."""
        open_slots = unchosen(self.slate, self.choice.order, self.places, limit=self.request.limit, holdout=self.holdout)
        unslotted = (
            Dropped(self.board.candidate(u.place), STEP, u.code, u.sentence_en, u.sentence_zh, float(self.values[u.place]))
            for u in open_slots
        )
        return (*self.board.dropped, *unslotted)

    @cached_property
    def record(self) -> DecisionRecord:
        """What is kept of it, as it is read again."""
        return DecisionRecord.model_validate_json(decision_json(self))

    def considered(self, place: int) -> Considered:
        """One of what could be sent, with what was drawn."""
        return self.slate.row(
            place,
            value=float(self.values[place]),
            propensity=float(self.choice.propensities[place]),
            policy_propensity=float(self.choice.policy_propensities[place]),
            slot=self.places.index(place) + 1 if place in self.places else None,
        )


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
        board = set_out(self.offer_types, context, policy, request.history)
        state = effect_state(context)
        slate, silent = _valued(board, state, fatigue=fatigue_of(context, request.history, policy.contact).cost)
        decision_id = self._new_id()
        whose = request.customer_id if context.personal else None
        seed = seed_of(policy.exploration.seed, whose, decision_id)
        holdout = None if whose is None else holdout_of(whose, policy.holdouts)
        beliefs = beliefs_seed_of(policy.exploration.seed, whose)
        choice = choose(slate, policy, seed=seed, beliefs=beliefs, state=state, holdout=holdout, explore=whose is not None)
        return Decision(
            decision_id=decision_id,
            request=request,
            board=board,
            slate=slate,
            values=worth(slate.factors, policy.value).mean,
            choice=choice,
            places=fill_slots(slate, choice.order, limit=request.limit),
            state=state,
            seed=seed,
            beliefs_seed=beliefs,
            holdout=holdout,
            assigned=assigned,
            degraded=degraded | context.live.models.degraded() | told(silent),
            numberless=silent,
        )


def _valued(board: Board, state: Mapping[str, float | None], *, fatigue: float) -> tuple[Slate, tuple[str, ...]]:
    """What may be sent, with the factors of its value, and the models that gave no number for the customer."""
    context, effects = board.context, board.context.live.models.offer_effect
    slate = valued(board, board.policy, state, fatigue=fatigue, effects=effects)
    if effects is None or bool(np.isfinite(slate.factors.tau).all() and np.isfinite(slate.factors.tau_sd).all()):
        return slate, context.numberless
    return valued(board, board.policy, state, fatigue=fatigue, effects=None), (*context.numberless, "offer_effect")


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
    live, unserved = live.in_arm(assigned.models)
    days = (assigned.policy.horizon_days, assigned.policy.learned_days)
    kept = None if customer is None else live.memory.of(customer, days[0])
    return CustomerContext(live, now, customer, request.channel, request.cart, request.contact, *days, kept), assigned, degraded | unserved


def _message_key(candidate: Candidate, assigned: Assigned) -> str | None:
    return assigned.messages.get(candidate.offer_id, None if candidate.offer is None else candidate.offer.message_key)
