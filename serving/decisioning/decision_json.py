"""A decision as the ledger keeps it: the JSON of `features.decisions.record.DecisionRecord`, written from columns.

Building sixty validated objects only to write them would take longer than the decision; a test reads every field back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic_core import to_json

from features.decisions.record import FORMAT, Holdout
from features.decisions.slate import NUMBERS, Slate

if TYPE_CHECKING:
    from serving.decisioning.engine import Decision


def decision_json(decision: Decision) -> str:
    """The record; what has its default is left out, as readers fill it in."""
    board, request = decision.board, decision.request
    told: dict[str, Any] = {
        "format": FORMAT,
        "decision_id": decision.decision_id,
        "customer_id": decision.whose,
        "now": board.context.now,
        "channel": request.channel,
        "scenario": request.scenario,
        "policy": decision.assigned.told,
        "state": board.layout.state,
        "considered": _considered(decision),
        "dropped": [
            {
                "offer_id": one.candidate.offer_id,
                "type": one.candidate.type,
                "step": one.step,
                "code": one.code,
                "sentence_en": one.sentence_en,
                "sentence_zh": one.sentence_zh,
            }
            for one in board.fallen
        ],
        "screened": board.screen.fallen(),
        "explored": decision.choice.explored,
        "seed": decision.seed,
        "beliefs_seed": decision.arbitration.odds.beliefs,
        "holdout": None if decision.holdout is None else Holdout(decision.holdout).value,
        "assignments": [{"experiment_id": one.experiment_id, "arm": one.arm} for one in decision.assigned.assignments],
        "model_versions": dict(board.context.live.models.versions),
        "limit": request.limit,
    }
    return to_json(told).decode()


def _considered(decision: Decision) -> list[dict[str, Any]]:
    slate, choice = decision.slate, decision.choice
    slots = {place: slot for slot, place in enumerate(decision.places, start=1)}
    columns = zip(
        slate.offer_ids,
        slate.types,
        slate.product_ids,
        _factors(slate),
        decision.values.tolist(),
        choice.propensities.tolist(),
        choice.policy_propensities.tolist(),
        strict=True,
    )
    return [
        {
            "offer_id": offer_id,
            "type": kind,
            "product_ids": products,
            "factors": factors,
            "value": value,
            "propensity": propensity,
            "policy_propensity": of_policy,
            "slot": slots.get(place),
        }
        for place, (offer_id, kind, products, factors, value, propensity, of_policy) in enumerate(columns)
    ]


def _factors(slate: Slate) -> list[dict[str, Any]]:
    factors = slate.factors
    rows = zip(*(getattr(factors, name).tolist() for name in NUMBERS), factors.source, strict=True)
    names = (*NUMBERS, "tau_source")
    made = [dict(zip(names, row, strict=True)) for row in rows]
    for place in np.flatnonzero(~np.isnan(factors.p0_valid)).tolist():  # few offers take money off; the others' is left out
        made[place]["p0_valid"] = float(factors.p0_valid[place])
    return made
