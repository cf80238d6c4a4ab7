"""Self-tests: one question to each freshly loaded model whose answer must be possible, before a customer is answered by it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.decisions.state import STATE
from features.feature_sets import CUSTOMER
from features.recent import RecentPurchases, nothing_recent
from serving.errors import SelfTestFailed
from training.artifacts.bundle_columns import COMPLETE_INPUTS, PARTIAL_INPUTS
from training.artifacts.bundles import BundleModel
from training.artifacts.channel_churn import ChannelChurn
from training.artifacts.items import EXPLORE_INPUTS, REPEAT_INPUTS, ItemModel
from training.artifacts.logistic_map import LogisticMap, sigmoid
from training.artifacts.offer_effect import OfferEffect
from training.artifacts.repurchase import RepurchaseModel
from training.artifacts.return_hazard import HORIZONS, ReturnHazard
from training.artifacts.value import YEAR_DAYS, ValueModel

_TEST_DAYS = np.array([0.0, *HORIZONS], dtype=np.float64)


def check_return_hazard(model: ReturnHazard) -> None:
    """The median customer and one of whom nothing is known: survival starts at 1, never rises, stays in [0, 1].

    Raises:
        SelfTestFailed: names the model and what it answered.
    """
    reference = np.array([np.nan if value is None else value for value in model.header.reference], dtype=np.float64)
    survival = model.survival(np.vstack([reference, np.full_like(reference, np.nan)]), _TEST_DAYS)
    _require_survival("return_hazard", survival)
    if not set(HORIZONS) <= set(model.header.churn_quantiles):
        raise SelfTestFailed("return_hazard: the quantiles of some horizon are missing; train it again.")


def check_channel_churn(model: ChannelChurn) -> None:
    """A customer with nothing of anything, one with twenty of everything, one of whom nothing is known.

    Raises:
        SelfTestFailed: as above.
    """
    stored = np.array([np.full(len(model.inputs), value) for value in (0.0, 20.0, np.nan)])
    _require_survival("channel_churn", model.survival(stored, _TEST_DAYS))
    _require_probabilities("channel_churn", model.contact_effect(stored, _TEST_DAYS[-1]))


def check_value(model: ValueModel) -> None:
    """A customer with twenty of everything and one of whom nothing is known: orders rise with the horizon, the interval holds the value.

    Raises:
        SelfTestFailed: as above.
    """
    stored = np.vstack([np.full(len(CUSTOMER.columns), 20.0), np.full(len(CUSTOMER.columns), np.nan)])
    orders, scores = model.orders(stored, np.array([*HORIZONS, YEAR_DAYS])), model.score(stored)
    _require_probabilities("value", scores.probability_alive)
    if not np.isfinite(orders).all() or (orders < 0).any() or (np.diff(orders, axis=1) < -1e-12).any():
        raise SelfTestFailed(f"value: expected orders {orders.round(4).tolist()} fall with the horizon; train it again.")
    bounds = np.column_stack([np.zeros(2), scores.predicted_clv_low, scores.predicted_clv, scores.predicted_clv_high])
    if not np.isfinite(bounds).all() or (np.diff(bounds, axis=1) < -1e-9).any():
        raise SelfTestFailed(f"value: the interval {bounds.round(2).tolist()} does not hold the value; train it again.")


def check_repurchase(model: RepurchaseModel) -> None:
    """A category bought twenty times and one of which nothing is known: probabilities rise with the horizon.

    Raises:
        SelfTestFailed: as above.
    """
    category = np.vstack([np.full(len(model.category_inputs), 20.0), np.full(len(model.category_inputs), np.nan)])
    forecast = model.predict(category, np.full(len(model.customer_inputs), 20.0))
    chances = np.column_stack([forecast.probability_7d, forecast.probability_14d, forecast.probability_28d])
    _require_probabilities("repurchase", chances)
    if (np.diff(chances, axis=1) < -1e-12).any():
        raise SelfTestFailed(f"repurchase: the chances {chances.round(4).tolist()} fall with the horizon; train it again.")
    if not np.isfinite(forecast.days_until_due).all():
        raise SelfTestFailed("repurchase: a due date is not finite; train it again.")


def check_items(model: ItemModel) -> None:
    """Somebody unknown and somebody who bought the first product yesterday.

    Raises:
        SelfTestFailed: as above.
    """
    _require_inputs("items", (model.settings.explore, EXPLORE_INPUTS), (model.settings.repeat, REPEAT_INPUTS))
    known = RecentPurchases(model.product_ids[:1], np.ones(1, np.int32), np.ones(1, np.float32), 1)
    for recent in (nothing_recent(), known):
        _require_probabilities("items", sigmoid(model.logits(recent)))
        if not model.recommend(recent, limit=3):
            raise SelfTestFailed("items: nothing is recommended to anybody; train it again.")


def check_bundles(model: BundleModel) -> None:
    """As for items. A shop without sets is lawful: then nothing is recommended.

    Raises:
        SelfTestFailed: as above.
    """
    _require_inputs("bundles", (model.settings.partial, PARTIAL_INPUTS), (model.settings.complete, COMPLETE_INPUTS))
    known = RecentPurchases(model.table.product_ids[:1], np.ones(1, np.int32), np.ones(1, np.float32), 1)
    for recent in (nothing_recent(), known):
        _require_probabilities("bundles", sigmoid(model.logits(recent)))


def check_offer_effect(model: OfferEffect) -> None:
    """A customer with one of everything and one of whom nothing is known, a known offer and one never seen: an uplift leaves a probability.

    Raises:
        SelfTestFailed: as above.
    """
    offers = [*model.header.offers[:1], ("never:seen", "never_seen")]
    state, p0 = np.array([np.full(len(STATE), value) for value in (1.0, np.nan)]), np.full((2, len(offers)), 0.2)
    mean, sd = model.beliefs(state, offers, p0)
    _require_probabilities("offer_effect", p0 + mean)
    drawn = model.draws(state[0], offers, p0[0], 8, seed=1)
    _require_probabilities("offer_effect", p0[0] + drawn)
    if not np.isfinite(sd).all() or (sd <= 0).any():
        raise SelfTestFailed(f"offer_effect: standard deviations {sd.ravel().tolist()} are not above 0; train it again.")


def _require_inputs(name: str, *maps: tuple[LogisticMap, tuple[str, ...]]) -> None:
    for found, computed in maps:
        if found.inputs != computed:
            raise SelfTestFailed(f"{name}: a map was fitted on {found.inputs}, this huitou computes {computed}; train it again.")


def _require_survival(name: str, survival: NDArray[np.float64]) -> None:
    _require_probabilities(name, survival)
    if (np.diff(survival, axis=1) > 1e-12).any() or not np.allclose(survival[:, 0], 1.0):
        raise SelfTestFailed(f"{name}: survival {survival.round(4).tolist()} rises with the horizon; train it again.")


def _require_probabilities(name: str, values: NDArray[np.floating]) -> None:
    if not np.isfinite(values).all() or (values < 0).any() or (values > 1).any():
        raise SelfTestFailed(f"{name}: {values.ravel()[:8].tolist()} are not probabilities; train it again.")
