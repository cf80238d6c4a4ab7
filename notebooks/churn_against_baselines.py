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
# # Who will not come back? A churn model beside everything it has to beat
#
# One question, seven answers, the same customers: `huitou evaluate churn`, here called from Python. The shop is the sample shop in miniature, made up
# from a seed, so the figures prove nothing about quality. On published data (what came out: `docs/evidence.md`) the same study is one command:
#
# ```
# huitou evaluate churn --orders CDNOW_master.txt.gz --customer customer_id --time date --amount dollar_value --as-of 1997-12-31 --horizon 181d
# ```

# %%
import os
import tempfile
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # before anything imports mlflow

from datetime import UTC, datetime

from IPython.display import SVG, display
from rich.console import Console

from features.settings import FeatureSettings
from features.sources.sample_files import write_sample_files
from features.sources.sample_shop import sample_tables
from huitou.console import steps
from huitou.evaluation.lines import table_parts
from huitou.evaluation.running import ProgressWatcher
from huitou.report.plots import plot_svg
from training.studies.churn.study import ChurnStudy, Source
from training.studies.order_log import OrderColumns
from training.studies.runner import run_study

folder, console = Path(tempfile.mkdtemp()), Console(width=110)

# %% [markdown]
# ## 1. An order log
# Any file will do that says who, when and, if it can, how much: text of any delimiter, gzip, Parquet, Excel.

# %%
write_sample_files(sample_tables(), folder)
print(*(folder / "orders.csv").read_text(encoding="utf-8").splitlines()[:4], sep="\n")

# %% [markdown]
# ## 2. The question
# Three dates to look from, two horizons. Nothing that a model is fitted on looks past the first date: features end at their own date, labels are closed by
# then. Each contender runs in a process of its own, which never holds what it is judged by.

# %%
study = ChurnStudy(
    source=Source(folder / "orders.csv", OrderColumns("customer_id", "ordered_at", "amount")),
    as_of=(datetime(2024, 9, 1, tzinfo=UTC), datetime(2024, 9, 29, tzinfo=UTC), datetime(2024, 10, 27, tzinfo=UTC)),
    horizons=(28, 56),
    train_until=None,
    settings=FeatureSettings(data_dir=folder, threads=1),
    seed=1,
)

# %% [markdown]
# ## 3. The table
# Read the paired differences before the means: the same customers are drawn for both models, so an interval that holds zero says "not told apart".

# %%
with steps(9) as progress:
    table = run_study(study, ProgressWatcher(progress), seed=1, threads=1, budget_s=0)
for part in table_parts(table):
    console.print(part)

# %% [markdown]
# ## 4. Two things no single figure says
# *Calibration*: of those given 30 %, do 30 % stay away? Money is spent on the probability, not on the rank. *Leavers found*: of the tenth of customers the
# model fears for most, how many really left?

# %%
for title in dict.fromkeys(curve.plot for curve in table.curves):
    display(SVG(plot_svg(title, [curve for curve in table.curves if curve.plot == title])))
