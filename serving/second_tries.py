"""An answer that fails with some models is given with others: an arm's with the live ones, new models' with the ones before.

Failing is raising, or giving no number where one was asked for: offers would fall silently, and nobody would know why.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from serving.live import Live
from serving.model_trial import ModelTrial

_LOG = logging.getLogger("huitou.serving")
_Made = TypeVar("_Made")
_Try = tuple[list[_Made], Exception | None]  # what was made, unless it raised; what is wrong with it, None when nothing is


class NoNumber(Exception):
    """A model gave no number; told to the log, never raised."""


def answered(live: Live, trial: ModelTrial, work: Callable[[Live], _Made], silent: Callable[[_Made], bool]) -> _Made:
    """Answer with the live state, or with the next that can.

    Args:
        live: what answers.
        trial: of its models; told what failed with them. What fails in an arm only is not their fault.
        work: makes an answer from a state.
        silent: whether a model gave no number in it.

    Raises:
        Exception: what `work` raises where no other models can be asked.
    """
    made, wrong = _tried(live, work, silent)
    if wrong is None:
        return made[0]
    if live.experiments.arm_models:
        plain, wrong_too = _tried(live.without_arms(), work, silent)
        if wrong_too is None:
            _LOG.error("An answer failed with the models of an arm; it is given with the live ones.", exc_info=wrong)
            return plain[0]
    trial.answered(live.models, failed=True)
    spare = trial.spare(live)
    if spare is not None:
        _LOG.error("An answer failed with models on trial; it is given with the ones before.", exc_info=wrong)
        return work(spare)
    if made:
        return made[0]  # degraded, and it says so
    raise wrong


def _tried(state: Live, work: Callable[[Live], _Made], silent: Callable[[_Made], bool]) -> _Try[_Made]:
    try:
        made = work(state)
    except Exception as error:  # whatever a model raises on a customer, there may be another that does not
        return [], error
    return [made], NoNumber("A model gave no number.") if silent(made) else None
