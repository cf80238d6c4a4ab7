"""Effects of offers: what sending one changes, learned from the decisions that this shop drew by lot.

Judged on customers hidden from the fit, not on later weeks: effects must be learned while there are few weeks of them, and what one
customer did says nothing of another. Method: docs/offer-effects.md.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from features.decisions.assignment import place
from features.decisions.policy import FILE as POLICY_FILE
from features.decisions.policy import DecisionPolicy, load_policy
from features.errors import TooLittleHistory
from training.artifacts.effect_prior import EffectPrior
from training.artifacts.folder import Manifest
from training.artifacts.offer_effect import KIND, STATE_HASH, OfferEffect
from training.code_version import git_commit
from training.datasets.decision_log import decision_log, decisions_kept
from training.datasets.effect_rows import EffectRows, effect_rows
from training.datasets.trial_rows import trial_rows
from training.evaluation.offer_effect import judge_effects
from training.models.effect_baselines import baseline_effects
from training.models.effect_fit import OfferEffectConfig, fit_effects, require_decisions
from training.models.effect_response import cross_fitted, fit_response, response_inputs, types_of
from training.recipe import Evaluation, TrainingData


class OfferEffectRecipe:
    """How the model of effects comes to be."""

    name = KIND

    def __init__(self, config: OfferEffectConfig | None = None) -> None:
        self.config = config or OfferEffectConfig()

    def inputs(self, data: TrainingData) -> object:
        """What it depends on beside the history: the decisions, and the policy's prior and horizon."""
        count, newest = decisions_kept(data.settings)
        policy = _policy(data)
        return [count, None if newest is None else newest.isoformat(), policy.prior.model_dump(), policy.learned_days]

    def evaluate(self, data: TrainingData, folder: Path) -> Evaluation:
        """Fit on two thirds of the customers, judge on the others beside the baselines.

        Raises:
            TooLittleHistory: too few decisions were drawn by lot whose horizon is over.
        """
        started = time.perf_counter()
        data.tell("reading the decisions")
        rows, prior = self.rows(data), EffectPrior.of(_policy(data).prior)
        hidden = np.array([place(f"{data.seed}:judged", name) < self.config.judged_share for name in rows.names], dtype=bool)
        judged_row = hidden[rows.customer[rows.decision]]
        known, judged = rows.where(~judged_row), rows.where(judged_row)
        for part in (known, judged):
            if not len(part.outcome) or part.outcome.min() == part.outcome.max():
                raise TooLittleHistory("The offer effect model needs responses among the customers it is judged on; there are none yet.")
        data.tell("fitting on some customers")
        with threadpool_limits(limits=1):  # small matrices: threads would only wait for each other
            model = fit_effects(known, prior, self.config, seed=data.seed)
            model.save(folder, self._manifest(data, rows, {}))
            data.tell("judging on the others")
            design = model.header.design
            columns, judged_columns = (design(part.state[part.decision], part.p0) for part in (known, judged))
            expected = cross_fitted(known, columns, design, folds=self.config.folds, seed=data.seed)
            inputs = response_inputs(known, columns, known.chance)
            response = fit_response(inputs, known.outcome, design, types=types_of(known), seed=data.seed)
            peers = baseline_effects(known, columns, expected, judged, judged_columns, prior=prior, seed=data.seed)
            of_judged = response(response_inputs(judged, judged_columns, judged.chance))
            evaluation = judge_effects(self.name, judged, of_judged, row_effects(model, judged), peers, seed=data.seed)
        return evaluation.model_copy(
            update={
                "protocol": (
                    f"Decisions drawn by lot until {model.header.learned_until[:10]} of {int(hidden.sum()):,} customers hidden from "
                    f"the fit; responses within {rows.horizon_days} days, weighed by the known chances."
                ),
                "parameters": {**self.config.model_dump(), **model.header.levels.model_dump()},
                "notes": [f"{rows.decisions:,} decisions of {len(rows.offers)} offers, {rows.silent:,} of them silent."],
                "seconds": time.perf_counter() - started,
            }
        )

    def refit(self, data: TrainingData, folder: Path, evaluation: Evaluation) -> Manifest:
        """Fit on every decision whose horizon is over.

        Raises:
            TooLittleHistory: as `evaluate`.
        """
        rows = self.rows(data)
        with threadpool_limits(limits=1):
            model = fit_effects(rows, EffectPrior.of(_policy(data).prior), self.config, seed=data.seed)
        return model.save(folder, self._manifest(data, rows, evaluation.metrics))

    def rows(self, data: TrainingData) -> EffectRows:
        """Rows of every decision whose days are over by the clock, and of the past trials that the shop imported.

        Raises:
            TooLittleHistory: they are too few.
        """
        policy = _policy(data)
        days = policy.learned_days
        rows = effect_rows(decision_log(data.settings), data.warehouse, until=data.now, horizon_days=days)
        past = trial_rows(data.settings, data.warehouse, until=data.now, horizon_days=days, order_days=policy.horizon_days)
        rows = rows if past is None else rows.beside(past)
        require_decisions(rows, self.config, data.now)
        return rows

    def _manifest(self, data: TrainingData, rows: EffectRows, metrics: dict[str, float]) -> Manifest:
        seen = _moment(int(rows.at[rows.decision].max())) + timedelta(days=rows.horizon_days)
        return Manifest(
            name=self.name,
            kind=KIND,
            feature_set_hash=STATE_HASH,
            data_from=data.warehouse.first_event,
            data_until=min(seen, data.now),
            input_hash=data.warehouse.version,
            git_commit=git_commit(),
            settings={**self.config.model_dump(), "horizon_days": rows.horizon_days, "seed": data.seed},
            metrics=metrics,
        )


def row_effects(model: OfferEffect, rows: EffectRows) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(n,) mean τ of each row's offer."""
    found = np.zeros(len(rows.outcome))
    for number in np.unique(rows.offer).tolist():
        mine = rows.offer == number
        mean, _ = model.beliefs(rows.state[rows.decision[mine]], [rows.offers[number]], rows.p0[mine][:, None])
        found[mine] = mean[:, 0]
    return found


def _policy(data: TrainingData) -> DecisionPolicy:
    return load_policy(data.settings.data_dir / POLICY_FILE)


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, UTC)
