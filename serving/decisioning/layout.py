"""What may be sent to one customer, and what it is worth, as far as neither the hour nor what they were sent lately says otherwise.

Laid out once, it holds until something new is known of the customer, the shop changes something, or a moment comes at which an offer
begins, ends or is made by itself. What the contact policy, caps and fatigue take away is judged in every answer (`board.py`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from features.decisions.policy import DecisionPolicy
from features.decisions.slate import Slate
from features.ledger.columns import micros, moment
from features.ledger.contact_history import NO_HISTORY
from features.store import CustomerFeatures
from serving.condition_values import next_birthday_count
from serving.customer_context import CustomerContext
from serving.decisioning.applicability import applicable
from serving.decisioning.effect_state import State, effect_state
from serving.decisioning.eligibility import Dropped, eligible
from serving.decisioning.experiments import Assigned
from serving.decisioning.fairness import over_the_cap
from serving.decisioning.offer_limits import within_limits
from serving.decisioning.suitability import suitable
from serving.decisioning.valuation import Answered, valued
from serving.decisioning.written_screen import Screen
from serving.lost_reach import LostReach, lost_of
from serving.offers.protocol import Candidate, OfferType, Passing
from serving.offers.validity import next_count
from serving.offers.written import Written
from serving.offers.written_response import written_responses

if TYPE_CHECKING:
    from serving.decisioning.arbitration import Arbitration

_MARGIN = timedelta(seconds=1)  # some moments are counted in days, as sums of rounded numbers
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Layout:
    """One customer's.

    Attributes:
        customer: as they were known; None for nobody in particular.
        assigned: experiments and policy by which it was laid out.
        since, until: from when on, and before when, it holds.
        kept: candidates of the models that may be sent, silence among them.
        fallen: those that may not.
        codes: (n,) by which rule each written offer fell, 0 where by none.
        counted: how many by each rule, by its number.
        considered: type → its written offers that suit the customer, with the reasons.
        written: written offers that may be sent, by type.
        state: what is known of the customer that an effect may depend on.
        lost: what goes with the channel when the customer leaves it.
        numberless: models that gave no number for the customer.
        slate: `kept`, then `written`, valued but for fatigue.
        arbitrations: made of it lately.
        answers: given of it lately, by whoever tells them.
    """

    customer: CustomerFeatures | None
    assigned: Assigned
    since: datetime
    until: datetime
    kept: Sequence[Candidate]
    fallen: Sequence[Dropped]
    codes: NDArray[np.uint8]
    counted: NDArray[np.int64]
    considered: dict[str, Written]
    written: Answered
    state: State
    lost: LostReach
    numberless: tuple[str, ...]
    slate: Slate
    arbitrations: dict[tuple[float, bytes], Arbitration] = field(default_factory=dict)
    answers: dict[Hashable, Any] = field(default_factory=dict)

    def holds(self, customer: CustomerFeatures | None, assigned: Assigned, now: datetime) -> bool:
        """Whether it is that of a question on the same channel and of the same consent."""
        return self.customer is customer and self.assigned is assigned and self.since <= now < self.until


def lay_out(offer_types: Sequence[OfferType], context: CustomerContext, assigned: Assigned) -> Layout:
    """Collect what may be sent.

    Args:
        offer_types: that make candidates and say whom the shop's own suit.
        context: the customer, the clock, the channel, the cart.
        assigned: the policy.
    """
    policy = assigned.policy
    made = [candidate for offer_type in offer_types for candidate in offer_type.candidates(context)]
    kept, fallen = lawful(made, context, policy)
    allowed, used_up = within_limits(kept, NO_HISTORY, context.live.exhausted)
    screen, known = Screen.opened(context), {candidate.offer_id for candidate in made}
    considered = {one.name: found for one in offer_types if (found := one.written(context)) is not None and len(found.places)}
    wanted = [found.places for found in considered.values()]
    places = screen.lawful(np.concatenate(wanted) if wanted else np.empty(0, np.intp))
    responses = written_responses(context, places)
    rows = np.flatnonzero(screen.affordable(places, responses, policy.fairness.most_discount))
    rows = rows[screen.within_limits(places[rows], NO_HISTORY, context.live.exhausted)]
    if known and len(rows):
        rows = rows[[name not in known for name in screen.columns.ids[places[rows]].tolist()]]
    written, state = Answered(places[rows], rows, responses), effect_state(context)
    slate, silent = _valued(allowed, written, context, policy, state)
    return Layout(
        context.customer,
        assigned,
        since=context.now,
        until=_until(offer_types, context),
        kept=allowed,
        fallen=[*fallen, *used_up],
        codes=screen.codes,
        counted=screen.counted(),
        considered=considered,
        written=written,
        state=state,
        lost=lost_of(context, policy, state, context.live.models.offer_effect),
        numberless=silent,
        slate=slate,
    )


def _valued(
    kept: Sequence[Candidate], written: Answered, context: CustomerContext, policy: DecisionPolicy, state: State
) -> tuple[Slate, tuple[str, ...]]:
    """What may be sent, with the factors of its value, and the models that gave no number for the customer."""
    effects = context.live.models.offer_effect
    slate = valued(kept, written, context, policy, state, effects=effects)
    if effects is None or bool(np.isfinite(slate.factors.tau).all() and np.isfinite(slate.factors.tau_sd).all()):
        return slate, context.numberless
    return valued(kept, written, context, policy, state, effects=None), (*context.numberless, "offer_effect")


def lawful(made: Iterable[Candidate], context: CustomerContext, policy: DecisionPolicy) -> tuple[list[Candidate], list[Dropped]]:
    """Which candidates may be sent and make sense whatever was sent before, and which fall, in the order of the steps."""
    left, unlawful = eligible(list(made), context)
    left, senseless = applicable(left, context)
    left, harmful = suitable(left, context)
    fair: list[Candidate] = []
    unfair: list[Dropped] = []
    for candidate in left:
        broken = over_the_cap(candidate.discount, policy.fairness)
        if broken is None:
            fair.append(candidate)
        else:
            unfair.append(Dropped(candidate, "suitable", *broken))
    return fair, [*unlawful, *senseless, *harmful, *unfair]


def _until(offer_types: Sequence[OfferType], context: CustomerContext) -> datetime:
    """Before when nothing changes by itself."""
    turns, now, customer = context.live.written.turns, context.now, context.customer
    place = int(np.searchsorted(turns, micros(now), side="right"))
    ahead = [moment(min(int(turns[place]), micros(_LAST)))] if place < len(turns) else []
    ahead += [next_count(now)] if context.live.written.ends_in_use(now) else []
    ahead += [turn for one in _passing(tuple(offer_types)) if (turn := one.changes_at(context)) is not None]
    if customer is not None:
        midnight = next_birthday_count(customer.facts, now)
        ahead += [] if midnight is None else [midnight]
        ahead += _forgotten(customer, now, context.live.catalogue.assumptions.catalogue.just_bought_days)
    return min(ahead) - _MARGIN if ahead else _LAST


@lru_cache(maxsize=16)
def _passing(offer_types: tuple[OfferType, ...]) -> tuple[Passing, ...]:
    return tuple(one for one in offer_types if isinstance(one, Passing))


def _forgotten(customer: CustomerFeatures, now: datetime, days: float) -> list[datetime]:
    """When the first of what was just bought is no longer: nothing where nothing was."""
    passed = max(0.0, (now - customer.as_of) / timedelta(days=1))
    lately = [since for since in customer.recent.days_since_last.tolist() if since + passed < days]
    return [customer.as_of + timedelta(days=days - max(lately))] if lately else []
