"""A newcomer's path on the sample shop: train, serve, ask as README says, score, export an audience. Real processes, real HTTP."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from features.decisions.assignment import holdout_of
from features.decisions.policy import FILE as POLICY_FILE
from features.decisions.policy import load_policy
from huitou.report.report import ReportInputs, write_report
from huitou.visit import at_risk_and_loyal, running_api

if TYPE_CHECKING:
    from collections.abc import Iterator

    from huitou.visit import Api
    from tests.conftest import SampleBuild

pytestmark = pytest.mark.timeout(600)  # whole processes that train and serve, on machines that may be busy
ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def huitou(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "huitou", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)


@pytest.fixture(scope="module")
def trained(sample_build: SampleBuild, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first-day") / "data"
    shutil.copytree(sample_build.settings.data_dir, folder)
    done = huitou("train", "--data-dir", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def api(trained: Path) -> Iterator[Api]:
    with running_api(trained) as running:
        yield running


def curl_lines() -> list[str]:
    block = README.split("<!-- tested:")[1].split("\n## ")[0]
    return re.findall(r"^curl .*$", block, flags=re.MULTILINE)


def ask(line: str, address: str) -> dict[str, Any]:
    """What the curl line would ask, asked of another address."""
    words = shlex.split(line)
    url = next(w for w in words if w.startswith("http")).replace("http://127.0.0.1:8000", address)
    data = words[words.index("-d") + 1].encode() if "-d" in words else None
    request = urllib.request.Request(url, data=data, headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(json.load(answer))


def test_the_readme_has_three_curl_lines() -> None:
    assert len(curl_lines()) == 3


@pytest.mark.parametrize("line", curl_lines())
def test_readme_curl_lines_are_answered(line: str, api: Api, trained: Path) -> None:
    customer, _ = at_risk_and_loyal(trained)
    answer = ask(line.replace('"1"', f'"{customer}"').replace("/customers/1/", f"/customers/{customer}/"), api.address)
    assert answer["assumptions"]
    assert answer["degraded"] in {True, False}


def test_both_kinds_of_customer_get_an_offer_or_silence(api: Api, trained: Path) -> None:
    holdouts = load_policy(trained / POLICY_FILE).holdouts
    for customer in at_risk_and_loyal(trained):
        assert holdout_of(customer, holdouts) is None, "somebody in a holdout shows nothing of the decisions"
        answer = api.post("/v1/next-best-offers", {"customer_id": customer, "channel": "email", "limit": 3})
        assert answer["personalized"] is True
        assert answer["offers"]
        assert 0 <= answer["churn"]["probability_28d"] <= 1


def test_score_and_audience_are_files_to_open(trained: Path, tmp_path: Path) -> None:
    scores, audience, again = tmp_path / "scores.csv", tmp_path / "a.csv", tmp_path / "b.csv"
    assert huitou("score", "--data-dir", trained, "--out", scores).returncode == 0
    with scores.open(encoding="utf-8") as file:
        assert sum(1 for _ in csv.DictReader(file)) > 100
    for out in (audience, again):
        done = huitou("campaign", "at-risk", "--data-dir", trained, "--size", "40", "--holdout", "0.25", "--seed", "3", "--out", out)
        assert done.returncode == 0, done.stderr
        assert "not causal" in done.stdout
    assert audience.read_bytes() == again.read_bytes()


def test_training_again_changes_nothing(trained: Path) -> None:
    done = huitou("train", "--data-dir", trained)
    assert done.returncode == 0, done.stderr
    assert "unchanged" in done.stdout


def test_the_used_port_is_one_sentence(trained: Path, api: Api) -> None:
    done = huitou("serve", "--data-dir", trained, "--port", api.address.rsplit(":", 1)[1])
    assert done.returncode == 1
    assert "is in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_report_needs_nothing_else(trained: Path, sample_build: SampleBuild, tmp_path: Path) -> None:
    from features.warehouse import open_warehouse
    from training.pipeline import Trained
    from training.recipe import Evaluation

    results = []
    for path in sorted((trained / "models").glob("*/TRAINED.json")):
        memory = json.loads(path.read_text(encoding="utf-8"))
        evaluation = Evaluation.model_validate(memory["evaluation"])
        results.append(Trained(path.parent.name, evaluation, memory["version"], reused=False, seconds=1.0))
    assert results
    results.append(Trained("ghost", None, None, reused=False, seconds=0.0, reason="too little <history>"))
    warehouse = open_warehouse(sample_build.settings)
    page = tmp_path / "report.html"
    answers = [("At risk", {"customer_id": "<script>"})]
    write_report(ReportInputs(warehouse, warehouse.last_event, results, answers, trained / "assumptions.toml", [], 1.0, 1.0), page)
    html = page.read_text(encoding="utf-8")
    assert html.count("<svg") == len({(r.name, c.plot) for r in results if r.evaluation for c in r.evaluation.curves})
    assert "<script" not in html
    assert "too little &lt;history&gt;" in html
    assert not re.search(r'(?:src|href)="https?:', html)
