"""The dashboard and the alarms ask for nothing that a running service does not give."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from serving.settings import ServingSettings
from tests.serving.running import running
from tests.serving.small_shop import AS_OF, write_small_shop

DEPLOY = Path(__file__).parents[2] / "deploy"
_STRING = re.compile(r'"[^"]*"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left) *\([^)]*\)")
_LABELS = re.compile(r"\{([^}]*)\}")
_WINDOW = re.compile(r"\[[^\]]*\]")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*(?! *\()\b(?! *\()")
_WORDS = {"or", "and", "unless", "bool"}
_OF_PROMETHEUS = {"up", "job", "instance"}  # it adds these itself


def names(expression: str) -> set[str]:
    """Metrics that a PromQL expression reads."""
    bare = _WINDOW.sub("", _LABELS.sub("", _GROUPING.sub("", _STRING.sub('""', expression))))
    return {name for name in _NAME.findall(bare) if name not in _WORDS} - _OF_PROMETHEUS


def labels(expression: str) -> set[str]:
    """Labels that it selects or groups by."""
    selected = {
        part.partition("=")[0].rstrip("!~ ") for inside in _LABELS.findall(_STRING.sub("", expression)) for part in inside.split(",")
    }
    grouped = {one.strip() for inside in re.findall(r"\bby *\(([^)]*)\)", expression) for one in inside.split(",")}
    return selected | grouped - _OF_PROMETHEUS


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`/metrics` of a service that has decided, kept offers back and judged a message, and that has a problem: its features are old."""
    folder = tmp_path_factory.mktemp("dashboard") / "data"
    write_small_shop(folder)
    with running(ServingSettings(data_dir=folder, now=AS_OF + timedelta(days=30))) as service:
        for body in ({"customer_id": "c000", "cart": ["p01"]}, {"personalized": False}, {"customer_id": "c001", "channel": "sms"}):
            post(service.url + "/v1/next-best-offers", body)
        viewed = {"type": "track", "event": "Product Viewed", "messageId": "m1", "userId": "c000", "properties": {"product_id": "p01"}}
        post(service.url + "/v1/events", viewed)
        with urllib.request.urlopen(service.url + "/metrics") as answer:
            yield answer.read().decode()


def post(url: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    urllib.request.urlopen(request).close()


def given(text: str) -> dict[str, set[str]]:
    """Metric → its labels, of those that have a value."""
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, rest = line.partition(" ")[0].partition("{")
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', rest))
    return found


def dashboard() -> dict[str, Any]:
    return dict(json.loads((DEPLOY / "grafana" / "huitou.json").read_text(encoding="utf-8")))


def asked() -> list[str]:
    panels = [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", ())]
    alarms = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    return panels + [rule["expr"] for group in alarms["groups"] for rule in group["rules"]]


def test_the_reading_of_expressions_is_right() -> None:
    told = 'sum by (le, part) (rate(huitou_a_bucket{job="$job",x=~"b_c"}[5m])) / max(huitou_d) or vector(0)'
    assert names(told) == {"huitou_a_bucket", "huitou_d"}
    assert labels(told) == {"le", "part", "job", "x"}


def test_every_metric_and_label_that_is_asked_for_is_given(told: str) -> None:
    known = given(told)
    expressions = asked()
    assert len(expressions) > 30
    for expression in expressions:
        wanted = names(expression)
        assert wanted or expression.startswith("up{"), expression
        assert wanted <= known.keys(), (expression, wanted - known.keys())
        for name in wanted:
            assert labels(expression) - {"job"} <= known[name], (expression, name)


def test_every_metric_of_the_service_is_on_the_dashboard(told: str) -> None:
    shown = set().union(*(names(target["expr"]) for panel in dashboard()["panels"] for target in panel.get("targets", ())))
    own = {name for name in given(told) if name.startswith("huitou_") and not name.endswith("_created")}
    assert {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in own - shown} <= {
        name.removesuffix("_bucket") for name in shown
    }


def test_what_it_shows_is_true(told: str) -> None:
    assert 'huitou_problem{part="features"} 1.0' in told
    assert "huitou_feature_age_days 30.0" in told
    assert f"huitou_clock_seconds {(AS_OF + timedelta(days=30)).timestamp():.9g}".split("e")[0] in told
    assert re.search(r'huitou_offers_dropped_total\{code="\w+"\} \d', told)
    assert re.search(r'huitou_messages_total\{status="accepted"\} 1', told)


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in dashboard()["panels"]}) == len(dashboard()["panels"])


def test_the_page_for_whoever_is_on_call_names_no_other_metric(told: str) -> None:
    page = (DEPLOY.parent / "docs" / "operations.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:huitou|process)_[a-z_]+)", page))
    assert len(named) > 10
    assert named <= {*given(told), *re.findall(r"^# HELP (\w+) ", told, flags=re.MULTILINE)}
