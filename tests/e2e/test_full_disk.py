"""A file system that really fills up: a clear answer, nothing acknowledged lost, and all goes on by itself once there is room again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.e2e.erasure_rounds import left_of
from tests.e2e.peopled_shop import STAYING, Person, write_peopled_shop
from tests.e2e.server_process import Server, Worker, wait_until
from tests.e2e.small_disk import SmallDisk, small_disk
from tests.e2e.test_faults import held, offers, views

pytestmark = pytest.mark.timeout(300)
_MEGABYTES = 24  # the shop takes one, its ledger two; a second copy of each needs room for a while


@pytest.fixture(scope="module")
def peopled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Person]:
    """A built shop, and somebody who will ask to be forgotten."""
    folder = tmp_path_factory.mktemp("peopled") / "data"
    (person,) = write_peopled_shop(folder, f"sqlite:///{folder / 'ledger.db'}", 1)
    return folder, person


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_disk_that_is_full_and_has_room_again(kind: str, peopled: tuple[Path, Person], tmp_path: Path) -> None:
    built, person = peopled
    with small_disk(kind, _MEGABYTES, tmp_path) as disk:
        folder = disk.folder / "data"
        shutil.copytree(built, folder)
        url = f"sqlite:///{folder / 'ledger.db'}"
        processes = (Worker(folder, url), Server(folder, url), Server(folder, url))
        try:
            _fill_and_free(disk, folder, url, person, processes)
        finally:
            for process in processes:
                process.stop()
        found = held(folder, url)
        assert len(found) == len(set(found))
        assert left_of(folder, url, person) == []
        assert len(left_of(folder, url, STAYING[0])) >= 10


def _fill_and_free(disk: SmallDisk, folder: Path, url: str, person: Person, processes: tuple[Worker, Server, Server]) -> None:
    worker, server, second = processes
    worker.start()
    server.start()
    who, text, kept = f"/v1/customers/{quote(person.customer_id)}", "x" * 1000, set[str]()

    def sent(running: Server, number: int) -> int:
        batch = views(number, size=100, text=text)
        status, told = running.send(batch, timeout=60)
        assert status == 200 or (status, told["type"]) == (507, "urn:huitou:problem:ledger-full"), told
        kept.update(message["messageId"] for message in batch if status == 200)
        return status

    assert sent(server, 0) == 200
    disk.fill(but=1_500_000)
    number = 1
    while sent(server, number) == 200:
        number += 1
        assert number < 60
    disk.fill()
    assert sent(server, number) == 507
    assert server.get("/healthz")[0] == 200
    assert offers(server)[0] == 200
    for method, path, told in (
        ("DELETE", who, None),
        ("GET", f"{who}/data", None),
        ("PUT", "/v1/consents", [{"customer_id": "x", "purpose": "marketing", "channel": "sms", "state": "withdrawn"}]),
    ):
        # What is small may find a place in the log that is there already.
        status, answer = server.ask(method, path, None if told is None else json.dumps(told).encode(), timeout=60)
        assert status in {200, 202} or (status, answer["type"]) == (507, "urn:huitou:problem:ledger-full"), answer
    assert kept <= set(held(folder, url))

    server.kill()  # and started again where there is no room for anything
    second.start()
    assert sent(second, number) == 507
    assert kept <= set(held(folder, url))

    disk.free()
    assert sent(second, number) == 200  # no restart
    status, receipt = second.ask("DELETE", who)
    assert status == 202, receipt
    wait_until(lambda: second.get(f"/v1/erasures/{receipt['erasure_id']}")[1]["state"] == "finished", 60, "the erasure to be finished")
    assert worker.process.poll() is None  # the worker that met the full disk goes on
    assert kept <= set(held(folder, url))
