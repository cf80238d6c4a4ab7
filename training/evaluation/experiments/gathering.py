"""What a reading needs, from the ledger and the history."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from features.assumptions import Assumptions
from features.decisions.experiment import Experiment
from features.errors import HuitouError
from features.ledger import identities
from features.ledger.catalogue import Kind, document, documents
from features.ledger.contacts import CONTACTS
from features.ledger.exposures import exposures
from features.warehouse import Warehouse
from training.evaluation.experiments.outcomes import History, Met, history
from training.evaluation.experiments.reading import Measured, Reading, metrics_of, read_experiment


class ExperimentUnknown(HuitouError):
    """No such experiment was written; names those that were."""


def gathered_history(connection: Connection, warehouse: Warehouse, assumptions: Assumptions) -> History:
    """The history with what the messages cost that the ledger knows of."""
    import polars as pl

    owner = identities.standing(connection)
    rows = [
        (owner.get(who, who), at, assumptions.contacts.cost.get(channel or "", assumptions.contacts.default_cost))
        for who, channel, at in connection.execute(select(CONTACTS.c.recorded_as, CONTACTS.c.channel, CONTACTS.c.at))
    ]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {"customer_id": pl.String, "at": pl.Datetime("us", "UTC"), "cost": pl.Float64}
    return history(warehouse, assumptions, pl.DataFrame(rows, schema=schema, orient="row"))


def gathered_reading(
    connection: Connection, experiment_id: str, warehouse: Warehouse, assumptions: Assumptions, *, now: datetime
) -> tuple[Experiment, Reading]:
    """Read an experiment as of the clock.

    Args:
        connection: any of the ledger.
        experiment_id: which.
        warehouse: the history, whose orders and activities tell what became of customers.
        assumptions: margins.
        now: the clock, UTC: no later exposure and no later order is read.

    Raises:
        ExperimentUnknown: it was never written.
    """
    body = document(connection, Kind.EXPERIMENT, experiment_id)
    if body is None:
        known = ", ".join(documents(connection, Kind.EXPERIMENT)) or "none"
        raise ExperimentUnknown(f"No experiment {experiment_id} was written; there are: {known}. `PUT /v1/experiments` writes one.")
    experiment = Experiment.model_validate_json(body)
    number = {arm.name: place for place, arm in enumerate(experiment.arms)}
    met = [Met(one.recorded_as, number[one.arm], one.first_at) for one in exposures(connection, experiment_id, until=now)]
    exposed = {name: sum(one.group == place for one in met) for name, place in number.items()}
    facts = gathered_history(connection, warehouse, assumptions)
    measured = {metric: Measured(*facts.measured(met, metric, now=now)) for metric in metrics_of(experiment)}
    by_outcome = {(metric.outcome, metric.within_days): found for metric, found in measured.items()}
    guarded = {one: by_outcome[one.outcome, one.within_days] for one in experiment.guardrails}
    return experiment, read_experiment(experiment, exposed, measured[experiment.metric], guarded)
