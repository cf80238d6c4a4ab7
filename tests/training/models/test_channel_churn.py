"""Channel churn under the contract, and what is its own: who is at risk, what counts as leaving, what a message more does."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from features.errors import TooLittleHistory
from features.feature_sets import CUSTOMER
from features.ledger.kinds import LEAVING
from tests.conftest import SampleBuild
from tests.contracts.recipe_suite import Made, RecipeSuite
from training.artifacts.channel_churn import ChannelChurn, StandingStill
from training.datasets.labels import days_until_next
from training.datasets.splits import last_unseen_weeks
from training.models.channel_baselines import CONTACTS, RATE, RECENCY
from training.models.channel_churn import MINIMUM_LEAVERS, ChannelChurnConfig, ChannelChurnRecipe, count_leavers, require_leavers
from training.recipe import Recipe, TrainingData

COLUMN = {name: i for i, name in enumerate(CUSTOMER.columns)}
DAYS = np.array([0.0, 7.0, 14.0, 20.0, 28.0, 56.0, 91.0, 182.0])


def sample_data(sample: SampleBuild) -> TrainingData:
    return TrainingData(sample.settings, sample.warehouse, sample.warehouse.last_event)


class TestChannelChurn(RecipeSuite):
    artifact = ChannelChurn

    @pytest.fixture(scope="class")
    @classmethod
    def recipe(cls) -> Recipe:
        return ChannelChurnRecipe(ChannelChurnConfig(rounds=60, learning_rate=0.1, min_data_in_leaf=40))

    @pytest.fixture(scope="class")
    @classmethod
    def data(cls, sample_build: SampleBuild) -> TrainingData:
        return sample_data(sample_build)

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, made: Made) -> ChannelChurn:
        return ChannelChurn.load(made.final)

    @pytest.fixture(scope="class")
    @classmethod
    def stored(cls, sample_build: SampleBuild) -> np.ndarray:
        newest = sample_build.offline.feature_set(CUSTOMER, [sample_build.warehouse.last_event])
        return newest.select(CUSTOMER.columns).to_numpy().astype(np.float64)

    def test_it_stands_beside_its_baselines_with_intervals(self, made: Made) -> None:
        assert set(made.evaluation.baselines) == {RATE, RECENCY, CONTACTS}
        for horizon in (14, 28, 56, 91):
            assert f"auc_{horizon}d" in made.evaluation.intervals
            for baseline in (RATE, RECENCY, CONTACTS):
                assert f"log_loss_{horizon}d vs {baseline}" in made.evaluation.differences
        assert made.evaluation.baselines[RATE]["auc_28d"] == pytest.approx(0.5)

    def test_it_tells_leavers_from_others_where_messages_drive_them_away(self, made: Made) -> None:
        assert made.evaluation.intervals["auc_28d"][0] > 0.5

    def test_what_is_judged_is_leaving_and_not_staying(self, made: Made) -> None:
        # Leaving within 28 days is rarer than one in two: a share of leavers and not of stayers.
        assert made.evaluation.baselines[RATE]["average_precision_28d"] < 0.5

    def test_survival_begins_at_one_and_never_rises(self, model: ChannelChurn, stored: np.ndarray) -> None:
        survival = model.survival(stored, DAYS)
        assert (survival[:, 0] == 1.0).all()
        assert (np.diff(survival, axis=1) <= 0).all()
        assert (survival > 0).all()

    def test_who_has_left_has_no_probability_and_no_cost(self, model: ChannelChurn, stored: np.ndarray) -> None:
        left = stored[:, COLUMN["channel_left"]] > 0
        assert 0 < left.sum() < len(left)
        chance = model.churn_probability(stored, np.array([28.0]))[:, 0]
        np.testing.assert_array_equal(np.isnan(chance), left)
        assert (model.contact_effect(stored, 28.0)[left] == 0.0).all()

    def test_one_more_message_is_the_difference_of_two_predictions_and_never_below_zero(
        self, model: ChannelChurn, stored: np.ndarray
    ) -> None:
        here = stored[stored[:, COLUMN["channel_left"]] == 0]
        more = here.copy()
        for name in ("contact_count", "contacts_decayed_28d", "contacts_decayed_112d"):
            more[:, COLUMN[name]] += 1
        more[:, COLUMN["days_since_last_contact"]] = 0
        before, after = (model.churn_probability(x, np.array([28.0]))[:, 0] for x in (here, more))
        effect = model.contact_effect(here, 28.0)
        np.testing.assert_allclose(effect, np.maximum(after - before, 0.0), atol=1e-12)
        assert (effect > 0).any()

    def test_only_those_in_the_channel_are_learned_from(self, recipe: Recipe, data: TrainingData) -> None:
        assert isinstance(recipe, ChannelChurnRecipe)
        snapshots, _ = recipe._snapshots(data, whole=())
        assert (snapshots.stored[:, COLUMN["channel_left"]] == 0).all()
        assert np.isfinite(snapshots.wait).any()

    def test_a_history_without_leavers_is_refused_in_a_sentence_that_says_which_events_are_missing(self, data: TrainingData) -> None:
        until = data.warehouse.first_event + timedelta(days=30)
        found = count_leavers(data.warehouse, until)
        assert found < MINIMUM_LEAVERS
        with pytest.raises(TooLittleHistory, match=re.escape(f"this history has {found}.")) as caught:
            require_leavers(data.warehouse, until)
        assert "Unsubscribed, Group Left, Contact Deleted" in str(caught.value)

    def test_the_rule_holds_for_the_judged_fit(self, data: TrainingData) -> None:
        split = last_unseen_weeks(data.warehouse.first_event, data.now)
        assert count_leavers(data.warehouse, split.training_until) >= MINIMUM_LEAVERS


def test_the_label_is_the_first_leaving_after_the_as_of_date() -> None:
    def at(day: float) -> datetime:
        return datetime.fromisoformat("2024-01-01T00:00:00+00:00") + timedelta(days=day)

    snapshots = pl.DataFrame({"customer_id": ["a", "a", "a", "b"], "as_of": [at(0), at(5), at(9), at(0)]})
    left = pl.DataFrame({"customer_id": ["a", "a"], "occurred_at": [at(5), at(8)]})
    assert days_until_next(snapshots, left, time="occurred_at").tolist() == [5.0, 3.0, np.inf, np.inf]


def test_whoever_left_before_the_first_order_or_later_than_asked_does_not_count(sample_build: SampleBuild) -> None:
    warehouse = sample_build.warehouse
    firsts = warehouse.read("orders").drop_nulls("customer_id").group_by("customer_id").agg(pl.col("ordered_at").min().alias("first"))
    left = warehouse.read("activities").filter(pl.col("kind").is_in(LEAVING)).join(firsts, on="customer_id")
    until = warehouse.first_event + timedelta(days=200)
    expected = {r["customer_id"] for r in left.iter_rows(named=True) if r["first"] < r["occurred_at"] <= until}
    assert count_leavers(warehouse, until) == len(expected)


def test_what_stands_still_is_what_was_known_with_the_lead_beside_it() -> None:
    stored = np.arange(2.0 * len(CUSTOMER.columns)).reshape(2, -1)
    stored[:, COLUMN["days_observed"]] = [10.0, 900.0]
    rows = StandingStill().at(stored, 3)
    assert rows[:, -1].tolist() == [3.0, 3.0]
    assert rows[:, COLUMN["days_observed"]].tolist() == [10.0, 182.0]
    others = [i for i in range(stored.shape[1]) if i != COLUMN["days_observed"]]
    np.testing.assert_array_equal(rows[:, others], stored[:, others])
