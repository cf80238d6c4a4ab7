"""The API against its own description, with whatever a generator thinks of."""

from __future__ import annotations

import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.openapi.checks import RejectedPositiveData

BY_ITEM = {"/v1/events", "/v1/outcomes"}  # a bad item is answered by its place, and the call as a whole is taken


def test_every_route_answers_as_described(client: TestClient) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app)
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if mode is GenerationMode.NEGATIVE and (operation.method.upper() != "POST" or operation.path in BY_ITEM):
                continue  # every string is a lawful path or query, so there is nothing to refuse

            @settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: schemathesis.Case) -> None:
                nonlocal tried
                tried += 1
                try:
                    case.call_and_validate()
                except FailureGroup as failures:
                    # A cursor is a string by its description, but only those that the list itself handed out are lawful.
                    if case.path != "/v1/replenishments/due" or not all(isinstance(f, RejectedPositiveData) for f in failures.exceptions):
                        raise

            ask()
    assert tried > 100
