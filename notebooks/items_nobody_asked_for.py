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
# # What might this customer take next that they never had?
#
# The plainest question a recommender answers, and the one with the longest list of published peers: rank all items for a user by what users took before.
# Popularity, item neighbours, EASE and tuned ALS answer it here. The shop is made up from a seed; the same study on any two files of pairs:
#
# ```
# huitou evaluate items --train train.txt --test test.txt
# ```

# %%
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # before anything imports mlflow

import polars as pl
from IPython.display import SVG, display
from rich.console import Console

from features.sources.sample_shop import sample_tables
from huitou.console import steps
from huitou.evaluation.lines import table_parts
from huitou.evaluation.running import ProgressWatcher
from huitou.report.plots import plot_svg
from training.studies.items.study import ItemsStudy
from training.studies.runner import run_study

folder, console = Path(tempfile.mkdtemp()), Console(width=110)

# %% [markdown]
# ## 1. Pairs, cut in time
# What a customer took before the cut is known; what they took for the first time after it is asked for. A pair that stands on both sides would be a leak,
# and the study refuses the files if there is one.

# %%
lines = sample_tables()["order_lines"].filter(pl.col("customer_id").is_not_null())
firsts = lines.group_by("customer_id", "product_id").agg(pl.col("ordered_at").min())
cut = datetime(2024, 7, 1, tzinfo=UTC)
for name, part in (("train", firsts.filter(pl.col("ordered_at") <= cut)), ("test", firsts.filter(pl.col("ordered_at") > cut))):
    part.select("customer_id", "product_id").sort("customer_id", "product_id").write_csv(
        folder / f"{name}.txt", separator="\t", include_header=False
    )
    print(name, part.height, "pairs of", part["customer_id"].n_unique(), "customers")

# %% [markdown]
# ## 2. The table

# %%
study = ItemsStudy(folder / "train.txt", folder / "test.txt", None, seed=1)
# %%
with steps(6) as progress:
    table = run_study(study, ProgressWatcher(progress), seed=1, threads=1, budget_s=0)
for part in table_parts(table):
    console.print(part)

# %% [markdown]
# ## 3. How deep must one look?

# %%
for title in dict.fromkeys(curve.plot for curve in table.curves):
    display(SVG(plot_svg(title, [curve for curve in table.curves if curve.plot == title])))
