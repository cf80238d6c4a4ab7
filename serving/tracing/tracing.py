"""Traces: the spans of a request, its decision, the models, the features and the ledger, sampled, sent by OTLP.

Imported only where `HUITOU_TRACES_SAMPLE` is above 0, with the extra `otel`. Where to send, under which name and with which headers the
standard's own variables say (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME, …), which the SDK reads. No span carries an id of a customer,
an address with one in it, or an error's words.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased

from features.ledger.ledger import Ledger
from features.store import CustomerReader
from serving.tracing.watched import watched, watched_transactions

_LAST_SECONDS = 1.0  # that an ending service waits for its last spans, and as long for the exporter to give up
# Of each model, what computes; looking something up in it is no span.
MODEL_CALLS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "return_hazard": ("survival", "hazards", "reasons", "shap"),
        "value": ("score",),
        "repurchase": ("predict", "probabilities", "hazards_along"),
        "items": ("taste", "logits", "logits_of", "best", "best_for"),
        "bundles": ("recommend", "popular", "logits", "best"),
        "channel_churn": ("churn_probability", "contact_effect", "with_and_without"),
        "offer_effect": ("beliefs", "draws"),
    }
)
_Thing = TypeVar("_Thing")


class Tracing:
    """Makes spans and sends them.

    Attributes:
        tracer: makes them.
    """

    def __init__(self, share: float, exporter: SpanExporter | None = None) -> None:
        """Prepare.

        Args:
            share: of the requests that are traced, 0–1; who calls may say that a request is not to be, but not that it is.
            exporter: takes each span as it ends, for tests; by default they go out by OTLP in groups.
        """
        share_of_all = TraceIdRatioBased(share)
        resource = Resource({"service.name": "huitou"}).merge(OTELResourceDetector().detect())
        sampler = ParentBased(share_of_all, remote_parent_sampled=share_of_all, remote_parent_not_sampled=ALWAYS_OFF)
        self._provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
        if exporter is None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        else:
            self._provider.add_span_processor(SimpleSpanProcessor(exporter))
        self.tracer = self._provider.get_tracer("huitou")

    def close(self) -> None:
        """Send what is left, for about two seconds, and stop: a collector that is away must not hold up the end of the service."""
        # Asking for a flush within a time is not enough: the exporter goes on trying until it is shut down.
        last = threading.Thread(target=self._provider.force_flush, name="last-spans", daemon=True)
        last.start()
        last.join(_LAST_SECONDS)
        ending = threading.Thread(target=self._provider.shutdown, name="end-of-spans", daemon=True)
        ending.start()
        ending.join(_LAST_SECONDS)

    def model(self, name: str, model: _Thing) -> _Thing:
        """A model whose computing is seen."""
        return watched(self.tracer, model, {call: f"model.{name}.{call}" for call in MODEL_CALLS[name]})

    def reader(self, reader: CustomerReader) -> CustomerReader:
        """A reader whose reads are seen."""
        return watched(self.tracer, reader, {"read": "features.read", "packed": "features.read"})

    def engine(self, engine: _Thing) -> _Thing:
        """An engine whose decisions are seen."""
        return watched(self.tracer, engine, {"decide": "decision"})

    def ledger(self, ledger: Ledger) -> Ledger:
        """A ledger whose transactions are seen."""
        database: Any = watched_transactions(self.tracer, ledger.database)
        return Ledger(database, ledger.clock)
