"""Errors as RFC 9457 problem documents: what is wrong, in which field, and what to do; never a stack trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from features.errors import HuitouError
from features.ledger.errors import LedgerAway, LedgerBroken, LedgerFull
from serving.access.errors import CallerForeign, KeyRefused, RateExceeded, ScopeMissing
from serving.errors import (
    AddressTooLong,
    BodyMalformed,
    BodyTooLarge,
    BodyTooSlow,
    CursorInvalid,
    CustomerUnknown,
    CustomerUnreadable,
    DecisionUnknown,
    DocumentUnknown,
    EncodingUnknown,
    ErasureUnknown,
    HeadTooLarge,
    LinkUnknown,
    ModelUnavailable,
    Overloaded,
    StillPreparing,
)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
_TYPE = "urn:huitou:problem:"
_HEADERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "still-preparing": (("retry-after", str(RETRY_SECONDS)),),
    "ledger-away": (("retry-after", str(RETRY_SECONDS)),),
    "overloaded": (("retry-after", "1"),),  # a place is free again within milliseconds
    # A header each: browsers do not look for a second challenge in one.
    "key-refused": (("www-authenticate", 'Bearer realm="huitou"'), ("www-authenticate", 'Basic realm="huitou", charset="UTF-8"')),
}


class FieldError(BaseModel):
    """One thing wrong with one field."""

    field: str = Field(description="Path of the field, e.g. `body.limit` or `query.horizon_days`.")
    message: str


class Problem(BaseModel):
    """RFC 9457 problem document."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:huitou:problem:invalid-request",
                    "title": "The request is not valid",
                    "status": 422,
                    "detail": "body.limit: Input should be less than or equal to 20",
                    "instance": "/v1/next-best-offers",
                    "errors": [{"field": "body.limit", "message": "Input should be less than or equal to 20"}],
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError] = []


_KNOWN: Mapping[type[HuitouError], tuple[int, str, str]] = {
    DocumentUnknown: (404, "document-unknown", "It was not fed"),
    ErasureUnknown: (404, "erasure-unknown", "The erasure is not known"),
    DecisionUnknown: (404, "decision-unknown", "The decision is not kept"),
    LinkUnknown: (404, "link-unknown", "The link is not known"),
    CustomerUnknown: (404, "customer-unknown", "The customer is not known"),
    CustomerUnreadable: (503, "customer-unreadable", "The customer cannot be read"),
    KeyRefused: (401, "key-refused", "A key is needed"),
    ScopeMissing: (403, "scope-missing", "The key is not good for this"),
    CallerForeign: (403, "caller-foreign", "Not from there"),
    RateExceeded: (429, "rate-exceeded", "Too many requests"),
    AddressTooLong: (414, "address-too-long", "The address is too long"),
    HeadTooLarge: (431, "head-too-large", "The request's head is too large"),
    Overloaded: (429, "overloaded", "Too many calls at once"),
    BodyTooSlow: (408, "body-too-slow", "The body did not come"),
    EncodingUnknown: (415, "encoding-unknown", "The body's encoding is not understood"),
    BodyMalformed: (400, "body-malformed", "The body cannot be read"),
    BodyTooLarge: (413, "body-too-large", "The body is too large"),
    LedgerAway: (503, "ledger-away", "The ledger does not answer"),
    LedgerFull: (507, "ledger-full", "There is no room left"),
    LedgerBroken: (500, "ledger-broken", "The ledger needs attention"),
    CursorInvalid: (400, "cursor-invalid", "The cursor does not belong to this list"),
    ModelUnavailable: (503, "model-unavailable", "A model is not available"),
    StillPreparing: (503, "still-preparing", "The answer is being prepared"),
}
_BY_STATUS: Mapping[int, tuple[str, str, str]] = {
    400: ("malformed-request", "The request cannot be read", "Send JSON with the content type application/json."),
    404: ("not-found", "There is no such resource", "See /openapi.json for what there is."),
    405: ("method-not-allowed", "The resource does not take this method", "See /openapi.json for what it takes."),
}


def problem_response(status: int, name: str, title: str, detail: str, *, instance: str, errors: list[FieldError] | None = None) -> Response:
    """A problem as an HTTP response."""
    document = Problem(type=f"{_TYPE}{name}", title=title, status=status, detail=detail, instance=instance, errors=errors or [])
    response = Response(document.model_dump_json(), status_code=status, media_type=MEDIA_TYPE)
    for header, value in _HEADERS.get(name, ()):
        response.headers.append(header, value)
    return response


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries of the problems a route may answer with, besides 422 and 429, and 408 where there is a body to wait for."""
    titles = {
        400: "Malformed",
        401: "Without a key",
        403: "The key is not good for this",
        404: "Unknown",
        408: "The body did not come",
        413: "Too large",
        415: "Encoding not understood",
        422: "Not valid",
        429: "Too many at once, or the key asks too often",
        503: "Not available now",
        507: "No room left",
    }
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": titles[status], "content": content, "model": Problem}
        for status in sorted({*statuses, *({408} if 413 in statuses else ()), 422, 429})
    }


def _field_error(error: Mapping[str, Any]) -> FieldError:
    if error["type"] == "json_invalid":
        # Its place is the character at which parsing stopped, which would read as the name of a field.
        return FieldError(field="body", message=f"not JSON: {error['ctx']['error']} at character {error['loc'][-1]}")
    return FieldError(field=".".join(str(part) for part in error["loc"]), message=str(error["msg"]))


def problem_of(error: Exception, *, instance: str) -> Response:
    """The problem that an error is to a caller.

    Args:
        error: one of ours that callers may read, or any other: the server's own log gets that, the caller learns nothing of our code.
        instance: path that was asked for.
    """
    found = next((entry for kind, entry in _KNOWN.items() if isinstance(error, kind)), None)
    if found is None:
        return problem_response(500, "internal-error", "Something went wrong here", "The service's log has the cause.", instance=instance)
    status, name, title = found
    response = problem_response(status, name, title, str(error), instance=instance)
    if isinstance(error, RateExceeded):
        response.headers.update(error.headers)
    return response


def install_problem_handlers(app: FastAPI, unsealed: Mapping[str, str]) -> None:
    """Make every error of the app a problem document.

    Args:
        app: the application.
        unsealed: headers for the answers to what nobody expected, which leave the application past its middleware.
    """

    async def invalid(request: Request, error: Exception) -> Response:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        errors = [_field_error(e) for e in found]
        detail = f"{errors[0].field}: {errors[0].message}" if errors else "The request is not valid."
        return problem_response(422, "invalid-request", "The request is not valid", detail, instance=request.url.path, errors=errors)

    async def known(request: Request, error: Exception) -> Response:
        return problem_of(error, instance=request.url.path)

    async def by_status(request: Request, error: Exception) -> Response:
        status = getattr(error, "status_code", 500)
        name, title, detail = _BY_STATUS[status]
        response = problem_response(status, name, title, detail, instance=request.url.path)
        response.headers.update(getattr(error, "headers", None) or {})  # a 405 names the methods that are allowed
        return response

    async def unexpected(request: Request, error: Exception) -> Response:
        response = problem_of(error, instance=request.url.path)
        response.headers.update(unsealed)  # sent past every middleware
        return response

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HuitouError, known)
    for status in _BY_STATUS:
        app.add_exception_handler(status, by_status)
    app.add_exception_handler(Exception, unexpected)
