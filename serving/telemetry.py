"""Prometheus metrics: requests, latency, degraded answers, what is live and how old it is. One registry per service, none at import."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from serving.asgi import DECISION_ID, ASGIApp, Message, Receive, Scope, Send
from serving.dropped_offers import DroppedOffers
from serving.ledger_watch import Lag

REQUESTS = "huitou.requests"  # logger of one line a request; at level INFO
_LOG = logging.getLogger(REQUESTS)
# Seconds; dense around the few milliseconds that a decision takes.
_BUCKETS = (0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

_UNMATCHED = "unmatched"  # of requests that met no route
_OF_MODELS = frozenset(
    {
        "/v1/next-best-offers",
        "/v1/next-best-offers/batch",
        "/v1/recommendations",
        "/v1/bundles",
        "/v1/customers/{customer_id}",
        "/v1/customers/{customer_id}/scores",
    }
)  # routes whose failures may be the models'


class Telemetry:
    """All metrics of one service.

    Attributes:
        registry: holds them.
        dropped: why offers fell.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # memory, processor time, open files
        self.dropped = DroppedOffers()
        self.registry.register(self.dropped)
        self._requests = Counter("huitou_requests", "Requests by route and status.", ("method", "route", "status"), registry=self.registry)
        self._seconds = Histogram("huitou_request_seconds", "Time to answer.", ("route",), buckets=_BUCKETS, registry=self.registry)
        self._degraded = Counter("huitou_degraded_answers", "Answers that lacked a part, by part.", ("part",), registry=self.registry)
        self._numberless = Counter(
            "huitou_models_numberless", "Answers for which a model gave no number, by model.", ("model",), registry=self.registry
        )
        self._refused = Counter(
            "huitou_refused", "Calls told to come back because too many were there, by line.", ("line",), registry=self.registry
        )
        for line in ("answers", "writes"):
            self._refused.labels(line)
        self._withdrawn = Counter("huitou_models_withdrawn", "Sets of models withdrawn since answers failed.", registry=self.registry)
        self._chosen = Counter("huitou_offers_chosen", "First offer of each decision, by type.", ("type",), registry=self.registry)
        self._messages = Counter("huitou_messages", "Messages taken in, by what became of them.", ("status",), registry=self.registry)
        self._decisions = Counter("huitou_decisions", "Decisions, by whether the ledger has them.", ("fate",), registry=self.registry)
        for fate in ("recorded", "spooled", "lost"):
            self._decisions.labels(fate)  # shown from the start: an alarm on lost ones needs a zero to rise from
        self._ledger = Histogram(
            "huitou_ledger_seconds",
            "Writing transactions of the ledger: waiting for their turn, and working until the commit.",
            ("part",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        for part in ("wait", "work"):
            self._ledger.labels(part)
        self._model = Gauge(
            "huitou_model_info", "1 for a model version that answers, else 0.", ("model", "version"), registry=self.registry
        )
        self._age = Gauge("huitou_feature_age_days", "Age of the online features by the service's clock.", registry=self.registry)
        self._behind = Gauge("huitou_events_behind", "Events that no customer's features know yet.", registry=self.registry)
        self._oldest = Gauge("huitou_oldest_event_seconds", "Since when the oldest of them waits.", registry=self.registry)
        self._line = Gauge("huitou_decisions_waiting", "Decisions in line for the ledger.", registry=self.registry)
        self._problem = Gauge("huitou_problem", "1 for a part that /readyz names as a problem, else 0.", ("part",), registry=self.registry)
        self._clock = Gauge("huitou_clock_seconds", "The service's clock, seconds since 1970.", registry=self.registry)
        self._online = Gauge("huitou_online_version_info", "The build that answers.", ("version",), registry=self.registry)
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._of_type: dict[str, Counter] = {}
        self._of_line: dict[str, Counter] = {}
        self._shown: set[tuple[str, str]] = set()
        self._told: set[str] = set()

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        found = self._series.get((method, route, status))
        if found is None:  # looked up by the library once, by its names
            found = self._series[method, route, status] = self._requests.labels(method, route, str(status)), self._seconds.labels(route)
        count, duration = found
        count.inc()
        duration.observe(seconds)

    def degraded(self, parts: Iterable[str]) -> None:
        """Count an answer under each part it lacked."""
        for part in parts:
            self._degraded.labels(part).inc()

    def numberless(self, models: Iterable[str]) -> None:
        """Count an answer under each model that gave no number for it."""
        for model in models:
            self._numberless.labels(model).inc()

    def refused(self, line: str) -> None:
        """Count a call that was told to come back."""
        found = self._of_line.get(line)
        if found is None:
            found = self._of_line[line] = self._refused.labels(line)
        found.inc()

    def sent_away(self, method: str, line: str) -> None:
        """Count, and tell of, a call that the server sent away before anything was made of it."""
        self.refused(line)
        self.request(method, _UNMATCHED, 429, 0.0)
        if _LOG.isEnabledFor(logging.INFO):
            _tell({"method": method}, _UNMATCHED, 429, 0.0)

    def at_once(self, method: str, route: str, began: float, decision_id: str) -> None:
        """Count, time and tell of a call that the server answered itself.

        Args:
            method: of HTTP.
            route: as it was declared.
            began: when its head was there, by `time.perf_counter`.
            decision_id: of its answer.
        """
        seconds = time.perf_counter() - began
        self.request(method, route, 200, seconds)
        if _LOG.isEnabledFor(logging.INFO):
            _tell({"method": method, DECISION_ID: decision_id}, route, 200, seconds)

    def withdrawn(self) -> None:
        """Count a set of models that was withdrawn."""
        self._withdrawn.inc()

    def chosen(self, offer_type: str) -> None:
        """Count a decision under the type of its first offer."""
        found = self._of_type.get(offer_type)
        if found is None:
            found = self._of_type[offer_type] = self._chosen.labels(offer_type)
        found.inc()

    def taken_in(self, counted: Mapping[Any, int]) -> None:
        """Count messages by what became of them."""
        for status, count in counted.items():
            self._messages.labels(str(status)).inc(count)

    def decisions(self, fate: str, number: int) -> None:
        """Count decisions by whether the ledger has them."""
        self._decisions.labels(fate).inc(number)

    def ledger(self, waited: float, worked: float) -> None:
        """Time one writing transaction, seconds."""
        self._ledger.labels("wait").observe(waited)
        self._ledger.labels("work").observe(worked)

    def state(self, versions: Mapping[str, str], feature_age_days: float) -> None:
        """Show what is live now."""
        shown = set(versions.items())
        for model, version in self._shown | shown:
            self._model.labels(model, version).set(float((model, version) in shown))
        self._shown |= shown
        self._age.set(feature_age_days)

    def condition(self, problems: Iterable[str], *, feature_age_days: float, clock_seconds: float, waiting: int, build: str) -> None:
        """Show how the service is, at the moment somebody asks.

        Args:
            problems: parts that have one.
            feature_age_days: by the service's clock.
            clock_seconds: that clock, since 1970.
            waiting: decisions that the ledger does not have yet.
            build: version of the online state.
        """
        present = set(problems)
        self._told |= present
        for part in self._told:
            self._problem.labels(part).set(float(part in present))
        self._online.clear()  # there is a new one every night: old ones must not pile up
        self._online.labels(build).set(1)
        self._age.set(feature_age_days)
        self._clock.set(clock_seconds)
        self._line.set(waiting)

    def lag(self, lag: Lag | None) -> None:
        """Show how far the features are behind; nothing where it is not known."""
        if lag is not None:
            self._behind.set(lag.events)
            self._oldest.set(lag.oldest_seconds)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)


class RequestMetrics:
    """Pure ASGI middleware; Starlette's decorated form costs two thirds of the throughput."""

    def __init__(self, app: ASGIApp, *, tell: bool = False) -> None:
        """Prepare.

        Args:
            app: what answers.
            tell: write a line about each request: its route (never its address, in which a customer may stand), status, time and decision.
        """
        self.app, self._tell = app, tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count and time one request; routes that do not exist share one label, so that strangers cannot make labels."""
        services = getattr(scope["app"].state, "services", None) if scope["type"] == "http" else None
        if services is None:
            await self.app(scope, receive, send)
            return
        telemetry: Telemetry = services.telemetry
        started = time.perf_counter()
        status = 500  # also when the endpoint raises before it answers

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        failed = True  # unless it comes to an end: whatever is foreseen is answered further inside
        try:
            await self.app(scope, receive, watched)
            failed = False
        finally:
            route = getattr(scope.get("route"), "path", _UNMATCHED)
            seconds = time.perf_counter() - started
            telemetry.request(scope["method"], route, status, seconds)
            if route in _OF_MODELS:
                services.trial.answered(services.live.models, failed=failed)
            if self._tell:
                _tell(scope, route, status, seconds)


def _tell(scope: Scope, route: str, status: int, seconds: float) -> None:
    about = {"method": scope["method"], "route": route, "status": status, "milliseconds": round(seconds * 1000, 3)}
    if DECISION_ID in scope:
        about["decision_id"] = scope[DECISION_ID]
    _LOG.info("%s %s %s", scope["method"], route, status, extra={"about": about})
