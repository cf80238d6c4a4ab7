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
# # What is each customer worth?
#
# How many orders, and how much spend, in the months to come? BG/NBD and Pareto/NBD with gamma–gamma have answered this for decades from three numbers a
# customer. The value model starts from them and learns where they are off. The shop is made up from a seed; what came out on published data:
# `docs/evidence.md`. The same study as a command:
#
# ```
# huitou evaluate purchases --orders CDNOW_master.txt.gz --customer customer_id --time date --amount dollar_value --as-of 1997-12-31 --horizon 181d
# ```

# %%
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # before anything imports mlflow

from IPython.display import SVG, display
from rich.console import Console

from features.settings import FeatureSettings
from features.sources.sample_files import write_sample_files
from features.sources.sample_shop import sample_tables
from huitou.console import steps
from huitou.evaluation.lines import table_parts
from huitou.evaluation.running import ProgressWatcher
from huitou.report.plots import plot_svg
from training.studies.churn.study import Source
from training.studies.order_log import OrderColumns
from training.studies.purchases.study import PurchasesStudy
from training.studies.runner import run_study

folder, console = Path(tempfile.mkdtemp()), Console(width=110)

# %% [markdown]
# ## 1. The question
# Everybody known on the first of September; what did they order in the 56 days after it? No model sees anything later.

# %%
write_sample_files(sample_tables(), folder)
study = PurchasesStudy(
    source=Source(folder / "orders.csv", OrderColumns("customer_id", "ordered_at", "amount")),
    as_of=datetime(2024, 9, 1, tzinfo=UTC),
    horizons=(56,),
    settings=FeatureSettings(data_dir=folder, threads=1),
    seed=1,
)

# %% [markdown]
# ## 2. The table
# `bias` is predicted minus observed: a model may rank well and still promise twice the turnover.

# %%
with steps(8) as progress:
    table = run_study(study, ProgressWatcher(progress), seed=1, threads=1, budget_s=0)
for part in table_parts(table):
    console.print(part)

# %% [markdown]
# ## 3. Tenth by tenth, and by number of past orders
# Customers with one order must not all get one score, and the score they get must be true on average.

# %%
for title in dict.fromkeys(curve.plot for curve in table.curves):
    display(SVG(plot_svg(title, [curve for curve in table.curves if curve.plot == title])))
