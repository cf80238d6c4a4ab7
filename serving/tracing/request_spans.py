"""A span for each request; added to the application only where it traces."""

from __future__ import annotations

from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.trace.status import StatusCode

from serving.asgi import DECISION_ID, ASGIApp, Message, Receive, Scope, Send
from serving.tracing.tracing import Tracing

_PARENT = TraceContextTextMapPropagator()  # the caller's trace goes on here: W3C's traceparent
_UNMATCHED = "unmatched"


class RequestSpans:
    """Pure ASGI middleware. The span is named by the route, never by the address, in which a customer may stand."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Trace one request."""
        services = getattr(scope["app"].state, "services", None) if scope["type"] == "http" else None
        tracing: Tracing | None = getattr(services, "tracing", None)
        if tracing is None:
            await self.app(scope, receive, send)
            return
        told = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"] if name in {b"traceparent", b"tracestate"}
        }
        with tracing.tracer.start_as_current_span(
            scope["method"],
            context=_PARENT.extract(told),
            kind=SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            status = 500  # also when the endpoint raises before it answers

            async def watched(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await self.app(scope, receive, watched)
            finally:
                if span.is_recording():
                    route = getattr(scope.get("route"), "path", _UNMATCHED)
                    span.update_name(f"{scope['method']} {route}")
                    span.set_attributes({"http.request.method": scope["method"], "http.route": route, "http.response.status_code": status})
                    if DECISION_ID in scope:
                        span.set_attribute(DECISION_ID, scope[DECISION_ID])
                    if status >= 500:
                        span.set_status(StatusCode.ERROR)
