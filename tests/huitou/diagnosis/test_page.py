"""The page: one file that needs nothing else and says everything found."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from features.history.examination import examine
from features.settings import FeatureSettings
from huitou.diagnosis.diagnosis import Diagnosis
from huitou.diagnosis.page import write_page
from tests.conftest import SampleBuild
from tests.permitted import write_warehouse
from training.allowances.allowance import Allowance, Horizon


@pytest.fixture
def diagnosis(sample_build: SampleBuild) -> Diagnosis:
    seen = examine(sample_build.warehouse)
    assert seen.now is not None
    horizon = Horizon(days=28, dates=(seen.now - timedelta(days=35),), measured=True, more_weeks=0)
    late = Horizon(days=91, more_weeks=9)
    trains = Allowance(model="return_hazard", allowed=True, horizons=(horizon, late), more_weeks=0)
    refused = Allowance(model="bundles", allowed=False, reason="No <set> was bought.", more_weeks=2)
    return Diagnosis.of(seen, [trains, refused])


def written(diagnosis: Diagnosis, folder: Path) -> str:
    write_page(diagnosis, {"lines read": 1234567, "a <b>": 1}, folder / "doctor.html")
    return (folder / "doctor.html").read_text(encoding="utf-8")


def test_everything_found_is_on_it(diagnosis: Diagnosis, tmp_path: Path) -> None:
    html = written(diagnosis, tmp_path)
    from markupsafe import escape

    for finding in diagnosis.findings:
        if finding.about != "models":
            assert str(escape(finding.sentence)) in html
            assert str(escape(finding.remedy)) in html
    assert "Of 2 models 1 can be trained and judged on this history: return_hazard." in html
    assert "28 days at 1 date; not yet: 91 days in 9 weeks" in html
    assert "No &lt;set&gt; was bought. Needs 2 weeks more of history." in html
    assert "1,234,567" in html
    for table in ("order_lines", "redemptions", "experiments"):
        assert f">{table}<" in html
    for title in ("Orders a week", "Customers who ordered, by week", "Days between two orders", "Concentration", "Orders by hour"):
        assert title in html


def test_it_needs_nothing_else_and_runs_nothing(diagnosis: Diagnosis, tmp_path: Path) -> None:
    html = written(diagnosis, tmp_path)
    assert html.count("<svg") == 7
    assert "<script" not in html
    assert "a &lt;b&gt;" in html
    assert not re.search(r"""(?:src|href)=["'](?!#)""", html)
    assert "url(http" not in html
    assert "@import" not in html


def test_the_same_history_gives_the_same_bytes(diagnosis: Diagnosis, tmp_path: Path) -> None:
    assert written(diagnosis, tmp_path) == written(diagnosis, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["doctor.html"]


def test_a_history_without_orders_has_a_page(tmp_path: Path) -> None:
    clicks = pl.DataFrame({"interaction_id": ["1"], "customer_id": ["a"], "type": ["viewed"], "product_id": ["p"]}).with_columns(
        bundle_id=pl.lit(None), occurred_at=pl.lit(None)
    )
    warehouse = write_warehouse(FeatureSettings(data_dir=tmp_path / "data"), {"interactions": clicks}, {}, {})
    refused = Allowance(model="items", allowed=False, reason="The history holds no order.")
    html = written(Diagnosis.of(examine(warehouse), [refused]), tmp_path)
    assert "No model can be trained on this history yet." in html
    assert html.count("<svg") == 1  # concentration of the interactions


def test_days_without_hours_are_drawn_by_weekday_alone(tmp_path: Path, sample_build: SampleBuild) -> None:
    orders = sample_build.warehouse.read("orders").with_columns(pl.col("ordered_at").dt.truncate("1d"))
    warehouse = write_warehouse(FeatureSettings(data_dir=tmp_path / "data"), {"orders": orders}, {}, {})
    html = written(Diagnosis.of(examine(warehouse), []), tmp_path)
    assert "Orders by weekday" in html
    assert "Orders by hour" not in html
