"""The recipe: judged on weeks it has not seen, the same from the same seed, and a reason instead of a crash where history is thin."""

from __future__ import annotations

import dataclasses
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sklearn.metrics import roc_auc_score

from features.errors import StateMissing, TooLittleHistory
from features.feature_sets import CUSTOMER
from features.offline import open_offline
from tests.training.conftest import SMALL, BuiltShop, FittedHazard, built
from tests.training.seeded_shop import START, arrivals
from training.artifacts.hazard_path import STEP_DAYS
from training.artifacts.return_hazard import HORIZONS, ReturnHazard
from training.datasets.splits import last_unseen_weeks
from training.models.churn_baselines import BGNBD, DIRECT, RECENCY, RFM
from training.models.return_hazard import ReturnHazardConfig, ReturnHazardRecipe
from training.recipe import TrainingData

FILES = ("hazard.txt", "header.json")
Arrivals = list[tuple[str, datetime]]


def texts(folder: Path) -> list[str]:
    return [(folder / name).read_text() for name in FILES]


def give_the_same_past(changed: BuiltShop, shop: BuiltShop, until: datetime) -> None:
    """Replace features as of `until` and earlier by the other shop's, which they equal but for the order in which floats were added."""
    keys = ["customer_id", "as_of"]
    for view, _ in CUSTOMER.views:
        path = open_offline(changed.settings).folder / f"{view}.parquet"
        own, past = pl.read_parquet(path), open_offline(shop.settings).read(view).filter(pl.col("as_of") <= until)
        assert_frame_equal(own.filter(pl.col("as_of") <= until).sort(keys), past.sort(keys), rel_tol=1e-9)
        pl.concat([past, own.filter(pl.col("as_of") > until)]).write_parquet(path)


def test_it_is_judged_on_the_unseen_weeks_as_they_happened(shop: BuiltShop, hazard: FittedHazard) -> None:
    split = last_unseen_weeks(shop.warehouse.first_event, shop.data.now)
    judged = shop.snapshots.at(list(split.evaluation))
    assert hazard.evaluation.rows == len(judged.wait)
    model = ReturnHazard.load(hazard.judged)
    left = judged.wait > 28
    assert hazard.evaluation.metrics["auc_28d"] == pytest.approx(roc_auc_score(left, model.churn_probability(judged.stored, 28)))
    for moment in (*split.evaluation, split.training_until):
        assert moment.date().isoformat() in hazard.evaluation.protocol


def test_it_beats_the_simple_baselines_here(hazard: FittedHazard) -> None:
    # The seeded customers differ in rhythm, which recency alone cannot see.
    assert set(hazard.evaluation.baselines) == {RECENCY, RFM, BGNBD, DIRECT}
    for name in (RECENCY, RFM):
        assert hazard.evaluation.differences[f"auc_28d vs {name}"][0] > 0
        assert hazard.evaluation.differences[f"log_loss_28d vs {name}"][1] < 0


def test_a_large_shop_is_fitted_on_a_sample_and_judged_whole(shop: BuiltShop, hazard: FittedHazard, tmp_path: Path) -> None:
    most = len(shop.snapshots.wait) // 2
    recipe = ReturnHazardRecipe(ReturnHazardConfig(**{**SMALL.model_dump(), "max_snapshots": most}))
    sampled = recipe.evaluate(shop.data, tmp_path)
    assert sampled.rows == hazard.evaluation.rows
    assert any(f"sample of {most:,} of {len(shop.snapshots.wait):,}" in note for note in sampled.notes)
    assert not any("sample" in note for note in hazard.evaluation.notes)
    assert sampled.metrics["auc_28d"] != hazard.evaluation.metrics["auc_28d"]
    assert sampled.baselines[RECENCY]["auc_28d"] == pytest.approx(hazard.evaluation.baselines[RECENCY]["auc_28d"])


def test_the_refit_sees_everything_and_carries_what_was_measured(shop: BuiltShop, hazard: FittedHazard) -> None:
    judged, final = ReturnHazard.load(hazard.judged).manifest, hazard.model.manifest
    assert judged is not None
    assert final is not None
    assert judged.data_until == last_unseen_weeks(shop.warehouse.first_event, shop.data.now).training_until
    assert timedelta(0) <= shop.data.now - final.data_until < timedelta(days=STEP_DAYS)
    assert final.metrics == hazard.evaluation.metrics
    assert final.input_hash == shop.warehouse.version
    assert final.settings["seed"] == shop.data.seed
    assert {k: final.settings[k] for k in SMALL.model_dump()} == SMALL.model_dump()
    assert ReturnHazardConfig.model_validate(SMALL.model_dump()) == SMALL


def test_quantiles_of_every_horizon_are_kept(hazard: FittedHazard) -> None:
    assert set(hazard.model.header.churn_quantiles) == set(HORIZONS)
    for quantiles in hazard.model.header.churn_quantiles.values():
        assert len(quantiles) == 101
        assert quantiles == sorted(quantiles)


def test_the_same_seed_gives_the_same_text(shop: BuiltShop, hazard: FittedHazard, tmp_path: Path) -> None:
    recipe = ReturnHazardRecipe(SMALL)
    evaluation = recipe.evaluate(shop.data, tmp_path / "judged")
    recipe.refit(shop.data, tmp_path / "final", evaluation)
    assert texts(tmp_path / "judged") == texts(hazard.judged)
    assert texts(tmp_path / "final") == texts(hazard.final)
    assert evaluation.model_copy(update={"seconds": 0.0}) == hazard.evaluation.model_copy(update={"seconds": 0.0})


def test_another_seed_gives_another_model(shop: BuiltShop, hazard: FittedHazard, tmp_path: Path) -> None:
    ReturnHazardRecipe(SMALL).refit(dataclasses.replace(shop.data, seed=1), tmp_path, hazard.evaluation)
    assert texts(tmp_path)[0] != texts(hazard.final)[0]


def test_the_judged_fit_never_looks_past_its_last_label(shop: BuiltShop, hazard: FittedHazard, tmp_path: Path) -> None:
    """Another future after the last label, the same past: the fitted model must be the same, letter by letter."""
    until = last_unseen_weeks(shop.warehouse.first_event, shop.data.now).training_until
    past = [(c, at) for c, at in arrivals() if at <= until]
    # The end of the history stays, so that the split is the same; before it everybody orders at other times, or never again.
    rest = shop.data.now - until
    other = [(f"h{i:04d}", until + rest * (0.01 + 0.9 * ((i * 37) % 300) / 300)) for i in range(0, 300, 2)]
    changed = built(tmp_path / "shop", [*past, *other, ("h0001", shop.data.now)])
    assert changed.data.now == shop.data.now
    assert changed.warehouse.version != shop.warehouse.version
    give_the_same_past(changed, shop, until)
    ReturnHazardRecipe(SMALL).evaluate(changed.data, tmp_path / "judged")
    assert texts(tmp_path / "judged") == texts(hazard.judged)


def test_a_clock_in_the_past_fits_as_that_day_would_have(shop: BuiltShop, hazard: FittedHazard, tmp_path: Path) -> None:
    """With `now` set back, nothing after it may be learned: the refit equals that of a shop whose history ends there."""
    now = datetime(2023, 8, 20, tzinfo=UTC)
    ReturnHazardRecipe(SMALL).refit(dataclasses.replace(shop.data, now=now), tmp_path / "back", hazard.evaluation)
    ended = built(tmp_path / "shop", [(c, at) for c, at in arrivals() if at <= now], now=now)
    give_the_same_past(ended, shop, now)
    ReturnHazardRecipe(SMALL).refit(dataclasses.replace(ended.data, now=now), tmp_path / "ended", hazard.evaluation)
    assert texts(tmp_path / "back") == texts(tmp_path / "ended")


def test_a_shop_without_profiles_and_mailings_is_enough(tmp_path: Path) -> None:
    bare = built(tmp_path / "shop", arrivals(customers=120), bare=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluation = ReturnHazardRecipe(SMALL).evaluate(bare.data, tmp_path / "judged")
    assert evaluation.metrics["auc_28d"] > 0.7
    model = ReturnHazard.load(tmp_path / "judged")
    assert model.header.reference[model.inputs.index("days_since_last_contact")] is None
    assert model.reasons(bare.snapshots.stored[-1]) is not None


def test_features_older_than_the_clock_are_not_mistaken_for_no_customers(tmp_path: Path) -> None:
    stale = built(tmp_path / "shop", arrivals(customers=60), now=START + timedelta(weeks=30))
    with pytest.raises(StateMissing, match="huitou build"):
        ReturnHazardRecipe(SMALL).evaluate(stale.data, tmp_path / "judged")


def one_customer() -> Arrivals:
    return [("a", START + timedelta(days=9 * i)) for i in range(35)]


def three_weeks() -> Arrivals:
    return arrivals(weeks=3, customers=40)


def nobody_returns() -> Arrivals:
    return [(f"c{i:03d}", START + timedelta(days=i)) for i in range(300)]


def everybody_every_week() -> Arrivals:
    return [(f"c{i:02d}", START + timedelta(days=7 * week + 1 + 0.1 * i)) for i in range(40) for week in range(40)]


@pytest.mark.parametrize("history", [one_customer, three_weeks, nobody_returns, everybody_every_week])
def test_thin_histories_are_refused_with_what_is_lacking(history: object, tmp_path: Path) -> None:
    assert callable(history)
    thin = built(tmp_path / "shop", history())
    with pytest.raises(TooLittleHistory) as caught:
        ReturnHazardRecipe(SMALL).evaluate(thin.data, tmp_path / "judged")
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "judged").exists()


def test_an_explicit_seed_is_the_only_source_of_chance(shop: BuiltShop, tmp_path: Path, hazard: FittedHazard) -> None:
    np.random.seed(12345)  # a global state that must not matter
    data = TrainingData(shop.settings, shop.warehouse, shop.data.now, shop.data.seed)
    ReturnHazardRecipe(SMALL).refit(data, tmp_path, hazard.evaluation)
    assert texts(tmp_path) == texts(hazard.final)
