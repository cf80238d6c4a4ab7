"""What answers: the online state, the models, the clock they look from."""

from __future__ import annotations

from datetime import timedelta

from features.store import open_reader
from huitou.deployment.check import Check, failed, ok, warning
from huitou.deployment.situation import Situation
from training import local_models
from training.artifacts.folder import ArtifactBroken

_AHEAD = timedelta(minutes=10)  # events of later than that from now are refused
_QUIET = timedelta(days=2)  # a shop without an event for so long is closed, or its events do not arrive


def online_state(situation: Situation) -> Check:
    """It is there, can be read, and is not old."""
    reader = open_reader(situation.online, situation.features.online_server)
    try:
        reader.read("")  # nobody has this id: only a store that cannot be read objects
    finally:
        reader.close()
    age = (situation.clock - situation.as_of) / timedelta(days=1)
    says = f"{situation.online.name} looks from {situation.as_of:%Y-%m-%d %H:%M} UTC, {age:.1f} days before the service's clock."
    if age > situation.serving.stale_after_days:
        return failed(says, "Run `huitou build`, every night (deploy/systemd has a timer).")
    return ok(says)


def models(situation: Situation) -> Check:
    """Every champion is there, whole, and passes its own test."""
    from serving.live_models import KINDS, OPTIONAL, LiveModels, load_models

    found = load_models(situation.data_dir, LiveModels())
    untrained = [name for name in KINDS if name not in OPTIONAL and _untrained(situation, name)]
    broken = {name: problem for name, problem in found.problems.items() if name not in untrained}
    if broken:
        name, problem = next(iter(broken.items()))
        return failed(f"{len(broken)} of {len(KINDS)} cannot be used as they are; {name}: {problem}", f"Run `huitou train {name}`.")
    if untrained:
        return warning(f"Not trained yet: {', '.join(untrained)}; their parts of the answers are degraded.", "Run `huitou train`.")
    return ok("Tested and good: " + ", ".join(f"{name} {version}" for name, version in found.versions.items()) + ".")


def _untrained(situation: Situation, name: str) -> bool:
    try:
        return local_models.champion(situation.data_dir, name) is None
    except ArtifactBroken:
        return False


def clock(situation: Situation) -> Check:
    """The machine's clock, the service's and the newest event agree."""
    wall, newest, fixed = situation.wall(), situation.newest_event, situation.serving.now
    seen = max(situation.as_of, situation.followed.as_of if situation.followed is not None else situation.as_of)
    if fixed is not None and fixed < seen:
        return failed(
            f"HUITOU_NOW is {fixed:%Y-%m-%d %H:%M} UTC, and the features have seen everything until {seen:%Y-%m-%d %H:%M}.",
            "Set a later clock, or none.",
        )
    latest = seen if newest is None else max(seen, newest)
    if latest > wall + _AHEAD:
        return failed(
            f"The newest event is of {latest:%Y-%m-%d %H:%M} UTC; this machine says {wall:%Y-%m-%d %H:%M}.", "Set the machine's clock."
        )
    if fixed is not None:
        return warning(
            f"HUITOU_NOW holds the service's clock at {fixed:%Y-%m-%d %H:%M} UTC.", "Take it away where real customers are answered."
        )
    if wall - latest > _QUIET:
        return warning(
            f"The newest event is {(wall - latest).days:,} days old, and the service's clock with it.",
            "If the shop is open, see whether its events arrive (`huitou_messages_total` on /metrics).",
        )
    return ok(f"The newest event is of {latest:%Y-%m-%d %H:%M} UTC, this machine says {wall:%Y-%m-%d %H:%M}.")
