"""Next-basket sets in JSON: what is read, and what is refused with file and user."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.basket_shop import histories_and_next
from training.studies.baskets.basket_files import read_basket_files
from training.studies.baskets.basket_set import tuning_split
from training.studies.study import StudyRefused

HISTORY = {"7": [[-1], [1, 2], [2], [-1]], "8": [["1"], [3]], "9": [[5]], "10": [[2, 2]]}
FUTURE: dict[str, Any] = {"7": [[-1], [2, 9], [-1]], "8": [[3, 3]], "9": [[1]]}
SPLIT = {"train": ["7"], "val": ["9", 10], "test": ["8"], "item_num": 10}


def written(folder: Path, history: object = HISTORY, future: object = FUTURE, *splits: object) -> tuple[Path, Path, list[Path]]:
    paths = [folder / "history.json", folder / "future.json", *(folder / f"split_{n}.json" for n in range(max(len(splits), 1)))]
    for path, content in zip(paths, [history, future, *(splits or (SPLIT,))], strict=True):
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return paths[0], paths[1], paths[2:]


def test_markers_doubles_numbers_and_text_are_read(tmp_path: Path) -> None:
    read = read_basket_files(*written(tmp_path))
    assert read.histories.baskets.tolist() == [2, 2, 1, 1]
    assert read.histories.items == 5  # 1, 2, 3, 5 and the 9 that only a next basket holds
    assert read.next_baskets.sum(axis=1).ravel().tolist() == [[2, 1, 1, 0]]
    split = read.splits[0]
    assert (split.train.tolist(), split.val.tolist(), split.test.tolist()) == ([0], [2], [1])
    assert any("1 of val" in note for note in read.notes)  # user 10 has no next basket
    assert any("equals their last known one" in note for note in read.notes)  # user 8's


@pytest.mark.parametrize(
    ("history", "future", "split", "told"),
    [
        ("{", FUTURE, SPLIT, "history.json is not JSON"),
        ([1], FUTURE, SPLIT, "history.json: expected a JSON object"),
        ('{"7": [[1]], "7": [[2]]}', FUTURE, SPLIT, "history.json: '7' stands there twice"),
        ({"7": [1, 2]}, FUTURE, SPLIT, "history.json: user '7': expected a list of baskets"),
        ({"7": [[1.5]]}, FUTURE, SPLIT, "history.json: user '7': an item must be a number or text; found 1.5"),
        (HISTORY, {"7": [[1], [2]]}, SPLIT, "future.json: user '7' has 2 baskets"),
        (HISTORY, FUTURE, {**SPLIT, "test": ["77"]}, "split_0.json: 'test' names user '77', whom .*history.json does not know"),
        (HISTORY, FUTURE, {**SPLIT, "test": ["7"]}, "split_0.json: user '7' is in 'train' and in 'test'"),
        (HISTORY, FUTURE, {**SPLIT, "test": []}, "split_0.json: 'test' must be a list with at least one user"),
        (HISTORY, FUTURE, {"test": ["8"]}, "split_0.json: 'train' must be a list"),
        (HISTORY, FUTURE, {**SPLIT, "val": [], "test": ["10"]}, "split_0.json: none of the 1 users in 'test' has a next basket"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, history: object, future: object, split: object, told: str) -> None:
    with pytest.raises(StudyRefused, match=told):
        read_basket_files(*written(tmp_path, history, future, split))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    history, _, splits = written(tmp_path)
    with pytest.raises(StudyRefused, match=r"absent\.json: there is no such file"):
        read_basket_files(history, tmp_path / "absent.json", splits)


def test_histories_that_hold_the_next_baskets_are_a_leak(tmp_path: Path) -> None:
    histories, following = histories_and_next(40)
    future = {user: [basket] for user, basket in following.items()}
    users = list(histories)
    split = {"train": users[:25], "val": users[25:30], "test": users[30:]}
    read_basket_files(*written(tmp_path, histories, future, split))
    leaking = {user: [*baskets, following[user]] for user, baskets in histories.items()}
    with pytest.raises(StudyRefused, match=r"the next basket of 40 of 40 users \(100%\) is the last basket of their history"):
        read_basket_files(*written(tmp_path, leaking, future, split))


def test_settings_are_chosen_on_users_nobody_tests(tmp_path: Path) -> None:
    histories, following = histories_and_next(40)
    future = {user: [basket] for user, basket in following.items()}
    users = list(histories)
    one = {"train": users[:25], "val": users[25:30], "test": users[30:]}
    other = {"train": users[15:], "val": users[10:15], "test": users[:10]}
    read = read_basket_files(*written(tmp_path, histories, future, one, other))
    chosen, note = tuning_split(read.splits, read.histories.users)
    assert note == ""
    assert chosen.val.tolist() == [*range(10, 15), *range(25, 30)]
    tested = np.union1d(read.splits[0].test, read.splits[1].test)
    assert not np.isin(chosen.val, tested).any()
    assert not np.isin(chosen.train, chosen.val).any()
    crossed = {"train": users[5:25], "val": users[:5], "test": users[25:]}
    mirrored = {"train": users[25:], "val": users[5:25], "test": users[:5]}
    read = read_basket_files(*written(tmp_path, histories, future, crossed, mirrored))
    chosen, note = tuning_split(read.splits, read.histories.users)
    assert len(chosen.val)
    assert (note == "") == bool(len(chosen.val) >= 5 and not np.isin(chosen.val, read.splits[1].test).any())
