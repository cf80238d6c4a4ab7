"""Every example in the API's description is true: requests are sent, answers fit their schema, and each route shows one."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, get_args

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from pydantic import BaseModel

from serving.api import customers, health, next_best_offers, recommendations, replenishments
from serving.app import create_app
from serving.settings import ServingSettings
from tests.serving.small_shop import CUSTOMERS

MODULES = (next_best_offers, recommendations, customers, replenishments, health)
ROUTES = [route for module in MODULES for route in module.router.routes if isinstance(route, APIRoute)]
KNOWN = {"1": CUSTOMERS[0]}  # the examples' customer is the small shop's first


def examples_of(model: type[BaseModel]) -> list[dict[str, Any]]:
    extra = model.model_config.get("json_schema_extra")
    return extra["examples"] if isinstance(extra, dict) else []  # type: ignore[return-value]


def body_model(route: APIRoute) -> type[BaseModel] | None:
    return route.body_field.field_info.annotation if route.body_field is not None else None


@pytest.mark.parametrize("route", [r for r in ROUTES if "POST" in r.methods], ids=lambda r: r.path)
def test_each_example_request_is_answered_by_its_schema(route: APIRoute, client: TestClient) -> None:
    model = body_model(route)
    assert model is not None
    assert examples_of(model)
    for example in examples_of(model):
        body = {**example, **({"customer_id": KNOWN[example["customer_id"]]} if "customer_id" in example else {})}
        answer = client.post(route.path, json=body)
        assert answer.status_code == 200, answer.text
        route.response_model.model_validate_json(answer.content, strict=False)


@pytest.mark.parametrize("route", [r for r in ROUTES if r.path.startswith(("/v1", "/healthz", "/readyz"))], ids=lambda r: r.path)
def test_each_example_answer_fits_its_schema(route: APIRoute) -> None:
    for model in get_args(route.response_model) or (route.response_model,):
        shown = examples_of(model)
        assert shown
        for example in shown:
            parsed = model.model_validate(example)
            assert set(example) == set(parsed.model_dump()), "an example shows every field"


def test_each_example_parameter_is_taken(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    tried = 0
    for path, operations in schema["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", []):
            for example in parameter.get("examples", parameter["schema"].get("examples", [])):
                url = path.replace("{customer_id}", CUSTOMERS[0])
                params = {} if parameter["in"] == "path" else {parameter["name"]: example}
                assert client.get(url, params=params).status_code == 200
                tried += 1
    assert tried >= 4


def test_problems_are_documented_on_every_route_that_takes_input(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            if path.startswith("/v1"):
                assert "application/problem+json" in operation["responses"]["422"]["content"]


def test_the_application_is_made_without_touching_the_disk(tmp_path: Any) -> None:
    assert isinstance(create_app(ServingSettings(data_dir=tmp_path / "nothing-here")), FastAPI)


def loaded(*modules: str) -> str:
    """Which heavy libraries a fresh process holds after importing modules."""
    heavy = "ibis duckdb polars pyarrow pandas feast mlflow implicit sklearn matplotlib httpx"
    code = f"import sys, {', '.join(modules)}; print([m for m in '{heavy}'.split() if m in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_the_service_loads_nothing_heavy() -> None:
    # LightGBM by itself imports pandas and more where they are installed; the serve extra does not install them.
    assert loaded("serving.app", "serving.campaigns.at_risk", "serving.campaigns.scores") == loaded("lightgbm")
