"""A decision as `POST /v1/next-best-offers` answers it: amounts in cents, probabilities to six decimals, reasons in both languages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from serving.api.answer_schemas import provenance
from serving.api.fields import probability
from serving.api.next_best_offers_schemas import (
    ChurnView,
    DroppedView,
    ItemView,
    NextBestOffersAnswer,
    NextBestOffersRequest,
    OfferView,
)
from serving.api.reason_views import cause_view, reason_fields
from serving.churn_scores import expected_date
from serving.customer_context import CustomerContext
from serving.decisioning.eligibility import Dropped
from serving.decisioning.engine import Decision, Given
from serving.offers.protocol import VALUE_BASIS, Candidate, cents


def answer_of(body: NextBestOffersRequest, decision: Decision, degraded: Mapping[str, str]) -> NextBestOffersAnswer:
    """The answer that tells a decision.

    Args:
        body: what was asked.
        decision: as made.
        degraded: part that is missing → one sentence.
    """
    context, assigned = decision.context, decision.assigned
    return NextBestOffersAnswer(
        customer_id=body.customer_id,
        decision_id=decision.decision_id,
        stage=context.segments.stage if body.personalized else None,
        layer=context.segments.layer,
        churn=churn_view(context, explain=body.explain),
        churn_undefined=None if context.customer is None or context.customer.has_ordered else "never_ordered",
        offers=[offer_view(given, context.usable(given.candidate.channels), context.now) for given in decision.offers],
        dropped=[_dropped(dropped) for dropped in decision.dropped] if body.explain else [],
        policy_version=assigned.policy_version,
        experiment=", ".join(f"{one.experiment_id}:{one.arm}" for one in assigned.assignments) or None,
        holdout=decision.holdout,
        horizon_days=assigned.policy.horizon_days,
        personalized=context.personal,
        value_basis=VALUE_BASIS,
        **provenance(context.live, degraded),
    )


def churn_view(context: CustomerContext, *, explain: bool) -> ChurnView | None:
    """Churn of the context's customer; None when nothing personal is used, they never ordered or there is no model."""
    scores, model, customer = context.churn, context.live.models.return_hazard, context.customer
    if scores is None or model is None or customer is None:
        return None
    return ChurnView(
        **{f"probability_{h}d": probability(scores.probability[h][0]) for h in (14, 28, 56, 91)},
        percentile_28d=round(float(scores.percentile[28][0]), 1),
        channel_churn_probability_28d=None if context.leaving is None else context.leaving.probability,
        expected_next_order_date=expected_date(customer.as_of, float(scores.days_until_order[0])),
        reasons=[cause_view(reason) for reason in model.reasons(context.seen)] if explain else [],
    )


def offer_view(given: Given, channels: Sequence[str], now: datetime) -> OfferView:
    """An offer as the answer shows it; arguments as `offer_fields`."""
    return OfferView.model_validate(offer_fields(given, channels, now))


def offer_fields(given: Given, channels: Sequence[str], now: datetime) -> dict[str, Any]:
    """Fields of an `OfferView`, in its order and as JSON has them: amounts in cents, probabilities to six decimals.

    Args:
        given: the offer.
        channels: those the person may be reached on.
        now: of the decision, UTC.
    """
    candidate, considered, factors = given.candidate, given.considered, given.considered.factors
    written = candidate.offer
    return {
        "offer_id": candidate.offer_id,
        "type": candidate.type,
        "items": _items(candidate),
        "expected_value": float(cents(considered.value)),
        "probability": probability(factors.p0),
        "uplift": round(factors.tau, 6),
        "uplift_sd": round(factors.tau_sd, 6),
        "uplift_source": factors.tau_source,
        "propensity": probability(considered.propensity),
        "margin": float(cents(factors.margin)),
        "discount": float(cents(factors.discount)),
        "cost": float(cents(factors.contact_cost + factors.fatigue)),
        "cost_of_leaving": float(cents(factors.fatigue)),
        "message_key": given.message_key,
        "title": {} if written is None else dict(written.title),
        "url": None if written is None else written.url,
        "content_id": None if written is None else written.content_id,
        "reason_codes": [reason.code for reason in candidate.reasons],
        "reasons": [reason_fields(reason) for reason in candidate.reasons],
        "valid_until": candidate.valid_until(now),
        "channels": list(channels),
    }


def _items(candidate: Candidate) -> list[dict[str, Any]]:
    """Fields of `ItemView`s. A dropped offer's may have no number: that is why it fell."""
    known = ((item, item.score if math.isfinite(item.score) else 0.0) for item in candidate.items)
    return [{"product_id": item.product_id, "name": item.name, "score": probability(score)} for item, score in known]


def _dropped(dropped: Dropped) -> DroppedView:
    return DroppedView(
        offer_id=dropped.candidate.offer_id,
        type=dropped.candidate.type,
        items=[ItemView.model_validate(item) for item in _items(dropped.candidate)],
        expected_value=None if dropped.value is None else cents(dropped.value),
        step=dropped.step,
        code=dropped.code,
        sentence_en=dropped.sentence_en,
        sentence_zh=dropped.sentence_zh,
    )
