"""`huitou evaluate baskets`: which options go together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from huitou.evaluation import baskets as command
from huitou.evaluation.options import StudyOptions

LOG = Path("log.csv")
JSON = {"history": Path("h.json"), "future": Path("f.json")}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, StudyOptions]]:
    """The studies that would run."""
    found: list[tuple[Any, StudyOptions]] = []
    monkeypatch.setattr("huitou.evaluation.running.run", lambda study, options: found.append((study, options)))
    return found


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "give --history, --future and --splits; or --orders"),
        (JSON, "give --history, --future and --splits; or --orders"),
        ({"orders": LOG, **JSON}, "not both"),
        ({"orders": LOG, "customer": "who", "time": "when"}, "--orders also needs --product"),
    ],
)
def test_options_that_do_not_go_together(asked: list[Any], given: dict[str, Any], told: str) -> None:
    with pytest.raises(typer.BadParameter, match=told):
        command.baskets(**given)
    assert asked == []


def test_splits_may_come_from_a_shell_s_star(asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[Any, ...]] = []
    monkeypatch.setattr("training.studies.baskets.basket_files.read_basket_files", lambda *paths: read.append(paths))
    command.baskets(**JSON, splits=[Path("a.json")], more_splits=[Path("b.json")], budget="0", only=["ALS"])
    study, options = asked[0]
    study._read(lambda _: None)
    assert read == [(JSON["history"], JSON["future"], [Path("a.json"), Path("b.json")])]
    assert (options.budget, options.only) == ("0", ("ALS",))


def test_an_order_log_needs_its_columns_only(asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []
    monkeypatch.setattr(
        "training.studies.baskets.order_baskets.read_order_baskets", lambda path, columns, *_, **__: read.append((path, columns))
    )
    command.baskets(orders=LOG, customer="who", time="when", product="what", amount="paid")
    asked[0][0]._read(lambda _: None)
    path, columns = read[0]
    assert path == LOG
    assert (columns.customer, columns.product, columns.order, columns.amount) == ("who", "what", None, "paid")
