"""The at-risk audience: customers who are likely to leave and worth keeping, with a holdout that is left alone.

Ranked by what a message is expected to save, each customer's best offer taken (`serving.campaigns.best_offer`), once effects are learned
from this shop's decisions: who leaves anyway and who stays anyway are both left alone. Before that by value at risk = P(no order within
the horizon) × margin of the horizon if they stayed, less what the message may cost by driving them out of the channel (docs/adr/0009 and
0021). That is what could be lost, not what a message saves. The holdout tells what was.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.decisions.assignment import holdout_of
from features.decisions.record import Holdout
from serving.campaigns.best_offer import BestOffer, best_offers
from serving.campaigns.csv_file import write_csv
from serving.campaigns.population import Population, score_population
from serving.channel_scores import added_leaving, channel_probabilities
from serving.churn_scores import expected_date
from serving.live import Live
from serving.lost_reach import lost_of_many
from serving.segments import cycle_survival
from serving.services import Services
from serving.spending import expected_margin

TARGET, HOLDOUT = "target", "holdout"


class Rank(StrEnum):
    """By what the audience is chosen and ordered."""

    AUTO = "auto"  # uplift where effects are learned, else value at risk
    UPLIFT = "uplift"
    VALUE_AT_RISK = "value_at_risk"


_REASONS = 3

COLUMNS = (
    "rank",
    "customer_id",
    "group",
    "horizon_days",
    "churn_probability",
    "churn_percentile",
    "channel_churn_probability",
    "expected_next_order_date",
    "stage",
    "layer",
    "expected_margin_if_staying",
    "value_at_risk",
    "channel",
    "contact_cost",
    "cost_of_leaving",
    "offer_id",
    "uplift",
    "uplift_sd",
    "expected_value",
    *(f"reason_{i}_{part}" for i in range(1, _REASONS + 1) for part in ("code", "en", "zh")),
    "not_causal",
    "currency",
    "as_of",
    "model_version",
    "assumptions",
)


@dataclass(frozen=True)
class AudienceSummary:
    """What was written.

    Attributes:
        out: the file.
        targets, holdouts: customers to contact, and to leave alone.
        value_at_risk: sum over both groups, in currency.
        suitable: customers at risk and worth a contact, of whom the audience holds the best.
        unreadable: customers left out because their row is damaged.
        held_out: holdout of the policy → customers at risk and reachable who are left out since they belong to it.
        rank: by what they were chosen.
        causal: whether that is an effect learned from this shop's decisions, of all of them.
    """

    out: Path
    targets: int
    holdouts: int
    value_at_risk: float
    currency: str
    suitable: int
    unreadable: int
    held_out: Mapping[Holdout, int]
    rank: Rank
    causal: bool

    def __str__(self) -> str:
        """One sentence."""
        damaged = f"; {self.unreadable} damaged rows were left out" if self.unreadable else ""
        universal, control = (self.held_out.get(one, 0) for one in (Holdout.UNIVERSAL, Holdout.MODEL_CONTROL))
        apart = f"; left out: {universal} of the universal holdout and {control} of the model control, at risk too"
        return (
            f"{self.targets} customers to contact and {self.holdouts} held out, of {self.suitable} at risk and worth a contact, with "
            f"{self.value_at_risk:,.2f} {self.currency} of margin at risk, by {self.rank.value.replace('_', ' ')}, into {self.out}"
            f"{apart}{damaged}"
        )


def write_at_risk_audience(
    services: Services, *, horizon: int, size: int, holdout: float, seed: int, out: Path, rank: Rank = Rank.AUTO
) -> AudienceSummary:
    """Choose the audience and write it.

    A customer is suitable from the churn probability within 28 days that the assumptions name, when they agreed to profiling and to being
    contacted on the channel, and when it pays: by uplift, when their best offer is worth more than sending nothing; else when the value at
    risk exceeds the contact's cost and the cost of leaving. Without a channel that may be used nobody is,
    and nobody of the policy's own holdouts: the universal one is sent nothing by anybody, the model control nothing that a model chose.

    Args:
        services: the state and the models.
        horizon: days within which no order counts as leaving, at least 1.
        size: customers in the file, holdout included.
        holdout: share of them that is left alone, 0 to 1.
        seed: draws the holdout.
        out: CSV file, replaced atomically.
        rank: by what is chosen and ordered.

    Raises:
        ModelUnavailable: there is no return hazard to score with.
        StateBroken: no customer can be read.
    """
    live = services.live
    if rank is Rank.AUTO:
        rank = Rank.VALUE_AT_RISK if live.models.offer_effect is None else Rank.UPLIFT
    population = score_population(live, services.permissions.profiled(), also=(horizon,), blind=True)
    margin = expected_margin(population.stored, horizon, live.catalogue.assumptions)
    at_risk = population.churn.probability[horizon] * margin
    channel = cheapest_channel(live)
    leaving = added_leaving(live.models.channel_churn, population.stored) * _lost(services, population, channel)
    suitable = np.empty(0, np.intp) if channel is None else _at_risk(services, population, channel)
    apart = [holdout_of(population.customers[i].customer_id, live.policy.holdouts) for i in suitable.tolist()]
    suitable = suitable[[one is None for one in apart]]
    worth, best = at_risk - leaving - live.catalogue.assumptions.contact_cost(channel), dict[int, BestOffer]()
    if channel is not None and rank is Rank.UPLIFT:
        found = best_offers(services, [population.customers[i].customer_id for i in suitable.tolist()], channel)
        best = {i: one for i, one in zip(suitable.tolist(), found, strict=True) if one is not None}
        worth = np.array([best[i].saved if i in best else 0.0 for i in range(len(worth))])
    # Those worth most first; ties by id, which is the rows' order.
    suitable = suitable[worth[suitable] > 0]
    suitable = suitable[np.argsort(-worth[suitable], kind="stable")]
    chosen = suitable[:size]
    held = [in_holdout(population.customers[i].customer_id, share=holdout, seed=seed) for i in chosen.tolist()]
    audience = _Audience(live, population, horizon, margin, at_risk, leaving, channel or "", worth, best)
    write_csv(out, COLUMNS, audience.rows(chosen, held))
    return AudienceSummary(
        out=out,
        targets=len(held) - sum(held),
        holdouts=sum(held),
        value_at_risk=float(at_risk[chosen].sum()),
        currency=live.catalogue.assumptions.currency,
        suitable=len(suitable),
        unreadable=population.unreadable,
        held_out=Counter(one for one in apart if one is not None),
        rank=rank,
        causal=bool(best) and all(best[i].learned for i in chosen.tolist()),
    )


def in_holdout(customer_id: str, *, share: float, seed: int) -> bool:
    """Whether a customer is held out: a hash of seed and id, so that it depends on nobody else and on no order, and repeats."""
    digest = hashlib.blake2b(f"{seed}:{customer_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64 < share


def cheapest_channel(live: Live) -> str | None:
    """The channel that may be used and costs least; None when there is none."""
    assumptions = live.catalogue.assumptions
    return min(assumptions.outbound_channels, key=lambda channel: (assumptions.contact_cost(channel), channel), default=None)


def _lost(services: Services, population: Population, channel: str | None) -> NDArray[np.float64]:
    """(n,) Money that goes with the channel when a customer leaves it."""
    live, of_late = services.live, services.engine.messages.mean(channel, services.now)
    assumptions, policy, curves = live.catalogue.assumptions, live.policy, population.churn.curve
    p_order, p_soon = (
        np.array([1.0 - cycle_survival(curve, float(days)) for curve in curves]) for days in (policy.horizon_days, policy.learned_days)
    )
    baskets = np.nan_to_num([customer.value("amount_mean") for customer in population.customers])
    price = assumptions.contact_cost(channel)
    return lost_of_many(population.stored, p_order, p_soon, baskets, price=price, policy=policy, assumptions=assumptions, of_late=of_late)


def _at_risk(services: Services, population: Population, channel: str) -> NDArray[np.intp]:
    """Rows that are at risk and may be contacted on the channel, in the rows' order."""
    threshold = services.live.catalogue.assumptions.offers.winback_from_churn
    contactable = services.permissions.contactable(channel)
    rows = np.flatnonzero(population.churn.winback >= threshold)
    return rows[np.array([population.customers[i].customer_id in contactable for i in rows.tolist()], dtype=np.bool_)]


@dataclass(frozen=True)
class _Audience:
    live: Live
    population: Population
    horizon: int
    margin: NDArray[np.float64]
    at_risk: NDArray[np.float64]
    leaving: NDArray[np.float64]
    channel: str
    worth: NDArray[np.float64]
    best: dict[int, BestOffer]

    def rows(self, chosen: NDArray[np.intp], held: list[bool]) -> Iterator[tuple[object, ...]]:
        """Rows of the file in the order of `COLUMNS`."""
        churn, assumptions = self.population.churn, self.live.catalogue.assumptions
        cost = assumptions.contact_cost(self.channel)
        leaving = channel_probabilities(self.live, self.population.stored, [self.horizon])
        tail = (assumptions.currency, self.live.as_of.isoformat(), self.live.models.versions["return_hazard"], assumptions.version)
        for rank, (i, is_held) in enumerate(zip(chosen.tolist(), held, strict=True), start=1):
            customer = self.population.customers[i]
            expected = expected_date(customer.as_of, float(churn.days_until_order[i]))
            yield (
                rank,
                customer.customer_id,
                HOLDOUT if is_held else TARGET,
                self.horizon,
                round(float(churn.probability[self.horizon][i]), 6),
                round(float(churn.percentile[self.horizon][i]), 1),
                leaving[i][self.horizon],
                None if expected is None else expected.isoformat(timespec="seconds"),
                self.population.segments[i].stage,
                self.population.segments[i].layer,
                round(float(self.margin[i]), 2),
                round(float(self.at_risk[i]), 2),
                self.channel,
                cost,
                round(float(self.leaving[i]), 2),
                *self._offer(i),
                round(float(self.worth[i]), 2),
                *self._reasons(i),
                not (i in self.best and self.best[i].learned),
                *tail,
            )

    def _offer(self, row: int) -> tuple[object, ...]:
        """Cells of the best offer; empty where it was not asked for."""
        best = self.best.get(row)
        return (None, None, None) if best is None else (best.offer_id, round(best.uplift, 6), round(best.uplift_sd, 6))

    def _reasons(self, row: int) -> list[str]:
        causes = [cause for cause in self.population.model.reasons(self.population.stored[row]) if cause.effect > 0][:_REASONS]
        fields = [field for cause in causes for field in (cause.code, cause.sentence_en, cause.sentence_zh)]
        return fields + [""] * (3 * _REASONS - len(fields))
