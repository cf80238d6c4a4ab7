"""The decisions in the ledger as a table, narrow enough for hundreds of thousands: who, when, what was known, what was considered."""

from __future__ import annotations

from datetime import datetime

import polars as pl
from sqlalchemy import Connection, func, select

from features.assumptions import FILE as ASSUMPTIONS_FILE
from features.assumptions import load_assumptions
from features.decisions.policy import DecisionPolicy
from features.decisions.state import STATE
from features.ledger import identities
from features.ledger.decisions import DECISIONS, whole_records
from features.ledger.ledger import ledger_exists, open_ledger
from features.settings import FeatureSettings

_DEFAULT = DecisionPolicy()
_AT_ONCE = 5_000  # records decoded together; at some 10 kB each
_NUMBERS = ("p0_soon", "margin", "discount", "contact_cost", "fatigue")
_FACTORS = pl.Struct(dict.fromkeys(_NUMBERS, pl.Float64))
_OFFER = pl.Struct(
    {
        "offer_id": pl.String,
        "type": pl.String,
        "product_ids": pl.List(pl.String),
        "factors": _FACTORS,
        "policy_propensity": pl.Float64,
        "slot": pl.Int64,
    }
)
# The same in columns (`features.decisions.record_columns`).
_OFFERS = pl.Struct(
    {
        "offer_id": pl.List(pl.String),
        "type": pl.List(pl.String),
        "product_ids": pl.List(pl.List(pl.String)),
        "policy_propensity": pl.List(pl.Float64),
    }
    | dict.fromkeys(_NUMBERS, pl.List(pl.Float64))
)
# What of `features.decisions.record.DecisionRecord` is read: whole records in Python would take minutes.
_RECORD = pl.Struct(
    {
        "customer_id": pl.String,
        "now": pl.String,
        "channel": pl.String,
        "policy": pl.Struct(
            {
                "horizon_days": pl.Int64,
                "effect_days": pl.Int64,
                "holdouts": pl.Struct({"universal": pl.Float64, "model_control": pl.Float64}),
            }
        ),
        "state": pl.Struct(dict.fromkeys(STATE, pl.Float64)),
        "considered": pl.List(_OFFER),
        "offers": _OFFERS,
        "slots": pl.List(pl.Int64),
    }
)


def decision_log(settings: FeatureSettings) -> pl.DataFrame:
    """Every decision about somebody on a channel where the shop comes to the customer, oldest first.

    Returns:
        `customer_id` (the customer behind the id), `now`, `learned_days`, `universal`, `model_control`, `state`, `considered`.

    Raises:
        LedgerAway, LedgerBroken: the ledger does not answer.
    """
    if not ledger_exists(settings):
        return _frame([])
    ledger = open_ledger(settings)
    try:
        with ledger.database.reading() as connection:
            links = identities.standing(connection)
            found = pl.concat([_frame([]), *_decoded(connection)])
    finally:
        ledger.close()
    if found.is_empty():
        return found.drop("channel")
    inbound = load_assumptions(settings.data_dir / ASSUMPTIONS_FILE).consent.inbound_channels
    sent = found.filter(pl.col("channel").is_null() | ~pl.col("channel").is_in(inbound))
    return sent.drop("channel").with_columns(pl.col("customer_id").replace(links)).sort("now", "customer_id", maintain_order=True)


def decisions_kept(settings: FeatureSettings) -> tuple[int, datetime | None]:
    """How many decisions have a record, and when the newest was made: what tells that there is something new to learn from."""
    if not ledger_exists(settings):
        return 0, None
    ledger = open_ledger(settings)
    try:
        with ledger.database.reading() as connection:
            asked = select(func.count(DECISIONS.c.record), func.max(DECISIONS.c.decided_at))
            count, newest = connection.execute(asked).one()
    finally:
        ledger.close()
    return int(count), newest


def _decoded(connection: Connection) -> list[pl.DataFrame]:
    return [_frame([record for _, record in group]) for group in whole_records(connection, at_once=_AT_ONCE)]


def _frame(records: list[str]) -> pl.DataFrame:
    told = _in_rows(pl.DataFrame({"record": pl.Series(records, dtype=pl.String).str.json_decode(_RECORD)}).unnest("record"))
    policy = pl.col("policy").struct
    holdouts = policy.field("holdouts").struct
    return told.filter(pl.col("customer_id").is_not_null()).select(
        "customer_id",
        pl.col("now").str.to_datetime(format="%+", time_zone="UTC", time_unit="us"),
        "channel",
        # A record leaves out what is as by default: where it says nothing of its policy, the default held.
        pl.min_horizontal(
            policy.field("horizon_days").fill_null(_DEFAULT.horizon_days), policy.field("effect_days").fill_null(_DEFAULT.effect_days)
        ).alias("learned_days"),
        holdouts.field("universal").fill_null(_DEFAULT.holdouts.universal).alias("universal"),
        holdouts.field("model_control").fill_null(_DEFAULT.holdouts.model_control).alias("model_control"),
        "state",
        "considered",
    )


def _in_rows(told: pl.DataFrame) -> pl.DataFrame:
    """`considered` also of records that keep columns."""
    numbered = told.with_row_index("record")
    columns = numbered.filter(pl.col("offers").is_not_null()).select("record", "slots", "offers").unnest("offers")
    one = columns.explode([name for name in columns.columns if name not in {"record", "slots"}]).with_columns(
        place=pl.int_range(pl.len()).over("record")
    )
    slots = numbered.select("record", place="slots").explode("place").drop_nulls("place")
    slots = slots.with_columns(slot=pl.int_range(pl.len()).over("record") + 1)
    one = one.join(slots, on=["record", "place"], how="left", maintain_order="left")
    made = one.group_by("record", maintain_order=True).agg(
        considered=pl.struct(
            "offer_id", "type", "product_ids", pl.struct(_NUMBERS).alias("factors"), "policy_propensity", pl.col("slot").cast(pl.Int64)
        )
    )
    found = numbered.join(made, on="record", how="left", suffix="_made", maintain_order="left")
    return found.with_columns(considered=pl.coalesce("considered", "considered_made"))
