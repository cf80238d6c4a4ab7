# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Bring your own shop
#
# Files as a shop exports them, with broken rows; the guess of which column is which; the quarantine and a repair; what the history allows; and one
# customer explained. Put your own files in place of `files/orders.csv` and the rest.

# %%
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # before anything imports mlflow

import polars as pl
from rich.console import Console

from features.build import build_features
from features.import_consent import ImportConsent
from features.settings import FeatureSettings
from features.sources.sample_files import write_sample_files
from features.sources.sample_shop import sample_tables
from features.sources.tabular.importing import learned, plan, run
from features.sources.tabular.mapping import FILE, load_mapping, save_mapping
from features.sources.tabular.shop_assumptions import install_shop_assumptions
from huitou.console import steps
from huitou.explanation.gathering import gather
from huitou.explanation.page import page
from huitou.explanation.words import Words
from huitou.tables import models_table
from huitou.train import ProgressWatcher
from serving.services import build_services
from serving.settings import ServingSettings
from training.pipeline import train
from training.recipe import TrainingData
from training.registry import Registry
from training.settings import TrainingSettings

folder = Path(tempfile.mkdtemp())
files = folder / "files"
write_sample_files(sample_tables(), files, dirty=True)
settings = FeatureSettings(data_dir=folder / "data")
console = Console(width=110)

# %% [markdown]
# ## 1. Which column is which
# `plan` reads the files and proposes a mapping; nothing is written yet. It is yours to change: `planned[i].part` says what each file is read with.

# %%
mapping = load_mapping(settings.data_dir / FILE)
planned = plan(settings, {"products": [files / "products.csv"], "orders": [files / "orders.csv"]}, mapping, print)
for entry in planned:
    print(entry.kind.name, dict(entry.part.columns), *entry.guess.notes, sep="\n   ")

# %% [markdown]
# ## 2. Import
# Malformed rows are set aside, the rest becomes the history. The mapping is kept for the next file.

# %%
imported = run(settings, planned, now=datetime.now(UTC), consent=ImportConsent.GRANTED)
save_mapping(settings.data_dir / FILE, learned(mapping, planned))
imported.warehouse.report["counts"] | imported.warehouse.report["reasons"]

# %%
aside = pl.read_csv(imported.quarantine[0], infer_schema=False)
aside.select("huitou_line", "huitou_column", "huitou_reason", "order_id", "ordered_at", "quantity", "amount").head(8)

# %% [markdown]
# ## 3. Repair, and import the repaired file like any other
# Usually by hand, in a spreadsheet. A row keeps the line it came from, so a repair never doubles anything.

# %%
aside.with_columns(pl.col("amount").replace("twelve euros", "12.00")).write_csv(imported.quarantine[0])
again = plan(settings, {"orders": [imported.quarantine[0]]}, load_mapping(settings.data_dir / FILE), print)
repaired = run(settings, again, now=datetime.now(UTC), consent=ImportConsent.GRANTED)
print(
    imported.warehouse.report["counts"]["lines in quarantine"],
    "→",
    repaired.warehouse.report["counts"]["lines in quarantine"],
    "lines in quarantine",
)

# %% [markdown]
# ## 4. What files cannot say
# Margins, costs and consent stand in one file. Consent is never assumed: here the shop states that its customers agreed to e-mail.

# %%
install_shop_assumptions(settings.data_dir, "EUR", ["email"])
print((settings.data_dir / "assumptions.toml").read_text(encoding="utf-8")[:400])

# %% [markdown]
# ## 5. Features and models
# Two of the four models here, for brevity; `huitou train` trains them all.

# %%
build_features(settings)
data = TrainingData(settings, repaired.warehouse, repaired.warehouse.last_event)
with steps(2) as progress:
    results = train(("return_hazard", "repurchase"), data, Registry(TrainingSettings.beside(settings)), ProgressWatcher(progress))
console.print(models_table(results))

# %% [markdown]
# ## 6. One customer, explained
# What the service would answer, gathered for a person; the models that were not trained are named.

# %%
services = build_services(ServingSettings(data_dir=settings.data_dir))
customer = repaired.warehouse.read("orders")["customer_id"].drop_nulls().mode().sort()[0]
console.print(page(gather(services, customer, channel="email", horizon_days=91, limit=3), Words("en")))
