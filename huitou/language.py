"""Which language a command speaks: the one asked for, else the one of the locale."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")  # in the order POSIX gives them: the first that is set decides


class Language(StrEnum):
    """A language that the printed pages know."""

    EN = "en"
    ZH = "zh"


def language_of(environment: Mapping[str, str]) -> Language:
    """Chinese where the locale is Chinese, else English.

    Args:
        environment: variables of the process.
    """
    locale = next((environment[name] for name in _LOCALE if environment.get(name)), "")
    return Language.ZH if locale.lower().startswith("zh") else Language.EN
