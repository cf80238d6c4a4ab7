"""The API against its own description, with whatever a generator thinks of, and without the key where one is needed.

HUITOU_TEST_FUZZ_CASES=10000 .venv/bin/python -m pytest -n 0 --timeout 0 -s tests/serving/api/test_fuzzing.py
"""

from __future__ import annotations

import math
import os
from collections import Counter
from pathlib import Path

import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis.core.failures import AcceptedNegativeData, Failure, FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.openapi.checks import RejectedPositiveData

from serving.access.scopes import Scope
from serving.app import create_app
from serving.settings import ServingSettings
from tests.serving.keyed_shop import add_key, bearer

CASES = int(os.environ.get("HUITOU_TEST_FUZZ_CASES", "300"))
# A bad item is answered by its place, and the call as a whole is taken.
BY_ITEM = {"/v1/events", "/v1/outcomes", "/v1/consents", "/v1/experiments"}
BY_ITEM |= {f"/v1/{name}" for name in ("products", "offers", "bundles", "content", "stock")}
SHARES = {GenerationMode.POSITIVE: 0.75, GenerationMode.NEGATIVE: 0.25}  # what breaks the description is slower to think of


def meant(case: schemathesis.Case, failure: Failure) -> bool:
    """Whether the description cannot say what makes the answer right."""
    if isinstance(failure, AcceptedNegativeData):
        return case.path in BY_ITEM and case.method.upper() in {"POST", "PUT"}
    # A cursor is a string by its description, but only those that the list itself handed out are lawful.
    return isinstance(failure, RejectedPositiveData) and case.path == "/v1/replenishments/due"


def test_every_route_answers_as_described(own_shop: Path) -> None:
    key = bearer(add_key(own_shop, "everything", *Scope))
    answers: Counter[int] = Counter()
    with TestClient(create_app(ServingSettings(data_dir=own_shop)), raise_server_exceptions=False) as client:
        schema = schemathesis.openapi.from_asgi("/openapi.json", client.app, headers=key)
        operations = [found.ok() for found in schema.get_all_operations()]
        for operation in operations:
            for mode, share in SHARES.items():
                if mode is GenerationMode.NEGATIVE and operation.path == "/healthz":
                    continue  # it takes nothing, so that nothing can be wrong with it

                @settings(
                    max_examples=math.ceil(CASES * share / len(operations)),
                    deadline=None,
                    derandomize=True,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                )
                @given(case=operation.as_strategy(generation_mode=mode))
                def ask(case: schemathesis.Case) -> None:
                    answer = case.call(headers=key)
                    answers[answer.status_code] += 1
                    try:
                        case.validate_response(answer, headers=key)
                    except FailureGroup as failures:
                        if not all(isinstance(one, Failure) and meant(case, one) for one in failures.exceptions):
                            raise

                ask()
    print(f"{answers.total():,} cases: {dict(sorted(answers.items()))}")  # noqa: T201 - what the command in the head is for
    assert answers.total() >= min(CASES, 200)
    assert {status for status in answers if status >= 500} == set()
    assert {200, 202, 404, 422} <= set(answers)
