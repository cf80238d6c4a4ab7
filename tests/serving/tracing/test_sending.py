"""Spans really go out, to where the standard's variables say; a collector that is away costs a moment at the end and nothing else."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from serving.tracing.tracing import Tracing


class Collector(BaseHTTPRequestHandler):
    """Keeps what it is sent."""

    got: ClassVar[list[tuple[str, str | None, ExportTraceServiceRequest]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        told = gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body
        self.got.append((self.path, self.headers["x-team"], ExportTraceServiceRequest.FromString(told)))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def collector() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_spans_go_where_the_environment_says(collector: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=shop")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "huitou-north")
    tracing = Tracing(1.0)
    tracing.tracer.start_span("decision").end()
    tracing.close()
    ((path, team, told),) = Collector.got
    assert (path, team) == ("/v1/traces", "shop")
    (of_service,) = told.resource_spans
    assert {one.key: one.value.string_value for one in of_service.resource.attributes}["service.name"] == "huitou-north"
    assert [span.name for span in of_service.scope_spans[0].spans] == ["decision"]


def test_a_collector_that_is_away_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    before = set(threading.enumerate())
    tracing = Tracing(1.0)
    began = time.monotonic()
    for _ in range(100):
        tracing.tracer.start_span("decision").end()
    assert time.monotonic() - began < 1
    tracing.close()
    assert time.monotonic() - began < 5
    for thread in set(threading.enumerate()) - before:
        thread.join(30)  # the exporter's: what it still does would reach into the tests that follow
