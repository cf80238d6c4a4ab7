from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from features.decisions.assignment import holdout_of
from features.decisions.record import Holdout
from features.decisions.state import STATE
from features.errors import HuitouError
from serving.campaigns.at_risk import Rank, in_holdout, write_at_risk_audience
from serving.campaigns.csv_file import write_csv
from serving.campaigns.scores import score_all
from serving.catalogue import Catalogue
from serving.decisioning.engine import OfferRequest
from serving.decisioning.experiments import ExperimentBook
from serving.errors import ModelUnavailable
from serving.live_models import LiveModels
from serving.services import Services
from serving.spending import expected_margin
from tests.serving.small_shop import CUSTOMERS


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def audience(services: Services, out: Path, **given: object) -> list[dict[str, str]]:
    options = {"horizon": 28, "size": 1000, "holdout": 0.2, "seed": 5, **given}
    write_at_risk_audience(services, out=out, **options)  # type: ignore[arg-type]
    return read(out)


def test_audience_is_at_risk_worth_it_and_ranked(services: Services, tmp_path: Path) -> None:
    rows = audience(services, tmp_path / "a.csv")
    model = services.live.models.return_hazard
    assert model is not None
    assert 10 < len(rows) < len(CUSTOMERS)
    assert [int(row["rank"]) for row in rows] == list(range(1, len(rows) + 1))
    values = [float(row["value_at_risk"]) for row in rows]
    assert values == sorted(values, reverse=True)
    listed = {row["customer_id"] for row in rows}
    for customer_id in CUSTOMERS:
        customer = services.live.reader.read(customer_id)
        assert customer is not None
        stored = customer.vector[None, :]
        churn = float(model.churn_probability(stored, 28)[0])
        value = churn * float(expected_margin(stored, 28, services.live.catalogue.assumptions)[0])
        assert (customer_id in listed) == (churn >= 0.35 and value > 0.01)
    for row in rows:
        assert row["not_causal"] == "True"
        assert row["channel"] == "email"
        assert float(row["expected_value"]) == pytest.approx(float(row["value_at_risk"]) - 0.01, abs=0.011)
        assert bool(row["reason_1_code"]) == bool(row["reason_1_zh"])
    assert sum(bool(row["reason_1_code"]) for row in rows) > len(rows) / 2


class Learned:
    """Effects as if learned: the later a customer comes in the alphabet of what is known, the more they are changed."""

    horizon_days = 7

    def learned(self, offers: Sequence[tuple[str, str]]) -> list[bool]:
        return [True] * len(offers)

    def beliefs(self, state: np.ndarray, offers: Sequence[tuple[str, str]], p0: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert len(offers) == len(p0)
        return np.full(len(p0), 0.02 * np.nan_to_num(state[STATE.index("order_count")])), np.full(len(p0), 0.01)


def test_by_uplift_it_is_whom_a_message_saves_most(services: Services, tmp_path: Path) -> None:
    models = replace(services.live.models, offer_effect=Learned())  # type: ignore[arg-type]
    learned = replace(services, live=replace(services.live, models=models))
    rows = audience(learned, tmp_path / "a.csv")  # by itself, where effects are learned
    assert 5 < len(rows) < len(CUSTOMERS)
    saved = [float(row["expected_value"]) for row in rows]
    assert saved == sorted(saved, reverse=True)
    assert min(saved) >= 0
    assert {row["not_causal"] for row in rows} == {"False"}
    for row in rows[:10]:
        decision = learned.engine.decide(
            learned.live, OfferRequest(row["customer_id"], "email", contact=frozenset({"email"})), now=learned.now
        )
        best = max((one for one in decision.record.considered if one.type != "no_action"), key=lambda one: one.value)
        assert (row["offer_id"], float(row["expected_value"])) == (best.offer_id, pytest.approx(best.value, abs=0.01))
        assert float(row["uplift"]) == pytest.approx(best.factors.tau, abs=1e-6)
    ranked = [row["customer_id"] for row in audience(services, tmp_path / "b.csv")]
    assert ranked != [row["customer_id"] for row in rows]


def test_before_effects_are_learned_it_is_value_at_risk_unless_asked(services: Services, tmp_path: Path) -> None:
    usual, asked = (audience(services, tmp_path / f"{rank}.csv", rank=Rank(rank)) for rank in ("auto", "value_at_risk"))
    assert usual == asked
    assert {row["offer_id"] for row in usual} == {""}
    believed = audience(services, tmp_path / "c.csv", rank=Rank.UPLIFT)
    assert {row["not_causal"] for row in believed} <= {"True"}
    assert all(row["offer_id"] and float(row["churn_probability"]) >= 0.35 for row in believed)


def test_size_takes_the_best(services: Services, tmp_path: Path) -> None:
    whole, few = audience(services, tmp_path / "a.csv"), audience(services, tmp_path / "b.csv", size=5)
    assert few == whole[:5]


def test_holdout_depends_on_nothing_but_seed_and_id(services: Services, tmp_path: Path) -> None:
    groups = {row["customer_id"]: row["group"] for row in audience(services, tmp_path / "a.csv")}
    again = {row["customer_id"]: row["group"] for row in audience(services, tmp_path / "b.csv", size=20, horizon=91)}
    assert all(groups.get(customer, group) == group for customer, group in again.items())
    assert {row["customer_id"]: row["group"] for row in audience(services, tmp_path / "c.csv", seed=6)} != groups
    assert {row["group"] for row in audience(services, tmp_path / "d.csv", holdout=0.0)} == {"target"}
    assert {row["group"] for row in audience(services, tmp_path / "e.csv", holdout=1.0)} == {"holdout"}


def test_holdout_takes_its_share_and_grows_with_it() -> None:
    ids = [f"customer-{i}" for i in range(20_000)]
    small = {i for i in ids if in_holdout(i, share=0.1, seed=1)}
    assert len(small) / len(ids) == pytest.approx(0.1, abs=0.01)
    assert small <= {i for i in ids if in_holdout(i, share=0.2, seed=1)}
    assert len(small & {i for i in ids if in_holdout(i, share=0.1, seed=2)}) / len(ids) == pytest.approx(0.01, abs=0.005)


def test_nobody_without_a_channel(services: Services, tmp_path: Path) -> None:
    assumptions = services.live.catalogue.assumptions
    silent = assumptions.model_copy(update={"consent": assumptions.consent.model_copy(update={"channels": []})})
    muted = replace(services, live=replace(services.live, catalogue=Catalogue(services.live.catalogue.products, silent)))
    assert audience(muted, tmp_path / "a.csv") == []


def test_scores_of_everybody(services: Services, tmp_path: Path) -> None:
    out = tmp_path / "folder" / "scores.csv"
    assert score_all(services, out) == len(CUSTOMERS)
    rows = read(out)
    assert [row["customer_id"] for row in rows] == sorted(CUSTOMERS)
    model = services.live.models.return_hazard
    assert model is not None
    for row in rows:
        chances = [float(row[f"churn_probability_{h}d"]) for h in (14, 28, 56, 91)]
        assert all(a >= b for a, b in pairwise(chances))
        customer = services.live.reader.read(row["customer_id"])
        assert customer is not None
        stored = customer.vector[None, :]
        assert chances[1] == pytest.approx(float(model.churn_probability(stored, 28)[0]), abs=1e-6)
        days = float(model.median_days_until_order(stored)[0])
        if np.isfinite(days):
            expected = datetime.fromisoformat(row["expected_next_order_date"]) - customer.as_of
            assert expected.total_seconds() == pytest.approx(days * 86_400, abs=2)
        else:
            assert row["expected_next_order_date"] == ""


def test_without_a_model_there_are_no_scores(services: Services, tmp_path: Path) -> None:
    bare = replace(services, live=services.live.with_models(LiveModels()))
    with pytest.raises(ModelUnavailable):
        score_all(bare, tmp_path / "scores.csv")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(HuitouError, match="is a folder; name a file"):
        write_csv(tmp_path, ["a"], [[1]])
    (tmp_path / "file").write_text("kept")
    with pytest.raises(HuitouError, match="cannot be written"):
        write_csv(tmp_path / "file" / "table.csv", ["a"], [[1]])
    assert (tmp_path / "file").read_text() == "kept"


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_csv(path, ["a"], [[1]])

    def broken() -> object:
        yield [2]
        raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        write_csv(path, ["a"], broken())  # type: ignore[arg-type]
    assert path.read_text() == "a\n1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_the_policys_holdouts_are_in_no_audience_and_counted(services: Services, tmp_path: Path) -> None:
    everybody = {row["customer_id"] for row in audience(services, tmp_path / "a.csv")}
    policy = services.live.policy.changed({"holdouts": {"universal": 0.3, "model_control": 0.2}})
    apart = replace(services, live=services.live.trying(ExperimentBook((), policy)))
    summary = write_at_risk_audience(apart, horizon=28, size=1000, holdout=0.2, seed=5, out=tmp_path / "b.csv")
    kept = {one: holdout_of(one, policy.holdouts) for one in everybody}
    assert {row["customer_id"] for row in read(tmp_path / "b.csv")} == {one for one, holdout in kept.items() if holdout is None}
    universal, control = (sum(one is which for one in kept.values()) for which in (Holdout.UNIVERSAL, Holdout.MODEL_CONTROL))
    assert universal
    assert control
    assert f"left out: {universal} of the universal holdout and {control} of the model control" in str(summary)
    by_uplift = audience(apart, tmp_path / "c.csv", rank=Rank.UPLIFT)
    assert not {row["customer_id"] for row in by_uplift} & {one for one, holdout in kept.items() if holdout is not None}
    score_all(apart, tmp_path / "scores.csv")
    told = {row["customer_id"]: row["policy_holdout"] for row in read(tmp_path / "scores.csv")}
    assert told == {one: holdout_of(one, policy.holdouts) or "" for one in CUSTOMERS}
