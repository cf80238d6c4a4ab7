"""The whole study on planted habits, and the bootstrap of users who are tested in several splits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.training.basket_shop import histories_and_next
from training.studies.baskets.basket_files import read_basket_files
from training.studies.baskets.contenders import CONTENDERS, OWN
from training.studies.baskets.study import BasketsStudy, UserDraws
from training.studies.study import Judgement, Task


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[Path]]:
    folder = tmp_path_factory.mktemp("baskets")
    histories, following = histories_and_next(240, seed=5)
    users = list(histories)
    random = np.random.default_rng(0)
    (folder / "history.json").write_text(json.dumps(histories), encoding="utf-8")
    (folder / "future.json").write_text(json.dumps({user: [basket] for user, basket in following.items()}), encoding="utf-8")
    splits = []
    for number in range(2):
        order = [users[at] for at in random.permutation(len(users))]
        path = folder / f"split_{number}.json"
        path.write_text(json.dumps({"train": order[:170], "val": order[170:190], "test": order[190:]}), encoding="utf-8")
        splits.append(path)
    return folder / "history.json", folder / "future.json", splits


SETTINGS = {OWN: {"rounds": 60, "min_data_in_leaf": 20}, "ALS": {"factors": 8, "regularization": 1.0}}


@pytest.fixture(scope="module")
def judged(files: tuple[Path, Path, list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Judgement:
    """Every row's answer, here without a process of its own: the frame's tests have those."""
    folder = tmp_path_factory.mktemp("ground")
    study = BasketsStudy(lambda _: read_basket_files(*files))
    assert study.prepare(folder, lambda _: None).facts["test users"] == 50
    return study.judge({one.name: one.answer(task_for(folder, fixed=SETTINGS.get(one.name))) for one in CONTENDERS}, 1)


def task_for(folder: Path, *, fixed: dict[str, float] | None = None, budget: float = 0) -> Task:
    return Task(folder, 1, 1, budget, fixed, lambda _: None)


def test_the_cycle_is_found_and_every_difference_has_an_interval(judged: Judgement) -> None:
    assert list(judged.metrics) == [contender.name for contender in CONTENDERS]
    ours = judged.metrics[OWN]
    assert ours["recall_10"] > max(metrics["recall_10"] for name, metrics in judged.metrics.items() if name != OWN)
    assert judged.differences["P-TopFreq"]["recall_10"][0] > 0
    assert judged.intervals[OWN]["recall_10"][0] < ours["recall_10"] < judged.intervals[OWN]["recall_10"][1]
    assert judged.metrics["P-TopFreq"]["explore_recall_10"] == 0
    assert OWN not in judged.differences
    assert set(judged.differences["ALS"]) == set(ours)


@pytest.mark.parametrize("name", ["TIFU-kNN", OWN])
def test_settings_are_chosen_within_the_budget(files: tuple[Path, Path, list[Path]], tmp_path: Path, name: str) -> None:
    BasketsStudy(lambda _: read_basket_files(*files)).prepare(tmp_path, lambda _: None)
    (tmp_path / "split_1.npz").unlink()  # tuning looks at its own split only
    task = task_for(tmp_path, budget=0.1)
    contender = next(one for one in CONTENDERS if one.name == name)
    with pytest.raises(FileNotFoundError):
        contender.answer(task)
    assert task.seconds["tune"] > 0
    assert task.used


def test_children_are_given_no_test_user_s_next_basket(files: tuple[Path, Path, list[Path]], tmp_path: Path) -> None:
    study = BasketsStudy(lambda _: read_basket_files(*files))
    study.prepare(tmp_path, lambda _: None)
    stored = {path.name: np.load(path, allow_pickle=False) for path in tmp_path.iterdir()}
    assert sorted(stored) == ["histories.npz", "split_0.npz", "split_1.npz", "tuning.npz"]
    for name in ("split_0.npz", "split_1.npz"):
        assert not np.isin(stored[name]["user"], stored[name]["test"]).any()
        assert np.isin(stored[name]["user"], np.union1d(stored[name]["train"], stored[name]["val"])).all()
    everybody_tested = np.union1d(stored["split_0.npz"]["test"], stored["split_1.npz"]["test"])
    assert not np.isin(stored["tuning.npz"]["val"], everybody_tested).any()


def test_a_user_tested_twice_is_drawn_twice() -> None:
    draws = UserDraws.of([np.array([3, 5]), np.array([5, 9])], seed=0)
    value, drawn = draws.mean([np.array([1.0, 0.0]), np.array([0.0, np.nan])])
    assert value == pytest.approx(0.25)  # ½ in the first split, 0 in the second, whose other user has no value
    same, _ = draws.mean([np.array([2.0, 2.0]), np.array([2.0, 2.0])])
    assert same == pytest.approx(2.0)
    assert np.nanmin(drawn) >= 0
    assert np.nanmax(drawn) <= 0.5
