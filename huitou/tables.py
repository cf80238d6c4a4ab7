"""The table of models against their baselines, and an API answer, made readable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Table

if TYPE_CHECKING:
    from training.pipeline import Trained
    from training.recipe import Evaluation

# What a reader compares first; everything else is in demo.json, the report and MLflow.
_HEADLINES = {
    "return_hazard": ("auc_28d", "log_loss_28d", "ece_28d", "auc_56d"),
    "value": ("orders_mae_91d", "orders_rmse_91d", "orders_correlation_91d", "spend_mae_91d", "spend_correlation_91d"),
    "repurchase": ("pr_auc_14d", "ece_14d", "hit_rate_5"),
    "items": ("recall_20", "ndcg_20", "hit_20", "repeat_share_20", "explore_ndcg_20"),
    "bundles": ("recall_10", "ndcg_10", "hit_10", "explore_ndcg_10"),
    "channel_churn": ("auc_28d", "log_loss_28d", "ece_28d", "auc_56d"),
    "offer_effect": ("qini", "gain", "r_loss"),
}
_FALLBACK = 4


def headline_metrics(evaluation: Evaluation) -> list[str]:
    """The few metrics of a model that the table shows."""
    wanted = [m for m in _HEADLINES.get(evaluation.name, ()) if m in evaluation.metrics]
    return wanted or list(evaluation.metrics)[:_FALLBACK]


def models_table(results: Iterable[Trained]) -> Group:
    """Each model above its baselines: the same rows, the same metrics, one table a model."""
    parts: list[RenderableType] = ["[bold]Models against baselines, on weeks they have not seen[/]"]
    for result in results:
        evaluation = result.evaluation
        if evaluation is None:
            parts.append(f"{result.name}: not trained. {result.reason}")
            continue
        names = headline_metrics(evaluation)
        seconds = "unchanged" if result.reused else f"{result.seconds:.1f} s"
        table = Table(
            title=f"{result.name}: {evaluation.rows:,} rows, {seconds}",
            title_justify="left",
            title_style="bold",
            box=SIMPLE,
            pad_edge=False,
        )
        table.add_column("model", min_width=28, no_wrap=True)
        for name in names:
            # A long name folds on a narrow terminal; it is never cut.
            table.add_column(name, justify="right", overflow="fold", min_width=6)
        table.add_row(result.name, *_values(names, evaluation.metrics), style="bold")
        for baseline, values in evaluation.baselines.items():
            if not any(name in values for name in names):
                continue  # a baseline of another measure, e.g. of the quantity: in the report and in demo.json
            table.add_row(f"  {baseline}", *_values(names, values))
        parts.append(table)
    return Group(*parts)


def _values(names: list[str], values: dict[str, float]) -> list[str]:
    # Money and counts need no four decimals, and their columns no room for them.
    return [(f"{values[name]:.4f}" if abs(values[name]) < 10 else f"{values[name]:,.1f}") if name in values else "-" for name in names]


def _products(offer: dict[str, Any]) -> str:
    return ", ".join(item.get("name") or item["product_id"] for item in offer.get("items", [])[:3])


def answer_lines(title: str, answer: dict[str, Any]) -> list[str]:
    """One next-best-offer answer as lines for a person."""
    churn = answer.get("churn") or {}
    lines = [
        f"[bold]{title}: customer {answer.get('customer_id')}[/]  stage {answer.get('stage')}, layer {answer.get('layer')}, "
        f"personalized {str(answer.get('personalized')).lower()}, degraded {str(bool(answer.get('degraded'))).lower()}",
    ]
    shown = [
        f"{key.removeprefix('probability_')} {value:.3f}"
        for key, value in churn.items()
        if key.startswith("probability_") and value is not None
    ]
    if shown:
        expected = (churn.get("expected_next_order_date") or "not within half a year").split("T")[0]
        lines.append(f"  churn probability: {', '.join(shown)}; next order expected {expected}")
    lines.extend(f"  because {reason['sentence_en']} ({reason['effect']:+.3f})" for reason in churn.get("reasons", [])[:3])
    for offer in answer.get("offers", []):
        worth = f"{float(offer['expected_value']):7.2f} (p {offer['probability']:.3f})"
        lines.append(f"  offer {offer['type']:<13} worth {worth} {_products(offer)}")
    lines.extend(
        f"  weighed {one['type']:<11} worth {float(one['expected_value']):7.2f} {_products(one)}: {one['sentence_en'].lower()}"
        for one in _weighed(answer.get("dropped", []))
    )
    return lines


def _weighed(dropped: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of what was valued and not given the best of each type, best first: why silence, or why not something else."""
    best: dict[str, dict[str, Any]] = {}
    for one in sorted((one for one in dropped if one["expected_value"] is not None), key=lambda one: -one["expected_value"]):
        best.setdefault(one["type"], one)
    return list(best.values())
