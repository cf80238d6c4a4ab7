"""What is put before a thing so that calls of it become spans; a service that does not trace never sees one of these."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, cast

from opentelemetry import trace
from opentelemetry.trace import Tracer

_Thing = TypeVar("_Thing")


class _Watched:
    """Passes everything on; some calls were replaced at making."""

    def __init__(self, thing: object) -> None:
        self._thing = thing

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the thing has
        return getattr(self._thing, name)


def watched(tracer: Tracer, thing: _Thing, spans: Mapping[str, str]) -> _Thing:
    """The thing, with a span around some of its methods, made only where a request is traced.

    Args:
        tracer: makes spans.
        thing: anything that is used by its attributes.
        spans: method → name of its span.
    """
    before = _Watched(thing)
    for method, name in spans.items():
        setattr(before, method, _around(tracer, getattr(thing, method), name))
    return cast("_Thing", before)


def watched_transactions(tracer: Tracer, database: _Thing) -> _Thing:
    """A ledger's database, with a span around each transaction; one that writes begins a trace of its own where no request waits for it.

    What looks into the ledger by itself, several times a second, is not traced: it would be most of what is seen.
    """
    before = _Watched(database)
    for method, name, alone in (("reading", "ledger.read", False), ("writing", "ledger.write", True)):
        setattr(before, method, _during(tracer, getattr(database, method), name, alone=alone))
    before.rows = _around(tracer, database.rows, "ledger.read")  # type: ignore[attr-defined]
    return cast("_Thing", before)


def span(tracer: Tracer, name: str) -> contextlib.AbstractContextManager[trace.Span]:
    """A span that keeps no error's words, which may name somebody."""
    return tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False)


def _around(tracer: Tracer, call: Callable[..., Any], name: str) -> Callable[..., Any]:
    def spanned(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as the call
        if not trace.get_current_span().is_recording():
            return call(*arguments, **named)
        with span(tracer, name):
            return call(*arguments, **named)

    return spanned


def _during(tracer: Tracer, opened: Callable[[], Any], name: str, *, alone: bool) -> Callable[[], Any]:
    @contextlib.contextmanager
    def spanned() -> Iterator[Any]:
        current = trace.get_current_span()
        # Within a request that is not traced nothing begins either: its context is valid though nobody records it.
        if not current.is_recording() and (not alone or current.get_span_context().is_valid):
            with opened() as inner:
                yield inner
            return
        with span(tracer, name), opened() as inner:
            yield inner

    return spanned
