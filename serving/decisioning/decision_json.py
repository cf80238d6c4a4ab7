"""A decision as the ledger keeps it, written from columns: its own part, and its slate, which is written once for many decisions.

Building sixty validated objects only to write them would take longer than the decision; a test reads every field back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic_core import to_json

from features.decisions.record import FORMAT, Holdout
from features.decisions.record_columns import NUMBERS
from features.ledger.slates import KeptSlate
from serving.decisioning.eligibility import Dropped

if TYPE_CHECKING:
    from serving.decisioning.engine import Decision


def decision_json(decision: Decision) -> str:
    """The decision's own part of its record; what has its default is left out, as readers fill it in."""
    board, request, choice = decision.board, decision.request, decision.choice
    told: dict[str, Any] = {
        "format": FORMAT,
        "decision_id": decision.decision_id,
        "now": board.context.now,
        "channel": request.channel,
        "scenario": request.scenario,
        "slots": decision.places,
        "explored": choice.explored,
        "seed": decision.seed,
        "holdout": None if decision.holdout is None else Holdout(decision.holdout).value,
        "limit": request.limit,
    }
    if choice.propensities is not choice.policy_propensities:
        told["propensities"] = choice.propensities.tolist()
    if board.shut:
        told["shut"] = _dropped(board.shut)
    if board.open_written is not None:
        told["shut_screened"] = board.screen.fallen(but=board.layout.codes)
    return to_json(told).decode()


def kept_slate(decision: Decision, recorded_as: str | None) -> KeptSlate:
    """The slate of a decision; made once for all that are drawn from the same odds and kept under the same id."""
    told = decision.arbitration.told
    name = f"slate of {recorded_as!r}"
    found: KeptSlate | None = told.get(name)
    if found is None:
        found = told[name] = KeptSlate.of(_slate_json(decision), recorded_as)
    return found


def _slate_json(decision: Decision) -> str:
    board, slate, odds = decision.board, decision.slate, decision.arbitration.odds
    offers: dict[str, Any] = {
        "offer_id": slate.offer_ids,
        "type": slate.types,
        "product_ids": slate.product_ids,
        "tau_source": slate.factors.source,
        "value": decision.values.tolist(),
        "policy_propensity": decision.choice.policy_propensities.tolist(),
    }
    offers |= {name: getattr(slate.factors, name).tolist() for name in NUMBERS}
    told: dict[str, Any] = {
        "customer_id": decision.whose,
        "policy": decision.assigned.told,
        "state": board.layout.state,
        "beliefs_seed": odds.beliefs,
        "assignments": [{"experiment_id": one.experiment_id, "arm": one.arm} for one in decision.assigned.assignments],
        "model_versions": dict(board.context.live.models.versions),
        "offers": offers,
        "fallen": _dropped(board.layout.fallen),
        "screened": board.layout_screen.fallen(but=np.zeros_like(board.layout.codes)),
    }
    return to_json(told, inf_nan_mode="null").decode()  # NaN is what a row has None for


def _dropped(fallen: Iterable[Dropped]) -> list[dict[str, str]]:
    return [
        {
            "offer_id": one.candidate.offer_id,
            "type": one.candidate.type,
            "step": one.step,
            "code": one.code,
            "sentence_en": one.sentence_en,
            "sentence_zh": one.sentence_zh,
        }
        for one in fallen
    ]
