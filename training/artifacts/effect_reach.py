"""Whom a message reaches at all: somebody who does not open it is not changed by it, and who clicks what they open is, more than others.

Effects are in proportion to how much of what is sent a customer opens, and of what they open clicks, before anything is learned of them.
Opens and clicks are seen on every message, whether it was drawn by lot or not, so this part of the difference between customers need not
be learned from outcomes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.decisions.state import STATE

Array = NDArray[np.float64]

# Opened of sent, at which an effect is as strong as the prior says: the published experiments of docs/offer-effects.md were mailed to whole
# lists, of which large senders report a fifth to a third opened, and of the opened 6 to 17 % clicked.
_USUAL, _USUAL_CLICKS = 0.25, 0.10
_SENT_BEFORE = 2.0  # messages as if sent before, of which the usual share was opened: one message that was opened is no habit
_OPENED_BEFORE = 10.0  # the same of clicks, which are rarer: one of them was one of the usual in ten
_BOUNDS = (0.1, 4.0)  # an opening that no pixel told may still have happened; nobody opens more than everything
_SENT, _OPENED = STATE.index("contacts_decayed_112d"), STATE.index("messages_opened_decayed_112d")
_CLICKED = STATE.index("messages_clicked_decayed_112d")


def reach(state: Array, *, told: bool | None = None, clicks_told: bool | None = None) -> Array:
    """Share of messages opened, by the usual one, times the share of these that was clicked, by the usual one, (n,).

    Args:
        state: (n, len(STATE)), NaN where not known.
        told: whether the shop's channels tell what was opened. False: 1 for everybody. None: nobody knows yet; 1 for whoever never opened
            anything, since their channel may not tell.
        clicks_told: the same of clicks.
    """
    if told is False:
        return np.ones(len(state))
    sent, opened, clicked = (np.nan_to_num(state[:, column]) for column in (_SENT, _OPENED, _CLICKED))
    opens = np.clip((opened / _USUAL + _SENT_BEFORE) / (sent + _SENT_BEFORE), *_BOUNDS)
    clicks = (clicked / _USUAL_CLICKS + _OPENED_BEFORE) / (opened + _OPENED_BEFORE)
    if not clicks_told:
        clicks = np.where((clicked > 0) & (clicks_told is None), clicks, 1.0)
    found = np.clip(opens * clicks, *_BOUNDS)
    return found if told else np.where(opened > 0, found, 1.0)


def tells_opens(state: Array) -> bool:
    """Whether anybody of (n, len(STATE)) opened anything."""
    return bool((state[:, _OPENED] > 0).any())


def tells_clicks(state: Array) -> bool:
    """Whether anybody of (n, len(STATE)) clicked anything."""
    return bool((state[:, _CLICKED] > 0).any())
