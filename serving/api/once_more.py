"""The same answer once more: until something new is known of a customer, most answers to a question about them differ by their id alone.

Nine draws of ten take the best offer (`features.decisions.choosing`), and which that is stays as it is as long as what it was found from:
the layout, the clock, the policy, what the person was sent. So whoever asks again, about somebody who is here, is answered with what they
were answered before, with an id and a seed of its own, recorded and counted like every other. All else is decided. A test asks both ways
and compares answers and records.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from features.decisions.assignment import holdout_of
from features.decisions.choosing import seed_of, takes_best
from features.decisions.record import Holdout
from features.errors import StateBroken
from features.ledger.answers import KeptAnswer
from features.ledger.decisions import Decided
from features.ledger.exposures import Exposure
from features.ledger.slates import KeptSlate
from serving.api.next_best_offers_schemas import NextBestOffersRequest
from serving.decisioning.engine import Decision
from serving.decisioning.layout import Layout
from serving.permissions import Permitted
from serving.services import Services

_MOST = 4  # different questions about one customer on one channel


@dataclass(frozen=True)
class Answered:
    """An answer that may be given again.

    Attributes:
        now: the clock of the decision, UTC: offers say until when they hold.
        answer: as the ledger keeps it for all decisions that give it.
        text: the same as it goes out, before the decision's id and behind it.
        record: JSON before the decision's id, between it and the seed, and behind that.
        exposures: experiments that the customer met.
        slate: what was drawn from.
        type: of the first offer.
        fallen: rules by which candidates of the models fell.
        counted: how many written offers fell by each rule.
        silent: whether the customer belongs to those who are sent nothing, whatever is drawn.
    """

    now: datetime
    answer: KeptAnswer
    text: tuple[bytes, bytes]
    record: tuple[str, str, str]
    exposures: tuple[Exposure, ...]
    slate: KeptSlate | None
    type: str
    fallen: tuple[str, ...]
    counted: NDArray[np.int64]
    silent: bool


Again = tuple[bytes, Decided, Answered]  # an answer's text, its decision, and what it repeats


def once_more(services: Services, body: NextBestOffersRequest, permitted: Permitted, decision_id: str, whose: str | None) -> Again | None:
    """The answer that a decision would come to, if it is one that was given before, its text first; None: decide.

    Args:
        services: the service.
        body: what is asked.
        permitted: what the person agreed to.
        decision_id: of the decision, also where it is made elsewhere: whether it finds something out follows from it.
        whose: the id that is asked with.
    """
    live, now = services.live, services.now
    if not _is_plain(services, body, permitted) or live.models.degraded() or services.staleness():
        return None
    customer_id = str(permitted.customer_id)
    layout = live.layouts.latest(customer_id, body.channel, permitted.channels)
    known: Answered | None = None if layout is None else layout.answers.get(_question(body))
    if layout is None or known is None or known.now != now:
        return None
    assigned = live.experiments.assigned(customer_id, now)
    seed, share = seed_of(assigned.policy.exploration.seed, customer_id, decision_id), assigned.policy.exploration.share
    if not known.silent and not takes_best(seed, share):
        return None
    # Last, as it may be a round trip: whoever is decided on is read there, and not twice.
    with contextlib.suppress(StateBroken):  # safe: whoever decides reads once more, and says so
        customer = live.memory.read(live.reader, customer_id)
        if customer is not None and layout.holds(customer, assigned, now):
            text = b"%b%b%b" % (known.text[0], decision_id.encode(), known.text[1])
            record = f"{known.record[0]}{decision_id}{known.record[1]}{seed}{known.record[2]}"
            at = services.ledger.clock()
            return text, Decided(decision_id, whose, at, "", record, None, known.exposures, known.slate, known.answer), known
    return None


def remember(services: Services, body: NextBestOffersRequest, permitted: Permitted, decision: Decision, decided: Decided) -> None:
    """Keep an answer that may be given again; any other is let go.

    Args:
        services: the service.
        body: what was asked.
        permitted: what the person agreed to.
        decision: as made.
        decided: as recorded; nothing was missing from it.
    """
    layout, whose, assigned = decision.board.layout, decision.whose, decision.assigned
    if decision.numberless or assigned.models or whose is None or not _is_plain(services, body, permitted):
        return
    holdout = holdout_of(whose, assigned.policy.holdouts)
    drawn = decision.choice.explored or holdout is Holdout.MODEL_CONTROL
    if drawn or decided.contact is not None or decided.record is None:
        return
    before, *behind = decided.body.split(decision.decision_id)
    first, _, rest = decided.record.partition(decision.decision_id)
    seed = f'"seed":{decision.seed}'
    between, _, last = rest.partition(seed)
    answer = KeptAnswer.of(before, behind[0], decided.recorded_as, decided.slate) if len(behind) == 1 else None
    if answer is not None and first and last:
        told, text = (first, between + '"seed":', last), (before.encode(), behind[0].encode())
        _keep(layout, body, _answered(decision, decided, answer, text, told, silent=holdout is Holdout.UNIVERSAL))


def _answered(
    decision: Decision, decided: Decided, answer: KeptAnswer, text: tuple[bytes, bytes], record: tuple[str, str, str], *, silent: bool
) -> Answered:
    board = decision.board
    return Answered(
        now=decision.context.now,
        answer=answer,
        text=text,
        record=record,
        exposures=decided.exposures,
        slate=decided.slate,
        type=decision.slate.types[decision.places[0]],
        fallen=tuple(fell.code for fell in board.fallen),
        counted=board.counted,
        silent=silent,
    )


def _keep(layout: Layout, body: NextBestOffersRequest, answered: Answered) -> None:
    if len(layout.answers) >= _MOST:
        layout.answers.clear()
    layout.answers[_question(body)] = answered


def _question(body: NextBestOffersRequest) -> tuple[str | None, str | None, str | None, int]:
    """What of a plain question is in its answer or record, beside what names the layout."""
    return body.customer_id, body.anonymous_id, body.scenario, body.limit


def _is_plain(services: Services, body: NextBestOffersRequest, permitted: Permitted) -> bool:
    """Whether what is asked follows from the layout alone: of somebody who is here, was sent nothing lately and has nothing in a cart."""
    return (
        body.personalized
        and permitted.personal
        and permitted.customer_id is not None
        and not body.explain
        and not body.cart
        and not permitted.degraded
        and body.channel in services.live.catalogue.assumptions.consent.inbound_channels
        and body.channel not in services.outbound_channels
        and not (history := services.decisions.contacts.joined(permitted.history)).contacts
        and not history.negatives
    )
