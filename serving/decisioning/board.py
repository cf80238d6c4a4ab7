"""Everything that may be sent to one customer now: what the models make, as candidates, and the shop's written offers, as columns.

The rules are asked of the candidates one by one and of the written offers all at once. A written offer becomes a candidate only where it is
given, or where somebody asks why it fell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.decisions.policy import DecisionPolicy
from features.ledger.contact_history import ContactHistory
from serving.customer_context import CustomerContext
from serving.decisioning.applicability import applicable
from serving.decisioning.contact_policy import STEP as CONTACT_POLICY
from serving.decisioning.contact_policy import ContactRules
from serving.decisioning.contact_step import within_contact_policy
from serving.decisioning.contacts import rules_of
from serving.decisioning.eligibility import Dropped, eligible
from serving.decisioning.fairness import over_the_cap
from serving.decisioning.offer_limits import within_limits
from serving.decisioning.suitability import suitable
from serving.decisioning.written_screen import CODE, Screen
from serving.offers.protocol import Candidate, OfferType
from serving.offers.written import Written, written_candidate
from serving.offers.written_response import WrittenResponses, written_responses

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Board:
    """One customer's.

    Attributes:
        context: the customer, the clock, the channel, the cart.
        policy: that decides.
        history: of the person.
        kept: candidates of the models that may be sent, silence among them.
        fallen: those that may not.
        screen: how the written offers were judged.
        considered: type → its written offers that suit the customer, with the reasons.
        places: (w,) written offers that may be sent, by type.
        rows: (w,) where each stands in `responses`.
        responses: what was predicted of those that are lawful.
    """

    context: CustomerContext
    policy: DecisionPolicy
    history: ContactHistory
    kept: Sequence[Candidate]
    fallen: Sequence[Dropped]
    screen: Screen
    considered: dict[str, Written]
    places: Places
    rows: Places
    responses: WrittenResponses

    def __len__(self) -> int:
        return len(self.kept) + len(self.places)

    def candidate(self, place: int) -> Candidate:
        """One of what may be sent, by its place: the models' first."""
        if place < len(self.kept):
            return self.kept[place]
        written = place - len(self.kept)
        found = _candidate(self.context, int(self.places[written]), int(self.rows[written]), self.responses, self.considered)
        if self.context.channel is not None:
            return found
        kept, _ = within_contact_policy([found], self.context, self._rules, self.history)  # without channels that are closed now
        return kept[0]

    @cached_property
    def dropped(self) -> list[Dropped]:
        """What may not be sent, and why: the models' candidates in the order of the steps, then the shop's offers."""
        lost = np.flatnonzero(self.screen.codes)
        responses = written_responses(self.context, lost)
        made = [_candidate(self.context, place, row, responses, self.considered) for row, place in enumerate(lost.tolist())]
        return [*self.fallen, *_sendable(made, self.context, self.policy, self.history)[1]]

    @property
    def _rules(self) -> ContactRules:
        return rules_of(self.policy.contact, self.context.live.catalogue.assumptions.outbound_channels)


def set_out(offer_types: Sequence[OfferType], context: CustomerContext, policy: DecisionPolicy, history: ContactHistory) -> Board:
    """Collect what may be sent.

    Args:
        offer_types: that make candidates and say whom the shop's own suit.
        context: the customer, the clock, the channel, the cart.
        policy: that decides.
        history: messages that the person got lately, and what displeased them.
    """
    made = [candidate for offer_type in offer_types for candidate in offer_type.candidates(context)]
    kept, fallen = _sendable(made, context, policy, history)
    screen, known = Screen.opened(context), {candidate.offer_id for candidate in made}
    considered = {one.name: found for one in offer_types if (found := one.written(context)) is not None and len(found.places)}
    wanted = [found.places for found in considered.values()]
    places = screen.lawful(np.concatenate(wanted) if wanted else np.empty(0, np.intp))
    responses = written_responses(context, places)
    rows = np.flatnonzero(screen.affordable(places, responses, policy.fairness.most_discount))
    rows = rows[screen.within_limits(places[rows], history, context.live.exhausted)]
    rules = rules_of(policy.contact, context.live.catalogue.assumptions.outbound_channels)
    rows = rows[_open(places[rows], screen, rules, history)]
    if known and len(rows):
        rows = rows[[name not in known for name in screen.columns.ids[places[rows]].tolist()]]
    return Board(context, policy, history, kept, fallen, screen, considered, places[rows], rows, responses)


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


@dataclass(frozen=True)
class _Kind:
    """Of written offers, what the contact policy looks at: those of one type and the same channels share its verdict."""

    type: str
    channels: tuple[str, ...]


def _open(places: Places, screen: Screen, rules: ContactRules, history: ContactHistory) -> NDArray[np.bool_]:
    """Which of some written offers the contact policy leaves."""
    columns, context = screen.columns, screen.context
    zone = context.customer.facts.timezone if context.customer is not None else None
    found = np.ones(len(places), np.bool_)
    numbers = columns.channels[places].tolist()
    kinds = list(zip(columns.types[places].tolist(), numbers, strict=True))
    closed: dict[tuple[str, int], np.uint8] = {}
    for name, number in dict.fromkeys(kinds):
        channels = columns.channel_sets[number]
        # Without a channel only those count on which the person may be reached at all.
        asked = _Kind(name, channels if context.channel is not None else context.usable(channels))
        verdict = rules.verdict(asked, context.channel, history, context.now, zone)
        if verdict is not None:
            closed[name, number] = CODE[verdict.code]
    if closed:
        codes = np.array([closed.get(kind, 0) for kind in kinds], np.uint8)
        found = codes == 0
        screen.codes[places[~found]] = codes[~found]
    return found


def _candidate(context: CustomerContext, place: int, row: int, responses: WrittenResponses, considered: dict[str, Written]) -> Candidate:
    reasons = considered[context.live.written.types[place]].reasons(place)
    return written_candidate(context, place, row, responses, reasons=reasons)
