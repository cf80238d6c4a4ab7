"""Commands that ask a locked API send the key of the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import HuitouError
from huitou.simulation.api import HttpApi
from huitou.visit import Api
from serving.access.scopes import Scope
from serving.settings import ServingSettings
from tests.serving.keyed_shop import add_key
from tests.serving.running import running
from tests.serving.small_shop import write_small_shop


def test_the_key_of_the_environment_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_small_shop(tmp_path / "data")
    key = add_key(tmp_path / "data", "demo", Scope.DECIDE)
    with running(ServingSettings(data_dir=tmp_path / "data")) as service:
        visit, simulated = Api(service.url, 0), HttpApi(service.url)
        with pytest.raises(HuitouError, match="A key is needed"):
            visit.post("/v1/recommendations", {})
        monkeypatch.setenv("HUITOU_API_KEY", f"{key}\n")
        assert visit.post("/v1/recommendations", {})["items"]
        assert visit.get("/v1/customers/c000")["customer_id"] == "c000"
        assert simulated.call("POST", "/v1/recommendations", [{}])[0]["items"]
