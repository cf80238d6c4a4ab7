from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from features.decisions.experiment import Experiment, effective
from features.decisions.experiment_rules import objection
from features.decisions.policy import DecisionPolicy, Ranking
from tests.features.decisions.experiments import ARMS, TOLD, experiment

NOW = datetime(2026, 3, 10, tzinfo=UTC)
START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"arms": ARMS[:1]}, "arms"),
        ({"arms": [ARMS[0], ARMS[0]]}, "two are called price"),
        ({"arms": [ARMS[0], {**ARMS[1], "weight": 0}]}, "weight"),
        ({"arms": [ARMS[0], {**ARMS[1], "weight": float("nan")}]}, "weight"),
        ({"arms": [ARMS[0], {"name": "b", "overrides": {"rankin": "nothing"}}]}, r"overrides\.rankin"),
        ({"arms": [ARMS[0], {"name": "b", "overrides": {"exploration": {"share": 2}}}]}, r"overrides\.exploration\.share"),
        ({"arms": [ARMS[0], {"name": "b", "overrides": {"holdouts": {"universal": 0}}}]}, "yardstick"),
        ({"share": 0}, "share"),
        ({"share": 1.5}, "share"),
        ({"layer": "l", "share": 0.6, "layer_from": 0.5}, "has 0.5 left"),
        ({"layer_from": 0.5, "share": 0.5}, "needs a layer"),
        ({"ends_at": "2026-03-01T00:00:00Z"}, "not after starts_at"),
        ({"size": None}, "baseline and smallest_effect"),
        ({"size": None, "baseline": 0.2}, "smallest_effect"),
        ({"size": None, "baseline": 0.2, "smallest_effect": 0}, "smallest_effect"),
        ({"size": None, "baseline": 3, "smallest_effect": 1, "metric": {"outcome": "margin"}}, "deviation"),
        ({"guardrails": [{"outcome": "unsubscribed", "within_days": 28, "margin": 0}]}, "margin"),
        ({"sise": 3}, "sise"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(told: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Experiment.model_validate({**TOLD, **told})


def test_size_and_salt_are_written_down_once() -> None:
    planned = experiment(size=None, baseline=0.2, smallest_effect=0.05)
    assert planned.size == 2188  # two arms of 1,094: Fleiss' formula without continuity correction
    assert planned.salt == "e1"
    assert planned.sized() == planned
    assert Experiment.model_validate_json(planned.model_dump_json()) == planned
    assert experiment(size=None, baseline=5, smallest_effect=1, deviation=9, metric={"outcome": "margin"}).size == 2544


def test_a_value_switched_off_by_an_arm_survives_being_written() -> None:
    quiet = experiment(arms=[ARMS[0], {"name": "night", "overrides": {"contact": {"quiet_hours": None}}}])
    read = Experiment.model_validate_json(quiet.model_dump_json())
    assert effective(DecisionPolicy(), read.arms[1]).contact.quiet_hours is None
    assert effective(DecisionPolicy(), read.arms[0]).ranking is Ranking.PRICE_FIRST


def said(written: Experiment, before: Experiment | None = None, *others: Experiment, **policy: Any) -> tuple[str, str] | None:
    return objection(written, before=before, others=others, policy=DecisionPolicy.model_validate(policy), now=NOW)


def test_a_holdout_of_everybody_leaves_nobody_to_experiment_on() -> None:
    told = said(experiment(), holdouts={"universal": 1.0, "model_control": 0.0})
    assert told is not None
    assert told[0] == "share"
    assert "keep 100% of the customers" in told[1]
    assert said(experiment(), holdouts={"universal": 0.9, "model_control": 0.05}) is None


def test_two_experiments_do_not_decide_on_one_model_at_once() -> None:
    newer = experiment(arms=[{"name": "live"}, {"name": "newer", "models": {"repurchase": "3-8f2c1a90"}}])
    assert said(newer) is None
    told = said(newer.model_copy(update={"experiment_id": "e2", "salt": "e2"}), None, newer)
    assert told is not None
    assert "decides on model repurchase" in told[1]
    with pytest.raises(ValidationError, match="models"):
        experiment(arms=[{"name": "live"}, {"name": "out", "models": {"repurchase": "../../etc"}}])


def test_arms_are_checked_beside_the_shops_own_policy() -> None:
    half = experiment(arms=[ARMS[0], {"name": "caps", "overrides": {"value": {"budget_price": 1.0}}}])
    assert said(half) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"arms": [{**ARMS[0], "weight": 2}, ARMS[1]]}, "arms"),
        ({"salt": "another"}, "salt"),
        ({"share": 0.5}, "share"),
        ({"size": 2000}, "size"),
        ({"metric": {"outcome": "repurchase"}}, "metric"),
        ({"reading": "sequential"}, "reading"),
        ({"starts_at": "2026-03-02T00:00:00Z"}, "starts_at"),
        ({"guardrails": []}, "guardrails"),
        ({"ends_at": "2026-03-05T00:00:00Z"}, "ends_at"),
    ],
)
def test_what_has_begun_stays_as_it_is(change: dict[str, Any], field: str) -> None:
    told = said(experiment(**change), experiment())
    assert told is not None
    assert told[0] == field


def test_before_it_begins_everything_may_change_and_afterwards_its_end_and_title() -> None:
    later = experiment(starts_at=(NOW + timedelta(days=1)).isoformat())
    assert said(experiment(starts_at=(NOW + timedelta(days=2)).isoformat(), size=9), later) is None
    assert said(experiment(ends_at=NOW.isoformat(), title="Stopped"), experiment()) is None
    over = experiment(ends_at="2026-03-05T00:00:00Z")
    assert said(over, over) is None
    told = said(experiment(ends_at="2026-04-05T00:00:00Z"), over)
    assert told is not None
    assert "ended" in told[1]


def test_two_experiments_do_not_decide_on_the_same_at_the_same_time() -> None:
    other = experiment(experiment_id="e2", ends_at="2026-03-20T00:00:00Z")
    told = said(experiment(), None, other)
    assert told is not None
    assert "e2 decides on ranking" in told[1]
    assert said(experiment(starts_at="2026-03-20T00:00:00Z"), None, other) is None  # one after the other
    prior = [ARMS[0] | {"overrides": {"prior": {"mean": 0.0}}}, ARMS[1] | {"overrides": {}}]
    assert said(experiment(arms=prior), None, other) is None  # independent of each other
    copies = [{"name": "a"}, {"name": "b", "messages": {"spring": "spring-2"}}]
    assert said(experiment(arms=copies), None, experiment(experiment_id="e2", arms=copies)) is not None
    assert said(experiment(arms=copies), None, other) is None


def test_within_a_layer_customers_are_shared_out() -> None:
    left = experiment(layer="ranking", share=0.5)
    assert said(left, None, experiment(experiment_id="e2", layer="ranking", layer_from=0.5, share=0.5)) is None
    told = said(left, None, experiment(experiment_id="e2", layer="ranking", layer_from=0.4, share=0.5))
    assert told is not None
    assert told[0] == "layer_from"
    assert said(left, None, experiment(experiment_id="e2", layer="other", share=0.5)) is not None
    same = said(left, None, experiment(experiment_id="e2", salt="e1", layer="ranking", layer_from=0.5, share=0.5))
    assert same is not None
    assert same[0] == "salt"
