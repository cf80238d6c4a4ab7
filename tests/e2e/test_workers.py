"""`huitou serve --workers 2`: one port, two processes, and what one learns reaches the other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from features.import_consent import ImportConsent
from features.permitted import state_import
from features.settings import FeatureSettings
from features.store import DATABASE
from features.versions import current_folder
from tests.e2e.own_redis import PROGRAM, move_rows, own_redis
from tests.e2e.server_process import Server, serving, wait_until
from tests.serving.small_shop import CUSTOMERS, promote, write_items, write_small_shop

pytestmark = pytest.mark.timeout(180)
_BODY = json.dumps({"customer_id": CUSTOMERS[1], "channel": "web"}).encode()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    write_small_shop(folder)
    return folder


@pytest.fixture
def server(shop: Path) -> Iterator[Server]:
    with serving(shop, env={"HUITOU_WORKERS": "2", "HUITOU_RELOAD_SECONDS": "0.3"}) as started:
        wait_until(lambda: len(counted(started)) == 2, 30, "both to tell")
        yield started


def workers_of(server: Server) -> list[int]:
    told = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=False).stdout
    return sorted(map(int, told.split()))


def counted(server: Server) -> dict[str, float]:
    """Worker → next-best-offers it has answered."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(server.get("/metrics")[1]):
        for sample in family.samples:
            if "worker" in sample.labels:
                here = sample.value if sample.name == "huitou_requests_total" and "next-best" in sample.labels["route"] else 0.0
                found[sample.labels["worker"]] = found.get(sample.labels["worker"], 0.0) + here
    return found


def answers(server: Server, number: int) -> list[dict[str, Any]]:
    found = [server.ask("POST", "/v1/next-best-offers", _BODY) for _ in range(number)]
    assert {status for status, _ in found} == {200}
    return [dict(answer) for _, answer in found]


def test_both_answer_and_the_metrics_count_both(server: Server) -> None:
    assert len(workers_of(server)) == 2
    answers(server, 200)
    wait_until(lambda: sum(counted(server).values()) == 200, 10, "everybody to be counted")
    assert all(number > 0 for number in counted(server).values())


def test_a_new_model_reaches_everybody(server: Server, shop: Path) -> None:
    assert {a["model_versions"]["items"] for a in answers(server, 20)} == {"1-0a1b2c3d"}
    promote(shop, "items", write_items(shop / "fitted" / "items-2", seed=8), version="2")
    wait_until(lambda: {a["model_versions"]["items"] for a in answers(server, 40)} == {"2-0a1b2c3d"}, 20, "all to have it")


def test_a_worker_that_is_killed_is_replaced_and_callers_hardly_notice(server: Server, shop: Path) -> None:
    promote(shop, "items", write_items(shop / "fitted" / "items-2", seed=8), version="2")
    before = workers_of(server)
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: len(workers_of(server)) == 2 and workers_of(server) != before, 20, "another")
    os.kill(before[1], signal.SIGKILL)
    wait_until(lambda: len(workers_of(server)) == 2 and not set(before) & set(workers_of(server)), 20, "two others")
    # They are forks of what was loaded before the model came, and know it all the same.
    assert {a["model_versions"]["items"] for a in answers(server, 20)} == {"2-0a1b2c3d"}


def test_who_is_erased_at_one_is_gone_from_all(server: Server, shop: Path) -> None:
    assert all(answer["personalized"] for answer in answers(server, 10))
    products = current_folder(shop / "online", remedy="") / "products.json"
    before = products.stat().st_ino
    document = json.loads(products.read_text(encoding="utf-8"))
    document["mailed"] = {"coupon:1": [CUSTOMERS[1]]}
    products.write_text(json.dumps(document), encoding="utf-8")
    assert server.ask("DELETE", f"/v1/customers/{CUSTOMERS[1]}")[0] == 202
    assert products.stat().st_ino != before
    assert CUSTOMERS[1].encode() not in products.read_bytes() + (products.parent / DATABASE).read_bytes()
    assert not any(answer["personalized"] for answer in answers(server, 20))


def test_told_to_end_it_answers_what_it_took(server: Server) -> None:
    failed: list[str] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                status, _ = server.ask("POST", "/v1/next-best-offers", _BODY)
            except ConnectionRefusedError:
                return  # nobody is there any more
            except OSError as error:
                if not isinstance(error, ConnectionResetError | BrokenPipeError):  # connected, and not yet taken
                    failed.append(repr(error))
                return
            if status != 200:
                failed.append(str(status))

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    wait_until(lambda: sum(counted(server).values()) > 20, 20, "answers")
    workers = workers_of(server)
    server.process.terminate()
    assert server.process.wait(30) == 0
    done.set()
    for thread in asking:
        thread.join()
    assert failed == []
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_with_servers_for_ledger_and_rows_each_has_lines_of_its_own(shop: Path, postgres_database: str) -> None:
    if PROGRAM is None:
        pytest.skip("redis-server is not on this machine")
    state_import(FeatureSettings(data_dir=shop, ledger_url=postgres_database), CUSTOMERS, ImportConsent.GRANTED)
    with own_redis(PROGRAM) as redis:
        move_rows(current_folder(shop / "online", remedy=""), redis.url)
        with serving(shop, postgres_database, env={"HUITOU_WORKERS": "2", "HUITOU_ONLINE_URL": redis.url}) as server:
            wait_until(lambda: len(counted(server)) == 2, 30, "both to tell")
            with ThreadPoolExecutor(8) as callers:
                found = list(callers.map(lambda _: answers(server, 10), range(8)))
            assert all(answer["personalized"] and not answer["degraded"] for one in found for answer in one)
            wait_until(lambda: all(number > 0 for number in counted(server).values()), 10, "both to have answered")
            event = {
                "type": "track",
                "event": "Product Viewed",
                "messageId": "m1",
                "userId": CUSTOMERS[1],
                "properties": {"product_id": "1"},
            }
            assert server.send([event])[1]["accepted"] == 1
