"""Choosing settings: the shipped ones are tried first, the best wins, small spaces end, the budget ends the rest."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from training.studies.tuning import Between, OneOf, search


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True)

    depth: int = 3
    rate: float = 0.1
    kind: str = "plain"
    untouched: float = 7.0


SPACE = {"depth": Between(1, 12, whole=True), "rate": Between(1e-3, 1.0, log=True), "kind": OneOf(("plain", "fancy"))}


def silent(_: str) -> None:
    return None


def test_the_shipped_settings_are_tried_first_and_kept_when_nothing_is_better() -> None:
    seen: list[Settings] = []

    def score(settings: Settings) -> float:
        seen.append(settings)
        return 1.0 if settings == Settings() else 0.0

    assert search(Settings(), SPACE, score, budget_s=60, seed=1, tell=silent, most_trials=15) == Settings()
    assert seen[0] == Settings()
    assert len({s.model_dump_json() for s in seen}) == len(seen) > 5


def test_better_settings_are_found_and_the_rest_stays() -> None:
    found = search(Settings(), SPACE, lambda s: -abs(s.depth - 9) + (s.kind == "fancy"), budget_s=60, seed=1, tell=silent, most_trials=60)
    assert abs(found.depth - 9) <= 1
    assert found.kind == "fancy"
    assert found.untouched == 7.0


def test_a_space_of_few_choices_ends_when_each_was_tried() -> None:
    tried: list[str] = []

    def score(settings: Settings) -> float:
        tried.append(settings.kind)
        return float(settings.kind == "fancy")

    assert search(Settings(), {"kind": OneOf(("plain", "fancy"))}, score, budget_s=3600, seed=1, tell=silent).kind == "fancy"
    assert sorted(tried) == ["fancy", "plain"]


def test_an_empty_budget_still_tries_the_shipped_settings_only() -> None:
    tried: list[Settings] = []

    def score(settings: Settings) -> float:
        tried.append(settings)
        return 0.0

    search(Settings(), SPACE, score, budget_s=0, seed=1, tell=silent)
    assert tried == [Settings()]
