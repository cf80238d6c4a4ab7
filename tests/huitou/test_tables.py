"""Models beside their baselines, and an answer for a person to read."""

from __future__ import annotations

from typing import Any

import pytest

from huitou.console import output
from huitou.tables import answer_lines, headline_metrics, models_table
from training.pipeline import Trained
from training.recipe import Evaluation


def evaluation(name: str = "return_hazard", **metrics: float) -> Evaluation:
    return Evaluation(
        name=name, protocol="", rows=1234, metrics=metrics, baselines={"recency": {"auc_28d": 0.8163}, "bg_nbd": {"auc_28d": 0.84}}
    )


def shown(capsys: pytest.CaptureFixture[str], *results: Trained) -> str:
    output().print(models_table(results))
    return capsys.readouterr().out


def test_a_model_stands_above_its_baselines(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, Trained("return_hazard", evaluation(auc_28d=0.8852, ece_28d=0.0123), "3", reused=False, seconds=12.34))
    lines = [line.split() for line in text.splitlines()]
    assert (
        lines.index(["return_hazard", "0.8852", "0.0123"])
        < lines.index(["recency", "0.8163", "-"])
        < lines.index(["bg_nbd", "0.8400", "-"])
    )
    assert "1,234 rows, 12.3 s" in text


def test_a_reused_model_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert "unchanged" in shown(capsys, Trained("return_hazard", evaluation(auc_28d=0.9), "3", reused=True, seconds=0.1))


def test_a_model_that_was_not_trained_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, Trained("bundles", None, None, reused=False, seconds=0.1, reason="Bundles need more baskets."))
    assert "bundles" in text
    assert "not trained" in text
    assert "Bundles need more baskets." in text


def test_headlines_are_those_measured() -> None:
    assert headline_metrics(evaluation(auc_56d=0.9, auc_28d=0.8, other=1.0)) == ["auc_28d", "auc_56d"]
    assert headline_metrics(evaluation("new_model", a=1, b=2, c=3, d=4, e=5)) == ["a", "b", "c", "d"]


def test_an_answer_is_told_in_lines() -> None:
    answer: dict[str, Any] = {
        "customer_id": "c1",
        "stage": "loyal",
        "layer": "high_value",
        "personalized": True,
        "degraded": False,
        "churn": {
            "probability_28d": 0.25,
            "probability_56d": None,
            "expected_next_order_date": None,
            "reasons": [{"sentence_en": "ordered 2 days ago", "effect": -0.1}] * 5,
        },
        "offers": [
            {
                "type": "bundle",
                "expected_value": "1.5",
                "probability": 0.1,
                "items": [{"product_id": "p1", "name": "Tea"}, {"product_id": "p2"}],
            }
        ],
    }
    weighed = {"type": "coupon", "expected_value": -0.2, "items": [], "sentence_en": "Not expected to bring more"}
    fallen = {"type": "item", "expected_value": None, "items": [], "sentence_en": "Out of stock"}
    lines = answer_lines("Loyal", answer | {"dropped": [weighed | {"expected_value": -0.3}, weighed, fallen]})
    assert lines.pop().split() == ["weighed", "coupon", "worth", "-0.20", ":", "not", "expected", "to", "bring", "more"]
    assert "customer c1" in lines[0]
    assert "28d 0.250; next order expected not within half a year" in lines[1]
    assert "56d" not in lines[1]
    assert sum("because ordered 2 days ago (-0.100)" in line for line in lines) == 3
    assert lines[-1].split() == ["offer", "bundle", "worth", "1.50", "(p", "0.100)", "Tea,", "p2"]


def test_an_answer_without_models_is_still_told() -> None:
    (line,) = answer_lines("At risk", {"customer_id": "c2", "churn": None, "degraded": True})
    assert "degraded true" in line
