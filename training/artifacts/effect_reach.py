"""Whom a message reaches at all: somebody who does not open it is not changed by it.

Effects are in proportion to how much of what is sent a customer opens, before anything is learned of them. Opens are seen on every message,
whether it was drawn by lot or not, so this part of the difference between customers need not be learned from outcomes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.decisions.state import STATE

Array = NDArray[np.float64]

# Opened of sent, at which an effect is as strong as the prior says: the published experiments of docs/offer-effects.md were mailed to whole
# lists, of which large senders report a fifth to a third opened.
_USUAL = 0.25
_SENT_BEFORE = 2.0  # messages as if sent before, of which the usual share was opened: one message that was opened is no habit
_BOUNDS = (0.1, 4.0)  # an opening that no pixel told may still have happened; nobody opens more than everything
_SENT, _OPENED = STATE.index("contacts_decayed_112d"), STATE.index("messages_opened_decayed_112d")


def reach(state: Array, *, told: bool | None = None) -> Array:
    """Share of messages opened, by the usual one, (n,).

    Args:
        state: (n, len(STATE)), NaN where not known.
        told: whether the shop's channels tell what was opened. False: 1 for everybody. None: nobody knows yet; 1 for whoever never opened
            anything, since their channel may not tell.
    """
    if told is False:
        return np.ones(len(state))
    sent, opened = np.nan_to_num(state[:, _SENT]), np.nan_to_num(state[:, _OPENED])
    found = np.clip((opened / _USUAL + _SENT_BEFORE) / (sent + _SENT_BEFORE), *_BOUNDS)
    return found if told else np.where(opened > 0, found, 1.0)


def tells_opens(state: Array) -> bool:
    """Whether anybody of (n, len(STATE)) opened anything."""
    return bool((state[:, _OPENED] > 0).any())
