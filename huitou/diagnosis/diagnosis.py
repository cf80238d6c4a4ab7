"""A history's examination and what it allows, together."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from features.history.examination import Examination
from features.history.finding import Finding
from training.allowances.allowance import Allowance
from training.allowances.findings import allowance_findings

_GRAVITY = ("warning", "note", "ok")


class Diagnosis(BaseModel):
    """Everything there is to say.

    Attributes:
        examination: what the history holds.
        allowances: what each model could learn of it, in training order.
        findings: all sentences, the gravest first; those of the models lead their kind.
    """

    model_config = ConfigDict(frozen=True)

    examination: Examination
    allowances: tuple[Allowance, ...]
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, examination: Examination, allowances: list[Allowance]) -> Diagnosis:
        """Put both together."""
        found = [*allowance_findings(allowances), *examination.findings()]
        ordered = sorted(found, key=lambda finding: _GRAVITY.index(finding.severity))
        return cls(examination=examination, allowances=tuple(allowances), findings=tuple(ordered))

    def counted(self) -> dict[str, int]:
        """Severity → number of findings."""
        return {severity: sum(f.severity == severity for f in self.findings) for severity in _GRAVITY}

    @property
    def headline(self) -> str:
        """The one sentence to take away."""
        able = [allowance.model for allowance in self.allowances if allowance.allowed]
        if len(able) == len(self.allowances):
            return "Every model can be trained and judged on this history."
        if not able:
            return "No model can be trained on this history yet."
        return f"Of {len(self.allowances)} models {len(able)} can be trained and judged on this history: {', '.join(able)}."
