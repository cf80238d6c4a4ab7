"""What may be said where nothing personal may be used: figures of the shop as a whole, the same for everybody who is asked about."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.feature_sets import CUSTOMER
from serving.api.answer_schemas import provenance
from serving.api.customer_schemas import NonPersonalPortrait, NonPersonalScores, PopularProduct, ShopChurn, ShopWide
from serving.api.fields import probability
from serving.live import Live
from serving.permissions import Permitted
from serving.services import Services

_POPULAR = 10
_GAP = CUSTOMER.columns.index("gap_mean")


def non_personal_scores(services: Services, customer_id: str, permitted: Permitted | None) -> NonPersonalScores:
    """The lawful answer of `/scores`: nothing of the customer is read, so somebody unknown and somebody who refused get the same.

    Args:
        services: the state and the models.
        customer_id: as asked; given back, and nothing else is done with it.
        permitted: what was looked up, if anything was: says whether the ledger answered.
    """
    return NonPersonalScores(**_answer(services, customer_id, permitted, ["return_hazard"]))


def non_personal_portrait(services: Services, customer_id: str, permitted: Permitted | None) -> NonPersonalPortrait:
    """The lawful answer in the place of a portrait; arguments as of `non_personal_scores`."""
    return NonPersonalPortrait(**_answer(services, customer_id, permitted, ["return_hazard"]))


def _answer(services: Services, customer_id: str, permitted: Permitted | None, models: list[str]) -> dict[str, Any]:
    degraded = services.degraded(models) | ({} if permitted is None else permitted.degraded)
    return {"customer_id": customer_id, "shop_wide": shop_wide(services.live), **provenance(services.live, degraded)}


def shop_wide(live: Live) -> ShopWide:
    """Base rates as the live model keeps them for its percentiles, and what sells; empty and null without the model."""
    catalogue, hazard = live.catalogue, live.models.return_hazard
    sold = [product for product in catalogue.best_sellers if catalogue.offerable(product)][:_POPULAR]
    quantiles = {} if hazard is None else hazard.header.churn_quantiles
    gap = None if hazard is None else hazard.header.reference[_GAP]
    return ShopWide(
        # The mean over evenly spaced quantiles is the mean of the customers.
        churn=[ShopChurn(horizon_days=h, churn_probability=probability(float(np.mean(q)))) for h, q in sorted(quantiles.items())],
        median_days_between_orders=None if gap is None else round(gap, 4),
        popular_products=[PopularProduct(product_id=product, name=catalogue.name(product)) for product in sold],
    )
