"""Effects of offers under the contract, and what is their own: the truth is found, what is believed is as sure as it should be."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.decisions.state import STATE
from features.errors import TooLittleHistory
from features.ledger.decisions import Decided, record_decisions
from features.ledger.ledger import open_ledger
from features.settings import FeatureSettings
from tests.contracts.recipe_suite import Made, RecipeSuite
from tests.training.lots import LEAST, Lots, draw_lots
from tests.training.seeded_shop import START, WEEKS, arrivals, build_customer_views, write_shop
from training import local_models
from training.artifacts.effect_design import COLUMNS
from training.artifacts.effect_prior import EffectPrior
from training.artifacts.offer_effect import OfferEffect
from training.datasets.decision_log import decision_log
from training.datasets.effect_rows import effect_rows
from training.models.effect_baselines import ONE, PRIOR, RESPONSE, TWO
from training.models.effect_fit import OfferEffectConfig, fit_effects, require_decisions
from training.models.offer_effect import OfferEffectRecipe, row_effects
from training.recipe import Recipe, TrainingData

OFFERS = (("coupon:a", "coupon"), ("content:b", "content"), ("no_action", "no_action"))
HORIZON = 28
POLICY_PRIOR = EffectPrior(0.02, 0.05, LEAST)  # about as wide as the effects that `draw_lots` draws: intervals hold where the prior does


def record(customer: str, at: datetime, given: int, **changes: Any) -> str:
    """A decision as the ledger keeps it; each of the three was as likely as the others."""
    considered = [
        {
            "offer_id": name,
            "type": kind,
            "product_ids": [],
            "factors": {
                "p0_soon": None if kind == "no_action" else 0.4,
                "margin": 5.0,
                "discount": 0.5,
                "contact_cost": 0.02,
                "fatigue": 0.0,
            },
            "value": 0.1,
            "propensity": 1 / 3,
            "policy_propensity": 1 / 3,
            "slot": 1 if place == given else None,
        }
        for place, (name, kind) in enumerate(OFFERS)
    ]
    told = {
        "decision_id": f"{customer}-{at:%Y%m%d}",
        "customer_id": customer,
        "now": at.isoformat(),
        "channel": None,
        "policy": {"effect_days": HORIZON, "holdouts": {"universal": 0.05, "model_control": 0.02}},
        "state": {"order_count": float(len(customer)), "p_order": 0.4, "discount_share": None},
        "considered": considered,
    }
    return json.dumps({**told, **changes})


def write_decisions(settings: FeatureSettings, records: list[str]) -> None:
    ledger = open_ledger(settings)
    told = [json.loads(one) for one in records]
    decided = [
        Decided(one["decision_id"], one["customer_id"], datetime.fromisoformat(one["now"]), "{}", record=text)
        for one, text in zip(told, records, strict=True)
    ]
    with ledger.database.writing() as connection:
        record_decisions(connection, decided)
    ledger.close()


class TestOfferEffect(RecipeSuite):
    artifact = OfferEffect

    @pytest.fixture(scope="class")
    @classmethod
    def recipe(cls) -> Recipe:
        return OfferEffectRecipe()

    @pytest.fixture(scope="class")
    @classmethod
    def data(cls, tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
        random = np.random.default_rng(3)
        times, records = arrivals(), []
        end = START + timedelta(weeks=WEEKS)
        for customer in sorted({name for name, _ in times}):
            for week in range(WEEKS - 16, WEEKS - 1):
                at, given = START + timedelta(weeks=week, hours=3), int(random.integers(3))
                records.append(record(customer, at, given))
                if given == 0 and random.random() < 0.5 and at + timedelta(days=3) < end:
                    times.append((customer, at + timedelta(days=1 + random.random())))
        settings, warehouse = write_shop(tmp_path_factory.mktemp("lots"), times)
        build_customer_views(settings, warehouse)
        (settings.data_dir / "policy.toml").write_text(f"effect_days = {HORIZON}\n")
        write_decisions(settings, records)
        return TrainingData(settings, warehouse, warehouse.last_event)

    def test_the_judged_fit_ends_before_the_weeks_it_is_judged_on(self, recipe: Recipe, made: Made, data: TrainingData) -> None:
        """Judged on customers who are hidden, not on weeks: it ends when the last label does."""
        judged = local_models.check(made.judged, recipe.name)
        assert judged.data_until <= data.now
        assert judged.metrics == {}
        assert "customers hidden from the fit" in made.evaluation.protocol

    def test_it_stands_beside_its_baselines_with_paired_intervals(self, made: Made) -> None:
        assert set(made.evaluation.baselines) == {PRIOR, ONE, RESPONSE, TWO}
        for metric in ("r_loss", "qini", "gain"):
            assert metric in made.evaluation.intervals
            assert all(f"{metric} vs {peer}" in made.evaluation.differences for peer in made.evaluation.baselines)

    def test_it_finds_what_the_coupon_does_and_that_the_content_does_nothing(self, made: Made) -> None:
        effect = OfferEffect.load(made.final)
        state, p0 = np.full(len(STATE), np.nan), np.array([0.4, 0.4])
        mean, sd = effect.beliefs(state, OFFERS[:2], p0)
        assert mean[0] > 0.06 > abs(mean[1])  # less than a half: later weeks of the horizon bring orders too
        assert mean[0] - 2 * sd[0] > 0
        assert effect.learned(OFFERS[:2]) == [True, True]
        assert made.evaluation.differences[f"r_loss vs {PRIOR}"][1] < 0

    def test_too_few_decisions_are_refused_with_the_number_needed(self, data: TrainingData) -> None:
        strict = OfferEffectRecipe(OfferEffectConfig(least_decisions=1_000_000))
        with pytest.raises(TooLittleHistory, match=r"needs 1000000 decisions .* this ledger has [0-9]+, [0-9]+ with and [0-9]+ without"):
            strict.rows(data)

    def test_only_decisions_whose_horizon_is_over_are_learned_from(self, data: TrainingData) -> None:
        log = decision_log(data.settings)
        rows = effect_rows(log, data.warehouse, until=data.now, horizon_days=HORIZON)
        newest = rows.at[rows.decision].max() / 1e6
        assert newest + HORIZON * 86_400 <= data.now.timestamp()
        assert len(rows.at) < len(log)
        assert rows.decisions == len(rows.at)
        assert effect_rows(log, data.warehouse, until=data.now, horizon_days=14).decisions == 0

    def test_a_record_that_does_not_say_what_was_expected_soon_is_not_learned_from(self, data: TrainingData) -> None:
        log = decision_log(data.settings)
        of = pl.element().struct
        untold = of.with_fields(factors=of.field("factors").struct.with_fields(p0_soon=pl.lit(None, pl.Float64)))
        assert (
            effect_rows(
                log.with_columns(pl.col("considered").list.eval(untold)), data.warehouse, until=data.now, horizon_days=HORIZON
            ).decisions
            == 0
        )

    def test_chances_are_those_of_the_whole_design(self, data: TrainingData) -> None:
        rows = effect_rows(decision_log(data.settings), data.warehouse, until=data.now, horizon_days=HORIZON)
        offer, silence = 0.93 / 3 + 0.02 / 3, 0.93 / 3 + 0.05 + 0.02 / 3
        np.testing.assert_allclose(rows.chance, offer / (offer + silence))
        shown = np.bincount(rows.decision[rows.treated == 0])
        assert set(shown[shown > 0].tolist()) == {2}
        assert rows.treated.mean() == pytest.approx(0.5, abs=0.02)


def test_a_response_is_an_order_of_the_offers_products_within_the_horizon(tmp_path: Path) -> None:
    from tests.training.seeded_shop import orders_of

    at = START + timedelta(days=10)
    times = [
        ("a", START),
        ("a", at),
        ("a", at + timedelta(days=27)),
        ("b", START),
        ("b", at + timedelta(days=29)),
        ("b", START + timedelta(days=80)),
    ]
    settings, warehouse = write_shop(tmp_path, times, bare=True)
    lines = orders_of(times)["order_lines"]
    bought = lines.filter((lines["customer_id"] == "a") & (lines["ordered_at"] == at + timedelta(days=27)))["product_id"].to_list()
    known = json.loads(record("a", at, 2))["considered"]
    with_products = [dict(known[0], product_ids=["nothing", bought[0]]), dict(known[1], product_ids=["nothing"]), known[2]]
    write_decisions(
        settings,
        [
            record("a", at, 2, considered=with_products),
            record("b", at, 0),
            record("stranger", at, 0),
            record("a", at + timedelta(days=1), 0, channel="web", decision_id="inbound"),
            record("a", at + timedelta(days=2), 1, state={}, decision_id="bare"),
        ],
    )
    rows = effect_rows(decision_log(settings), warehouse, until=warehouse.last_event, horizon_days=HORIZON)
    told = zip(rows.decision.tolist(), rows.offer.tolist(), rows.outcome.tolist(), strict=True)
    found = [(rows.names[rows.customer[decision]], rows.offers[offer][0], came) for decision, offer, came in told]
    assert [one[1:] for one in found if one[0] == "b"] == [("coupon:a", 0.0)]
    mine = [one[1:] for one in found if one[0] == "a"]
    assert len(mine) == 3
    assert ("coupon:a", 1.0) in mine
    assert ("content:b", 0.0) in mine
    assert "stranger" not in rows.names


def fitted(lots: Lots) -> OfferEffect:
    return fit_effects(lots.rows, POLICY_PRIOR, OfferEffectConfig(half_life_days=1e6), seed=1)


@pytest.mark.parametrize("any_order", [True, False])
def test_effects_that_differ_between_customers_are_found(any_order: bool) -> None:
    column = COLUMNS.index("orders")
    lots = draw_lots(1500, 4, seed=5, mean=0.05, slopes={column: -0.08}, any_order=any_order)
    believed = row_effects(fitted(lots), lots.rows)
    prior, _ = POLICY_PRIOR.beliefs(lots.rows.state[0], lots.rows.offers[:1], lots.rows.p0)
    assert np.corrcoef(believed, lots.truth)[0, 1] > 0.65
    assert ((believed - lots.truth) ** 2).mean() < 0.6 * ((prior - lots.truth) ** 2).mean()
    harmed = lots.truth < -0.03  # sleeping dogs
    assert harmed.any()
    assert (believed[harmed] < 0).mean() > 0.65


def test_ninety_per_cent_intervals_hold_about_ninety_per_cent_of_the_truth() -> None:
    covered = []
    for seed in range(10):
        lots = draw_lots(400, 4, seed=seed, slopes={3: -0.03, 12: 0.02}, any_order=bool(seed % 2))
        effect = fitted(lots)
        some = np.random.default_rng(seed).choice(len(lots.truth), 300, replace=False)
        for i in some.tolist():
            offer = [lots.rows.offers[lots.rows.offer[i]]]
            mean, sd = effect.beliefs(lots.rows.state[lots.rows.decision[i]], offer, lots.rows.p0[i : i + 1])
            covered.append(abs(mean[0] - lots.truth[i]) < 1.645 * sd[0])
    assert 0.85 <= np.mean(covered) <= 0.97


def test_with_hardly_any_data_it_is_all_but_the_prior() -> None:
    lots = draw_lots(12, 1, seed=1, mean=0.3)
    effect = fitted(lots)
    state, p0 = np.full(len(STATE), np.nan), np.array([0.3])
    mean, _ = effect.beliefs(state, [("coupon:0", "coupon")], p0)
    expected, sd = POLICY_PRIOR.beliefs(state, [("coupon:0", "coupon")], p0)
    assert abs(mean[0] - expected[0]) < 1.5 * sd[0]


def test_what_nothing_causes_is_believed_to_be_next_to_nothing() -> None:
    lots = draw_lots(1500, 4, seed=8, mean=0.0, types=0.0, own=0.0)
    assert np.abs(row_effects(fitted(lots), lots.rows)).mean() < 0.02


def test_older_decisions_count_less() -> None:
    old, new = draw_lots(1500, 1, seed=1, mean=0.25), draw_lots(1500, 1, seed=2, mean=-0.1)
    rows, n = old.rows, len(old.rows.at)
    later = new.rows
    names = ("decision", "offer", "p0", "treated", "chance", "outcome", "any_order", "margin", "discount", "cost")
    parts = {name: np.concatenate([getattr(rows, name), getattr(later, name) + (n if name == "decision" else 0)]) for name in names}
    both = type(rows)(
        horizon_days=28,
        offers=rows.offers,
        **parts,
        state=np.vstack([rows.state, later.state]),
        customer=np.concatenate([rows.customer, later.customer]),
        at=np.concatenate([rows.at, later.at + 365 * 86_400_000_000]),
        names=rows.names,
    )
    means = [
        row_effects(fit_effects(both, POLICY_PRIOR, OfferEffectConfig(half_life_days=days), seed=1), both).mean() for days in (1e6, 30)
    ]
    assert means[1] < means[0] - 0.03


def test_few_decisions_are_counted_in_the_sentence() -> None:
    lots = draw_lots(20, 1, seed=1)
    with pytest.raises(TooLittleHistory, match=f"this ledger has {lots.rows.decisions}, "):
        require_decisions(lots.rows, OfferEffectConfig(), START)


def test_the_least_step_is_the_policys() -> None:
    assert fitted(draw_lots(60, 1, seed=1)).header.least_spread == LEAST
