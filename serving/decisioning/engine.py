"""One decision: read the customer once, collect what may be sent, value it, draw.

Somebody unknown, and everybody who does not want a personal answer, gets what suits most people; for the latter nothing personal is read,
and nothing is explored on either: nobody would be learned about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.decisions.assignment import holdout_of
from features.decisions.choosing import Choice, seed_of
from features.decisions.record import Considered, DecisionRecord, Holdout
from features.decisions.slate import Slate
from features.decisions.slots import STEP, fill_slots, unchosen
from features.errors import StateBroken
from features.ledger.contact_history import NO_HISTORY, ContactHistory
from features.ledger.slates import whole_record
from serving.customer_context import CustomerContext
from serving.decisioning.arbitration import Arbitration, arbitrated
from serving.decisioning.board import Board, set_out
from serving.decisioning.decision_ids import DecisionIds
from serving.decisioning.decision_json import decision_json, kept_slate
from serving.decisioning.eligibility import Dropped
from serving.decisioning.experiments import Assigned
from serving.decisioning.fatigue import fatigue_of
from serving.decisioning.layout import lay_out
from serving.decisioning.messages_of_late import MessagesOfLate, by_value
from serving.errors import unread
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
        arbitration: the same as columns, with what each is worth.
        choice: the draw.
        places: of the offers given, first slot first.
        seed: of the draw.
        holdout: into which the customer falls.
        degraded: part → one sentence; empty when every part worked.
        numberless: models that gave no number.
    """

    decision_id: str
    request: OfferRequest
    board: Board
    arbitration: Arbitration
    choice: Choice
    places: Sequence[int]
    seed: int
    holdout: Holdout | None
    degraded: dict[str, str]
    numberless: tuple[str, ...] = ()

    @property
    def slate(self) -> Slate:
        """What could be sent, with the factors of each value."""
        return self.arbitration.slate

    @property
    def values(self) -> NDArray[np.float64]:
        """(k,) What each is worth."""
        return self.arbitration.values

    @property
    def assigned(self) -> Assigned:
        """Experiments, and the policy that follows."""
        return self.board.layout.assigned

    @property
    def context(self) -> CustomerContext:
        """The customer and the models' answers, as used."""
        return self.board.context

    @property
    def whose(self) -> str | None:
        """Whose decision it is; None where nothing personal was used."""
        return self.request.customer_id if self.context.personal else None

    @property
    def brings(self) -> float | None:
        """What comes first brings, less its price, before what it may cost the channel.

        None where it tells nothing of other messages: it was chosen by chance, for nobody in particular, by an arm's policy, or not for
        what it brings.
        """
        policy, by_chance = self.assigned.policy, self.holdout is not None or self.choice.explored
        if self.whose is None or by_chance or policy.version != self.context.live.policy.version or not by_value(policy):
            return None
        first = self.places[0]
        return float(self.values[first] + self.slate.factors.fatigue[first])

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
        return DecisionRecord.model_validate_json(whole_record(decision_json(self), kept_slate(self, self.whose).body))

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
    """Decides.

    Attributes:
        offer_types: that make candidates.
        new_id: gives each decision its id.
        messages: that were chosen lately; whoever records decisions tells it of each.
    """

    def __init__(
        self, offer_types: Sequence[OfferType], *, new_id: Callable[[], str] | None = None, messages: MessagesOfLate | None = None
    ) -> None:
        """Prepare.

        Args:
            offer_types: that make candidates.
            new_id: gives each decision its id; the draw is made from it. None: a UUID that grows with time.
            messages: that were chosen lately; None: none yet.
        """
        self.offer_types = tuple(offer_types)
        self.new_id = DecisionIds() if new_id is None else new_id
        self.messages = MessagesOfLate() if messages is None else messages

    def anticipate(self, live: Live, request: OfferRequest, *, now: datetime) -> None:
        """Lay out what a decision would be drawn from, so that it is there when it is asked for; arguments as `decide`."""
        context, assigned, _ = _opened(live, request, now)
        context.live.layouts.of(context, assigned, lambda: lay_out(self.offer_types, context, assigned))

    def decide(self, live: Live, request: OfferRequest, *, now: datetime, decision_id: str | None = None) -> Decision:
        """Decide what to offer.

        Args:
            live: the state to answer from.
            request: what is asked.
            now: the service's clock, UTC.
            decision_id: a new one; None: it is made here.
        """
        context, assigned, degraded = _opened(live, request, now)
        policy, whose = assigned.policy, request.customer_id if context.personal else None
        layout = context.live.layouts.of(context, assigned, lambda: lay_out(self.offer_types, context, assigned))
        board = set_out(layout, context, request.history)
        lost = layout.lost.money(policy.contact, self.messages.mean(request.channel, now))
        arbitration = arbitrated(board, whose, fatigue=fatigue_of(context, request.history, policy.contact, lost=lost).cost)
        decision_id = self.new_id() if decision_id is None else decision_id
        seed = seed_of(policy.exploration.seed, whose, decision_id)
        holdout = None if whose is None else holdout_of(whose, policy.holdouts)
        choice = arbitration.odds.draw(seed, holdout=holdout, explore=whose is not None)
        return Decision(
            decision_id=decision_id,
            request=request,
            board=board,
            arbitration=arbitration,
            choice=choice,
            places=fill_slots(arbitration.slate, choice.order, limit=request.limit),
            seed=seed,
            holdout=holdout,
            degraded=degraded | context.live.models.degraded() | told(layout.numberless),
            numberless=layout.numberless,
        )


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
            customer = live.memory.read(live.reader, request.customer_id)
        except StateBroken as error:
            degraded["customer"] = unread(error)
    assigned = live.experiments.assigned(None if customer is None else request.customer_id, now)
    live, unserved = live.in_arm(assigned.models)
    days = (assigned.policy.horizon_days, assigned.policy.learned_days)
    kept = None if customer is None else live.memory.of(customer, days[0])
    return CustomerContext(live, now, customer, request.channel, request.cart, request.contact, *days, kept), assigned, degraded | unserved


def _message_key(candidate: Candidate, assigned: Assigned) -> str | None:
    return assigned.messages.get(candidate.offer_id, None if candidate.offer is None else candidate.offer.message_key)
