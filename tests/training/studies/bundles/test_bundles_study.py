"""`evaluate bundles`: the files checked, the contenders blind to the answers, the rows there whatever is absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.models.bundle_reranker import RerankerSettings, RerankerTrees
from training.models.stacked_als import StackedAlsSettings
from training.studies.bundles import contenders
from training.studies.bundles.contenders import CONTENDERS, Reranked
from training.studies.bundles.study import BundlesStudy
from training.studies.pair_lists.ground import read_ground
from training.studies.study import Arrays, NotAnswered, StudyRefused, Task

SMALL = {"stack": {"factors": 8, "regularization": 5.0, "iterations": 3}, "trees": {"rounds": 20, "min_data_in_leaf": 10}}


def quiet(_: str) -> None:
    return None


def task(folder: Path, *, budget_s: float = 0.0, fixed: dict[str, object] | None = None) -> Task:
    return Task(folder, seed=1, threads=1, budget_s=budget_s, fixed=fixed, tell=quiet)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """80 users of four tastes, 40 bundles, ids that are words."""
    random, folder = np.random.default_rng(0), tmp_path / "shop"
    folder.mkdir()
    pairs = [(user, bundle) for user in range(80) for bundle in random.choice(10, 6, replace=False) + 10 * (user % 4)]
    random.shuffle(pairs)
    for name, chosen in (("train", pairs[:340]), ("tune", pairs[340:400]), ("test", pairs[400:])):
        (folder / f"user_bundle_{name}.txt").write_text("".join(f"u{user}\tb{bundle}\n" for user, bundle in chosen))
    (folder / "bundle_item.txt").write_text("".join(f"b{b}\ti{item}\n" for b in range(40) for item in random.choice(60, 4, replace=False)))
    (folder / "user_item.txt").write_text("".join(f"u{u}\ti{item}\n" for u in range(80) for item in random.choice(60, 4, replace=False)))
    return folder


def prepared(files: Path, tmp_path: Path) -> tuple[BundlesStudy, Path]:
    study, folder = BundlesStudy(files, seed=1), tmp_path / "ground"
    folder.mkdir()
    study.prepare(folder, quiet)
    return study, folder


def test_contenders_see_no_test_pair_and_beat_popularity_where_tastes_differ(files: Path, tmp_path: Path) -> None:
    study, folder = prepared(files, tmp_path)
    ground = read_ground(task(folder))
    assert ground.known.bought.nnz == 340
    assert ground.tuning.nnz == 60
    assert [path.name for path in folder.iterdir()] == ["ground.npz"]
    answers: dict[str, Arrays] = {}
    for contender in CONTENDERS:
        mine = task(folder, fixed=SMALL if isinstance(contender, Reranked) else None)
        answers[contender.name] = contender.answer(mine)
        assert mine.seconds["fit"] > 0
    metrics = study.judge(answers, 1).metrics
    assert list(metrics) == ["popularity", "ALS on pairs", "EASE on pairs", "stacked ALS", "stacked ALS, re-ranked"]
    assert metrics["EASE on pairs"]["recall_20"] > metrics["popularity"]["recall_20"] + 0.2
    assert metrics[study.own]["recall_20"] > metrics["popularity"]["recall_20"] + 0.2


def test_without_tune_items_or_contents_the_rows_stay(files: Path, tmp_path: Path) -> None:
    for name in ("user_bundle_tune.txt", "user_item.txt", "bundle_item.txt"):
        (files / name).unlink()
    _, folder = prepared(files, tmp_path)
    ground = read_ground(task(folder))
    assert 0 < ground.tuning.nnz < 340
    assert (ground.learning.bought + ground.tuning != ground.known.bought).nnz == 0  # settings from a hidden part of the training pairs
    for contender in CONTENDERS:
        mine = task(folder, fixed=SMALL if isinstance(contender, Reranked) else None)
        assert contender.answer(mine)["lists"].shape == (len(ground.asked), 40)
    assert any("No user's items are known" in note for note in mine.notes)


def test_a_budget_chooses_settings_on_the_tuning_pairs(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, folder = prepared(files, tmp_path)
    small = RerankerSettings(stack=StackedAlsSettings(factors=8, iterations=2), trees=RerankerTrees(rounds=100), candidates=20)
    monkeypatch.setattr(contenders, "RerankerSettings", lambda: small)
    mine = task(folder, budget_s=3.0)
    Reranked().answer(mine)
    assert mine.seconds["tune"] > 0
    assert set(mine.used) == {"stack", "trees", "candidates", "folds", "negatives"}


def test_ease_says_why_it_is_left_out(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, folder = prepared(files, tmp_path)
    ease = next(contender for contender in CONTENDERS if contender.name == "EASE on pairs")
    object.__setattr__(ease, "most_columns", 39)
    try:
        with pytest.raises(NotAnswered, match="40 columns, more than 39: EASE inverts"):
            ease.answer(task(folder))
    finally:
        object.__setattr__(ease, "most_columns", 20_000)


def test_strangers_are_counted_and_not_judged(files: Path, tmp_path: Path) -> None:
    with (files / "user_bundle_test.txt").open("a") as more:
        more.write("nobody\tb1\nu1\tunheard\n")
    study, folder = BundlesStudy(files, seed=1), tmp_path / "ground"
    folder.mkdir()
    made = study.prepare(folder, quiet)
    assert "1 users of user_bundle_test.txt are unknown in training and are not judged." in made.notes
    assert "1 ids of user_bundle_test.txt are unknown in training; they count as missed." in made.notes
    assert made.facts["test pairs judged"] == 81


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("user_bundle_test.txt", None, "user_bundle_test.txt: there is no such file"),
        ("user_bundle_train.txt", "", "user_bundle_train.txt: there is no pair in it"),
        ("user_bundle_tune.txt", "", "user_bundle_tune.txt: there is no pair in it"),
        ("user_bundle_test.txt", "x\ty\n", "none of its 1 users stands in .*user_bundle_train.txt"),
    ],
)
def test_what_is_wrong_with_a_split_is_said(files: Path, tmp_path: Path, name: str, text: str | None, said: str) -> None:
    (files / name).unlink()
    if text is not None:
        (files / name).write_text(text)
    with pytest.raises(StudyRefused, match=said):
        prepared(files, tmp_path)


def test_a_leak_is_named(files: Path, tmp_path: Path) -> None:
    first = (files / "user_bundle_train.txt").read_text().splitlines()[0]
    with (files / "user_bundle_test.txt").open("a") as more:
        more.write(first + "\n")
    with pytest.raises(StudyRefused, match=r"user_bundle_test.txt, line 81: the pair .* stands in .*user_bundle_train.txt, line 1, too"):
        prepared(files, tmp_path)


def test_no_such_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(StudyRefused, match="there is no such folder"):
        BundlesStudy(tmp_path / "absent", seed=1).prepare(tmp_path, quiet)
