"""Spans of a request, as an exporter gets them: what they are called, how they hang together, and that they name nobody."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from features.errors import HuitouError
from serving import services as composition
from serving.app import create_app
from serving.live_models import KINDS
from serving.services import build_services
from serving.settings import ServingSettings
from serving.tracing.opening import open_tracing
from serving.tracing.tracing import MODEL_CALLS, Tracing
from training.artifacts.bundles import BundleModel
from training.artifacts.channel_churn import ChannelChurn
from training.artifacts.items import ItemModel
from training.artifacts.offer_effect import OfferEffect
from training.artifacts.repurchase import RepurchaseModel
from training.artifacts.return_hazard import ReturnHazard
from training.artifacts.value import ValueModel

CLASSES = (ReturnHazard, ValueModel, RepurchaseModel, ItemModel, BundleModel, ChannelChurn, OfferEffect)
ASKED = {"customer_id": "c000", "channel": "email", "explain": True}
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(own_shop: Path, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(composition, "open_tracing", lambda share: Tracing(share, exporter))
    with TestClient(
        create_app(ServingSettings(data_dir=own_shop, traces_sample=1.0, follow_seconds=60)), raise_server_exceptions=False
    ) as c:
        exporter.clear()
        yield c


def named(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def test_a_decision_is_one_trace_with_its_parts(traced: TestClient, exporter: InMemorySpanExporter) -> None:
    answer = traced.post("/v1/next-best-offers", json=ASKED).json()
    spans = named(exporter)
    request = spans["POST /v1/next-best-offers"]
    assert {"ledger.read", "decision", "features.read"} <= spans.keys()
    of_models = {name for name in spans if name.startswith("model.")}
    assert {name.split(".")[1] for name in of_models} >= {"return_hazard", "repurchase", "items", "bundles"}
    assert request.parent is None
    assert request.attributes is not None
    assert request.attributes["huitou.decision_id"] == answer["decision_id"]
    assert request.attributes["http.response.status_code"] == 200
    of_request = [span for span in exporter.get_finished_spans() if span.context.trace_id == request.context.trace_id]
    assert {span.name for span in of_request} == spans.keys() - {"ledger.write"}  # that comes later, and of many decisions at once
    for inside in ("features.read", *(name for name in of_models if not name.endswith("reasons"))):  # reasons: asked for by the answer
        parent = spans[inside].parent
        assert parent is not None
        assert parent.span_id == spans["decision"].context.span_id
    assert request.resource.attributes["service.name"] == "huitou"


def test_what_waits_for_the_ledger_hangs_on_its_request(traced: TestClient, exporter: InMemorySpanExporter) -> None:
    viewed = {"type": "track", "event": "Product Viewed", "messageId": "m1", "userId": "c000", "properties": {"product_id": "p01"}}
    assert traced.post("/v1/events", json=viewed).json()["accepted"] == 1
    spans = named(exporter)
    assert spans["ledger.write"].context.trace_id == spans["POST /v1/events"].context.trace_id


def test_decisions_are_recorded_in_traces_of_their_own(traced: TestClient, exporter: InMemorySpanExporter) -> None:
    traced.post("/v1/next-best-offers", json=ASKED)
    traced.app.state.services.decisions.close()  # type: ignore[attr-defined]
    written = named(exporter)["ledger.write"]
    assert written.parent is None


def test_no_span_names_anybody(traced: TestClient, exporter: InMemorySpanExporter) -> None:
    who = "somebody-nobody-knows-4711"
    for customer in (who, "c000"):
        traced.post("/v1/next-best-offers", json={**ASKED, "customer_id": customer})
        traced.get(f"/v1/customers/{customer}")
        traced.get(f"/v1/no/such/{customer}", headers={"tracestate": "a=b", "traceparent": f"00-{TRACE}-{customer}-01"})
    spans = exporter.get_finished_spans()
    assert {"GET /v1/customers/{customer_id}", "GET unmatched"} <= {span.name for span in spans}
    for said in (json.loads(span.to_json()) for span in spans):
        assert who not in json.dumps(said)
        assert "c000" not in [*said["attributes"].values(), said["name"]]
        assert said["events"] == []


def test_an_error_is_marked_without_its_words(traced: TestClient, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("c000 is a secret")

    monkeypatch.setattr(traced.app.state.services.engine, "decide", fails)  # type: ignore[attr-defined]
    assert traced.post("/v1/next-best-offers", json=ASKED).status_code == 500
    (request,) = [span for span in exporter.get_finished_spans() if span.name == "POST /v1/next-best-offers"]
    assert not request.status.is_ok
    assert "secret" not in request.to_json()


def test_the_callers_trace_goes_on_and_its_refusal_counts(traced: TestClient, exporter: InMemorySpanExporter) -> None:
    traced.get("/healthz", headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
    (span,) = exporter.get_finished_spans()
    assert f"{span.context.trace_id:032x}" == TRACE
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == CALLER
    exporter.clear()
    traced.post("/v1/next-best-offers", json=ASKED, headers={"traceparent": f"00-{TRACE}-{CALLER}-00"})
    assert [span.name for span in exporter.get_finished_spans() if span.parent is not None] == []
    assert "POST /v1/next-best-offers" not in named(exporter)


def test_a_caller_cannot_have_everything_traced(exporter: InMemorySpanExporter) -> None:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    tracing = Tracing(0.25, exporter)
    for number in range(1, 2001):
        wanted = TraceContextTextMapPropagator().extract(
            {"traceparent": f"00-{number * 2**115 % 2**128 + number * 9223372036854775:032x}-{CALLER}-01"}
        )
        tracing.tracer.start_span("asked", context=wanted).end()
    assert 0.15 < len(exporter.get_finished_spans()) / 2000 < 0.35


def test_a_share_of_the_requests(exporter: InMemorySpanExporter) -> None:
    tracing = Tracing(0.25, exporter)
    for _ in range(2000):
        tracing.tracer.start_span("one").end()
    assert 0.18 < len(exporter.get_finished_spans()) / 2000 < 0.32


def test_every_call_that_is_watched_exists() -> None:
    assert MODEL_CALLS.keys() == KINDS.keys()
    for kind, model in zip(KINDS, CLASSES, strict=True):
        assert [call for call in MODEL_CALLS[kind] if not callable(getattr(model, call, None))] == []


def test_off_there_is_nothing_of_it(small_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("serving.tracing.", "opentelemetry.sdk"))]:
        monkeypatch.delitem(sys.modules, name)
    services = build_services(ServingSettings(data_dir=small_shop))
    app = create_app(services.settings, services)
    assert services.tracing is None
    assert type(services.engine).__name__ == "Engine"
    assert type(services.live.models.items) is ItemModel
    assert "RequestSpans" not in [str(getattr(one.cls, "__name__", "")) for one in app.user_middleware]
    assert "serving.tracing.tracing" not in sys.modules
    assert "opentelemetry.sdk" not in sys.modules


def test_without_the_libraries_it_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_tracing(0) is None
    monkeypatch.delitem(sys.modules, "serving.tracing.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(HuitouError, match="install the extra `otel`"):
        open_tracing(0.1)
