"""Feast is imported without typeguard's recompilation, and typeguard is itself again afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typeguard

from features.feast_repo.unchecked import unchecked


def free(x: int) -> int:
    return x


def test_typeguard_leaves_alone_within_the_block_only() -> None:
    with unchecked():
        assert typeguard.typechecked(free) is free
    assert typeguard.typechecked(free) is not free


def test_an_error_in_the_block_gives_typeguard_back() -> None:
    with pytest.raises(KeyError), unchecked():
        raise KeyError
    assert typeguard.typechecked(free) is not free


def test_no_method_of_feast_is_compiled_anew() -> None:
    code = """
import ast, typeguard._transformer as transformer
def refuse(*_): raise AssertionError("typeguard has compiled a class of Feast")
transformer.TypeguardTransformer.visit = refuse
import features.feast_repo.repo as repo
assert repo.Entity(name="x", join_keys=["x"]).name == "x"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])
    assert done.returncode == 0, done.stderr
