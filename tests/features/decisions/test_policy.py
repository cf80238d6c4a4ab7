from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from features.decisions.policy import DecisionPolicy, load_policy
from features.errors import SourceUnreadable


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load_policy(tmp_path / "policy.toml") == DecisionPolicy()


def test_the_version_changes_with_any_value() -> None:
    assert DecisionPolicy().version != DecisionPolicy().changed({"exploration": {"share": 0.2}}).version


def test_overrides_are_merged_into_their_section() -> None:
    changed = DecisionPolicy().changed({"exploration": {"share": 0.2}})
    assert changed.exploration.share == 0.2
    assert changed.exploration.floor == DecisionPolicy().exploration.floor


@pytest.mark.parametrize(
    "overrides", [{"explore": {}}, {"exploration": {"share": 2}}, {"holdouts": {"universal": 0.99, "model_control": 0.02}}]
)
def test_an_override_that_does_not_do_is_refused(overrides: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DecisionPolicy().changed(overrides)


@pytest.mark.parametrize(
    ("text", "named"),
    [("horizon_days = 0", "horizon_days"), ("[exploration]\nshare = 'x'", "exploration.share"), ("[", "not valid TOML"), ("hm = 1", "hm")],
)
def test_a_wrong_file_is_refused_with_its_name_and_field(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(SourceUnreadable, match=named):
        load_policy(path)
