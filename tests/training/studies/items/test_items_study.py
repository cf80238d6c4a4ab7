"""`evaluate items`: pairs and lists alike, settings from training pairs where there is no tune file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.studies.items.contenders import CONTENDERS
from training.studies.items.study import ItemsStudy
from training.studies.pair_lists.ground import read_ground
from training.studies.study import StudyRefused, Task


def quiet(_: str) -> None:
    return None


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """60 users of three tastes as one user a line, in the form of the graph papers."""
    random = np.random.default_rng(0)
    train, test = [], []
    for user in range(60):
        taken = random.choice(12, 9, replace=False) + 12 * (user % 3)
        train.append(" ".join(map(str, [user, *taken[:6]])))
        test.append(" ".join(map(str, [user, *taken[6:]])))
    paths = tmp_path / "train.txt", tmp_path / "test.txt"
    for path, lines in zip(paths, (train, test), strict=True):
        path.write_text("\n".join(lines))
    return paths


def test_every_row_answers_and_tastes_are_found(files: tuple[Path, Path], tmp_path: Path) -> None:
    study, folder = ItemsStudy(*files, None, seed=1), tmp_path / "ground"
    folder.mkdir()
    made = study.prepare(folder, quiet)
    assert made.facts == {
        "users": 60,
        "items": 36,
        "training pairs": 360,
        "tuning pairs": 0,
        "users judged": 60,
        "test pairs judged": 180,
    }
    answers = {}
    for contender in CONTENDERS:
        small = {"factors": 16, "regularization": 3.0} if contender.name == "tuned ALS" else None
        task = Task(folder, seed=1, threads=1, budget_s=0.3 if contender.name == "item kNN" else 0, fixed=small, tell=quiet)
        answers[contender.name] = contender.answer(task)
        assert answers[contender.name]["lists"].shape == (60, 20)
    assert read_ground(task).tuning.nnz > 0
    judged = study.judge(answers, 1)
    assert list(judged.metrics) == ["popularity", "item kNN", "EASE", "tuned ALS"]
    assert judged.metrics["tuned ALS"]["recall_10"] > 0.95  # six of twelve are left, three of them wanted
    assert judged.metrics["popularity"]["recall_10"] < 0.5
    assert set(judged.intervals["EASE"]) == {f"{measure}_{k}" for measure in ("recall", "ndcg", "hit") for k in (10, 20)}


def test_a_pair_in_both_files_is_an_error(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(StudyRefused, match=r"line 1: the pair 0 .* stands in"):
        ItemsStudy(files[0], files[0], None, seed=1).prepare(tmp_path, quiet)


def test_users_with_a_single_pair_leave_nothing_to_tune_on(tmp_path: Path) -> None:
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text("user,item\n" + "".join(f"{user},{user % 5}\n" for user in range(30)))
    test.write_text("".join(f"{user},{(user + 1) % 5}\n" for user in range(30)))
    ItemsStudy(train, test, None, seed=1).prepare(tmp_path, quiet)
    task = Task(tmp_path, seed=1, threads=1, budget_s=5, fixed=None, tell=quiet)
    ease = next(contender for contender in CONTENDERS if contender.name == "EASE")
    assert ease.answer(task)["lists"].shape == (30, 5)
    assert task.notes == ["No user has two training pairs, so settings could not be chosen: the shipped ones were taken."]
