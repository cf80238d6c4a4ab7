"""The page about experiments: its example is written, decides, and is read, as it stands there."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from features.decisions.policy import DecisionPolicy
from serving.decisioning.experiments import ExperimentBook
from serving.services import Services

PAGE = Path(__file__).parents[3] / "docs" / "experiments.md"


def example() -> dict[str, Any]:
    found = re.search(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    told: dict[str, Any] = json.loads(found.group(1))
    return told


def test_the_example_is_taken_as_it_stands_and_decides(taking: TestClient) -> None:
    services: Services = taking.app.state.services  # type: ignore[attr-defined]
    assert taking.put("/v1/experiments", json=example()).json() == {"accepted": 1, "refused": 0, "items": []}
    told = taking.get("/v1/experiments/price-or-category").json()
    page = PAGE.read_text(encoding="utf-8")
    assert f"{told['experiment']['size']:,} customers in all" in page
    services.follow()
    at = datetime.fromisoformat(example()["items"][0]["starts_at"])
    book = ExperimentBook(services.live.experiments.experiments.values(), DecisionPolicy())  # the small shop's own policy holds nobody out
    rankings = {book.assigned(f"c{i}", at).policy.ranking.value for i in range(200)}
    assert rankings == {"price_first", "category_first", "expected_value"}  # the last: the holdouts
