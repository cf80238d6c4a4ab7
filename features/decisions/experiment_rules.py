"""What an experiment may not do beside others, or after it has begun: told when it is written."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from features.decisions.experiment import Experiment, effective
from features.decisions.policy import DecisionPolicy

_STILL_OPEN = {"ends_at", "title"}  # what may change once an experiment has begun


def objection(
    written: Experiment, *, before: Experiment | None, others: Iterable[Experiment], policy: DecisionPolicy, now: datetime
) -> tuple[str, str] | None:
    """Why an experiment cannot be kept: the field and a sentence; None when it can.

    Args:
        written: as it comes, sized.
        before: the experiment of the same id, if there is one.
        others: every other experiment.
        policy: of the shop.
        now: the service's clock, UTC.
    """
    return (
        _beside_the_policy(written, policy)
        or (None if before is None else _once_begun(written, before, now))
        or next((found for other in others if (found := _beside(written, other)) is not None), None)
    )


def _beside_the_policy(written: Experiment, policy: DecisionPolicy) -> tuple[str, str] | None:
    kept = policy.holdouts.universal + policy.holdouts.model_control
    if kept >= 1:
        return "share", f"The holdouts of policy.toml keep {kept:.0%} of the customers: nobody is left for an experiment; lower them first."
    for place, arm in enumerate(written.arms):
        try:
            effective(policy, arm)
        except ValueError as error:
            return f"arms.{place}", f"{error} (beside policy.toml as it stands)"
    return None


def _once_begun(written: Experiment, before: Experiment, now: datetime) -> tuple[str, str] | None:
    if now < before.starts_at:
        return None
    old, new = before.model_dump(exclude=_STILL_OPEN), written.model_dump(exclude=_STILL_OPEN)
    changed = next((name for name in old if old[name] != new[name]), None)
    if changed is not None:
        return changed, f"It cannot change once the experiment has begun ({before.starts_at.isoformat()}); write a new experiment."
    if written.ends_at == before.ends_at:
        return None
    if before.ends_at is not None and before.ends_at <= now:
        return "ends_at", f"The experiment ended at {before.ends_at.isoformat()}; write a new one."
    if written.ends_at is not None and written.ends_at < now:
        return "ends_at", f"Customers were in it until now ({now.isoformat()}); it cannot end before."
    return None


def _beside(written: Experiment, other: Experiment) -> tuple[str, str] | None:
    if (written.salt or written.experiment_id) == (other.salt or other.experiment_id):
        return "salt", f"{other.experiment_id} has the same: its arms would hold the same customers; give another salt."
    if _over_before(written, other) or _over_before(other, written):
        return None
    if written.layer is not None and written.layer == other.layer:
        if min(written.layer_from + written.share, other.layer_from + other.share) - max(written.layer_from, other.layer_from) > 1e-9:
            return (
                "layer_from",
                f"{other.experiment_id} has the customers from {other.layer_from:g} to {other.layer_from + other.share:g} of this layer.",
            )
        return None
    both = sorted(written.touches & other.touches)
    if both:
        return (
            "arms",
            f"{other.experiment_id} decides on {both[0]} at the same time; put both into one layer, with shares that do not overlap.",
        )
    return None


def _over_before(first: Experiment, second: Experiment) -> bool:
    return first.ends_at is not None and first.ends_at <= second.starts_at
