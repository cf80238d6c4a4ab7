"""Puts an explanation together from the answers that the API gives for the same customer."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta

import numpy as np

from features.assumptions import FILE as ASSUMPTIONS_FILE
from features.feature_sets import CATEGORY
from features.store import CustomerFeatures
from huitou.explanation.explanation import Bought, Churn, ExpectedNeed, Explanation, Favourite, Foundation, Offers, Portrait, SurvivalPoint
from serving.api.answer_schemas import DegradedPart
from serving.api.customer_schemas import PortraitAnswer, ScoresAnswer
from serving.api.customers import permitted_customer, portrait_answer, scores_answer
from serving.api.fields import probability
from serving.api.next_best_offers import offers_answer
from serving.api.next_best_offers_schemas import NextBestOffersAnswer, NextBestOffersRequest
from serving.api.replenishments import due_view
from serving.live import Live
from serving.replenishments import due_of
from serving.services import Services
from training.artifacts.return_hazard import HORIZONS

FAVOURITES = 6
BOUGHT_DAYS = 3
LIKELY = 5

_PURCHASES, _SILENCE = CATEGORY.columns.index("purchase_count"), CATEGORY.columns.index("days_since_last_purchase")


def gather(services: Services, customer_id: str, *, channel: str | None, horizon_days: int, limit: int) -> Explanation:
    """Ask serving everything about one customer.

    Args:
        services: the state and the models.
        customer_id: who is asked about.
        channel: where an offer would be sent; None when not yet decided.
        horizon_days: where the survival curve ends; 1 to `serving.churn_scores.LONGEST_HORIZON_DAYS`.
        limit: most offers.

    Raises:
        CustomerUnknown: nothing is known of the customer.
        CustomerUnreadable: the customer's row is damaged.
        ValidationError: the channel is no name of a channel, or the limit is out of bounds.
    """
    body = NextBestOffersRequest(customer_id=customer_id, channel=channel, limit=limit, explain=True)
    live, customer = services.live, permitted_customer(services, customer_id)
    portrait = portrait_answer(services, customer_id)
    decided = offers_answer(services, body)
    return Explanation(
        customer_id=customer_id,
        as_of=customer.as_of,
        now=services.now,
        age_days=portrait.behaviour.age_days,
        degraded=decided.degraded or portrait.degraded,
        problems=[DegradedPart(part=part, reason=reason) for part, reason in services.problems().items()],
        portrait=_portrait(live, customer, portrait),
        churn=_churn(live, customer, scores_answer(services, customer_id, tuple({*HORIZONS, horizon_days})), horizon_days),
        due=_due(live, customer),
        likely=_likely(live, portrait),
        offers=_offers(live, decided, body),
        foundation=Foundation(
            model_versions=decided.model_versions,
            assumptions=decided.assumptions,
            assumptions_file=str(services.settings.data_dir / ASSUMPTIONS_FILE),
            assumptions_note=live.catalogue.assumptions.note,
            currency=decided.currency,
        ),
    )


def _portrait(live: Live, customer: CustomerFeatures, answer: PortraitAnswer) -> Portrait:
    return Portrait(
        stage=answer.predictions.stage,
        layer=answer.predictions.layer,
        spend_percentile=answer.predictions.spend_percentile,
        predicted_orders=answer.predictions.predicted_orders,
        predicted_clv=answer.predictions.predicted_clv,
        predicted_clv_low=answer.predictions.predicted_clv_low,
        predicted_clv_high=answer.predictions.predicted_clv_high,
        probability_alive=answer.predictions.probability_alive,
        expected_margin_28d=answer.predictions.expected_margin_28d,
        attributes=answer.attributes.facts,
        behaviour=answer.behaviour.facts,
        favourites=_favourites(live, customer),
        bought_lately=_bought_lately(live, customer),
    )


def _favourites(live: Live, customer: CustomerFeatures) -> list[Favourite]:
    purchases = np.nan_to_num(customer.category_features[:, _PURCHASES])
    silence = customer.category_features[:, _SILENCE]
    # The names break ties, so that equal histories give equal portraits.
    best = sorted(range(len(customer.categories)), key=lambda row: (-purchases[row], customer.categories[row]))[:FAVOURITES]
    return [
        Favourite(
            category=live.catalogue.category_name(customer.categories[i]),
            purchases=int(purchases[i]),
            last_bought=_before(customer.as_of, float(silence[i])),
        )
        for i in best
    ]


def _bought_lately(live: Live, customer: CustomerFeatures) -> list[Bought]:
    recent = customer.recent
    found: list[Bought] = []
    days: set[date] = set()
    columns = (recent.product_ids.tolist(), recent.days_since_last.tolist(), recent.purchases.tolist())
    for product, ago, orders in zip(*columns, strict=True):
        at = customer.as_of - timedelta(days=ago)
        days.add(at.date())
        if len(days) > BOUGHT_DAYS:
            break
        found.append(Bought(product_id=product, name=live.catalogue.name(product), last_bought=at, orders=orders))
    return found


def _before(as_of: datetime, days: float) -> datetime | None:
    return as_of - timedelta(days=days) if math.isfinite(days) else None


def _churn(live: Live, customer: CustomerFeatures, answer: ScoresAnswer, horizon_days: int) -> Churn:
    model, days = live.models.return_hazard, np.arange(horizon_days + 1, dtype=np.float64)
    curve = [] if model is None or not customer.has_ordered else model.survival(customer.vector[None, :], days)[0].tolist()
    return Churn(
        at_horizons=answer.churn,
        undefined=answer.churn_undefined,
        expected_next_order_date=answer.expected_next_order_date,
        next_order_date_low=answer.next_order_date_low,
        next_order_date_high=answer.next_order_date_high,
        reasons=answer.reasons,
        horizon_days=horizon_days,
        survival=[SurvivalPoint(days=day, probability=probability(value)) for day, value in enumerate(curve)],
    )


def _due(live: Live, customer: CustomerFeatures) -> list[ExpectedNeed]:
    rows = [due_view(row, live) for row in sorted(due_of(live, [customer] if customer.categories else []))]
    return [
        ExpectedNeed(
            category=row.name,
            due_date=row.due_date,
            probability_28d=row.probability,
            usual_quantity=row.quantity,
            product_id=row.product_id,
            product_name=_name(live, row.product_id),
        )
        for row in rows
    ]


def _likely(live: Live, answer: PortraitAnswer) -> list[ExpectedNeed]:
    later = [need for need in answer.needs.categories if need.due_date is None]
    return [
        ExpectedNeed(
            category=need.name,
            due_date=None,
            probability_28d=need.probability_28d,
            usual_quantity=need.usual_quantity,
            product_id=need.usual_product_id,
            product_name=_name(live, need.usual_product_id),
        )
        for need in sorted(later, key=lambda need: (-need.probability_28d, need.category))[:LIKELY]
    ]


def _name(live: Live, product_id: str | None) -> str | None:
    return None if product_id is None else live.catalogue.name(product_id)


def _offers(live: Live, answer: NextBestOffersAnswer, body: NextBestOffersRequest) -> Offers:
    return Offers(
        channel=body.channel,
        allowed_channels=list(live.catalogue.assumptions.consent.channels),
        limit=body.limit,
        offers=answer.offers,
        dropped=answer.dropped,
        policy_version=answer.policy_version,
        value_basis=answer.value_basis,
    )
