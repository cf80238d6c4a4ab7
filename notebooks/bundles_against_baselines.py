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
# # Which set of products, for whom?
#
# A bundle is known twice: by who bought it, and by what it holds. Stacked ALS factorises both at once; a re-ranker above it weighs more signs. This notebook
# makes bundles of a made-up shop (products often bought together) and asks who buys one for the first time. On Youshu's book bundles the same study is one
# command (what came out: `docs/evidence.md`):
#
# ```
# huitou evaluate bundles --dir youshu
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
from training.studies.bundles.study import BundlesStudy
from training.studies.runner import run_study

folder, console = Path(tempfile.mkdtemp()), Console(width=110)

# %% [markdown]
# ## 1. Sets that orders hold
# The hundred pairs of products that most orders before the cut hold together are the bundles; a customer has a bundle once one order of theirs held it whole.

# %%
lines = (
    sample_tables()["order_lines"].filter(pl.col("customer_id").is_not_null()).select("order_id", "customer_id", "ordered_at", "product_id")
)
cut, later = datetime(2024, 6, 1, tzinfo=UTC), datetime(2024, 8, 1, tzinfo=UTC)
together = lines.join(lines.select("order_id", other="product_id"), on="order_id").filter(pl.col("product_id") < pl.col("other"))
sets = (
    together.filter(pl.col("ordered_at") <= cut)
    .group_by("product_id", "other")
    .len()
    .sort("len", "product_id", "other", descending=[True, False, False])
)
sets = sets.head(100).with_row_index("bundle")
held = together.join(sets, on=["product_id", "other"]).group_by("customer_id", "bundle").agg(pl.col("ordered_at").min())
print(sets.head(5))

# %% [markdown]
# ## 2. The files of the study
# `user_bundle_train`, `_tune` and `_test`: cut in time; `user_item`: what customers bought before the cut; `bundle_item`: what the sets hold.

# %%
at = pl.col("ordered_at")
files = {
    "user_bundle_train": held.filter(at <= cut).select("customer_id", "bundle"),
    "user_bundle_tune": held.filter((at > cut) & (at <= later)).select("customer_id", "bundle"),
    "user_bundle_test": held.filter(at > later).select("customer_id", "bundle"),
    "user_item": lines.filter(at <= cut).select("customer_id", "product_id").unique(),
    "bundle_item": pl.concat([sets.select("bundle", "product_id"), sets.select("bundle", product_id="other")]),
}
for name, pairs in files.items():
    pairs.sort(pairs.columns).write_csv(folder / f"{name}.txt", separator="\t", include_header=False)
    print(f"{name:18} {pairs.height:6,} pairs")

# %% [markdown]
# ## 3. The table

# %%
study = BundlesStudy(folder, seed=1)
with steps(7) as progress:
    table = run_study(study, ProgressWatcher(progress), seed=1, threads=1, budget_s=0)
for part in table_parts(table):
    console.print(part)

# %% [markdown]
# ## 4. How far down the list

# %%
for title in dict.fromkeys(curve.plot for curve in table.curves):
    display(SVG(plot_svg(title, [curve for curve in table.curves if curve.plot == title])))
