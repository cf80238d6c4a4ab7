"""The report: one file that needs nothing else, says everything measured, and is the same for the same inputs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from features.errors import SourceUnreadable
from huitou.console import Step
from huitou.report.report import ReportInputs, write_report
from tests.conftest import SampleBuild
from training.pipeline import Trained
from training.recipe import Curve, Evaluation, GroupFigures


@pytest.fixture
def inputs(sample_build: SampleBuild) -> ReportInputs:
    curves = [
        Curve(plot="Calibration within 28 days", label=label, x_label="predicted", y_label="observed", x=[0.1, 0.9], y=y)
        for label, y in (("return hazard", [0.1, 0.8]), ("recency", [0.3, 0.7]))
    ]
    bars = Curve(plot="Hits by rank", label="items", x_label="rank", y_label="hits", x=[1, 2], y=[5, 3], style="bars")
    evaluation = Evaluation(
        name="return_hazard",
        protocol="As-of dates of the test.",
        rows=4321,
        metrics={"auc_28d": 0.88525, "ece_28d": 0.011},
        intervals={"auc_28d": (0.8711, 0.8999)},
        baselines={"recency": {"auc_28d": 0.8163}},
        differences={"auc_28d vs recency": (0.0512, 0.0789)},
        groups={
            "age: 45": GroupFigures(
                customers=120,
                rows=360,
                observed=0.21,
                predicted=0.1234,
                gap=-0.0866,
                gap_interval=(-0.1111, -0.0622),
                auc=0.871,
                auc_interval=(0.84, 0.9),
            )
        },
        curves=[*curves, bars],
        notes=["91 days: not measured."],
    )
    results = [
        Trained("return_hazard", evaluation, "1", reused=False, seconds=1.0),
        Trained("bundles", None, None, reused=False, seconds=0.1, reason="Bundles need more <baskets>."),
    ]
    answers = [("At risk", {"customer_id": "<script>alert(1)</script>", "名": "回头"})]
    assumptions = sample_build.settings.data_dir / "assumptions.toml"
    return ReportInputs(
        sample_build.warehouse,
        sample_build.warehouse.last_event,
        results,
        answers,
        assumptions,
        [Step("import", 1.25, 800.0)],
        62.0,
        1500.0,
    )


def written(inputs: ReportInputs, folder: Path) -> str:
    write_report(inputs, folder / "report.html")
    return (folder / "report.html").read_text(encoding="utf-8")


def test_everything_measured_is_in_it(inputs: ReportInputs, tmp_path: Path) -> None:
    html = written(inputs, tmp_path)
    for text in ("0.8852", "0.8711–0.8999", "0.0110", "0.8163", "auc_28d vs recency +0.0512 to +0.0789", "4,321 rows"):
        assert text in html
    for text in ("As-of dates of the test.", "91 days: not measured.", "Bundles need more &lt;baskets&gt;.", "1.2 s", "1,500"):
        assert text in html
    for text in ("age: 45", "0.1234", "-0.1111 to -0.0622", "0.871 (0.840–0.900)"):
        assert text in html
    assert f"{inputs.warehouse.report['rows']['orders']:,}" in html
    assert "回头" in html


def test_the_assumptions_stand_whole_with_their_version(inputs: ReportInputs, tmp_path: Path) -> None:
    html = written(inputs, tmp_path)
    assert re.search(r"sample@[0-9a-f]{8}", html)
    assert "inactive_after_days" in html


def test_it_needs_nothing_else_and_runs_nothing(inputs: ReportInputs, tmp_path: Path) -> None:
    html = written(inputs, tmp_path)
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert not re.search(r"""(?:src|href)=["'](?!#)""", html)
    assert "url(http" not in html
    assert "@import" not in html


def test_curves_that_share_a_plot_are_drawn_together(inputs: ReportInputs, tmp_path: Path) -> None:
    html = written(inputs, tmp_path)
    assert html.count("<svg") == 2
    assert html.count("Calibration within 28 days") >= 1
    assert "perfect" in html  # the diagonal of a calibration plot


def test_the_same_inputs_give_the_same_bytes(inputs: ReportInputs, tmp_path: Path) -> None:
    assert written(inputs, tmp_path) == written(inputs, tmp_path)


def test_a_failed_report_keeps_the_earlier_one(inputs: ReportInputs, tmp_path: Path) -> None:
    before = written(inputs, tmp_path)
    with pytest.raises(SourceUnreadable):
        write_report(replace(inputs, assumptions_path=tmp_path / "none.toml"), tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == before
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
