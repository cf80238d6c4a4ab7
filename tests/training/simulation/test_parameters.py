from __future__ import annotations

from pathlib import Path

import pytest

from training.simulation.parameters import WORLDS, WorldUnreadable, load_world

SHIPPED = Path(__file__).parents[3] / "training" / "simulation" / "worlds"


@pytest.mark.parametrize("name", WORLDS)
def test_the_shipped_worlds_can_be_read(name: str) -> None:
    world = load_world(name)
    assert world.name == name
    assert 10 <= len(world.offers) <= 20


def broken(tmp_path: Path, before: str, after: str) -> str:
    text = (SHIPPED / "ordinary.toml").read_text(encoding="utf-8")
    assert before in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(WorldUnreadable) as caught:
        load_world(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("customers = 3000", "customers = 0", "people.customers"),
        ("customers = 3000", "", "people.customers: Field required"),
        ("hidden = 0.3", "hiden = 0.3", "response.hidden"),
        ("opening = 0.40", "opening = 1.5", "messages.opening"),
        ('also = "cotton"', 'also = "silk"', "'silk', which is not among face_mask, cleanser"),
        ('id = "coupon_20"', 'id = "coupon_10"', "offer coupon_10 is there twice"),
        ('categories = ["cleanser", "cotton"]', 'categories = ["cleanser"]', "must name two categories"),
        ("harmed_below = -1.5", "harmed_below = 1.5", "harmed_below must be below"),
        ("prices = [14.0,", "prices = [-14.0,", "prices must be above 0"),
        ("window_days = 7", "window_days = 29", "window_days must not be above horizon_days"),
        ("[people]", "[people", "not valid TOML"),
    ],
)
def test_a_broken_world_is_refused_with_file_and_field(tmp_path: Path, before: str, after: str, said: str) -> None:
    assert said in broken(tmp_path, before, after)


def test_a_world_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(WorldUnreadable, match=r"no world 'utopia'; name one of ordinary, adverse, or a TOML file"):
        load_world("utopia")
