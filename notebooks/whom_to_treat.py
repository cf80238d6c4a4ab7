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
# # Whom does it pay to write to?
#
# A response model finds people who buy. An uplift model finds people who buy *because* they were written to, and only an experiment, in which chance decided
# who got the message, can tell the two apart. Here the experiment is drawn from a seed with a planted effect, so that we know the truth and can look whether
# the learners find it. On Hillstrom's e-mail experiment the same study is one command (what came out: `docs/evidence.md`):
#
# ```
# huitou evaluate uplift --data hillstrom.csv.gz --treatment segment --treated "Womens E-Mail" --control "No E-Mail" --outcome visit --ignore conversion,spend
# ```

# %%
import os
import tempfile
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # before anything imports mlflow

import numpy as np
import polars as pl
from IPython.display import SVG, display
from rich.console import Console

from huitou.console import steps
from huitou.evaluation.lines import table_parts
from huitou.evaluation.running import ProgressWatcher
from huitou.report.plots import plot_svg
from training.evaluation.power import arm_size
from training.studies.runner import run_study
from training.studies.uplift.experiment_file import Columns
from training.studies.uplift.study import UpliftStudy

folder, console = Path(tempfile.mkdtemp()), Console(width=110)

# %% [markdown]
# ## 1. An experiment with a known truth
# The lapsed (long silent) would come by themselves rarely and can be won; the loyal come anyway: writing to them changes nothing.

# %%
rng = np.random.default_rng(7)
n = 6000
silence = rng.exponential(60, n).round()
orders = rng.poisson(4, n) + 1
channel = rng.choice(["app", "store", "web"], n)
written = rng.random(n) < 0.5
alone = 0.35 * np.exp(-silence / 60) + 0.02 * np.minimum(orders, 6)
effect = 0.25 * (silence > 60) * (channel != "store")
came = rng.random(n) < np.clip(alone + written * effect, 0, 1)
frame = pl.DataFrame(
    {
        "arm": np.where(written, "e-mail", "nothing"),
        "silence": silence,
        "orders": orders,
        "channel": channel,
        "came": came.astype(int),
    }
)
frame.write_csv(folder / "experiment.csv")
print(frame.group_by("arm").agg(pl.len(), pl.col("came").mean()).sort("arm"))

# %% [markdown]
# ## 2. The learners, in the same folds
# Every figure is a mean over hidden folds, its interval corrected for their overlap. `uqc` is 1 where a ranking is no better than chance.

# %%
study = UpliftStudy(
    data=folder / "experiment.csv",
    columns=Columns("arm", "e-mail", "nothing", "came", ignore=(), known=()),
    cost=0.05,
    value=1.0,
    folds=3,
    repeats=1,
)

# %%
with steps(9) as progress:
    table = run_study(study, ProgressWatcher(progress), seed=1, threads=1, budget_s=0)
for part in table_parts(table):
    console.print(part)

# %%
for title in dict.fromkeys(curve.plot for curve in table.curves):
    display(SVG(plot_svg(title, [curve for curve in table.curves if curve.plot == title])))

# %% [markdown]
# ## 3. How large must your own experiment be?
# To see an effect of two points on a rate of ten per cent, four times out of five, each arm needs:

# %%
print(f"{arm_size(0.10, 0.02):,} people")
