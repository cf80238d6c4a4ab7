"""The shipped worlds with few people, for tests."""

from __future__ import annotations

from typing import Any

from training.simulation.parameters import WorldParameters, load_world


def small(name: str = "ordinary", *, customers: int = 60, weeks: int = 4, **changed: dict[str, Any]) -> WorldParameters:
    """A shipped world with fewer people and a shorter history; `part=dict(...)` changes fields of a part."""
    said = load_world(name).model_dump(by_alias=True)
    said["people"] |= {"customers": customers, "arrivals_per_day": 1.0}
    said["history"] |= {"weeks": weeks}
    for part, fields in changed.items():
        said[part] |= fields
    return WorldParameters.model_validate(said)
