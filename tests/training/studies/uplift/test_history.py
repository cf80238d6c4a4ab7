"""An experiment out of the history, and what is said where there is none."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.settings import FeatureSettings
from features.warehouse import Warehouse
from tests.permitted import write_warehouse
from training.evaluation.power import arm_size
from training.studies.uplift.experiment_file import Columns, ExperimentUnusable
from training.studies.uplift.history import has_experiment, history_experiment, needed_experiment, sizes

START = datetime(2024, 1, 1, tzinfo=UTC)
COLUMNS = Columns("treatment", "mail", "none", "visited")


def orders(buyers: list[tuple[str, int]]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "order_id": [str(i) for i in range(len(buyers))],
            "customer_id": [customer for customer, _ in buyers],
            "ordered_at": [START + timedelta(days=day) for _, day in buyers],
        }
    ).with_columns(
        store_id=pl.lit(None, pl.String), amount=pl.lit(1.0), discount=pl.lit(0.0), coupon_discount=pl.lit(0.0), line_count=1, quantity=1.0
    )


def experiment(name: str, people: int = 600) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    recency, zips = rng.integers(1, 12, people).tolist(), rng.choice(["a", "b"], people).tolist()
    traits = [json.dumps({"recency": r, "zip": z}) for r, z in zip(recency, zips, strict=True)]
    return pl.DataFrame(
        {
            "experiment_id": name,
            "customer_id": [f"c{i}" for i in range(people)],
            "treatment": rng.choice(["mail", "none"], people),
            "assigned_at": START,
            "visited": rng.random(people) < 0.3,
            "converted": False,
            "spend": None,
            "traits": traits,
        },
        schema_overrides={"spend": pl.Float64},
    )


def shop(folder: Path, *experiments: pl.DataFrame) -> Warehouse:
    tables = {"orders": orders([("c1", 0), ("c2", 5), ("c3", 10), ("c4", 12), ("c1", 60), ("new", 65)])}
    told = {"age_band": ["young", "old"], "birthday": ["--01-02", "--03-04"], "locale": ["de-DE", "zh-CN"]}
    customers = pl.DataFrame({"customer_id": [f"c{i}" for i in range(600)], **{name: two * 300 for name, two in told.items()}})
    tables["customers"] = customers.with_columns(
        pl.lit(None, pl.String).alias(c)
        for c in ("income_band", "home_ownership", "marital_status", "household_size", "household_composition", "children", "timezone")
    )
    if experiments:
        tables["experiments"] = pl.concat(experiments)
    return write_warehouse(FeatureSettings(data_dir=folder), tables, {"source": "test"}, "x")


def test_an_experiment_s_traits_and_its_customers_facts_are_what_was_known(tmp_path: Path) -> None:
    warehouse = shop(tmp_path, experiment("spring"))
    assert has_experiment(warehouse)
    read = history_experiment(warehouse, COLUMNS, None)
    assert read.traits == ("recency", "zip", "age_band")
    assert read.experiment.levels == (0, 2, 2)
    table = warehouse.read("experiments").sort("customer_id")
    assert read.experiment.treated.sum() == (table["treatment"] == "mail").sum()
    assert read.experiment.outcome.sum() == table["visited"].sum()
    by_hand = [json.loads(traits)["recency"] for traits in warehouse.read("experiments")["traits"]]
    assert read.experiment.inputs[:, 0].tolist() == by_hand


def test_which_experiment_and_which_outcome(tmp_path: Path) -> None:
    warehouse = shop(tmp_path, experiment("spring"), experiment("autumn", 500))
    with pytest.raises(ExperimentUnusable, match=r"2 experiments; say which with --experiment: spring \(600\); autumn \(500\)"):
        history_experiment(warehouse, COLUMNS, None)
    with pytest.raises(ExperimentUnusable, match="no experiment 'winter'; it holds spring"):
        history_experiment(warehouse, COLUMNS, "winter")
    with pytest.raises(ExperimentUnusable, match="has visited, converted, spend"):
        history_experiment(warehouse, Columns("treatment", "mail", "none", "clicks"), "spring")
    assert len(history_experiment(warehouse, COLUMNS, "autumn").experiment.outcome) == 500


def test_without_one_there_is_no_word_of_uplift_but_a_size(tmp_path: Path) -> None:
    warehouse = shop(tmp_path)
    assert not has_experiment(warehouse)
    why, needed = needed_experiment(warehouse)
    assert "cannot be told from whom it was sent to" in why
    # of the four customers known 28 days before the last order one ordered since
    assert "25.0% of the customers" in needed
    assert f"10% more, {arm_size(0.25, 0.025):,} people" in needed


def test_impossible_effects_are_not_sized() -> None:
    assert sizes({"x": 0.0}) == []
    assert "50%" not in sizes({"x": 0.9})[0]
    assert sizes({"x": 0.99}) == []
