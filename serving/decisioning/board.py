"""Everything that may be sent to one customer now: what was laid out, without what the contact policy and the offers' own limits take away.

A written offer becomes a candidate only where it is given, or where somebody asks why it fell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.decisions.policy import DecisionPolicy
from features.decisions.slate import Slate
from features.ledger.contact_history import ContactHistory
from serving.customer_context import CustomerContext
from serving.decisioning.contact_policy import STEP as CONTACT_POLICY
from serving.decisioning.contact_policy import ContactRules
from serving.decisioning.contact_step import within_contact_policy
from serving.decisioning.contacts import rules_of
from serving.decisioning.eligibility import Dropped
from serving.decisioning.layout import Layout, lawful
from serving.decisioning.offer_limits import within_limits
from serving.decisioning.written_screen import CODE, Screen
from serving.offers.protocol import Candidate
from serving.offers.written import written_candidate
from serving.offers.written_response import WrittenResponses, written_responses

Places = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Board:
    """One customer's.

    Attributes:
        context: the customer, the clock, the channel, the cart.
        layout: what may be sent, whatever was sent before.
        history: of the person.
        kept: candidates of the models that may be sent, silence among them.
        shut: candidates of the models that the history or the hour closes.
        screen: how the written offers were judged.
        open_written: (w,) which of the layout's written offers are open; None: all.
    """

    context: CustomerContext
    layout: Layout
    history: ContactHistory
    kept: Sequence[Candidate]
    shut: Sequence[Dropped]
    screen: Screen
    open_written: Flags | None

    def __len__(self) -> int:
        return len(self.kept) + len(self.places)

    @property
    def policy(self) -> DecisionPolicy:
        """That decides."""
        return self.layout.assigned.policy

    @property
    def fallen(self) -> list[Dropped]:
        """Candidates of the models that may not be sent."""
        return [*self.layout.fallen, *self.shut]

    @property
    def layout_screen(self) -> Screen:
        """How the written offers were judged, whatever was sent before."""
        return Screen(self.context, self.screen.columns, self.layout.codes)

    @property
    def counted(self) -> NDArray[np.int64]:
        """How many written offers fell by each rule, by its number."""
        return self.layout.counted if self.open_written is None else self.screen.counted()

    @cached_property
    def places(self) -> Places:
        """(w,) Written offers that may be sent, in the columns, by type."""
        found = self.layout.written.places
        return found if self.open_written is None else found[self.open_written]

    @property
    def closed(self) -> bytes:
        """Names which of the layout's offers are closed; empty where none is."""
        if self.open_written is None:
            return b""
        open_ids = {one.offer_id for one in self.kept}
        return bytes(one.offer_id in open_ids for one in self.layout.kept) + self.open_written.tobytes()

    @cached_property
    def slate(self) -> Slate:
        """What may be sent, as columns; `fatigue` is not among the factors yet."""
        if self.open_written is None:
            return self.layout.slate
        return self.layout.slate.taken(np.flatnonzero(np.frombuffer(self.closed, np.bool_)))

    def candidate(self, place: int) -> Candidate:
        """One of what may be sent, by its place: the models' first."""
        if place < len(self.kept):
            return self.kept[place]
        written, row = self.layout.written, place - len(self.kept)
        if self.open_written is not None:
            row = int(np.flatnonzero(self.open_written)[row])
        found = self._candidate(int(written.places[row]), int(written.rows[row]), written.responses)
        if self.context.channel is not None:
            return found
        kept, _ = within_contact_policy([found], self.context, self._rules, self.history)  # without channels that are closed now
        return kept[0]

    @cached_property
    def dropped(self) -> list[Dropped]:
        """What may not be sent, and why: the models' candidates in the order of the steps, then the shop's offers."""
        lost = np.flatnonzero(self.screen.codes)
        responses = written_responses(self.context, lost)
        made = [self._candidate(place, row, responses) for row, place in enumerate(lost.tolist())]
        return [*self.fallen, *sendable(made, self.context, self.policy, self.history)[1]]

    @property
    def _rules(self) -> ContactRules:
        return _rules(self.context, self.policy)

    def _candidate(self, place: int, row: int, responses: WrittenResponses) -> Candidate:
        reasons = self.layout.considered[self.context.live.written.types[place]].reasons(place)
        return written_candidate(self.context, place, row, responses, reasons=reasons)


def set_out(layout: Layout, context: CustomerContext, history: ContactHistory) -> Board:
    """Leave what may be sent now.

    Args:
        layout: of the same customer, channel and consent.
        context: the customer, the clock, the channel, the cart.
        history: messages that the person got lately, and what displeased them.
    """
    columns = context.live.written
    if context.comes_by_themselves and not history.contacts:
        return Board(context, layout, history, layout.kept, (), Screen(context, columns, layout.codes), None)
    kept, shut = _sendable_once_more(list(layout.kept), context, layout.assigned.policy, history)
    screen, places = Screen(context, columns, layout.codes.copy()), layout.written.places
    found = screen.within_limits(places, history, context.live.exhausted)
    found[found] = _open(places[found], screen, _rules(context, layout.assigned.policy), history)
    whole = found.all() and not shut
    return Board(context, layout, history, kept, shut, screen, None if whole else found)


def sendable(
    made: list[Candidate], context: CustomerContext, policy: DecisionPolicy, history: ContactHistory
) -> tuple[list[Candidate], list[Dropped]]:
    """What may be sent now and makes sense, and what falls, in the order of the steps."""
    good, fallen = lawful(made, context, policy)
    kept, shut = _sendable_once_more(good, context, policy, history)
    return kept, [*fallen, *shut]


def _sendable_once_more(
    candidates: list[Candidate], context: CustomerContext, policy: DecisionPolicy, history: ContactHistory
) -> tuple[list[Candidate], list[Dropped]]:
    allowed, used_up = within_limits(candidates, history, context.live.exhausted)
    kept, closed = within_contact_policy(allowed, context, _rules(context, policy), history)
    return kept, [*used_up, *(Dropped(one, CONTACT_POLICY, v.code, v.sentence_en, v.sentence_zh) for one, v in closed)]


def _rules(context: CustomerContext, policy: DecisionPolicy) -> ContactRules:
    return rules_of(policy.contact, context.live.catalogue.assumptions.outbound_channels)


@dataclass(frozen=True)
class _Kind:
    """Of written offers, what the contact policy looks at: those of one type and the same channels share its verdict."""

    type: str
    channels: tuple[str, ...]


def _open(places: Places, screen: Screen, rules: ContactRules, history: ContactHistory) -> Flags:
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
