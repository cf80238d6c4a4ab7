"""What huitou believed of a morning's offers, beside what was true: by offer type, and as audiences of one budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.decisions.record import NO_ACTION, DecisionRecord
from features.ledger.decisions import decision_record
from features.ledger.ledger import open_ledger
from features.settings import FeatureSettings
from huitou.simulation.told_offers import ToldOffers
from training.simulation.table import HIGHEST_RISK
from training.simulation.truth import Truth
from training.simulation.world import World

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]

BUDGET = 0.2  # of those at risk: a campaign that reaches everybody needs no choice
_WINBACK = "winback"


@dataclass(frozen=True)
class Beliefs:
    """Offers considered on a morning, one entry each; `m` in all.

    Attributes:
        customer, offer: `(m,)` numbers in the world.
        type: of each as the service names it.
        value, uplift: `(m,)` as the service believed.
    """

    customer: Numbers
    offer: Numbers
    type: tuple[str, ...]
    value: Array
    uplift: Array


def beliefs_of(world: World, data_dir: Path, decisions: Mapping[int, str]) -> Beliefs:
    """Read what was considered in a morning's decisions.

    Args:
        world: as drawn.
        data_dir: of the service.
        decisions: customer → decision id.
    """
    told, rows, types = ToldOffers(world), list[tuple[int, int, float, float]](), list[str]()
    ledger = open_ledger(FeatureSettings(data_dir=data_dir))
    try:
        with ledger.database.reading() as connection:
            for customer, decision in decisions.items():
                text = decision_record(connection, decision)
                for one in DecisionRecord.model_validate_json(text).considered if text else ():
                    if one.type == NO_ACTION:
                        continue
                    offer = {"type": one.type, "offer_id": one.offer_id, "items": [{"product_id": p} for p in one.product_ids]}
                    rows.append((customer, told.number(offer), one.value, one.factors.tau))
                    types.append(one.type)
    finally:
        ledger.close()
    columns = np.array(rows, np.float64).reshape(-1, 4)
    return Beliefs(columns[:, 0].astype(np.int64), columns[:, 1].astype(np.int64), tuple(types), columns[:, 2], columns[:, 3])


def lines(believed: Beliefs, known: Truth) -> list[str]:
    """By offer type: how often considered, mean value believed and true, and how well one orders the other."""
    said = []
    true = known.margin[believed.customer, believed.offer]
    for kind in sorted(set(believed.type)):
        rows = np.array([one == kind for one in believed.type])
        mine, its = believed.value[rows], true[rows]
        together = float(np.corrcoef(mine, its)[0, 1]) if rows.sum() > 2 and mine.std() > 0 and its.std() > 0 else float("nan")
        said.append(
            f"believed of {kind}: considered {rows.sum():,} times, mean value {mine.mean():+.3f}, true {its.mean():+.3f}, "
            f"correlation {together:.2f}"
        )
    return said


def saved_by_audience(world: World, believed: Beliefs, known: Truth, risk: Mapping[int, float], *, at_risk_from: float) -> dict[str, float]:
    """Margin truly saved among customers at risk, by whom a campaign of one budget reaches; everybody reached costs one message.

    Args:
        world: as drawn.
        believed: of the morning.
        known: its truth.
        risk: customer → predicted chance of no order within 28 days.
        at_risk_from: chance from which somebody counts as at risk.

    Returns:
        Audience → money. `uplift × value`: those with the highest believed value, each with the offer that has it. `highest risk first`:
        those most likely to leave, with the same choice of offers. `highest risk, won back`: the same people, all with the win-back offer.
        `oracle`: the most that could be saved.
    """
    best = dict[int, tuple[float, int]]()
    for customer, offer, value in zip(believed.customer.tolist(), believed.offer.tolist(), believed.value.tolist(), strict=True):
        if customer not in best or value > best[customer][0]:
            best[customer] = (value, offer)
    people = [customer for customer, chance in risk.items() if chance >= at_risk_from and customer in best]
    budget = max(int(BUDGET * len(people)), 1)
    winback = next((n for n, offer in enumerate(world.offers.found) if offer.kind == _WINBACK), None)
    by_value = sorted(people, key=lambda c: -best[c][0])[:budget]
    by_risk = sorted(people, key=lambda c: -risk[c])[:budget]
    saved = {
        "uplift × value": sum(float(known.margin[c, best[c][1]]) for c in by_value),
        HIGHEST_RISK: sum(float(known.margin[c, best[c][1]]) for c in by_risk),
        "oracle": float(np.sort(known.margin[people].max(axis=1))[::-1][:budget].sum()) if people else 0.0,
    }
    if winback is not None:
        saved["highest risk, won back"] = float(known.margin[by_risk, winback].sum())
    return saved
