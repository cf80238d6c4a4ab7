# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What goes into the next basket?
#
# Most of a basket has been bought before: whoever counts well is hard to beat. This notebook sets the repurchase ranker beside the counting baselines,
# TIFU-kNN, item cosine and ALS, and keeps what is bought *again* apart from what is bought *for the first time*. The shop is made up from a seed; what came
# out on published data: `docs/evidence.md`. The same study as a command:
#
# ```
# huitou evaluate baskets --orders orders.csv --customer customer_id --time ordered_at --product product_id --order order_id --amount amount
# ```

# %%
import os
import tempfile
from functools import partial
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # before anything imports mlflow

from IPython.display import SVG, display
from rich.console import Console

from features.sources.sample_files import write_sample_files
from features.sources.sample_shop import sample_tables
from huitou.console import steps
from huitou.evaluation.lines import table_parts
from huitou.evaluation.running import ProgressWatcher
from huitou.report.plots import plot_svg
from training.studies.baskets.order_baskets import LineColumns, read_order_baskets
from training.studies.baskets.study import BasketsStudy
from training.studies.runner import run_study

folder, console = Path(tempfile.mkdtemp()), Console(width=110)

# %% [markdown]
# ## 1. Baskets from an order log
# Lines of one order are one basket; each customer's last basket is the target. Customers are split, so that the ranker learns next baskets from some and is
# asked about others.

# %%
write_sample_files(sample_tables(), folder)
columns = LineColumns("customer_id", "ordered_at", "product_id", "order_id", "amount")
read = partial(read_order_baskets, folder / "orders.csv", columns, draws=2, seed=1)
study = BasketsStudy(read)

# %% [markdown]
# ## 2. The table
# G-TopFreq: what everybody buys. P-TopFreq: what this customer buys. GP-TopFreq: first the one, then the other.

# %%
with steps(9) as progress:
    table = run_study(study, ProgressWatcher(progress), seed=1, threads=1, budget_s=0)
for part in table_parts(table):
    console.print(part)

# %% [markdown]
# ## 3. Repeats and discoveries
# A list that only repeats looks good in recall and never shows anybody anything new. Look at both.

# %%
for title in dict.fromkeys(curve.plot for curve in table.curves):
    display(SVG(plot_svg(title, [curve for curve in table.curves if curve.plot == title])))
