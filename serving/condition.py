"""How the service is: what is wrong, by part, in one sentence each. Nothing here says that a part works without having tried it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import text

from features.errors import HuitouError, StateBroken
from serving.live_models import KINDS

if TYPE_CHECKING:
    from serving.services import Services

# Part that somebody on call looks after → where its problems stand.
PARTS: Mapping[str, tuple[str, ...]] = {
    "models": ("models", *KINDS),
    "online_store": ("customers", "build", "features"),
    "ledger": ("ledger",),
    "decisions": ("decisions",),
    "worker": ("freshness",),
    "registry": ("registry",),
}


def problems_of(services: Services) -> dict[str, str]:
    """Part → one sentence with the cause, for those who run the service. It asks the ledger and the online store, and may wait for them."""
    live = services.live
    found: dict[str, str] = {**live.models.problems, **services.staleness(), **live.experiments.problems, **live.arm_models.told()}
    told: dict[str, str | None] = {
        "offers": live.offers.problem(),
        "build": services.reload_problem,
        "models": services.trial.problem,
        "keys": services.access.problem,
        "decisions": _waiting(services),
        "policy": services.policies.problem,
        "registry": services.registry_problem,
        "ledger": _ledger(services),
        "freshness": _freshness(services),
        "customers": _customers(services),
    }
    return found | {part: problem for part, problem in told.items() if problem is not None}


def parts_of(problems: Mapping[str, str]) -> dict[str, str | None]:
    """Each of `PARTS` → its first problem, or None."""
    return {part: next((problems[name] for name in names if name in problems), None) for part, names in PARTS.items()}


def _waiting(services: Services) -> str | None:
    log = services.decisions
    if log.problem is None:
        return None
    return f"{log.waiting:,} decisions wait, {log.spooled:,} of them on the disk: {log.problem}"


def _ledger(services: Services) -> str | None:
    try:
        with services.ledger.database.reading() as connection:
            connection.execute(text("SELECT 1"))
    except HuitouError as error:
        return str(error)
    return None


def _freshness(services: Services) -> str | None:
    try:
        lag = services.lag()
    except HuitouError as error:
        services.last_lag = None
        return str(error)
    if lag is None or lag.oldest_seconds <= services.settings.behind_after_seconds:
        return None
    return (
        f"{lag.events:,} events wait, the oldest for {lag.oldest_seconds:,.0f} seconds, to reach their customers' features; "
        "`huitou work` does not run or does not keep up."
    )


def _customers(services: Services) -> str | None:
    try:
        services.live.reader.read("")  # nobody has this id: only a store that cannot be read objects
    except StateBroken as error:
        return str(error)
    return None
