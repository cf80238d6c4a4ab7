"""Reading pairs: every form that people have, and what is wrong said with its place."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from training.studies.pair_lists.pair_file import Names, PairFile, read_pairs, refuse_leak
from training.studies.study import StudyRefused


def read(folder: Path, text: str, *, lists: bool = True, name: str = "pairs.txt") -> PairFile:
    (folder / name).write_text(text, encoding="utf-8")
    return read_pairs(folder / name, lists=lists)


@pytest.mark.parametrize(
    "text",
    [
        "1\ta\n1\tb\n2\ta\n",
        "1 a\n\n1   b\n2 a",
        "1,a\n1,b\n2,a\n",
        '\ufeffuser_id,item_id\n"1","a"\n"1","b"\n"2","a"\n',
        "# who took what\n1;a\n1;b\n2;a\n",
        "1 a b\n2 a\n",
        "1,a,b\n2,a\n3\n",
    ],
)
def test_every_form_says_the_same(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, text)
    assert list(zip(found.left, found.right, strict=True)) == [("1", "a"), ("1", "b"), ("2", "a")]


def test_gzipped_files_are_read_and_lines_are_counted_from_the_first(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt.gz"
    path.write_bytes(gzip.compress(b"user item\n1 a\n\n2 b\n"))
    found = read_pairs(path, lists=False)
    assert found.lines == [2, 4]
    assert found.notes == ["pairs.txt.gz: line 1 was taken for column names."]


def test_an_id_that_sounds_like_a_column_is_an_id_where_it_comes_back(tmp_path: Path) -> None:
    assert read(tmp_path, "user item\nuser other\n").left == ["user", "user"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "pairs.txt: there is no pair in it"),
        ("1 a\n1\n", "pairs.txt, line 2: expected two ids, found 1 in '1'"),
        ("1 a 5\n1 b 3\n", "line 1: expected two ids, found 3 .* no file of one user a line.* Ratings and dates are not read"),
        ("1,a\n1,\n", "line 2: expected two ids"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(StudyRefused, match=said):
        read(tmp_path, text)


def test_bundles_come_in_pairs_only(tmp_path: Path) -> None:
    with pytest.raises(StudyRefused, match="line 1: expected two ids, found 3 in '1 a b'"):
        read(tmp_path, "1 a b\n2 a\n", lists=False)


def test_what_is_no_text_or_no_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    for name, said in (("binary.txt", "is not UTF-8 text"), ("absent.txt", "there is no such file"), (".", "there is no such file")):
        with pytest.raises(StudyRefused, match=said):
            read_pairs(tmp_path / name, lists=True)


def test_a_pair_in_two_splits_is_named_with_both_lines(tmp_path: Path) -> None:
    train, test = read(tmp_path, "1 a\n2 b\n3 c\n", name="train.txt"), read(tmp_path, "1 b\n3 c\n2 b\n", name="test.txt")
    with pytest.raises(StudyRefused, match=r"test.txt, line 2: the pair 3 c stands in .*train.txt, line 3, too \(2 such pairs in all\)"):
        refuse_leak(test, train)
    refuse_leak(read(tmp_path, "2 a\n", name="test.txt"), train)


def test_doubled_pairs_count_once_and_unknown_ids_fall_out(tmp_path: Path) -> None:
    found = read(tmp_path, "10 a\n9 a\n10 a\n9 z\n")
    assert found.notes == ["pairs.txt: 1 pairs stand there more than once and count once."]
    users = Names(found.left)
    assert users.ids == ["9", "10"]  # by number, not by characters
    assert found.matrix(users, Names(["a", "b"])).toarray().tolist() == [[1, 0], [1, 0]]
    assert Names(["b", "10", "9"]).ids == ["10", "9", "b"]


def test_two_words_above_numbers_are_column_names(tmp_path: Path) -> None:
    found = read(tmp_path, "buyer,song\n1,7\n2,8\n")
    assert (found.left, found.lines) == (["1", "2"], [2, 3])
    assert found.notes == [f"{found.path.name}: line 1 was taken for column names."]
    assert read(tmp_path, "ann,tea\nbob,8\n").left == ["ann", "bob"]
