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
# # From raw history to a reason for one customer's score
#
# The whole way once: orders → as-of features → a churn model judged on weeks it has not seen → one customer's survival curve → the reasons in words.
# The shop is made up from a seed, so the figures prove nothing about quality; the way is the same for yours.

# %%
import os
import tempfile
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # before anything imports mlflow

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
from rich.console import Console

from features.build import build_features
from features.import_consent import ImportConsent
from features.offline import open_offline
from features.settings import FeatureSettings
from features.sources.sample_shop import import_sample
from features.store import SqliteCustomerReader
from huitou.console import steps
from huitou.tables import models_table
from huitou.train import ProgressWatcher
from training import local_models
from training.artifacts.return_hazard import ReturnHazard
from training.pipeline import train
from training.recipe import TrainingData
from training.registry import Registry
from training.settings import TrainingSettings

folder = Path(tempfile.mkdtemp())
settings = FeatureSettings(data_dir=folder)

# %% [markdown]
# ## 1. The history
# An import writes the shop's tables as Parquet, checked against one schema (`features/schema.py`).

# %%
warehouse, _ = import_sample(settings, consent=ImportConsent.GRANTED)
orders = warehouse.read("orders")
print(
    f"{orders.height:,} orders of {orders['customer_id'].n_unique():,} customers, {warehouse.first_event:%Y-%m-%d} to {warehouse.last_event:%Y-%m-%d}"
)
weekly = orders.sort("ordered_at").group_by_dynamic("ordered_at", every="1w").agg(pl.len().alias("orders"))
plt.figure(figsize=(8, 2.5))
plt.bar(weekly["ordered_at"], weekly["orders"], width=5)
plt.ylabel("orders a week")
plt.tight_layout()
plt.show()

# %% [markdown]
# ## 2. Features as of a moment
# Every feature looks from an *as-of date* and sees nothing later. The same customer on three dates: recency grows until the next order, counts only grow.

# %%
built = build_features(settings)
purchasing = open_offline(settings).read("purchasing")
someone = purchasing.group_by("customer_id").len().sort("len", "customer_id", descending=[True, False])["customer_id"][5]
of_someone = purchasing.filter(pl.col("customer_id") == someone).sort("as_of")
of_someone.select("as_of", "days_since_last_order", "order_count").tail(8)

# %% [markdown]
# No look-ahead, checked by hand: the count of orders as of each date is the number of orders until then.

# %%
own = orders.filter(pl.col("customer_id") == someone)["ordered_at"]
counted = [int((own <= as_of).sum()) for as_of in of_someone["as_of"]]
assert counted == of_someone["order_count"].cast(int).to_list()
print(f"{len(counted)} as-of dates of {someone}: every count agrees")

# %% [markdown]
# ## 3. A model, beside its baselines
# The return hazard learns P(the customer orders within the next 7 days). Churn within H days is the product of "no order" along the path on which
# nothing is bought. It is judged on weeks after everything it learned from.

# %%
data = TrainingData(settings, warehouse, warehouse.last_event)
with steps(1) as progress:
    results = train(("return_hazard",), data, Registry(TrainingSettings.beside(settings)), ProgressWatcher(progress))
Console(width=110).print(models_table(results))

# %% [markdown]
# ## 4. One customer's survival curve
# The online store holds what the service reads in a request: one packed row per customer.

# %%
champion = local_models.champion(folder, "return_hazard")
model = ReturnHazard.load(local_models.model_folder(folder, "return_hazard", champion.ref))
reader = SqliteCustomerReader(built.online)
customers = [reader.read(customer_id) for customer_id in reader.customer_ids()]
vectors = np.stack([customer.vector for customer in customers])
churn = model.churn_probability(vectors, 28)
spend = np.array([customer.value("amount_decayed_112d") for customer in customers])
at_risk = int(np.argmax(np.where(churn > np.quantile(churn, 0.5), spend, -1)))
loyal = int(np.argmin(churn))
days = np.arange(0.0, 92.0)
plt.figure(figsize=(8, 3))
for row, label in ((at_risk, "at risk, and a good buyer"), (loyal, "loyal")):
    stored = np.repeat(vectors[row : row + 1], len(days), axis=0)
    plt.plot(days, model.survival(stored, days), label=f"{customers[row].customer_id}: {label}")
plt.xlabel("days from now")
plt.ylabel("chance of no order yet")
plt.ylim(0, 1)
plt.legend()
plt.tight_layout()
plt.show()

# %% [markdown]
# ## 5. The reasons
# Each group of features is set back to what is usual; the change of the 28-day churn probability is its effect.

# %%
for row in (at_risk, loyal):
    print(f"{customers[row].customer_id}: churn within 28 days {churn[row]:.3f}")
    for reason in model.reasons(vectors[row]):
        print(f"   {reason.effect:+.3f}  {reason.sentence_en}  |  {reason.sentence_zh}")
reader.close()
