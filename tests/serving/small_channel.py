"""A channel-churn model for the small shop, for tests that want one: not every shop has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from features.feature_sets import CUSTOMER
from tests.serving.small_shop import customer_vectors, grow, manifest
from training.artifacts.channel_churn import ChannelChurn, ChannelHeader, StandingStill


def write_channel(folder: Path, seed: int) -> Path:
    """Every message drives people away."""
    random = np.random.default_rng(seed)
    stored = np.repeat(customer_vectors(random), 20, axis=0)
    messages = random.poisson(3.0, len(stored)).astype(np.float64)
    for name in ("contact_count", "contacts_decayed_28d", "contacts_decayed_112d"):
        stored[:, CUSTOMER.columns.index(name)] = messages
    path = StandingStill()
    rows = np.vstack([path.at(stored, lead) for lead in (0, 2)])
    label = random.random(len(rows)) < 0.02 + 0.06 * np.tile(messages, 2)
    ChannelChurn(grow(rows, label, path.inputs), ChannelHeader(longest_lead=2, leavers=100)).save(
        folder, manifest("channel_churn", CUSTOMER.hash)
    )
    return folder
