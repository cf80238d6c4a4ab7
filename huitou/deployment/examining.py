"""All checks in their order, whatever goes wrong in one of them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from features.errors import HuitouError
from features.ledger.retention import RetentionSettings
from features.secret_files import SUFFIX, is_secret
from features.settings import FeatureSettings
from huitou.api_key import VARIABLE as API_KEY
from huitou.deployment.check import Check, Verdict, failed, ok, skipped, warning
from huitou.deployment.files import assumptions, data_folder, disk, policy
from huitou.deployment.following import ledger, worker
from huitou.deployment.outside import backup, keys, mlflow, service
from huitou.deployment.settings import DoctorSettings
from huitou.deployment.situation import Situation
from huitou.deployment.state import clock, models, online_state
from huitou.logs import LogSettings
from serving.settings import ServingSettings
from training.settings import TrainingSettings

PREFIX = "HUITOU_"
SETTINGS: tuple[type[BaseSettings], ...] = (
    FeatureSettings,
    RetentionSettings,
    TrainingSettings,
    ServingSettings,
    LogSettings,
    DoctorSettings,
)


def settings(situation: Situation) -> Check:
    """Each is allowed, and no variable has a name that nobody reads."""
    for model in SETTINGS:
        model()
    known = set(_variables())
    unread = sorted(name for name in situation.environment if name.startswith(PREFIX) and name not in known)
    if unread:
        near = [f"{name} (meant: {close[0]}?)" if (close := difflib.get_close_matches(name, known, 1)) else name for name in unread]
        return warning(f"Nobody reads {', '.join(near)}.", "Correct the names; docs/settings.md lists them all.")
    return ok("Every setting is allowed and known.")


CHECKS: Mapping[str, Callable[[Situation], Check]] = {
    "settings": settings,
    "data folder": data_folder,
    "disk": disk,
    "assumptions": assumptions,
    "policy": policy,
    "ledger": ledger,
    "online state": online_state,
    "models": models,
    "clock": clock,
    "worker": worker,
    "keys": keys,
    "service": service,
    "mlflow": mlflow,
    "backup": backup,
}


_WITHOUT_FOLDER = ("settings", "data folder", "keys", "service", "backup")  # what can be said where there is no data folder


def examine(data_dir: Path | None, environment: Mapping[str, str]) -> dict[str, Check]:
    """Check a deployment; changes nothing.

    Args:
        data_dir: as the option says; None: as the settings say.
        environment: variables of this process.
    """
    try:
        situation = Situation.of(data_dir, environment)
    except (HuitouError, ValidationError) as error:
        return {name: _refused(error) if name == "settings" else skipped("Not looked at: a setting is wrong.") for name in CHECKS}
    try:
        return answers(situation, CHECKS)
    finally:
        situation.close()


def answers(situation: Situation, checks: Mapping[str, Callable[[Situation], Check]]) -> dict[str, Check]:
    """What each check says, in their order; one that breaks is an answer, too."""
    there = situation.data_dir.is_dir()
    missing = skipped("Not looked at: there is no data folder.")
    return {name: _answer(check, situation) if there or name in _WITHOUT_FOLDER else missing for name, check in checks.items()}


def is_well(found: Iterable[Check]) -> bool:
    """Whether nothing failed."""
    return all(one.verdict is not Verdict.FAILED for one in found)


def _answer(check: Callable[[Situation], Check], situation: Situation) -> Check:
    try:
        return check(situation)
    except (HuitouError, ValidationError) as error:
        return _refused(error)
    except Exception as error:  # a check that breaks has found something, and the others must still be heard
        return failed(f"The check itself broke ({type(error).__name__}: {error}).", "Look at what it names; if it is well, report this.")


def _refused(error: HuitouError | ValidationError) -> Check:
    """Our own errors name the remedy themselves."""
    if isinstance(error, HuitouError):
        return failed(str(error), "")
    first = error.errors()[0]
    return failed(f"{PREFIX}{'_'.join(map(str, first['loc'])).upper()}: {first['msg']}.", "docs/settings.md says what is allowed.")


def _variables() -> Iterable[str]:
    yield API_KEY
    for model in SETTINGS:
        for name, told in model.model_fields.items():
            variable = f"{model.model_config.get('env_prefix', '')}{name}".upper()
            yield variable
            if is_secret(told):
                yield variable + SUFFIX
