from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from serving.errors import SelfTestFailed
from serving.live_models import KINDS, OPTIONAL, ModelShelf
from serving.model_checks import check_bundles, check_items, check_repurchase, check_return_hazard
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.small_shop import AS_OF, manifest, promote, write_items, write_online
from training import local_models
from training.artifacts.calibration import LogitMap
from training.artifacts.return_hazard import ReturnHazard


def test_all_champions_answer(services: Services) -> None:
    live = services.live.models
    assert set(live.versions) == set(KINDS) - OPTIONAL
    assert not live.problems
    assert not live.degraded()


def test_starts_without_any_model_and_says_so(tmp_path: Path) -> None:
    write_online(tmp_path)
    services = build_services(ServingSettings(data_dir=tmp_path))
    assert set(services.problems()) == set(KINDS) - OPTIONAL
    assert set(services.live.models.absent) == OPTIONAL
    assert "huitou train items" in services.problems()["items"]
    assert set(services.degraded(["items"])) == {"items"}


def test_a_damaged_champion_costs_only_its_own_part(own_shop: Path) -> None:
    (own_shop / "models" / "items" / "1-0a1b2c3d" / "items.npz").write_bytes(b"damaged")
    shelf = ModelShelf(own_shop)
    assert shelf.current.items is None
    assert set(shelf.current.problems) == {"items"}
    assert "items.npz" in shelf.current.problems["items"]
    assert str(own_shop) not in shelf.current.degraded()["items"], "callers learn no paths"
    assert shelf.current.bundles is not None


def test_a_damaged_pointer_costs_only_its_own_part(own_shop: Path) -> None:
    (own_shop / "models" / "bundles" / "CHAMPION").write_text("{}")
    shelf = ModelShelf(own_shop)
    assert shelf.current.bundles is None
    assert set(shelf.current.problems) == {"bundles"}


def test_at_start_the_champion_before_a_damaged_one_serves(own_shop: Path) -> None:
    promote(own_shop, "items", write_items(own_shop / "fitted" / "items-2", seed=8), version="2")
    (own_shop / "models" / "items" / "2-0a1b2c3d" / "items.npz").write_bytes(b"damaged")
    shelf = ModelShelf(own_shop)
    assert shelf.current.items is not None
    assert shelf.current.versions["items"] == "1-0a1b2c3d"
    assert "serves" in shelf.current.problems["items"]


def test_reload_swaps_the_changed_model_only_and_rolls_back(own_shop: Path) -> None:
    shelf = ModelShelf(own_shop)
    before = shelf.current
    assert not shelf.reload_if_changed()
    promote(own_shop, "items", write_items(own_shop / "fitted" / "items-2", seed=8), version="2")
    assert shelf.reload_if_changed()
    assert shelf.current.versions["items"] == "2-0a1b2c3d"
    assert shelf.current.bundles is before.bundles, "what has not changed is not loaded again"
    assert before.versions["items"] == "1-0a1b2c3d", "a request under way keeps its set"
    assert shelf.roll_back()
    assert shelf.current is before
    assert not shelf.reload_if_changed(), "nothing changed on disk"


def test_a_broken_newcomer_does_not_displace_what_answers(own_shop: Path) -> None:
    shelf = ModelShelf(own_shop)
    standing = shelf.current.items
    promote(own_shop, "items", write_items(own_shop / "fitted" / "items-2", seed=8), version="2")
    (own_shop / "models" / "items" / "2-0a1b2c3d" / "items.npz").write_bytes(b"damaged")
    assert shelf.reload_if_changed()
    assert shelf.current.items is standing
    assert "goes on serving" in shelf.current.problems["items"]
    assert not shelf.current.degraded()
    local_models.rollback(own_shop, "items", promoted_at=AS_OF)
    assert shelf.reload_if_changed()
    assert not shelf.current.problems


def test_a_newcomer_that_fails_its_self_test_does_not_serve(own_shop: Path, services: Services) -> None:
    model = services.live.models.items
    assert model is not None
    folder = own_shop / "fitted" / "items-nan"
    replace(model, factors=np.full_like(model.factors, np.nan)).save(folder, manifest("items"))
    promote(own_shop, "items", folder, version="2")
    shelf = ModelShelf(own_shop)
    assert shelf.current.versions["items"] == "1-0a1b2c3d"
    assert shelf.current.problems["items"]


def test_nothing_to_roll_back_to(own_shop: Path) -> None:
    assert not ModelShelf(own_shop).roll_back()


def test_self_tests_refuse_impossible_answers(services: Services) -> None:
    models = services.live.models
    hazard, repurchase, items, bundles = models.return_hazard, models.repurchase, models.items, models.bundles
    assert all(model is not None for model in (hazard, repurchase, items, bundles))
    broken_map = LogitMap(intercept=float("nan"), slope=1.0)
    with pytest.raises(SelfTestFailed, match="return_hazard"):
        check_return_hazard(replace(hazard, header=hazard.header.model_copy(update={"calibration": broken_map})))
    with pytest.raises(SelfTestFailed, match="quantiles"):
        check_return_hazard(replace(hazard, header=hazard.header.model_copy(update={"churn_quantiles": {}})))
    with pytest.raises(SelfTestFailed, match="repurchase"):
        check_repurchase(replace(repurchase, header=repurchase.header.model_copy(update={"calibration": broken_map})))
    blind = items.settings.anybody.model_copy(update={"intercept": float("nan")})
    with pytest.raises(SelfTestFailed, match="items"):
        check_items(replace(items, settings=items.settings.model_copy(update={"anybody": blind})))
    other = items.settings.repeat.model_copy(update={"inputs": ("x",) * len(items.settings.repeat.inputs)})
    with pytest.raises(SelfTestFailed, match="fitted on"):
        check_items(replace(items, settings=items.settings.model_copy(update={"repeat": other})))
    with pytest.raises(SelfTestFailed, match="bundles"):
        check_bundles(replace(bundles, factors=np.full_like(bundles.factors, np.nan)))


def test_a_rising_survival_is_noticed(services: Services) -> None:
    class Rising(ReturnHazard):
        def survival(self, stored: np.ndarray, days: np.ndarray) -> np.ndarray:
            return np.tile(np.where(days > 0, days / 100.0, 1.0), (len(stored), 1))

    hazard = services.live.models.return_hazard
    assert hazard is not None
    assert isinstance(hazard.booster, lgb.Booster)
    with pytest.raises(SelfTestFailed, match="rises"):
        check_return_hazard(Rising(hazard.booster, hazard.header))
