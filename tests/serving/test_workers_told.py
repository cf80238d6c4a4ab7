"""Metrics of several workers are one page that Prometheus reads, and nobody's are counted twice."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from serving.telemetry import Telemetry
from serving.workers_told import WorkersTold, joined


def counted(seconds: float, requests: int) -> bytes:
    telemetry = Telemetry()
    for _ in range(requests):
        telemetry.request("POST", "/v1/next-best-offers", 200, seconds)
    telemetry.degraded(['a "quoted" part, with = and {braces}'])
    return telemetry.text()


def test_every_family_stands_once_with_everybodys_samples() -> None:
    page = joined({0: counted(0.001, 3), 1: counted(0.5, 4)})
    families = list(text_string_to_metric_families(page.decode()))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    samples = {(s.name, s.labels["worker"], s.labels.get("route"), s.labels.get("le")): s.value for f in families for s in f.samples}
    route = "/v1/next-best-offers"
    assert [samples["huitou_requests_total", worker, route, None] for worker in "01"] == [3, 4]
    assert [samples["huitou_request_seconds_bucket", worker, route, "0.01"] for worker in "01"] == [3, 0]
    alone = list(text_string_to_metric_families(counted(0.001, 3).decode()))
    assert names == [family.name for family in alone]
    assert sum(len(f.samples) for f in families) == 2 * sum(len(f.samples) for f in alone)
    quoted = next(s for f in families if f.name == "huitou_degraded_answers" for s in f.samples)
    assert quoted.labels["part"] == 'a "quoted" part, with = and {braces}'


def test_each_answers_with_its_own_as_they_are_and_the_others_as_they_were(tmp_path: Path) -> None:
    first, second = WorkersTold(tmp_path, 0), WorkersTold(tmp_path, 1)
    first.tell_metrics(b"# HELP a A.\n# TYPE a counter\na 1.0\n")
    second.tell_metrics(b"# HELP a A.\n# TYPE a counter\na 2.0\n")
    page = first.joined(b"# HELP a A.\n# TYPE a counter\na 7.0\n")
    assert page == b'# HELP a A.\n# TYPE a counter\na{worker="0"} 7.0\na{worker="1"} 2.0\n'


def test_the_leader_says_what_the_registry_is_like(tmp_path: Path) -> None:
    leader, other = WorkersTold(tmp_path, 0), WorkersTold(tmp_path, 1)
    assert (leader.leads, other.leads, other.registry()) == (True, False, None)
    leader.tell_registry("MLflow is away.")
    assert other.registry() == "MLflow is away."
    leader.tell_registry(None)
    assert other.registry() is None
