"""`huitou demo --sample` whole, as somebody runs it in an empty folder without a network."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from features.decisions.policy import DecisionPolicy
from features.settings import FeatureSettings
from features.warehouse import open_warehouse
from serving.decisioning.engine import OfferRequest
from serving.decisioning.experiments import ExperimentBook
from serving.services import build_services
from serving.settings import ServingSettings
from training import local_models
from training.pipeline import MODELS

pytestmark = pytest.mark.timeout(600)  # the whole way, on machines that may be busy
GUARD = Path(__file__).parent / "loopback_only"
ROOT = Path(__file__).parents[2]

TRAINED = tuple(name for name in MODELS if name != "offer_effect")  # nothing was decided by lot yet


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in `folder` with no way out to the network; attempts are noted in `folder/attempts`."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith("HUITOU_")}
    paths = os.pathsep.join([str(GUARD), str(ROOT)])
    environment = {**keep, "PYTHONPATH": paths, "LOOPBACK_ONLY_LOG": str(folder / "attempts"), "NO_COLOR": "1", "COLUMNS": "160"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment, timeout=500)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("taste")


@pytest.fixture(scope="module")
def done(folder: Path) -> subprocess.CompletedProcess[str]:
    before, started = os.times(), time.perf_counter()
    ran = run(folder, "-m", "huitou", "demo", "--sample")
    after = os.times()
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    sys.stdout.write(
        f"demo --sample: {time.perf_counter() - started:.1f} s, {cpu:.1f} CPU seconds\n"
    )  # shown with -s; a budget would be a coin toss
    return ran


@pytest.fixture
def data(folder: Path, done: subprocess.CompletedProcess[str]) -> Path:
    assert done.returncode == 0, done.stderr
    return folder / "data" / "sample"


def test_the_guard_lets_nobody_out(tmp_path: Path) -> None:
    tried = run(tmp_path, "-c", "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)")
    assert tried.returncode == 1
    assert "lets nobody out" in tried.stderr
    assert "192.0.2.1" in (tmp_path / "attempts").read_text(encoding="utf-8")


def test_nothing_reaches_for_the_network(folder: Path, data: Path) -> None:
    assert data.is_dir()
    assert not (folder / "attempts").exists()


def test_it_leaves_everything_below_its_own_folder(folder: Path, data: Path) -> None:
    # Where coverage is measured, a process started by the command leaves its record in the working folder.
    assert [p.name for p in folder.iterdir() if not p.name.startswith(".coverage")] == ["data"]
    assert [p.name for p in (folder / "data").iterdir()] == ["sample"]
    expected = {"assumptions.toml", "demo.json", "report.html", "mlflow.db", "models", "features", "online", "warehouse"}
    assert expected <= {p.name for p in data.iterdir()}
    assert open_warehouse(FeatureSettings(data_dir=data)).report["source"] == "sample"


def test_all_models_are_trained_and_beside_their_baselines(data: Path, done: subprocess.CompletedProcess[str]) -> None:
    assert local_models.names(data) == sorted(TRAINED)
    told = json.loads((data / "demo.json").read_text(encoding="utf-8"))
    assert set(told["not_trained"]) == {"offer_effect"}
    assert [model["name"] for model in told["models"]] == list(TRAINED)
    for model in told["models"]:
        assert model["rows"] > 0
        assert model["baselines"]
        assert f"\n{model['name']}: {model['rows']:,} rows" in done.stdout
        assert all(re.search(rf"^\s+{re.escape(baseline)}\s", done.stdout, re.MULTILINE) for baseline in list(model["baselines"])[:1])


def test_every_step_was_taken(data: Path) -> None:
    told = json.loads((data / "demo.json").read_text(encoding="utf-8"))
    assert [step["name"] for step in told["steps"]] == ["import", "build", *(f"train {name}" for name in MODELS), "API", "report"]
    assert all(step["seconds"] > 0 for step in told["steps"])


def by_customer(said: str) -> list[str]:
    """What the demo said of each of its two customers."""
    return re.split(r"^(?:At risk|Loyal): ", said, flags=re.MULTILINE)[1:]


def weighed_for(data: Path, said: list[str]) -> list[set[str]]:
    """Every type of offer that the service weighs for each of them: which these are, the customers' needs say."""
    services = build_services(ServingSettings(data_dir=data))
    customers = [re.findall(r"customer (\S+)", one)[0] for one in said]
    requests = [OfferRequest(one, "email", contact=frozenset({"email"})) for one in customers]
    found = [set(services.engine.decide(services.live, one, now=services.now).slate.types) for one in requests]
    services.ledger.close()
    return found


def test_the_answers_are_telling(data: Path, done: subprocess.CompletedProcess[str]) -> None:
    offers = re.findall(r"^  (?:offer|weighed) (\w+) +worth +(-?[\d.]+)", done.stdout, re.MULTILINE)
    assert len(offers) > 2
    # What is drawn differs from run to run, and may be silence; what was weighed against it is told either way.
    assert {"bundle", "winback", "no_action"} <= {kind for kind, _ in offers}
    said = by_customer(done.stdout)
    assert [set(re.findall(r"^  (?:offer|weighed) (\w+)", one, re.MULTILINE)) for one in said] == weighed_for(data, said)
    leaving, staying = (float(p) for p in re.findall(r"28d ([\d.]+)", done.stdout))
    assert leaving > 0.5 > staying
    assert done.stdout.count("degraded false") == 2
    assert re.search(r"(?:offer|weighed) .*[\u4e00-\u9fff]", done.stdout)  # products by their names, not by their ids
    assert "made up" in done.stdout
    report = (data / "report.html").read_text(encoding="utf-8")
    assert "replenishment" in report
    assert not re.search(r'(?:src|href)="https?:', report)


def test_without_exploring_whatever_is_given_is_worth_more_than_silence(data: Path, done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0
    services = build_services(ServingSettings(data_dir=data))
    greedy = {"exploration": {"share": 0.0, "draws": 0}, "holdouts": {"universal": 0.0, "model_control": 0.0}}
    live = services.live.trying(ExperimentBook((), DecisionPolicy().changed(greedy)))
    kinds = set()
    for channel in ("app", "web"):  # a cheap message; somebody who is here
        for customer in live.reader.customer_ids()[:60]:
            request = OfferRequest(customer, channel, limit=3, contact=frozenset({"app"}))
            for given in services.engine.decide(live, request, now=services.now).offers:
                assert given.candidate.type == "no_action" or given.considered.value > 0
                kinds.add(given.candidate.type)
    assert {"no_action", "bundle", "item", "replenishment"} <= kinds


def test_a_second_run_reuses_everything(folder: Path, data: Path) -> None:
    again = run(folder, "-m", "huitou", "demo", "--sample")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("rows, unchanged") == len(TRAINED)
    assert data.is_dir()


def words_in(path: Path) -> Iterator[str]:
    """Every word that a file of a model or of a run holds: text, arrays, rows of a database. Pictures are pixels, and hold none."""
    match path.suffix:
        case ".npz" | ".npy":
            with np.load(path, allow_pickle=False) as arrays:
                for name in arrays:
                    yield from (str(value) for value in np.atleast_1d(arrays[name]).ravel()) if arrays[name].dtype.kind in "US" else ()
        case ".db":
            with contextlib.closing(sqlite3.connect(path)) as database:
                for line in database.iterdump():
                    yield from re.findall(r"[\w-]+", line)
        case ".png":
            return
        case _:
            yield from re.findall(r"[\w-]+", path.read_text(encoding="utf-8"))


def test_models_and_the_record_of_their_runs_name_nobody(data: Path) -> None:
    customers = set(open_warehouse(FeatureSettings(data_dir=data)).read("customers")["customer_id"])
    assert len(customers) > 100
    files = [path for part in ("models", "mlruns-artifacts") for path in (data / part).rglob("*") if path.is_file()]
    assert len(files) > 20
    named = {
        str(path.relative_to(data)): found for path in [*files, data / "mlflow.db"] if (found := customers.intersection(words_in(path)))
    }
    assert named == {}
