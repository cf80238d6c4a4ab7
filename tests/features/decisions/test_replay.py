from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.decisions.breakdown import breakdown
from features.decisions.choosing import beliefs_seed_of, choose, seed_of
from features.decisions.policy import DecisionPolicy
from features.decisions.record import FORMAT, DecisionRecord, Holdout
from features.decisions.replay import replay
from features.decisions.slots import fill_slots
from features.decisions.worth import worth
from tests.features.decisions.test_choosing import SILENCE, some

POLICIES = [
    DecisionPolicy(),
    DecisionPolicy().changed({"exploration": {"share": 0.7}}),
    DecisionPolicy().changed({"value": {"uplift": False, "budget_price": 0.5}}),
]


def record_of(
    made: list,  # type: ignore[type-arg]
    policy: DecisionPolicy,
    holdout: Holdout | None,
    number: int,
    *,
    old: bool = False,
) -> DecisionRecord:
    values = worth([one.factors for one in made], policy.value).mean
    considered = [one.model_copy(update={"value": float(v)}) for one, v in zip(made, values, strict=True)]
    seed = seed_of(policy.exploration.seed, "c1", str(number))
    beliefs = None if old else beliefs_seed_of(policy.exploration.seed, "c1")
    choice = choose(considered, policy, seed=seed, beliefs=beliefs, state={}, holdout=holdout, formerly=old)
    places = fill_slots(considered, choice.order, limit=2)
    drawn = tuple(
        one.model_copy(
            update={
                "propensity": float(choice.propensities[i]),
                "policy_propensity": float(choice.policy_propensities[i]),
                "slot": places.index(i) + 1 if i in places else None,
            }
        )
        for i, one in enumerate(considered)
    )
    return DecisionRecord(
        format=1 if old else FORMAT,
        decision_id=str(number),
        customer_id="c1",
        now=datetime(2026, 1, 1, tzinfo=UTC),
        policy=policy,
        considered=drawn,
        explored=choice.explored,
        seed=seed,
        beliefs_seed=beliefs,
        holdout=holdout,
        limit=2,
    )


@settings(max_examples=50)
@given(some, st.sampled_from(POLICIES), st.sampled_from([None, *Holdout]), st.integers(0, 10_000), st.booleans())
def test_a_decision_is_made_again_from_its_json(
    made: list,  # type: ignore[type-arg]
    policy: DecisionPolicy,
    holdout: Holdout | None,
    number: int,
    old: bool,
) -> None:
    record = record_of([*made, SILENCE], policy, holdout, number, old=old)
    again = DecisionRecord.model_validate_json(record.model_dump_json(exclude_defaults=True))
    assert again == record
    assert replay(again).differences == ()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 1}, "seed"),
        ({"beliefs_seed": 1}, "seed of what is believed"),
        ({"explored": True}, "explored"),
        ({"policy": POLICIES[1]}, "propensities"),
        ({"holdout": Holdout.UNIVERSAL}, "offers"),
    ],
)
def test_a_record_that_was_changed_is_told(change: dict[str, object], named: str) -> None:
    from tests.features.decisions.test_choosing import offer

    record = record_of([offer("a", 0.05), offer("b", 0.03), SILENCE], POLICIES[0].changed({"exploration": {"share": 0.001}}), None, 7)
    told = " ".join(replay(record.model_copy(update=change)).differences)
    assert named in told


@settings(max_examples=40)
@given(some, st.sampled_from(POLICIES))
def test_the_parts_sum_to_the_value_and_are_told_in_both_languages(made: list, policy: DecisionPolicy) -> None:  # type: ignore[type-arg]
    priced = [
        one.model_copy(update={"factors": one.factors.model_copy(update={"discount": 1.5, "fatigue": 0.02, "lever": 2.0})}) for one in made
    ]
    values = worth([one.factors for one in priced], policy.value).mean
    for one, value in zip(priced, values, strict=True):
        parts = breakdown(one, policy)
        np.testing.assert_allclose(sum(part.amount for part in parts), value, atol=1e-12)
        assert all(part.sentence_en and part.sentence_zh for part in parts)
    assert breakdown(SILENCE, policy) == []
