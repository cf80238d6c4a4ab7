"""`huitou evaluate`: models beside baselines on your files or published ones, one command per question."""

from __future__ import annotations

import typer

from huitou.evaluation.baskets import baskets
from huitou.evaluation.bundles import bundles
from huitou.evaluation.churn import churn
from huitou.evaluation.items import items
from huitou.evaluation.policy import policy
from huitou.evaluation.purchases import purchases
from huitou.evaluation.simulator import simulator
from huitou.evaluation.uplift import uplift

app = typer.Typer(no_args_is_help=True, help="Models beside the field's baselines, on any file of the right shape.")


@app.callback()
def callback() -> None:
    """Models beside the field's baselines, on any file of the right shape.

    Every row of a table fits and predicts in a process of its own; every figure has an interval, every difference to a baseline a paired
    one. The published data that these commands are tried on, and what came out: docs/evidence.md.
    """


app.command("churn")(churn)
app.command("purchases")(purchases)
app.command("bundles")(bundles)
app.command("baskets")(baskets)
app.command("items")(items)
app.command("uplift")(uplift)
app.command("simulator")(simulator)
app.command("policy")(policy)
