"""What the effect of an offer may depend on, as a few standardised columns: the same at fitting and at serving."""

from __future__ import annotations

import warnings
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from features.decisions.state import STATE
from training.artifacts.effect_prior import spread
from training.artifacts.effect_reach import reach, tells_clicks, tells_opens

Array = NDArray[np.float64]

COLUMNS = (
    "one",
    "p0",  # log-odds of responding anyway
    "p_order",  # log-odds of ordering anything
    "silence",  # log of 1 + silence in own cycles
    "activity",  # log of 1 + days since the last activity
    "orders",
    "amount",
    "value",
    "discount",
    "coupon",
    "contacts_28d",
    "contacts_112d",
    "opens",
    "clicks",
)
OWN = 2  # leading columns in which an offer may differ from its type; the others its type knows
_PLACE = {name: i for i, name in enumerate(STATE)}
_LEAST = 1e-3  # probabilities are held this far from 0 and 1: the log-odds of a customer of whom hardly anything is known says no more
_FAR = 3.0  # standard deviations at which a column is cut: one odd customer must not be believed to be odder than anybody seen
# Openings and clicks among the decayed messages, as if two more had been sent and one of them half opened: a customer who was sent one
# message and opened it is not sure to open the next.
_SENT_BEFORE, _ANSWERED_BEFORE = 2.0, 0.5


class EffectDesign(BaseModel):
    """Standardises the columns as they were where the model was fitted; an unknown number counts as the mean.

    Attributes:
        tells_opens, tells_clicks: whether the shop's channels tell what was opened, and clicked.
        mean, deviation: of each of `COLUMNS`, 0 and 1 of the first; a deviation of 0: what does not vary tells nothing, its column is 0.
    """

    model_config = ConfigDict(frozen=True)

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    tells_opens: bool = False
    tells_clicks: bool = False

    @classmethod
    def of(cls, state: Array, p0: Array) -> EffectDesign:
        """Measure it.

        Args:
            state: (n, len(STATE)), NaN where not known.
            p0: (n,).
        """
        bare = raw_columns(state, p0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of a column that nobody has: nothing is then known of it
            mean, deviation = np.nanmean(bare, axis=0), np.nanstd(bare, axis=0)
        mean, deviation = np.nan_to_num(mean), np.nan_to_num(deviation)
        deviation[deviation < 1e-9] = 0.0
        mean[0], deviation[0] = 0.0, 1.0
        return cls(
            mean=tuple(mean.tolist()), deviation=tuple(deviation.tolist()), tells_opens=tells_opens(state), tells_clicks=tells_clicks(state)
        )

    def step(self, state: Array, p0: Array, least_spread: float) -> Array:
        """The size of a step of each row, (n,): what the response leaves room for, by how much of what is sent is opened at all."""
        return spread(p0, least_spread) * reach(state, told=self.tells_opens, clicks_told=self.tells_clicks)

    def __call__(self, state: Array, p0: Array) -> Array:
        """Columns of n customers and offers, (n, len(COLUMNS)); arguments as `of`."""
        mean, factor = self._scale
        made = (raw_columns(state, p0) - mean) * factor
        return np.asarray(np.minimum(np.maximum(np.where(np.isnan(made), 0.0, made), -_FAR), _FAR))

    @cached_property
    def _scale(self) -> tuple[Array, Array]:
        deviation = np.array(self.deviation)
        return np.array(self.mean), np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)


def raw_columns(state: Array, p0: Array) -> Array:
    """The columns before they are standardised, (n, len(COLUMNS)); NaN where not known."""

    def told(name: str) -> Array:
        return np.asarray(state[:, _PLACE[name]])

    def logged(name: str) -> Array:
        return np.asarray(np.log1p(np.maximum(told(name), 0.0)))

    sent = told("contacts_decayed_112d") + _SENT_BEFORE
    return np.column_stack(
        [
            np.ones(len(p0)),
            log_odds(p0),
            log_odds(told("p_order")),
            logged("silence_in_cycles"),
            logged("days_since_last_activity"),
            logged("order_count"),
            logged("amount_mean"),
            told("value_percentile"),
            told("discount_share"),
            told("coupon_share"),
            logged("contacts_decayed_28d"),
            logged("contacts_decayed_112d"),
            (told("messages_opened_decayed_112d") + _ANSWERED_BEFORE) / sent,
            (told("messages_clicked_decayed_112d") + _ANSWERED_BEFORE) / sent,
        ]
    )


def log_odds(chance: Array) -> Array:
    """Log-odds, of chances held a little from 0 and 1."""
    held = np.minimum(np.maximum(chance, _LEAST), 1.0 - _LEAST)
    return np.asarray(np.log(held / (1.0 - held)))
