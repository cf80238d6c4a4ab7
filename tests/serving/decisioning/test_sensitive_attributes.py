"""Two customers who differ in who they are, and in nothing that they did, are offered the same: whatever the models have learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from features.decisions.sensitive import sensitive_fields, unprofiled
from features.feature_sets import CUSTOMER
from serving.campaigns.population import score_population
from serving.customer_context import CustomerContext
from serving.decisioning.experiments import Assigned
from serving.decisioning.layout import Layout, lay_out
from serving.foretold import foretell
from serving.live import Live
from serving.live_models import LiveModels
from serving.offers.offer_types import OFFER_TYPES
from serving.remembered import Memory
from serving.services import Services
from tests.serving.decisioning.test_written_screen import POLICY, with_written
from tests.serving.small_channel import write_channel
from tests.serving.small_shop import CUSTOMERS
from training.artifacts.channel_churn import ChannelChurn

MakeContext = Callable[..., CustomerContext]
YOUNG = {"profile_known": 1.0, "age_from": 19.0, "income_from": 15.0, "household_size": 1.0, "children_count": 0.0, "is_homeowner": 0.0}
OLD = {"profile_known": 1.0, "age_from": 65.0, "income_from": 250.0, "household_size": 5.0, "children_count": 3.0, "is_married": 1.0}
NOBODY: dict[str, float] = {}
# The places in which each model reads customers' features.
CALLS = {
    "return_hazard": ("survival", "hazards"),
    "value": ("score",),
    "repurchase": ("hazards_along",),
    "channel_churn": ("with_and_without",),
}


def with_profile(context: CustomerContext, profile: dict[str, float]) -> CustomerContext:
    assert context.customer is not None
    vector = context.customer.vector.copy()
    for name in sensitive_fields():
        vector[CUSTOMER.columns.index(name)] = profile.get(name, np.nan)
    return replace(context, customer=replace(context.customer, vector=vector))


def prejudiced(models: LiveModels) -> LiveModels:
    """Models that answer by age alone: what they say rises with every year."""
    found = {}
    for name, calls in CALLS.items():
        model = getattr(models, name)
        bad = object.__new__(type("Prejudiced", (type(model),), {call: by_age(getattr(type(model), call)) for call in calls}))
        for part, value in vars(model).items():
            object.__setattr__(bad, part, value)
        found[name] = bad
    return replace(models, **found)


def by_age(call: Callable[..., Any]) -> Callable[..., Any]:
    def answer(self: Any, *arguments: Any, **named: Any) -> Any:
        every = np.concatenate([np.ravel(one) for one in arguments if isinstance(one, np.ndarray)])
        years = float(every[np.isin(every, (19.0, 65.0))].sum())
        return shifted(call(self, *arguments, **named), 1.0 + years / 1000.0)

    return answer


def shifted(answer: Any, times: float) -> Any:
    if isinstance(answer, tuple):
        return tuple(shifted(one, times) for one in answer)
    if isinstance(answer, np.ndarray):
        return answer**times
    return replace(answer, **{name: value * times for name, value in vars(answer).items() if isinstance(value, np.ndarray)})


def looks(layout: Layout) -> dict[str, Any]:
    slate = layout.slate
    numbers = {name: getattr(slate.factors, name).tolist() for name in ("p0", "p0_soon", "tau", "margin", "discount")}
    valid = np.nan_to_num(slate.factors.p0_valid, nan=-1).tolist()
    return {
        "offers": list(slate.offer_ids),
        **numbers,
        "valid": valid,
        "codes": layout.codes.tolist(),
        "state": layout.state,
        "lost": layout.lost,
    }


@pytest.fixture(scope="module")
def prejudiced_live(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Live:
    leaving = ChannelChurn.load(write_channel(tmp_path_factory.mktemp("channel") / "model", 7))
    return services.live.with_models(prejudiced(replace(services.live.models, channel_churn=leaving)))


def test_no_decision_follows_who_somebody_is_though_every_model_would(context_of: MakeContext, prejudiced_live: Live) -> None:
    discounts = 0
    for customer in CUSTOMERS[::10]:
        plain = replace(context_of(customer, channel="email", contact=frozenset({"email"})), live=prejudiced_live)
        context = with_written(plain, seed=2)
        made = [lay_out(OFFER_TYPES, with_profile(context, who), Assigned((), POLICY, "v")) for who in (NOBODY, YOUNG, OLD)]
        assert looks(made[0]) == looks(made[1]) == looks(made[2])
        discounts += int((made[0].slate.factors.discount > 0).sum())
        seen = [with_profile(context, who) for who in (NOBODY, YOUNG, OLD)]
        assert len({(one.segments, one.added_leaving, tuple(map(str, one.churn_causes))) for one in seen}) == 1
        young, old = (prejudiced_live.models.return_hazard.churn_probability(one.customer.vector[None, :], 28) for one in seen[1:])  # type: ignore[union-attr]
        assert young != old, "the model does follow it"
    assert discounts > 20


def test_nor_where_models_are_asked_about_many_at_once(
    context_of: MakeContext, prejudiced_live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []
    for who in (YOUNG, OLD):
        customers = [with_profile(context_of(one), who).customer for one in CUSTOMERS[:5]]
        kept: dict[str, dict[str, Any]] = {one: {} for one in CUSTOMERS[:5]}
        monkeypatch.setattr(Memory, "of", lambda _, customer, __, kept=kept: kept[customer.customer_id])
        foretell(prejudiced_live, customers, 28)  # type: ignore[arg-type]
        said.append(kept)
    for young, old in zip(said[0].values(), said[1].values(), strict=True):
        assert {"churn", "value", "category_hazards"} <= set(young)
        np.testing.assert_array_equal(young["churn"].curve, old["churn"].curve)
        np.testing.assert_array_equal(young["value"].predicted_clv, old["value"].predicted_clv)
        np.testing.assert_array_equal(young["category_hazards"], old["category_hazards"])


def test_an_audience_is_chosen_without_it(services: Services) -> None:
    blind, plain = (score_population(services.live, set(CUSTOMERS), blind=blind) for blind in (True, False))
    places = [CUSTOMER.columns.index(name) for name in sorted(sensitive_fields() - {"profile_known"})]
    assert np.isnan(blind.stored[:, places]).all()
    np.testing.assert_array_equal(blind.stored, unprofiled(plain.stored))


def test_everything_else_is_left_as_it_is() -> None:
    vector = np.arange(float(len(CUSTOMER.columns)))
    made = unprofiled(vector)
    others = [place for place, name in enumerate(CUSTOMER.columns) if name not in sensitive_fields()]
    np.testing.assert_array_equal(made[others], vector[others])
    assert made[CUSTOMER.columns.index("profile_known")] == 0
    assert vector[CUSTOMER.columns.index("age_from")] == CUSTOMER.columns.index("age_from")
