"""A decision's record as it is kept: columns instead of rows, and what other decisions share apart from what is this one's own.

Shared, in the slate (`features.ledger.slates`): `offers` (a list of each column of the offers among which the choice was made, `value` and
`policy_propensity` among them), `fallen` and `screened` (why the others were not), and whatever else stays as it is. A decision's own:
`slots` (places in the columns, first slot first), `propensities` where a holdout makes them others than the policy's, `shut` and
`shut_screened` (what fell by the hour or by what the person was sent). `screened` and `shut_screened` are `step/code` → [`type/id`, …]:
there may be hundreds, and each is given the sentences of its rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from features.decisions.screened import unfolded

NUMBERS = (
    "context",
    "lever",
    "p0",
    "p0_soon",
    "p0_valid",
    "tau",
    "tau_sd",
    "margin",
    "discount",
    "contact_cost",
    "fatigue",
)  # of `Factors`
_FOLDED = frozenset({"offers", "slots", "propensities", "fallen", "screened", "shut", "shut_screened"})


def as_rows(told: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `features.decisions.record.DecisionRecord`, from a record in either form.

    Raises:
        KeyError, ValueError: columns are missing or not of one length.
    """
    named = {name: value for name, value in told.items() if name not in _FOLDED}
    if "offers" in told:
        named["considered"] = _considered(told["offers"], told["slots"], told.get("propensities"))
    screened = [row for name in ("screened", "shut_screened") for row in unfolded(told.get(name) or {})]
    dropped = [*told.get("dropped", ()), *told.get("fallen", ()), *told.get("shut", ()), *screened]
    return named | {"dropped": dropped} if dropped else named


def _considered(offers: Mapping[str, list[Any]], slots: list[int], propensities: list[float] | None) -> list[dict[str, Any]]:
    slot_of = {place: slot for slot, place in enumerate(slots, start=1)}
    of_policy = offers["policy_propensity"]
    rows = zip(
        offers["offer_id"],
        offers["type"],
        offers["product_ids"],
        offers["value"],
        of_policy,
        of_policy if propensities is None else propensities,
        offers["tau_source"],
        zip(*(offers[name] for name in NUMBERS), strict=True),
        strict=True,
    )
    return [
        {
            "offer_id": offer_id,
            "type": kind,
            "product_ids": products,
            "factors": {**dict(zip(NUMBERS, numbers, strict=True)), "tau_source": source},
            "value": value,
            "propensity": propensity,
            "policy_propensity": policy_propensity,
            "slot": slot_of.get(place),
        }
        for place, (offer_id, kind, products, value, policy_propensity, propensity, source, numbers) in enumerate(rows)
    ]
