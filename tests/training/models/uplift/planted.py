"""Experiments with effects that are known."""

from __future__ import annotations

import numpy as np

from training.models.uplift.experiment import Experiment


def planted(kind: str = "binary", *, people: int = 4000, seed: int = 0, shape: str = "trait") -> tuple[Experiment, np.ndarray]:
    """An experiment and every person's true effect.

    Inputs: a number, a flag, a category of three, a number that is sometimes unknown, noise. The base depends on the numbers. The effect
    depends on the flag (`trait`), is the greater the less is expected (`risk`), or on the flag being equal to the sign of noise (`pair`).
    """
    rng = np.random.default_rng(seed)
    number, flag = rng.normal(size=people), (rng.random(people) < 0.5).astype(float)
    category = rng.integers(0, 3, people).astype(float)
    gaps = np.where(rng.random(people) < 0.2, np.nan, rng.normal(size=people))
    noise = rng.normal(size=people)
    base = 1 / (1 + np.exp(1.5 - 0.8 * number))
    effect = {"trait": 0.25 * flag, "risk": 0.4 * (base < 0.2), "pair": 0.3 * (flag == (noise > 0))}[shape]
    treated = rng.random(people) < 0.5
    mean = np.clip(base + effect * treated, 0, 1)
    outcome = (rng.random(people) < mean).astype(float) if kind == "binary" else 10 * mean + rng.normal(size=people)
    inputs = np.column_stack([number, flag, category, gaps, noise])
    return Experiment(inputs, (0, 0, 3, 0, 0), treated, outcome), effect
