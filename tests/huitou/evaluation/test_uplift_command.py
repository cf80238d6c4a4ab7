"""`huitou evaluate uplift`: which study its options ask for, and what is said when none fits."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import typer

from features.errors import HuitouError
from features.settings import FeatureSettings
from huitou.evaluation import running, uplift
from tests.permitted import write_warehouse
from tests.training.studies.uplift.test_history import experiment, orders, shop
from training.studies.mailings.study import MailingStudy
from training.studies.study import Study
from training.studies.uplift.study import UpliftStudy


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Study]:
    studies: list[Study] = []
    monkeypatch.setattr(running, "run", lambda study, options: studies.append(study))
    return studies


def test_a_file_s_columns_and_what_is_left_out(asked: list[Study], tmp_path: Path) -> None:
    uplift.uplift(tmp_path / "x.csv", "arm", "a", "b", "y", ignore="p, q", known="r", cost=0.1, value=3.0, folds=4, repeats=2, fold_seed=9)
    (study,) = asked
    assert isinstance(study, UpliftStudy)
    assert study.columns.ignore == ("p", "q")
    assert study.columns.known == ("r",)
    assert (study.cost, study.value, study.folds, study.repeats, study.fold_seed) == (0.1, 3.0, 4, 2, 9)
    with pytest.raises(typer.BadParameter, match="needs --treated, --outcome too"):
        uplift.uplift(tmp_path / "x.csv", "arm", control="b")


def test_the_history_s_experiment(asked: list[Study], tmp_path: Path) -> None:
    shop(tmp_path, experiment("spring"))
    uplift.uplift(treated="mail", control="none", outcome="visited", data_dir=tmp_path, repeats=1, folds=3)
    (study,) = asked
    assert study.prepare(tmp_path, lambda _: None).facts["people"] == 600
    with pytest.raises(typer.BadParameter, match="needs --treated, --control, --outcome too"):
        uplift.uplift(data_dir=tmp_path)


def test_without_an_experiment_answers_to_mailings_or_the_size_that_is_needed(asked: list[Study], tmp_path: Path) -> None:
    shop(tmp_path / "bare")
    with pytest.raises(HuitouError, match=r"no experiment in it.*in each arm to find 5% more"):
        uplift.uplift(data_dir=tmp_path / "bare")
    contacts = pl.DataFrame({"contact_id": ["1"], "customer_id": ["c1"], "offer_id": ["o"], "channel": ["sms"]})
    bought = orders([("c1", 0), ("c2", 30)])
    tables = {"orders": bought, "contacts": contacts.with_columns(sent_at=bought["ordered_at"].head(1))}
    write_warehouse(FeatureSettings(data_dir=tmp_path / "mailed"), tables, {"source": "test"}, "x")
    uplift.uplift(data_dir=tmp_path / "mailed")
    assert isinstance(asked[0], MailingStudy)
