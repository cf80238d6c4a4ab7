"""What an experiment's file may look like, and what is said when it does not fit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from training.studies.uplift.experiment_file import Columns, ExperimentUnusable, make_experiment, read_experiment

COLUMNS = Columns("group", "mail", "none", "visit")


def people(count: int = 3000, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    group = rng.choice(["mail", "none", "sms"], count)
    visit = rng.random(count) < 0.15
    converted = visit & (rng.random(count) < 0.3)
    return pl.DataFrame(
        {
            "name": [f"p{i}" for i in range(count)],
            "recency": rng.integers(1, 13, count),
            "history": np.round(rng.gamma(2.0, 100.0, count), 2),
            "zip": rng.choice(["Rural", "Urban"], count),
            "newbie": rng.random(count) < 0.5,
            "group": group,
            "visit": visit.astype(int),
            "conversion": converted.astype(int),
            "spend": np.where(converted, 50.0 + 10 * rng.random(count), 0.0),
        }
    )


FRAME = people()
PLAIN = FRAME.drop("conversion", "spend")


def test_two_arms_their_outcome_and_what_was_known_before(tmp_path: Path) -> None:
    path = tmp_path / "mail.csv"
    PLAIN.write_csv(path)
    read = read_experiment(path, COLUMNS)
    kept = PLAIN.filter(pl.col("group") != "sms")
    assert read.traits == ("recency", "history", "zip", "newbie")
    assert read.experiment.levels == (0, 0, 2, 2)
    assert (read.experiment.treated == (kept["group"] == "mail").to_numpy()).all()
    assert (read.experiment.outcome == kept["visit"].to_numpy()).all()
    assert (read.experiment.inputs[:, 1] == kept["history"].to_numpy()).all()
    assert read.left_out == FRAME.height - kept.height
    assert "name differs from person to person" in read.notes[0]


@pytest.mark.parametrize("suffix", ["parquet", "csv.gz"])
def test_other_forms_say_the_same(tmp_path: Path, suffix: str) -> None:
    import gzip

    path = tmp_path / f"mail.{suffix}"
    if suffix == "parquet":
        PLAIN.write_parquet(path)
    else:
        path.write_bytes(gzip.compress(PLAIN.write_csv().encode()))
    assert (read_experiment(path, COLUMNS).experiment.outcome == make_experiment(PLAIN, COLUMNS, "x").experiment.outcome).all()


def test_yes_and_no_and_gaps() -> None:
    words = PLAIN.with_columns(
        visit=pl.when(pl.int_range(pl.len()) % 50 == 0).then(None).when(pl.col("visit") == 1).then(pl.lit("yes")).otherwise(pl.lit("no")),
        history=pl.when(pl.col("recency") > 9).then(None).otherwise("history"),
        zip=pl.when(pl.col("recency") > 9).then(None).otherwise("zip"),
    )
    read = make_experiment(words, COLUMNS, "mail.csv")
    assert set(np.unique(read.experiment.outcome)) == {0.0, 1.0}
    assert read.without_outcome > 0
    assert "without visit were left out" in read.notes[-1]
    late = read.experiment.inputs[:, 0] > 9
    assert np.isnan(read.experiment.inputs[late][:, [1, 2]]).all()
    assert not np.isnan(read.experiment.inputs[~late]).any()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"treatment": "grup"}, "no column 'grup'; did you mean group"),
        ({"outcome": "visits"}, "did you mean visit"),
        ({"ignore": ("nme",)}, "did you mean name"),
        ({"treated": "email"}, r"no row has group 'email'; its values are .*'mail' \("),
        ({"control": "mail"}, "both 'mail'"),
        ({"outcome": "zip"}, "neither a number nor yes/no"),
        ({"outcome": "group"}, "treatment and outcome at once"),
    ],
)
def test_wrong_options_are_told_what_there_is(changed: dict[str, object], said: str) -> None:
    columns = Columns(**{**COLUMNS.__dict__, **changed})  # type: ignore[arg-type]
    with pytest.raises(ExperimentUnusable, match=said):
        make_experiment(PLAIN, columns, "mail.csv")


def test_an_outcome_of_one_value_and_small_arms_are_refused() -> None:
    with pytest.raises(ExperimentUnusable, match="visit is 0 for everybody"):
        make_experiment(PLAIN.with_columns(visit=pl.lit(0)), COLUMNS, "mail.csv")
    with pytest.raises(ExperimentUnusable, match=r"arm 'mail' has 50 people.*at least 100 and 20"):
        make_experiment(
            pl.concat([PLAIN.filter(pl.col("group") == "mail").head(50), PLAIN.filter(pl.col("group") == "none")]), COLUMNS, "m"
        )
    with pytest.raises(ExperimentUnusable, match="nothing that was known before"):
        make_experiment(PLAIN.select("group", "visit"), COLUMNS, "m")


@pytest.mark.parametrize(
    ("outcome", "named"), [("visit", "conversion, spend"), ("conversion", "visit, spend"), ("spend", "visit, conversion")]
)
def test_other_outcomes_are_no_traits(outcome: str, named: str) -> None:
    columns = Columns("group", "mail", "none", outcome)
    with pytest.raises(ExperimentUnusable, match=f"{named} can hardly have been known .*--ignore {named.replace(', ', ',')}"):
        make_experiment(FRAME, columns, "mail.csv")
    ignored = Columns("group", "mail", "none", outcome, ignore=tuple(named.split(", ")))
    assert make_experiment(FRAME, ignored, "mail.csv").traits == ("recency", "history", "zip", "newbie")
    vouched = Columns("group", "mail", "none", outcome, known=tuple(named.split(", ")))
    assert set(named.split(", ")) < set(make_experiment(FRAME, vouched, "mail.csv").traits)


def test_a_strong_trait_is_no_outcome() -> None:
    strong = PLAIN.with_columns(fan=(pl.col("visit") == 1) & (pl.col("recency") < 10) | (pl.col("recency") < 4))
    assert "fan" in make_experiment(strong, COLUMNS, "mail.csv").traits


def test_a_running_number_of_people_is_no_trait_unless_vouched_for(tmp_path: Path) -> None:
    path = tmp_path / "mail.csv"
    PLAIN.with_row_index("person", offset=1000).sample(fraction=1.0, shuffle=True, seed=1).write_csv(path)
    read = read_experiment(path, COLUMNS)
    assert "person" not in read.traits
    assert "history" in read.traits  # differs for everybody too, but counts nobody
    assert any("person numbers the people" in note for note in read.notes)
    assert "person" in read_experiment(path, dataclasses.replace(COLUMNS, known=("person",))).traits
