"""The contact rules of each policy that decides, compiled once."""

from __future__ import annotations

from functools import lru_cache

from features.decisions.policy import ContactPolicy
from serving.decisioning.contact_policy import ContactRules

_POLICIES = 256  # kept: one for each combination of arms that changes the rules


@lru_cache(maxsize=_POLICIES)
def rules_of(policy: ContactPolicy, outbound: tuple[str, ...]) -> ContactRules:
    """The rules of a policy; arguments and errors as `ContactRules.compile`."""
    return ContactRules.compile(policy, outbound)
