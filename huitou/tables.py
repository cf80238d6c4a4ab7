"""The table of models against their baselines, and an API answer, made readable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from training.pipeline import Trained
    from training.recipe import Evaluation

# What a reader compares first; everything else is in demo.json, the report and MLflow.
_HEADLINES = {
    "return_hazard": ("auc_28d", "log_loss_28d", "ece_28d", "auc_56d"),
    "repurchase": ("pr_auc_14d", "ece_14d", "hit_rate_5"),
    "items": ("recall_20", "ndcg_20", "hit_rate_20", "explore_ndcg_20"),
    "bundles": ("recall_10", "ndcg_10", "hit_rate_10"),
}
_FALLBACK = 4


def headline_metrics(evaluation: Evaluation) -> list[str]:
    """The few metrics of a model that the table shows."""
    wanted = [m for m in _HEADLINES.get(evaluation.name, ()) if m in evaluation.metrics]
    return wanted or list(evaluation.metrics)[:_FALLBACK]


def models_table(results: Iterable[Trained]) -> Table:
    """Each model above its baselines: the same rows, the same metrics."""
    table = Table(title="Models against baselines, on weeks they have not seen", title_justify="left")
    table.add_column("model")
    table.add_column("rows", justify="right")
    table.add_column("metrics")
    table.add_column("seconds", justify="right")
    for result in results:
        evaluation = result.evaluation
        if evaluation is None:
            table.add_row(result.name, "-", f"not trained: {result.reason}", f"{result.seconds:.1f}")
            continue
        names = headline_metrics(evaluation)
        seconds = "unchanged" if result.reused else f"{result.seconds:.1f}"
        table.add_row(f"[bold]{result.name}[/]", f"{evaluation.rows:,}", f"[bold]{_values(names, evaluation.metrics)}[/]", seconds)
        for baseline, values in evaluation.baselines.items():
            table.add_row(f"  {baseline}", "", f"[dim]{_values(names, values)}[/]", "")
        table.add_section()
    return table


def _values(names: list[str], values: dict[str, float]) -> str:
    return "  ".join(f"{name} {values[name]:.4f}" if name in values else f"{name} -" for name in names)


def answer_lines(title: str, answer: dict[str, Any]) -> list[str]:
    """One next-best-offer answer as lines for a person."""
    churn = answer.get("churn") or {}
    lines = [
        f"[bold]{title}: household {answer.get('customer_id')}[/]  stage {answer.get('stage')}, layer {answer.get('layer')}, "
        f"personalized {str(answer.get('personalized')).lower()}, degraded {str(bool(answer.get('degraded'))).lower()}",
    ]
    shown = [
        f"{key.removeprefix('probability_')} {value:.3f}"
        for key, value in churn.items()
        if key.startswith("probability_") and value is not None
    ]
    if shown:
        expected = churn.get("expected_next_order_date") or "not within half a year"
        lines.append(f"  churn probability: {', '.join(shown)}; next order expected {expected}")
    lines.extend(f"  because {reason['sentence_en']} ({reason['effect']:+.3f})" for reason in churn.get("reasons", [])[:3])
    for offer in answer.get("offers", []):
        items = ", ".join(item.get("name") or item["product_id"] for item in offer.get("items", [])[:3])
        lines.append(f"  offer {offer['type']:<13} worth {float(offer['expected_value']):7.2f} (p {offer['probability']:.3f}) {items}")
    return lines
