"""What an offer adds soon is carried to the horizon; what is believed soon is what effects are learned from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from features.decisions.policy import DecisionPolicy
from features.decisions.record import NO_ACTION, Factors
from features.decisions.state import STATE
from serving.customer_context import CustomerContext
from serving.decisioning.engine import OfferRequest
from serving.decisioning.experiments import Assigned
from serving.decisioning.layout import lay_out
from serving.decisioning.valuation import valued
from serving.offers.no_action import NoAction
from serving.offers.protocol import Candidate
from serving.services import Services
from training.artifacts.effect_prior import prior_belief

POLICY = DecisionPolicy()


@dataclass(frozen=True)
class Fixed:
    """An offer type that makes one offer of known chances."""

    probability: float
    soon: float | None
    name: str = "coupon"

    def candidates(self, context: CustomerContext) -> list[Candidate]:
        return [Candidate(self.name, self.name, (), self.probability, 10.0, (), context.now, ("email",), soon=self.soon)]

    def written(self, _: CustomerContext) -> None:
        return None


def factors(
    services: Services,
    probability: float,
    soon: float | None,
    policy: DecisionPolicy = POLICY,
    state: dict[str, float | None] | None = None,
) -> Factors:
    context = CustomerContext(services.live, services.now, services.live.reader.read("c000"), "email", contact=frozenset({"email"}))
    layout = lay_out([Fixed(probability, soon), NoAction()], context, Assigned((), policy, policy.version))
    slate = valued(layout.kept, layout.written, context, policy, state or {}, effects=context.live.models.offer_effect)
    return slate.factors.row(slate.types.index("coupon"))


def test_of_what_is_added_soon_some_would_have_come_by_the_horizon_anyway(services: Services) -> None:
    found = factors(services, 0.6, 0.2)
    mean, sd = prior_belief(0.2, POLICY.prior.mean, POLICY.prior.sd, POLICY.prior.least_spread)
    assert (found.p0, found.p0_soon) == (0.6, 0.2)
    assert (found.tau, found.tau_sd) == (pytest.approx(mean * 0.4 / 0.8), pytest.approx(sd * 0.4 / 0.8))
    assert factors(services, 1.0, 0.2).tau == 0.0
    assert factors(services, 0.6, 0.7).p0_soon == 0.6  # two models may disagree; sooner is never likelier


def test_without_a_chance_of_its_own_soon_is_in_proportion(services: Services) -> None:
    found = factors(services, 0.6, None)
    assert found.p0_soon == pytest.approx(1 - 0.4 ** (7 / 28))
    whole = factors(services, 0.6, None, POLICY.changed({"effect_days": 28}))
    assert whole.p0_soon == pytest.approx(0.6)
    assert whole.tau == pytest.approx(prior_belief(0.6, POLICY.prior.mean, POLICY.prior.sd, POLICY.prior.least_spread)[0])


def test_a_reader_is_believed_to_be_changed_more(services: Services) -> None:
    state = dict.fromkeys(STATE, None) | {"contacts_decayed_112d": 8.0, "messages_opened_decayed_112d": 8.0}
    assert factors(services, 0.6, 0.2, state=state).tau == pytest.approx(3.4 * factors(services, 0.6, 0.2).tau)


def test_every_decision_keeps_what_effects_are_learned_from(services: Services) -> None:
    decision = services.engine.decide(services.live, OfferRequest("c000", channel="email", limit=5), now=services.now)
    sent = [one for one in decision.record.considered if one.type != NO_ACTION]
    assert sent
    for one in sent:
        assert one.factors.p0_soon is not None
        assert 0 <= one.factors.p0_soon <= one.factors.p0
        assert np.isfinite(one.factors.tau)


def test_the_model_of_other_days_is_not_asked(services: Services) -> None:
    class Elsewhere:
        horizon_days = 28

        def beliefs(self, *_: object) -> None:
            raise AssertionError("asked")

    elsewhere = replace(services, live=replace(services.live, models=replace(services.live.models, offer_effect=Elsewhere())))
    state: dict[str, float | None] = dict.fromkeys(STATE, None)
    assert factors(elsewhere, 0.6, 0.2, state=state).tau_source == "prior"
    with pytest.raises(AssertionError, match="asked"):
        factors(elsewhere, 0.6, 0.2, POLICY.changed({"effect_days": 28}), state)
