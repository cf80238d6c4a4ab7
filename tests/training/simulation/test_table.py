"""Tables of single seeds, put together, say what one table of all seeds says."""

from __future__ import annotations

import pytest

from training.simulation.table import HIGHEST_RISK, OracleShare, PolicyRow, SimulatorTable, audience_rows, figure, together

MARGINS = {1: 0.3, 2: 0.1, 5: -0.2}


def table(*seeds: int, world: str = "ordinary") -> SimulatorTable:
    found = figure([MARGINS[seed] for seed in seeds])
    row = PolicyRow(
        policy="huitou",
        incremental_margin=found,
        relative=found,
        true_effect=found,
        messages=found,
        unsubscribed_points=found,
        cumulated=(found, found),
    )
    return SimulatorTable(
        world=world,
        customers=10,
        weeks=2,
        seeds=seeds,
        currency="EUR",
        rows=(row,),
        oracle_shares=(OracleShare(policy="huitou", by_week=(found, found), last_two_weeks=found),),
        audiences=audience_rows({"uplift × value": [MARGINS[seed] for seed in seeds], HIGHEST_RISK: [0.1 * seed for seed in seeds]}),
        notes=tuple(f"seed {seed}" for seed in seeds),
    )


def test_seed_by_seed_is_all_at_once_in_the_order_of_the_seeds() -> None:
    whole = table(1, 2, 5)
    assert together([table(1), table(2), table(5)]) == whole
    shuffled = together([table(5), table(1, 2)])
    assert shuffled.rows == whole.rows
    assert (shuffled.seeds, shuffled.audiences, shuffled.oracle_shares) == (whole.seeds, whole.audiences, whole.oracle_shares)
    assert whole.rows[0].incremental_margin.low is not None


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(ValueError, match="each seed once"):
        together([table(1), table(1, 2)])
    with pytest.raises(ValueError, match="one world"):
        together([table(1), table(2, world="adverse")])


def test_an_audience_is_compared_by_the_difference_where_a_ratio_says_nothing() -> None:
    ours, base = audience_rows({"uplift × value": [3.0, 5.0], HIGHEST_RISK: [-1.0, 1.0]})
    assert (ours.more_than_highest_risk.by_seed, ours.times_highest_risk) == ((4.0, 4.0), None)
    assert base.more_than_highest_risk.mean == 0
    gained = audience_rows({"uplift × value": [3.0, 5.0], HIGHEST_RISK: [1.0, 2.0]})[0]
    assert gained.times_highest_risk is not None
    assert gained.times_highest_risk.by_seed == (3.0, 2.5)
