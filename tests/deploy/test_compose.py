"""The compose file and the Containerfile hang together."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from typing import Any

import pytest

from tests.deploy.deployment import DEPLOY, ROOT, compose

SERVICES: dict[str, Any] = compose()["services"]
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")


def test_whatever_is_named_is_there() -> None:
    whole = compose()
    for name, service in SERVICES.items():
        assert ("build" in service) or ("image" in service), name
        needed = service.get("depends_on", [])
        assert set(needed) <= SERVICES.keys()
        for other, how in needed.items() if isinstance(needed, dict) else ():
            assert how["condition"] != "service_healthy" or "healthcheck" in SERVICES[other]
        assert set(service.get("secrets", [])) <= whole["secrets"].keys()
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in whole["volumes"], volume
    assert set(whole["secrets"]) == {name for service in SERVICES.values() for name in service.get("secrets", [])}


def test_secrets_are_files_and_every_file_that_is_named_is_given() -> None:
    for name, service in SERVICES.items():
        environment = service.get("environment", {})
        said = {path.rpartition("/")[2] for path in re.findall(r"/run/secrets/\w+", f"{environment}{service.get('command', '')}")}
        if name == "prometheus":  # named in its own file
            said |= set(re.findall(r"/run/secrets/(\w+)", (DEPLOY / "prometheus" / "prometheus.yaml").read_text()))
        assert said == set(service.get("secrets", [])), name
        assert not [key for key in environment if re.search(r"PASSWORD$|_URL$|KEY$", key)], name


def test_nothing_is_published_beyond_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published.keys() == {"api", "grafana"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_prometheus_asks_where_the_api_listens() -> None:
    import yaml

    (job,) = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text(encoding="utf-8"))["scrape_configs"]
    command = SERVICES["api"]["command"]
    assert job["static_configs"] == [{"targets": [f"api:{command[command.index('--port') + 1]}"]}]
    assert job["job_name"] == "huitou"  # the alarms and the dashboard's first choice


def test_images_are_built_from_targets_that_are_there() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\w+)$", CONTAINERFILE, flags=re.MULTILINE))
    built = {service["build"]["target"] for service in SERVICES.values() if "build" in service}
    assert built == {"api", "worker"} <= stages
    for service in SERVICES.values():
        if "build" in service:
            assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == DEPLOY / "Containerfile"
            assert service["image"] == f"huitou-{service['build']['target']}"


def test_what_is_copied_is_there_and_not_ignored() -> None:
    kept = {line.removeprefix("!") for line in (DEPLOY / "Containerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [path for line in re.findall(r"^COPY (.+)$", CONTAINERFILE, flags=re.MULTILINE) for path in line.split()[:-1]]
    assert len(copied) > 10
    for path in copied:
        assert path.split("/")[0] in kept, path
        for lock in ("serve", "otel"):
            assert (ROOT / path.replace("${LOCK}", lock)).exists(), path


@pytest.mark.parametrize("lock", ["serve", "otel", "demo"])
def test_a_slim_image_has_its_time_zones(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")
    assert re.search(r"^tzdata==\S+ \\$", text, flags=re.MULTILINE)


def test_zones_are_found_without_the_systems_own() -> None:
    code = "from zoneinfo import ZoneInfo; ZoneInfo('Asia/Shanghai')"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONTZPATH": ""}, check=True, timeout=30)


def test_the_otel_lock_is_the_serve_lock_and_the_exporter() -> None:
    pins = {
        name: set(re.findall(r"^(\S+==\S+)", (ROOT / "requirements" / f"{name}.lock").read_text(), flags=re.MULTILINE))
        for name in ("serve", "otel")
    }
    assert pins["serve"] < pins["otel"]
    assert {pin.partition("==")[0] for pin in pins["otel"] - pins["serve"]} >= {
        "opentelemetry-sdk",
        "opentelemetry-exporter-otlp-proto-http",
    }


def test_the_image_runs_a_python_that_the_package_allows() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    (image,) = re.findall(r"^FROM python:(\d+\.\d+)-slim AS base$", CONTAINERFILE, flags=re.MULTILINE)
    assert told == f">={image}", "the locks are made for the oldest Python that is allowed"


def test_nobody_is_root() -> None:
    for target in ("api", "worker"):
        stage = CONTAINERFILE.partition(f" AS {target}\n")[2].partition("\nFROM ")[0]
        assert "\nUSER huitou\n" in stage
        assert stage.index("USER huitou") < stage.index("CMD")


def test_the_file_for_a_redis_fits_the_other_one() -> None:
    import yaml

    more = yaml.safe_load((DEPLOY / "compose.redis.yaml").read_text(encoding="utf-8"))
    (redis,) = more["services"].keys() - SERVICES.keys()
    assert more["services"].keys() - {redis} == {
        name for name, service in SERVICES.items() if "HUITOU_DATA_DIR" in service.get("environment", {})
    }
    for name in more["services"].keys() - {redis}:
        service = more["services"][name]
        assert service["environment"] == {"HUITOU_ONLINE_URL_FILE": "/run/secrets/online_url"}
        assert service["secrets"] == list(more["secrets"]) == ["online_url"]
    command = more["services"][redis]["command"]
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"  # else `huitou build` refuses it
    assert command[command.index("--appendonly") + 1] == "yes"
    assert {volume.partition(":")[0] for volume in more["services"][redis]["volumes"]} == set(more["volumes"])
