"""Who is in which experiment, and by which policy they are decided on."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from features.decisions.assignment import holdout_of
from features.decisions.policy import DecisionPolicy, Ranking
from features.decisions.sample_ratio import sample_ratio
from serving.decisioning.experiments import Assigned, ExperimentBook
from tests.features.decisions.experiments import ARMS, experiment

NOW = datetime(2026, 3, 10, tzinfo=UTC)
PEOPLE = [f"c{i}" for i in range(6000)]
NO_HOLDOUT = DecisionPolicy.model_validate({"holdouts": {"universal": 0, "model_control": 0}})


def dealt(book: ExperimentBook, now: datetime = NOW) -> dict[str, Assigned]:
    return {customer_id: book.assigned(customer_id, now) for customer_id in PEOPLE}


def test_arms_get_their_share_and_a_policy_each() -> None:
    book = ExperimentBook([experiment(arms=[{**ARMS[0], "weight": 3}, ARMS[1]])], NO_HOLDOUT)
    found = dealt(book)
    counts = Counter(one.assignments[0].arm for one in found.values())
    assert not sample_ratio(counts, {"price": 3, "category": 1}).mismatch
    for one in found.values():
        wanted = Ranking.PRICE_FIRST if one.assignments[0].arm == "price" else Ranking.CATEGORY_FIRST
        assert one.policy.ranking is wanted
        assert one.policy_version == one.policy.version != NO_HOLDOUT.version
    assert len({id(one) for one in found.values()}) == 2  # made once an arm
    assert dealt(ExperimentBook([experiment(arms=[{**ARMS[0], "weight": 3}, ARMS[1]])], NO_HOLDOUT)) == found  # by another process too


def test_nobody_in_particular_and_the_holdouts_are_in_none() -> None:
    policy = DecisionPolicy.model_validate({"holdouts": {"universal": 0.2, "model_control": 0.1}})
    book = ExperimentBook([experiment()], policy)
    assert book.assigned(None, NOW) == Assigned((), policy, policy.version)
    for customer_id, one in dealt(book).items():
        assert bool(one.assignments) == (holdout_of(customer_id, policy.holdouts) is None)


def test_only_while_it_runs() -> None:
    book = ExperimentBook([experiment(ends_at=NOW.isoformat())], NO_HOLDOUT)
    assert book.assigned("c1", NOW - timedelta(seconds=1)).assignments
    assert not book.assigned("c1", NOW).assignments
    assert not book.assigned("c1", datetime(2026, 2, 28, tzinfo=UTC)).assignments


def test_independent_experiments_cross_and_add_up() -> None:
    explore = [{"name": "less", "overrides": {"exploration": {"share": 0.05}}}, {"name": "more", "messages": {"spring": "spring-2"}}]
    book = ExperimentBook([experiment(), experiment(experiment_id="e2", arms=explore, share=0.5)], NO_HOLDOUT)
    found = dealt(book)
    both = Counter(tuple(a.arm for a in one.assignments) for one in found.values() if len(one.assignments) == 2)
    assert not sample_ratio({"in": sum(both.values()), "out": len(PEOPLE) - sum(both.values())}, {"in": 1, "out": 1}).mismatch
    assert not sample_ratio({str(arms): n for arms, n in both.items()}, {str(arms): 1.0 for arms in both}).mismatch
    assert len(both) == 4
    for one in found.values():
        arms = {a.experiment_id: a.arm for a in one.assignments}
        assert one.policy.exploration.share == (0.05 if arms.get("e2") == "less" else 0.1)
        assert one.policy.ranking is (Ranking.PRICE_FIRST if arms["e1"] == "price" else Ranking.CATEGORY_FIRST)
        assert dict(one.messages) == ({"spring": "spring-2"} if arms.get("e2") == "more" else {})


def test_a_layer_shares_out_its_customers() -> None:
    told = [experiment(layer="l", share=0.3), experiment(experiment_id="e2", layer="l", layer_from=0.3, share=0.7)]
    counts = Counter(tuple(a.experiment_id for a in one.assignments) for one in dealt(ExperimentBook(told, NO_HOLDOUT)).values())
    assert set(counts) == {("e1",), ("e2",)}
    assert not sample_ratio({"e1": counts[("e1",)], "e2": counts[("e2",)]}, {"e1": 3, "e2": 7}).mismatch


def test_what_no_longer_fits_the_policy_is_left_out_and_said() -> None:
    bodies = {"e1": experiment().model_dump_json(), "old": '{"experiment_id": "old"}'}
    book = ExperimentBook.of_documents(bodies, NO_HOLDOUT)
    assert set(book.experiments) == {"e1"}
    assert "write it again" in book.problems["old"]
    whole = DecisionPolicy.model_validate({"holdouts": {"universal": 0.99, "model_control": 0.0}})
    assert not ExperimentBook.of_documents(bodies, whole).problems.get("e1")
