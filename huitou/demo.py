"""`huitou demo`: the whole path on real data, or on the sample shop."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huitou.console import Steps, errors, output, peak_mb, peak_mb_of, steps
from huitou.options import DataDir, Force, feature_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from features.settings import FeatureSettings
    from features.warehouse import Warehouse
    from huitou.console import Step
    from training.pipeline import Trained

_RESULTS = "demo.json"
_REPORT = "report.html"
_SAMPLE_FOLDER = "sample"  # below the usual data folder: a taste must not displace what stands there


def demo(
    data_dir: DataDir = None,
    sample: Annotated[
        bool,
        typer.Option("--sample", help="On the made-up sample shop instead: half a minute, in DATA_DIR/sample unless --data-dir is given."),
    ] = False,
    force: Force = False,
) -> None:
    """Run everything on dunnhumby's Complete Journey: import, build, train, ask the API, write the report.

    Needs no server and no network after installation, about three minutes and 3 GB. Writes DATA_DIR/demo.json and DATA_DIR/report.html.
    A second run reuses what has not changed.

    With `--sample` it takes the same way in half a minute with a made-up shop of 300 customers: to see what comes out, not how good it is.
    """
    from huitou.report.report import ReportInputs, write_report
    from huitou.tables import answer_lines, models_table
    from huitou.visit import at_risk_and_loyal_answers, warm_api
    from training.pipeline import MODELS

    started = time.perf_counter()
    settings = feature_settings(data_dir)
    if sample and data_dir is None:
        settings = feature_settings(settings.data_dir / _SAMPLE_FOLDER)
    # The service's process imports what it needs while the models are trained.
    with steps(4 + len(MODELS)) as progress, warm_api(settings.data_dir) as warm:
        warehouse, results, recording_mb = _learn(settings, progress, sample=sample, force=force)
        with progress.step("API"):
            answers, service_mb = at_risk_and_loyal_answers(settings.data_dir, warm)
        # The service and the recording ran beside this process: the demo needed all of them.
        seconds, peak = time.perf_counter() - started, peak_mb() + service_mb + recording_mb
        with progress.step("report"):
            inputs = ReportInputs(
                warehouse, warehouse.last_event, results, answers, settings.data_dir / "assumptions.toml", progress.done, seconds, peak
            )
            write_report(inputs, settings.data_dir / _REPORT)
        done = list(progress.done)
    seconds = time.perf_counter() - started
    _write_json(settings.data_dir / _RESULTS, seconds, peak, done, results)
    output().print(models_table(results))
    for title, answer in answers:
        output().print("\n".join(answer_lines(title, answer)))
    output().print("Where the time went: " + ", ".join(f"{step.name} {step.seconds:.1f} s" for step in done))
    output().print(f"Done in {seconds:.0f} s, peak memory {peak:,.0f} MB. Money rests on {settings.data_dir / 'assumptions.toml'}.")
    output().print(f"Report: {settings.data_dir / _REPORT}")
    output().print(f"Keep it running:  huitou serve --data-dir {settings.data_dir}   (API pages at http://127.0.0.1:8000/docs)")
    output().print(
        f"MLflow's pages:   mlflow ui --backend-store-uri sqlite:///{(settings.data_dir / 'mlflow.db').resolve()}   (http://127.0.0.1:5000)"
    )
    output().print("Consent: the demo states that everybody in it agreed to every purpose (`--consent granted` of an import).")
    if sample:
        output().print("The sample shop is made up: its figures show what is measured, not how good it is. On real data: huitou demo")
    for result in results:
        if result.reason:
            errors().print(f"[yellow]{result.name} was not trained:[/] {result.reason}")


def _learn(settings: FeatureSettings, progress: Steps, *, sample: bool, force: bool) -> tuple[Warehouse, Sequence[Trained], float]:
    """The history, what became of the models, and the memory of the process that recorded them, MB."""
    from features.build import build_features
    from features.import_consent import ImportConsent
    from features.sources.complete_journey import import_complete_journey
    from features.sources.sample_shop import import_sample
    from huitou.train import ProgressWatcher
    from training.pipeline import MODELS, train
    from training.recipe import TrainingData
    from training.recording_process import RecordingProcess, recording_ahead
    from training.settings import TrainingSettings

    with progress.step("import"):
        import_history = import_sample if sample else import_complete_journey
        # Nobody can be asked: the households agreed to the collection of their purchases, and the sample's people do not exist.
        warehouse, _ = import_history(settings, force=force, consent=ImportConsent.GRANTED, progress=progress.tell)
    with recording_ahead(TrainingSettings.beside(settings)) as registry:
        with progress.step("build"):
            build_features(settings, force=force, progress=progress.tell)
        data = TrainingData(settings, warehouse, warehouse.last_event)
        results = train(MODELS, data, registry, ProgressWatcher(progress), force=force)
        return warehouse, results, peak_mb_of(registry.process_id) if isinstance(registry, RecordingProcess) else 0.0


def _write_json(path: Path, seconds: float, peak: float, done: Sequence[Step], results: Sequence[Trained]) -> None:
    models = [
        {
            "name": r.name,
            "rows": r.evaluation.rows,
            "metrics": r.evaluation.metrics,
            "baselines": r.evaluation.baselines,
            "seconds": r.seconds,
        }
        for r in results
        if r.evaluation is not None
    ]
    document = {
        "seconds": round(seconds, 2),
        "peak_mb": round(peak, 1),
        "steps": [{"name": step.name, "seconds": round(step.seconds, 2), "peak_mb": round(step.peak_mb, 1)} for step in done],
        "models": models,
        "not_trained": {r.name: r.reason for r in results if r.evaluation is None},
    }
    aside = path.with_suffix(".writing")
    aside.write_text(json.dumps(document, indent=1), encoding="utf-8")
    aside.replace(path)
