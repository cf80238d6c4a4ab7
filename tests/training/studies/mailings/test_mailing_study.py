"""Answers to mailings: nothing later enters, and the table speaks of response."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.errors import TooLittleHistory
from features.settings import FeatureSettings
from features.warehouse import Warehouse
from tests.permitted import write_warehouse
from training.datasets.mailing_rows import INPUTS, mailing_rows
from training.studies.mailings.contenders import CONTENDERS
from training.studies.mailings.study import MailingStudy
from training.studies.study import Task

START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=200)


def at(day: float) -> datetime:
    return START + timedelta(days=day)


def lines(bought: list[tuple[str, float, str]]) -> dict[str, pl.DataFrame]:
    ids = [str(i) for i in range(len(bought))]
    people, times = [b[0] for b in bought], [at(b[1]) for b in bought]
    head = pl.DataFrame({"order_id": ids, "customer_id": people, "ordered_at": times})
    made = {"amount": pl.lit(10.0), "discount": pl.lit(0.0), "quantity": pl.lit(1.0)}
    return {
        "orders": head.with_columns(**made, store_id=pl.lit(None, pl.String), coupon_discount=pl.lit(1.0), line_count=1),
        "order_lines": head.with_columns(**made, line_number=1, product_id=pl.Series([b[2] for b in bought])),
    }


def shop(folder: Path, campaigns: list[tuple[str, float, float]], mailed: list[tuple[str, str]], **more: list) -> Warehouse:
    tables = lines(more["bought"])
    tables["offers"] = pl.DataFrame(
        {"offer_id": [c[0] for c in campaigns], "starts_at": [at(c[1]) for c in campaigns], "ends_at": [at(c[2]) for c in campaigns]}
    ).with_columns(type=pl.lit("coupon"), label=pl.col("offer_id"))
    starts = {c[0]: at(c[1]) for c in campaigns}
    tables["contacts"] = pl.DataFrame({"customer_id": [m[0] for m in mailed], "offer_id": [m[1] for m in mailed]}).with_columns(
        contact_id=pl.concat_str("customer_id", "offer_id"), channel=pl.lit("mail"), sent_at=pl.Series([starts[m[1]] for m in mailed])
    )
    tables["offer_items"] = pl.DataFrame({"offer_id": [c[0] for c in campaigns], "coupon_id": "k", "product_id": "p"})
    taken = more["redeemed"]
    tables["redemptions"] = pl.DataFrame(
        {"customer_id": [r[0] for r in taken], "offer_id": [r[1] for r in taken], "redeemed_at": [at(r[2]) for r in taken]}
    ).with_columns(redemption_id=pl.int_range(pl.len()).cast(pl.String), coupon_id=pl.lit("k"))
    return write_warehouse(FeatureSettings(data_dir=folder), tables, {"source": "test"}, "x")


def test_inputs_stop_at_the_mailing_and_answers_at_the_campaign_s_end(tmp_path: Path) -> None:
    warehouse = shop(
        tmp_path,
        [("one", 10, 20), ("two", 120, 130), ("open", 150, 300)],
        [("ann", "one"), ("ann", "two"), ("bob", "two"), ("ann", "open")],
        bought=[("ann", 5, "p"), ("ann", 15, "p"), ("ann", 119, "q"), ("ann", 125, "q"), ("bob", 120, "p"), ("bob", 131, "p")],
        redeemed=[("ann", "one", 15), ("bob", "two", 131)],
    )
    rows = mailing_rows(warehouse, NOW)
    seen = dict(zip(INPUTS, rows.inputs.T, strict=True))
    # ann one, ann two, bob two; the campaign that still runs is left out
    assert rows.sent.tolist() == [int(at(d).timestamp() * 1e6) for d in (10, 120, 120)]
    assert rows.answers["redeemed"].tolist() == [1, 0, 0]
    assert rows.answers["bought"].tolist() == [1, 0, 0]  # bob's purchase at the very moment was known, the other came too late
    assert seen["mailings before"].tolist() == [0, 1, 0]
    assert seen["redemptions before"].tolist() == [0, 1, 0]
    assert seen["days since redemption"][1] == 105
    assert np.isnan(seen["days since redemption"][[0, 2]]).all()
    assert seen["orders lately"].tolist() == [1, 2, 1]
    assert seen["spend lately"].tolist() == [10, 20, 10]
    assert seen["coupon share of spend lately"] == pytest.approx([0.1, 0.1, 0.1])
    assert seen["days since order"].tolist() == [5, 1, 0]
    assert seen["lines of the campaign's products lately"].tolist() == [1, 1, 1]
    assert seen["days of the campaign"].tolist() == [10, 10, 10]
    assert len(np.unique(rows.customer)) == 2


def answering_shop(folder: Path) -> Warehouse:
    """Those who redeemed before redeem again; nobody else does."""
    campaigns = [(f"c{k}", 10 + 15 * k, 20 + 15 * k) for k in range(10)]
    people = [f"p{i:03}" for i in range(80)]
    mailed = [(person, name) for name, _, _ in campaigns for person in people]
    redeemed = [(person, name, start + 1) for name, start, _ in campaigns for person in people[:20]]
    bought = [(person, start + 1, "p") for _, start, _ in campaigns for person in people[:40]] + [(person, 1, "q") for person in people]
    return shop(folder, campaigns, mailed, bought=bought, redeemed=redeemed)


def test_later_campaigns_are_foretold_from_earlier_ones(tmp_path: Path) -> None:
    study = MailingStudy(answering_shop(tmp_path / "data"), NOW)
    prepared = study.prepare(tmp_path, lambda _: None)
    assert "Response, not uplift" in prepared.protocol
    assert "cannot be told" in prepared.notes[0]
    with np.load(tmp_path / "mailings.npz") as stored:
        assert len(stored["inputs"]) == prepared.facts["mailings learned from"] == 560
        assert len(stored["later"]) == prepared.facts["mailings judged"] == 240
        assert not [key for key in stored.files if stored[key].shape == (240,)]  # nobody is shown the later answers
    answers = {}
    for contender in CONTENDERS:
        answers[contender.name] = contender.answer(Task(tmp_path, 1, 1, 0.0, None, lambda _: None))
        assert all(((p > 0) & (p < 1)).all() for p in answers[contender.name].values())
    judged = study.judge(answers, seed=1)
    assert judged.metrics["base rate"]["redeemed auc"] == 0.5
    for name in ("past redemptions", "logistic", "response model"):
        assert judged.metrics[name]["redeemed auc"] > 0.95
    assert judged.differences["base rate"]["redeemed log loss"][1] < 0
    assert {curve.label for curve in judged.curves} == {contender.name for contender in CONTENDERS}


def test_too_few_answers_and_no_mailings_are_said(tmp_path: Path) -> None:
    few = shop(tmp_path / "few", [("one", 10, 20)], [("ann", "one")], bought=[("ann", 5, "p")], redeemed=[("ann", "one", 15)])
    with pytest.raises(TooLittleHistory, match="30 redemptions or purchases"):
        MailingStudy(few, NOW).prepare(tmp_path, lambda _: None)
    with pytest.raises(TooLittleHistory, match="no mailing of a campaign that is over"):
        mailing_rows(few, START)
